#include "sim/model/speculation.h"

#include "sim/core/config_schema.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    word_field(
        "/speculative/method", "none", "method",
        [] {
          return std::vector<std::string>{"draft_model", "eagle", "ngram", "none"};
        },
        "Who guesses the next tokens: nobody, the prompt's own n-grams, a head on the model's "
        "states (EAGLE, MTP), or a smaller model."),
    integer_field("/speculative/num_speculative_tokens", "0", "tokens", 0, 64,
                  "Guesses per sequence and step."),
};

}  // namespace

Speculation speculation_of(const ConfigView& config) {
  const std::string method = config.text("/speculative/method");
  const Tokens drafts(config.integer("/speculative/num_speculative_tokens"));
  if (method == "none") return {};
  if (drafts == Tokens(0))
    config.fail("/speculative/num_speculative_tokens",
                "expected at least 1 where /speculative/method names a guesser, got 0");
  return {drafts, method == "eagle", method == "draft_model"};
}

}  // namespace kvsim
