#include "sim/model/content.h"

#include <algorithm>

#include "sim/core/check.h"

namespace kvsim {
namespace {

// Reads a span list token-wise from a given token on.
class Reader {
 public:
  Reader(std::span<const Span> spans, std::int64_t skip) : spans_(spans) { advance(skip); }

  [[nodiscard]] bool done() const { return at_ == spans_.size(); }
  /// The rest of the current span. Requires !done().
  [[nodiscard]] Span rest() const {
    const Span& s = spans_[at_];
    return {s.content, s.offset + inside_, s.length - inside_};
  }
  void advance(std::int64_t n) {
    while (n > 0 && !done()) {
      const std::int64_t step = std::min(n, spans_[at_].length - inside_);
      inside_ += step;
      n -= step;
      if (inside_ == spans_[at_].length) {
        ++at_;
        inside_ = 0;
      }
    }
  }

 private:
  std::span<const Span> spans_;
  std::size_t at_ = 0;
  std::int64_t inside_ = 0;
};

}  // namespace

void Content::append(Span span) {
  KVSIM_CHECK(span.length >= 0, "a span has no negative length");
  if (span.length == 0) return;
  tokens_ += span.length;
  if (!spans_.empty()) {
    Span& last = spans_.back();
    if (last.content == span.content && last.offset + last.length == span.offset) {
      last.length += span.length;
      return;
    }
  }
  spans_.push_back(span);
}

void Content::append(const Content& tail) {
  for (const Span& span : tail.spans_) append(span);
}

void Content::append_slice(const Content& from, Tokens first, Tokens count) {
  Reader reader(from.spans_, first.value());
  for (std::int64_t left = count.value(); left > 0;) {
    KVSIM_CHECK(!reader.done(), "a slice lies inside its content");
    Span piece = reader.rest();
    piece.length = std::min(piece.length, left);
    append(piece);
    reader.advance(piece.length);
    left -= piece.length;
  }
}

Tokens common_prefix(const Content& a, Tokens a_from, const Content& b, Tokens b_from) {
  Reader left(a.spans(), a_from.value());
  Reader right(b.spans(), b_from.value());
  std::int64_t same = 0;
  while (!left.done() && !right.done()) {
    const Span x = left.rest();
    const Span y = right.rest();
    if (x.content != y.content || x.offset != y.offset) break;
    const std::int64_t step = std::min(x.length, y.length);
    same += step;
    left.advance(step);
    right.advance(step);
  }
  return Tokens(same);
}

}  // namespace kvsim
