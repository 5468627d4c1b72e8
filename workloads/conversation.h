#pragma once
// What the turns of one conversation say: each prompt repeats the last prompt and its answer.

#include "sim/model/content.h"

namespace kvsim {

/// Content that only the turns of session `n` have.
[[nodiscard]] constexpr ContentId session_content(std::uint64_t n) {
  constexpr ContentId kSessionBit = ContentId{1} << 62;  // apart from single requests' content
  return private_content(n | kSessionBit);
}

class Conversation {
 public:
  explicit Conversation(std::uint64_t session) : own_(session_content(session)) {}

  /// A turn that adds `fresh` tokens to the prompt, of which the first are `said` and the last are
  /// `closing`; the rest and the answer are the session's own. Fills `out` with prompt and answer;
  /// returns the prompt's tokens.
  Tokens add_turn(const Content& said, Tokens fresh, Tokens answer, Content& out,
                  const Content& closing = {});
  /// A turn of which only the whole prompt's length is known. A prompt at least as long as the last
  /// with its answer repeats both; one that is at least as long as the last prompt repeats that;
  /// a shorter one has nothing in common.
  void whole_turn(Tokens prompt, Tokens answer, Content& out);

 private:
  void add_own(Tokens count);

  ContentId own_;
  std::int64_t own_used_ = 0;  ///< Tokens of own_ said so far: what comes next is new.
  Content context_;            ///< The last turn's prompt and answer.
  Tokens last_prompt_;
};

}  // namespace kvsim
