#include "workloads/block_ids.h"

#include <algorithm>

#include "sim/core/hash.h"

namespace kvsim {

void BlockIds::of(const Content& content, Tokens prompt, std::vector<std::uint64_t>& ids) {
  ids.clear();
  Digest chain;
  std::int64_t left = prompt.value();  // of the prompt
  std::int64_t room = block_tokens_;   // in the current block
  const auto name_block = [&] {
    ids.push_back(ids_.try_emplace(chain.value(), ids_.size()).first->second);
    room = block_tokens_;
  };
  for (Span span : content.spans()) {
    while (span.length > 0 && left > 0) {
      const std::int64_t piece = std::min({span.length, room, left});
      chain.add(span.content);
      chain.add(static_cast<std::uint64_t>(span.offset));
      chain.add(static_cast<std::uint64_t>(piece));
      span.offset += piece;
      span.length -= piece;
      left -= piece;
      room -= piece;
      if (room == 0) name_block();
    }
  }
  if (room < block_tokens_) name_block();
}

bool trace_hashes(const Content& content, Tokens prompt, std::int64_t block_tokens,
                  std::vector<std::uint64_t>& hashes) {
  hashes.clear();
  std::int64_t left = prompt.value();
  for (const Span& span : content.spans()) {
    if (left == 0) break;
    const std::int64_t expected = std::min(left, block_tokens);
    if (is_private(span.content) || span.content == kVocabulary || span.offset != 0 ||
        span.length != expected)
      return false;
    hashes.push_back(span.content - 1);
    left -= span.length;
  }
  return true;
}

}  // namespace kvsim
