#include "workloads/block_ids.h"

#include <algorithm>

namespace kvsim {
namespace {

void add(Digest& said, const Span& piece) {
  said.add(piece.content);
  said.add(static_cast<std::uint64_t>(piece.offset));
  said.add(static_cast<std::uint64_t>(piece.length));
}

}  // namespace

void BlockIds::of(const Content& content, Tokens prompt, std::vector<std::uint64_t>& ids) {
  ids.clear();
  Digest block;                       // what the block under way says
  std::int64_t room = block_tokens_;  // in it
  std::int64_t left = prompt.value();
  for (Span span : content.spans()) {
    span.length = std::min(span.length, left);
    left -= span.length;
    while (span.length > 0) {
      std::int64_t taken = std::min(span.length, room);
      add(block, {span.content, span.offset, taken});
      room -= taken;
      if (room == 0) {
        const bool inside = taken == block_tokens_;  // this span, and so may be those after it
        const std::int64_t named = name(block, inside ? span.length / block_tokens_ : 1, ids);
        taken += (named - 1) * block_tokens_;
        block = {};
        room = block_tokens_;
      }
      span.offset += taken;
      span.length -= taken;
    }
  }
  if (room < block_tokens_) (void)name(block, 1, ids);
}

// Appends the ids of blocks that follow the last one: the first says `said`, and up to `most` go on
// with the same span. Returns how many: whoever was here first may have gone on less far.
std::int64_t BlockIds::name(const Digest& said, std::int64_t most,
                            std::vector<std::uint64_t>& ids) {
  const Key128 start{said.value(), ids.empty() ? ~std::uint64_t{0} : ids.back()};
  RunId found = by_start_.find(start);
  if (!found.valid()) {
    found = RunId{static_cast<std::uint32_t>(runs_.size())};
    by_start_.insert(start, found);
    runs_.push_back({distinct_, most});
    distinct_ += static_cast<std::size_t>(most);
  }
  const Run& run = runs_[found.index];
  const std::int64_t named = std::min(most, run.count);
  for (std::int64_t i = 0; i < named; ++i) ids.push_back(run.first + static_cast<std::uint64_t>(i));
  return named;
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
