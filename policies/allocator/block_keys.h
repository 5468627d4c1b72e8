#pragma once
// Block keys: what the blocks of a sequence say, as 128-bit hashes chained over their parents.
//
// Block i's key depends on the tokens of blocks 0..i (and on the cache salt), so equal keys mean
// equal prefixes: vLLM's hash_block_tokens (vllm/v1/core/kv_cache_utils.py). Spans are hashed, not
// tokens: a block costs as many mixes as spans it touches, usually one.
// Two independent 64-bit lanes and a comparison of both make an accidental collision a matter of
// 2^-128 per pair; contents never depend on it going unnoticed, since no token is stored here.

#include <cstdint>
#include <vector>

#include "sim/core/flat_map.h"
#include "sim/model/content.h"

namespace kvsim {

class BlockKeys {
 public:
  /// Forgets everything; the next extend() starts a new sequence.
  void restart(std::uint64_t cache_salt);
  /// Makes the keys of the first `count` blocks of `content` available. Requires that so many full
  /// blocks exist, and the same content (or a longer one) as at the last call.
  void extend(const Content& content, std::size_t count, Tokens block);
  [[nodiscard]] const Key128& operator[](std::size_t i) const { return keys_[i]; }
  [[nodiscard]] std::size_t size() const { return keys_.size(); }

 private:
  std::vector<Key128> keys_;
  Key128 parent_;
  std::size_t span_ = 0;     // where the next block starts: in this span,
  std::int64_t inside_ = 0;  // at this token of it
};

}  // namespace kvsim
