#include "sim/model/block_keys.h"

#include <algorithm>

#include "sim/core/check.h"
#include "sim/core/hash.h"

namespace kvsim {
namespace {

// The lanes multiply with different odd constants (digits of the golden ratio, of pi and of e), so
// that no simple relation between content, offset and length is shared by both.
Key128 chained(Key128 parent, ContentId content, std::int64_t offset, std::int64_t length) {
  const auto o = static_cast<std::uint64_t>(offset);
  const auto n = static_cast<std::uint64_t>(length);
  return {mix64(parent.lo ^ (content * 0x9e3779b97f4a7c15ULL + o * 0x452821e638d01377ULL +
                             n * 0xbe5466cf34e90c6dULL)),
          mix64(parent.hi + (content * 0xadf85458a2bb4a9bULL ^ o * 0x243f6a8885a308d3ULL) +
                n * 0x13198a2e03707345ULL)};
}

// Low bits decide where an IdIndex looks first.
constexpr std::uint64_t kPlace = 0xffff'ffff;

// `key`, to be found at `place`.
Key128 placed(Key128 key, std::uint64_t place) {
  return {(key.lo & ~kPlace) | (place & kPlace), key.hi};
}

}  // namespace

void BlockKeys::restart(std::uint64_t cache_salt) {
  keys_.clear();
  parent_ = {mix64(cache_salt + 1), mix64(~cache_salt)};
  span_ = 0;
  inside_ = 0;
  medium_ = 0;
}

void BlockKeys::extend(const Request& r, std::size_t count, Tokens block) {
  while (keys_.size() < count) {
    if (r.media.empty()) add_whole_blocks(r.content, count, block);
    if (keys_.size() == count) return;
    if (!r.media.empty()) add_media(r, block);
    add_tokens(r.content, block);
    keys_.push_back(named(parent_, keys_.size()));
  }
}

// The key of block `i`, with which the chain has come to `parent`. Called in order.
Key128 BlockKeys::named(Key128 parent, std::size_t i) {
  const std::size_t in_run = i % kRun;
  if (in_run == 0) run_starts_ = parent.lo;
  return placed(parent, run_starts_ + in_run);
}

// What add_tokens() would do for each of the blocks that lie in one span.
void BlockKeys::add_whole_blocks(const Content& content, std::size_t count, Tokens block) {
  const auto spans = content.spans();
  if (span_ == spans.size()) return;
  const Span span = spans[span_];
  const std::size_t first = keys_.size();
  const auto whole = static_cast<std::size_t>((span.length - inside_) / block.value());
  keys_.resize(std::min(count, first + whole));
  Key128 parent = parent_;
  for (std::size_t i = first; i < keys_.size(); ++i) {
    parent = chained(parent, span.content, span.offset + inside_, block.value());
    inside_ += block.value();
    keys_[i] = named(parent, i);
  }
  parent_ = parent;
}

void BlockKeys::add_tokens(const Content& content, Tokens block) {
  const auto spans = content.spans();
  for (std::int64_t left = block.value(); left > 0;) {
    KVSIM_CHECK(span_ < spans.size(), "only full blocks have keys");
    const Span& span = spans[span_];
    const std::int64_t piece = std::min(left, span.length - inside_);
    if (piece > 0) parent_ = chained(parent_, span.content, span.offset + inside_, piece);
    left -= piece;
    inside_ += piece;
    // A span may still grow (or be followed): step over its end only when more is asked for.
    if (left > 0) {
      ++span_;
      inside_ = 0;
    }
  }
}

// A block that an image or the like overlaps is named by it as well: the tokens are placeholders.
// As in vLLM (kv_cache_utils.py, _gen_mm_extra_hash_keys) blocks of the prompt step over a medium
// with the block that holds its end, while a block of the output still counts one that ends right
// where it starts.
void BlockKeys::add_media(const Request& r, Tokens block) {
  const Tokens start = block * static_cast<std::int64_t>(keys_.size());
  const Tokens end = start + block;
  if (end > r.prompt) medium_ = 0;
  for (; medium_ < r.media.size(); ++medium_) {
    const Medium& medium = r.media[medium_];
    if (end <= medium.offset) return;
    const Tokens stop = medium.offset + medium.length;
    if (start > stop) continue;
    parent_ = chained(parent_, medium.content, -1, 0);
    if (end < stop) return;
  }
}

Key128 other_group_key(Key128 key, std::uint8_t group, std::size_t fine) {
  const Key128 other = chained(key, group, static_cast<std::int64_t>(fine), 0);
  return placed(other, key.lo + mix64(group));
}

}  // namespace kvsim
