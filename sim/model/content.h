#pragma once
// What the tokens of a prompt *are*, without listing them: spans of named content.
//
// Token i of a span is "token offset+i of content c". Equal (content, token) pairs are equal
// tokens, and nothing else is. Every trace maps onto this: block hashes (one content per hash), raw
// token ids (content kVocabulary, the offset is the id), bare lengths (content nobody else has). So
// any block size works on any trace, and sharing is decided by what is said, not by where a block
// ends.

#include <cstdint>
#include <span>
#include <vector>

#include "sim/core/units.h"

namespace kvsim {

using ContentId = std::uint64_t;

/// Token t of this content is the token with id t: raw token ids need no other name.
inline constexpr ContentId kVocabulary = 0;
/// Contents with this bit belong to one request (or session) alone: no other request starts with
/// one, so nobody has to remember them for reuse.
inline constexpr ContentId kPrivateBit = ContentId{1} << 63;

/// Content named by a trace (a block hash, a system prompt's number). Requires n < 2^63 - 1.
[[nodiscard]] constexpr ContentId shared_content(std::uint64_t n) { return (n + 1) & ~kPrivateBit; }
[[nodiscard]] constexpr ContentId private_content(std::uint64_t n) { return n | kPrivateBit; }
[[nodiscard]] constexpr bool is_private(ContentId c) { return (c & kPrivateBit) != 0; }

struct Span {
  ContentId content = 0;
  std::int64_t offset = 0;
  std::int64_t length = 0;
  friend bool operator==(const Span&, const Span&) = default;
};

/// A run of tokens as spans, kept canonical: spans that continue each other are one. Equal token
/// runs therefore are equal span lists.
class Content {
 public:
  void clear() {
    spans_.clear();
    tokens_ = 0;
  }
  /// Empty spans are dropped.
  void append(Span span);
  void append(const Content& tail);
  /// The `count` tokens of `from` that start at its token `first`.
  void append_slice(const Content& from, Tokens first, Tokens count);

  [[nodiscard]] Tokens tokens() const { return Tokens(tokens_); }
  [[nodiscard]] std::span<const Span> spans() const { return spans_; }
  friend bool operator==(const Content&, const Content&) = default;

 private:
  std::vector<Span> spans_;
  std::int64_t tokens_ = 0;
};

/// Leading tokens that two runs have in common, each read from the given token on.
/// Cost: the spans passed over.
[[nodiscard]] Tokens common_prefix(const Content& a, Tokens a_from, const Content& b,
                                   Tokens b_from);

}  // namespace kvsim
