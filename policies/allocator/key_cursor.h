#pragma once
// KeyCursor: reads a prompt's spans from left to right, a page or an edge at a time.
//
// Cost: the spans passed over, never the tokens. The content must outlive the cursor.

#include <algorithm>
#include <cstdint>

#include "sim/core/hash.h"
#include "sim/core/units.h"
#include "sim/model/content.h"

namespace kvsim {

class KeyCursor {
 public:
  explicit KeyCursor(const Content& content) : spans_(content.spans()) {}

  /// A digest of the next `count` tokens. Requires that many are left.
  [[nodiscard]] std::uint64_t digest(Tokens count) const {
    Digest digest;
    KeyCursor reader = *this;
    for (std::int64_t left = count.value(); left > 0;) {
      const Span piece = reader.rest(left);
      digest.add(piece.content);
      digest.add(static_cast<std::uint64_t>(piece.offset));
      digest.add(static_cast<std::uint64_t>(piece.length));
      reader.advance(Tokens(piece.length));
      left -= piece.length;
    }
    return digest.value();
  }
  /// Of the next `limit` tokens, how many lead `edge` too.
  [[nodiscard]] Tokens common(const Content& edge, Tokens limit) const {
    KeyCursor mine = *this;
    KeyCursor theirs(edge);
    std::int64_t same = 0;
    while (same < limit.value() && !mine.done() && !theirs.done()) {
      const Span a = mine.rest(limit.value() - same);
      const Span b = theirs.rest(a.length);
      if (a.content != b.content || a.offset != b.offset) break;
      same += b.length;
      mine.advance(Tokens(b.length));
      theirs.advance(Tokens(b.length));
    }
    return Tokens(same);
  }
  void advance(Tokens count) {
    for (std::int64_t left = count.value(); left > 0 && !done();) {
      const std::int64_t step = std::min(left, spans_[at_].length - inside_);
      inside_ += step;
      left -= step;
      if (inside_ < spans_[at_].length) continue;
      ++at_;
      inside_ = 0;
    }
  }

 private:
  [[nodiscard]] bool done() const { return at_ == spans_.size(); }
  /// What is left of the current span, at most `limit` tokens of it. Requires !done().
  [[nodiscard]] Span rest(std::int64_t limit) const {
    const Span& span = spans_[at_];
    return {span.content, span.offset + inside_, std::min(limit, span.length - inside_)};
  }

  std::span<const Span> spans_;
  std::size_t at_ = 0;
  std::int64_t inside_ = 0;
};

}  // namespace kvsim
