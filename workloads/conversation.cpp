#include "workloads/conversation.h"

#include "sim/core/check.h"

namespace kvsim {

Tokens Conversation::add_turn(const Content& said, Tokens fresh, Tokens answer, Content& out,
                              const Content& closing) {
  KVSIM_CHECK(said.tokens() + closing.tokens() <= fresh + answer,
              "a turn says no more than it has");
  last_prompt_ = context_.tokens() + fresh;
  context_.append(said);
  if (closing.tokens() == Tokens(0)) {
    add_own(fresh + answer - said.tokens());
  } else {
    add_own(fresh - said.tokens() - closing.tokens());
    context_.append(closing);
    add_own(answer);
  }
  out = context_;
  return last_prompt_;
}

void Conversation::whole_turn(Tokens prompt, Tokens answer, Content& out) {
  Content repeated;
  if (prompt >= context_.tokens()) {
    repeated = context_;
  } else if (prompt >= last_prompt_) {
    repeated.append_slice(context_, Tokens(0), last_prompt_);
  }
  context_ = std::move(repeated);
  add_own(prompt + answer - context_.tokens());
  last_prompt_ = prompt;
  out = context_;
}

void Conversation::add_own(Tokens count) {
  context_.append({own_, own_used_, count.value()});
  own_used_ += count.value();
}

}  // namespace kvsim
