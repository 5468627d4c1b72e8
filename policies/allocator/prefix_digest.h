#pragma once
// PrefixDigest: one number for everything from the start of a prompt to some token.
//
// Spans are digested, not tokens, and those that continue each other as one: however a prefix was
// cut into edges, it has the same digest. Cost: the spans added.

#include <algorithm>
#include <cstdint>

#include "sim/core/hash.h"
#include "sim/core/units.h"
#include "sim/model/content.h"

namespace kvsim {

class PrefixDigest {
 public:
  /// Of nothing. Only prefixes of the same salt share anything.
  explicit PrefixDigest(std::uint64_t salt = 0) : closed_(mix64(salt)) {}

  /// The first `count` tokens of `run` follow.
  PrefixDigest& add(const Content& run, Tokens count) {
    std::int64_t left = count.value();
    for (auto span = run.spans().begin(); span != run.spans().end() && left > 0; ++span) {
      const std::int64_t piece = std::min(span->length, left);
      add({span->content, span->offset, piece});
      left -= piece;
    }
    return *this;
  }
  [[nodiscard]] std::uint64_t value() const { return with(open_); }

 private:
  void add(const Span& span) {
    if (span.content == open_.content && span.offset == open_.offset + open_.length) {
      open_.length += span.length;
      return;
    }
    closed_ = with(open_);
    open_ = span;
  }
  [[nodiscard]] std::uint64_t with(const Span& span) const {
    const std::uint64_t place =
        mix64(closed_ ^ span.content) + static_cast<std::uint64_t>(span.offset);
    return mix64(mix64(place) + static_cast<std::uint64_t>(span.length));
  }
  std::uint64_t closed_;  // over all spans but the last
  Span open_;             // which may go on
};

}  // namespace kvsim
