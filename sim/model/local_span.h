#pragma once
// LocalSpan: the part of a context that a model's local attention layers see.
//
// Either a sliding window, with or without attention sinks before it (StreamingLLM, arXiv
// 2309.17453), or a chunk (Llama 4): no model mixes them. Neither: they see everything.

#include <algorithm>
#include <cstdint>
#include <limits>

#include "sim/core/units.h"

namespace kvsim {

struct LocalSpan {
  Tokens window = {};  ///< Tokens a query sees, itself included; 0: no window.
  Tokens sinks = {};   ///< Leading tokens it sees besides.
  Tokens chunk = {};   ///< A query sees its own chunk only; 0: no chunks.

  bool operator==(const LocalSpan&) const = default;

  /// Keys the newest of `context` tokens sees, itself included.
  [[nodiscard]] constexpr Tokens visible(Tokens context) const {
    if (chunk > Tokens()) return Tokens((context.value() - 1) % chunk.value() + 1);
    return window > Tokens() ? std::min(context, window + sinks) : context;
  }
  /// By how many tokens `context` has to grow until what they see changes otherwise than before: by
  /// one each up to there, or (behind a window) not at all.
  [[nodiscard]] constexpr std::int64_t steps_to_bend(Tokens context) const {
    if (chunk > Tokens()) return (chunk - visible(context)).value() + 1;
    const Tokens widest = window + sinks;
    const bool widens = window > Tokens() && context <= widest;
    return widens ? (widest - context).value() + 1 : std::numeric_limits<std::int64_t>::max();
  }
  /// Keys that some of `fresh` tokens on top of `context` see, each once.
  [[nodiscard]] constexpr Tokens reach(Tokens context, Tokens fresh) const {
    const Tokens all = context + fresh;
    if (chunk > Tokens()) return all - chunk * (context / chunk);
    return window > Tokens() ? std::min(all, window + sinks + fresh - Tokens(1)) : all;
  }
  /// (query, key) pairs of these `fresh` tokens under the causal mask.
  [[nodiscard]] constexpr std::int64_t pairs(Tokens context, Tokens fresh) const {
    return pairs_until(context + fresh) - pairs_until(context);
  }

 private:
  [[nodiscard]] static constexpr std::int64_t triangle(std::int64_t n) { return n * (n + 1) / 2; }
  /// Sum of visible(1) ... visible(n).
  [[nodiscard]] constexpr std::int64_t pairs_until(Tokens n) const {
    if (chunk > Tokens())
      return n / chunk * triangle(chunk.value()) + triangle((n % chunk).value());
    if (window == Tokens()) return triangle(n.value());
    const Tokens growing = std::min(n, window + sinks);
    return triangle(growing.value()) + (n - growing).value() * (window + sinks).value();
  }
};

}  // namespace kvsim
