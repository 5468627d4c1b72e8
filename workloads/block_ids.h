#pragma once
// Names the blocks of a prompt: equal prefixes get equal ids, and only they.
//
// An id stands for the whole prefix up to a block's end (the convention of the Mooncake traces): a
// block is known by the id of the one before it and by what itself says. Ids count up in order of
// first appearance.
// Blocks side by side in one span are named together, so what is looked up and kept follows the
// spans of the prompts, not their blocks. What a block says is kept as 64 bits: two that follow the
// same block fall together wrongly once in 10^19 pairs.

#include <cstdint>
#include <vector>

#include "sim/core/flat_map.h"
#include "sim/core/hash.h"
#include "sim/model/content.h"

namespace kvsim {

class BlockIds {
 public:
  explicit BlockIds(std::int64_t block_tokens) : block_tokens_(block_tokens) {}

  /// One id for each started block of the first `prompt` tokens; the last block may be partial, and
  /// a partial block is another block than the full one.
  void of(const Content& content, Tokens prompt, std::vector<std::uint64_t>& ids);
  /// Ids given out so far: 0 .. distinct()-1.
  [[nodiscard]] std::size_t distinct() const { return distinct_; }
  [[nodiscard]] std::int64_t block_tokens() const { return block_tokens_; }

 private:
  using RunId = Id<struct RunTag>;
  struct Run {  // blocks one after the other, with the ids first .. first+count-1
    std::uint64_t first = 0;
    std::int64_t count = 0;
  };
  std::int64_t name(const Digest& said, std::int64_t most, std::vector<std::uint64_t>& ids);

  std::int64_t block_tokens_;
  std::size_t distinct_ = 0;
  std::vector<Run> runs_;
  FlatMap<RunId> by_start_;
};

/// The hashes of a trace whose every block is one content of its own, as read; false if some prompt
/// block is anything else.
[[nodiscard]] bool trace_hashes(const Content& content, Tokens prompt, std::int64_t block_tokens,
                                std::vector<std::uint64_t>& hashes);

}  // namespace kvsim
