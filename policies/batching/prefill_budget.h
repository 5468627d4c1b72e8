#pragma once
// PrefillBudget: what one prefill batch may still take.
//
// Three purses: memory, with room set aside for output still to come; input tokens of the batch;
// and tokens until the next chunk boundary. Memory itself is taken at admission, so only what is
// set aside *beyond* that is kept here.
// Source: SGLang, April 2026: PrefillAdder in python/sglang/srt/managers/schedule_policy.py.

#include <algorithm>
#include <optional>

#include "sim/core/units.h"

namespace kvsim {

class PrefillBudget {
 public:
  /// Output that a single request is expected to need at most (SGLANG_CLIP_MAX_NEW_TOKENS).
  static constexpr Tokens kMostOutput{4096};

  struct Limits {
    Tokens page;
    Tokens input;                 ///< max_prefill_tokens.
    std::optional<Tokens> chunk;  ///< chunked_prefill_size; none: prompts are never cut.
    Tokens decodes;               ///< Decodes of the same step (mixed chunks): they come first.
    double set_aside = 0;         ///< Expected output of the running ones.
  };
  explicit PrefillBudget(const Limits& limits)
      : page_(limits.page),
        input_(limits.input - limits.decodes),
        chunk_(limits.chunk),
        set_aside_(limits.set_aside + static_cast<double>(limits.decodes.value())),
        taken_(limits.decodes) {
    if (chunk_) *chunk_ -= limits.decodes;
  }

  [[nodiscard]] static Tokens expected_output(Tokens left) {
    return std::clamp(left, Tokens(0), kMostOutput);
  }
  [[nodiscard]] Tokens whole_pages_up(Tokens n) const {
    return page_ * blocks_for(n, page_).value();
  }
  [[nodiscard]] Tokens whole_pages(Tokens n) const { return n - n % page_; }

  /// Is `obtainable` memory enough for `need` tokens and a page? Strictly: not if just.
  [[nodiscard]] bool fits(Tokens need, Tokens obtainable) const {
    return static_cast<double>((need + page_).value()) < left(obtainable);
  }
  [[nodiscard]] bool input_fits(Tokens fresh) const {
    return members_ == 0 || whole_pages_up(fresh) < input_;
  }
  [[nodiscard]] bool must_cut(Tokens fresh) const {
    return chunk_ && whole_pages_up(fresh) > *chunk_;
  }
  /// A first chunk: whole pages, perhaps none. Requires must_cut().
  [[nodiscard]] Tokens cut() const { return whole_pages(std::max(*chunk_, Tokens(0))); }
  /// The next chunk of a prompt that was cut before, `rest` tokens long: always some.
  [[nodiscard]] Tokens next_chunk(Tokens rest, Tokens obtainable) const {
    Tokens most = std::min(*chunk_, Tokens(static_cast<std::int64_t>(left(obtainable))));
    if (whole_pages(most) <= Tokens(0)) most = std::max(*chunk_, page_);
    return rest <= most ? rest : whole_pages(most);
  }

  /// `fresh` tokens joined the batch; `output` more are expected.
  void charge(Tokens fresh, Tokens output) {
    ++members_;
    set_aside_ += static_cast<double>((output + page_).value());
    taken_ += page_;
    input_ -= whole_pages_up(fresh);
    if (chunk_) *chunk_ -= whole_pages_up(fresh);
  }
  [[nodiscard]] bool memory_left(Tokens obtainable) const {
    return left(obtainable) > 0 && obtainable > taken_;
  }
  [[nodiscard]] bool input_left() const {
    return input_ > Tokens(0) && (!chunk_ || *chunk_ > Tokens(0));
  }
  [[nodiscard]] std::size_t members() const { return members_; }

 private:
  [[nodiscard]] double left(Tokens obtainable) const {
    return static_cast<double>(obtainable.value()) - set_aside_;
  }

  Tokens page_;
  Tokens input_;
  std::optional<Tokens> chunk_;
  double set_aside_;
  Tokens taken_;
  std::size_t members_ = 0;
};

}  // namespace kvsim
