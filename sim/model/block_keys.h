#pragma once
// Block keys: what the blocks of a sequence say, as 128-bit hashes chained over their parents.
//
// Block i's key depends on the tokens of blocks 0..i (and on the cache salt), so equal keys mean
// equal prefixes: vLLM's hash_block_tokens (vllm/v1/core/kv_cache_utils.py). Spans are hashed, not
// tokens: a block costs as many mixes as spans it touches, usually one.
// Two independent lanes and a comparison of both make an accidental collision a matter of 2^-96 per
// pair; contents never depend on it going unnoticed, since no token is stored here. The low half of
// one lane says where in a table the key is looked for: runs of blocks lie side by side there, so
// that walking a chain reads memory in order.

#include <cstdint>
#include <vector>

#include "sim/core/flat_map.h"
#include "sim/model/content.h"
#include "sim/model/request.h"

namespace kvsim {

class BlockKeys {
 public:
  /// Forgets everything; the next extend() starts a new sequence.
  void restart(std::uint64_t cache_salt);
  /// Makes the keys of the first `count` blocks of `r` available. Requires that so many full blocks
  /// exist, and the same request (or one whose output has grown) as at the last call.
  void extend(const Request& r, std::size_t count, Tokens block);
  [[nodiscard]] const Key128& operator[](std::size_t i) const { return keys_[i]; }
  [[nodiscard]] std::size_t size() const { return keys_.size(); }

 private:
  void add_whole_blocks(const Content& content, std::size_t count, Tokens block);
  void add_tokens(const Content& content, Tokens block);
  void add_media(const Request& r, Tokens block);
  [[nodiscard]] Key128 named(Key128 parent, std::size_t i);

  static constexpr std::size_t kRun = 8;  ///< Blocks whose keys lie side by side.

  std::vector<Key128> keys_;
  Key128 parent_;                 // the chain, before a key is told its place
  std::uint64_t run_starts_ = 0;  // place of the run that the last key belongs to
  std::size_t span_ = 0;          // where the next block starts: in this span,
  std::int64_t inside_ = 0;       // at this token of it
  std::size_t medium_ = 0;        // and this is the first medium that may overlap it
};

/// Of groups whose keys are not those of the first group's own blocks.
[[nodiscard]] Key128 other_group_key(Key128 key, std::uint8_t group, std::size_t fine);
/// The key under which `group` files a block of `fine` keys' worth of hash blocks whose last is
/// `key`: groups never share entries, and a coarse block is not a fine one (vLLM: the concatenated
/// hashes with the group's number). The first group's own size leaves the key as it is.
[[nodiscard]] inline Key128 group_key(Key128 key, std::uint8_t group, std::size_t fine) {
  // Half by half: written to memory as halves and read back as a whole, a key costs a stall.
  if (group == 0 && fine == 1) return {key.lo, key.hi};
  const Key128 other = other_group_key(key, group, fine);
  return {other.lo, other.hi};
}

}  // namespace kvsim
