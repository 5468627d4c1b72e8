#pragma once
// Names the blocks of a prompt: equal prefixes get equal ids, and only they.
//
// A block's key is a digest chained over everything before it, so an id stands for the whole prefix
// up to its end (the convention of the Mooncake traces). Ids count up in order of first appearance.
// Keys have 64 bits; among a million blocks two wrongly fall together once in 40 million runs.

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "sim/model/content.h"

namespace kvsim {

class BlockIds {
 public:
  explicit BlockIds(std::int64_t block_tokens) : block_tokens_(block_tokens) {}

  /// One id for each started block of the first `prompt` tokens; the last block may be partial, and
  /// a partial block is another block than the full one.
  void of(const Content& content, Tokens prompt, std::vector<std::uint64_t>& ids);
  /// Ids given out so far: 0 .. distinct()-1.
  [[nodiscard]] std::size_t distinct() const { return ids_.size(); }
  [[nodiscard]] std::int64_t block_tokens() const { return block_tokens_; }

 private:
  std::int64_t block_tokens_;
  std::unordered_map<std::uint64_t, std::uint64_t> ids_;  // by key; never iterated
};

/// The hashes of a trace whose every block is one content of its own, as read; false if some prompt
/// block is anything else.
[[nodiscard]] bool trace_hashes(const Content& content, Tokens prompt, std::int64_t block_tokens,
                                std::vector<std::uint64_t>& hashes);

}  // namespace kvsim
