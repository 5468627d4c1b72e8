#include "sim/model/prefix_hashes.h"

#include <algorithm>

#include "sim/core/hash.h"

namespace kvsim {
namespace {

std::uint64_t chained(std::uint64_t parent, const Span& piece) {
  Digest digest;
  digest.add(parent);
  digest.add(piece.content);
  digest.add(static_cast<std::uint64_t>(piece.offset));
  digest.add(static_cast<std::uint64_t>(piece.length));
  return digest.value();
}

/// With the media that overlap the block of `r` that ends at `end`: their tokens are placeholders.
std::uint64_t with_media(std::uint64_t hash, const Request& r, Tokens end, Tokens block) {
  for (const Medium& medium : r.media)
    if (medium.offset < end && medium.offset + medium.length > end - block)
      hash = chained(hash, {medium.content, -1, 0});
  return hash;
}

}  // namespace

void append_prefix_hashes(const Request& r, Tokens count, Tokens block,
                          std::vector<std::uint64_t>& hashes) {
  const std::int64_t whole = (block * (count / block)).value();
  std::uint64_t hash = mix64(r.cache_salt);
  std::int64_t at = 0;
  for (Span span : r.content.spans()) {
    while (span.length > 0 && at < whole) {
      const std::int64_t piece = std::min(span.length, block.value() - at % block.value());
      hash = chained(hash, {span.content, span.offset, piece});
      span.offset += piece;
      span.length -= piece;
      at += piece;
      if (at % block.value() != 0) continue;
      hash = with_media(hash, r, Tokens(at), block);
      hashes.push_back(hash);
    }
  }
}

}  // namespace kvsim
