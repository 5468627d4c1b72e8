#pragma once
// ResidentChunks: which chunk is it that ends with a block of the pool?
//
// The pool gives up blocks, tiers store chunks. Of a chunk in the pool the last block is given up
// first (nothing behind it can be found without it), so with that block the chunk goes. Blocks are
// known by CacheEntry::content, the lower half of their chained key (policies/allocator/
// block_pool.cpp), which is computed here from the same request.

#include <optional>
#include <vector>

#include "sim/core/flat_map.h"
#include "sim/core/slab.h"
#include "sim/engine/transfer/tier.h"
#include "sim/model/block_keys.h"
#include "sim/model/memory_map.h"
#include "sim/model/sequence.h"

namespace kvsim {

class ResidentChunks {
 public:
  ResidentChunks(Tokens chunk, Tokens block) : chunk_(chunk), block_(block) {}

  /// `chunk` of `s` is in the pool.
  void note(const Sequence& s, const TierChunk& chunk);
  /// The chunk that `gone` ends, if it is one, is there no more.
  [[nodiscard]] std::optional<TierChunk> take(const Eviction& gone);

 private:
  struct Blocks {
    std::uint64_t request = kNoRequest;
    BlockKeys keys;
  };
  Tokens chunk_, block_;
  std::vector<Blocks> blocks_;  // by SequenceId
  Slab<TierChunk, EntryId> chunks_;
  FlatMap<EntryId> by_content_;
};

}  // namespace kvsim
