#pragma once
// One radix allocator, sequences that share content by topic, and a scheduler's life in short.

#include <memory>
#include <string>
#include <vector>

#include "sim/core/registry.h"
#include "sim/model/allocator.h"
#include "tests/support/any_future.h"

namespace kvsim {

struct RadixWorld {
  RadixWorld(std::int64_t capacity, std::int64_t page, const std::string& config = "{}")
      : view(ConfigView::parse(config, "test")),
        memory(Registry<Allocator>::make("radix", {.capacity = Tokens(capacity),
                                                   .block = Tokens(page),
                                                   .max_model_len = Tokens(4096),
                                                   .config = view,
                                                   .future = &future})) {}

  /// A sequence of `prompt` tokens, the first `shared` of which are those of content `topic`.
  Sequence& ask(std::uint64_t topic, std::int64_t shared, std::int64_t prompt,
                std::int64_t output = 8) {
    Sequence& s = *sequences.emplace_back(std::make_unique<Sequence>());
    const std::uint64_t number = sequences.size() - 1;
    s.id = SequenceId{static_cast<std::uint32_t>(number)};
    s.request.prompt = Tokens(prompt);
    s.request.output = Tokens(output);
    s.request.content.append({shared_content(topic), 0, shared});
    s.request.content.append({private_content(number), 0, prompt + output - shared});
    return s;
  }
  bool admit(Sequence& s) {
    const Tokens hit = memory->lookup(s);
    if (!memory->admit(s, hit, s.tokens(), {})) return false;
    s.computed = s.tokens();
    memory->commit(s);
    return true;
  }
  bool decode(Sequence& s) {
    s.generated += Tokens(1);
    if (!memory->grow(s, s.tokens())) {
      s.generated -= Tokens(1);
      return false;
    }
    s.computed = s.tokens();
    return true;
  }
  void finish(Sequence& s, Release why = Release::kFinished) {
    memory->release(s, why);
    s.computed = Tokens(0);
  }

  ConfigView view;
  AnyFuture future;
  std::unique_ptr<Allocator> memory;
  std::vector<std::unique_ptr<Sequence>> sequences;
};

}  // namespace kvsim
