// What guessing costs: the price of verifying, the drafter's own passes, its weights and its KV.
#include "sim/engine/drafter.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sim/core/input_error.h"
#include "sim/engine/catalog.h"
#include "sim/engine/experiment.h"
#include "sim/engine/sizing.h"

namespace kvsim {
namespace {

ConfigView parsed(const std::string& text) { return ConfigView::parse(text, "a.json"); }

Duration price(const std::string& text, const StepShape& shape) {
  const ConfigView config = parsed(text);
  const ModelSpec model = load_model(config);
  const DeviceSpec device = load_device(config);
  return load_cost_model(model, device, config)->price(shape);
}

StepShape decodes(std::int64_t batch, std::int64_t context, std::int64_t guesses) {
  StepShape shape;
  for (std::int64_t i = 0; i < batch; ++i) {
    shape.add_decode(Tokens(context), LocalSpan{}, Tokens(guesses));
    shape.add_samples(Tokens(context), 1 + guesses);
  }
  return shape;
}

KvBudget sized(const std::string& text) {
  const ConfigView config = parsed(text);
  return estimate_kv(load_model(config), load_device(config), config);
}

std::string refusal(const std::string& text) {
  try {
    (void)sized(text);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

constexpr const char* kDraftModel =
    R"({"model": "llama-3.1-70b", "cost": "roofline", "host": {"step_us": 0, "sequence_us": 0}, "speculative":
        {"method": "draft_model", "num_speculative_tokens": 4, "model": "llama-3.1-8b"}})";

TEST(StepShape, CountsGuessesAsQueriesOverOneContext) {
  // Tokens 101 to 105 of a sequence: they see 101, 102, ... keys, together the first 105.
  StepShape shape;
  shape.add_decode(Tokens(105), LocalSpan{.window = Tokens(50)}, Tokens(4));
  EXPECT_EQ(shape.decodes, 1);
  EXPECT_EQ(shape.tokens(), Tokens(5));
  EXPECT_EQ(shape.decode_context, Tokens(105));
  EXPECT_EQ(shape.decode_pairs, 101 + 102 + 103 + 104 + 105);
  // A window of 50: the first sees keys 52 to 101, the last 56 to 105.
  EXPECT_EQ(shape.local_decode_context, Tokens(54));
  EXPECT_EQ(shape.local_decode_pairs, 5 * 50);
}

TEST(Roofline, ReadsTheContextOnceForAllGuesses) {
  // 64 sequences of 8,192 tokens: reading their KV takes 15.9 ms; four guesses each add less than
  // a fifth of that, where five readings would add four times as much.
  const std::string config = R"({"cost": "roofline", "model": "llama-3.1-8b"})";
  const double lone = milliseconds(price(config, decodes(64, 8192, 0)));
  const double verifying = milliseconds(price(config, decodes(64, 8192, 4)));
  EXPECT_GT(verifying, lone);
  EXPECT_LT(verifying - lone, 15.9 / 5);
}

TEST(Roofline, ChargesAPassOfTheDrafterForEveryGuess) {
  const std::string ngram =
      R"({"model": "llama-3.1-70b", "cost": "roofline", "host": {"step_us": 0, "sequence_us": 0}, "speculative":
          {"method": "ngram", "num_speculative_tokens": 4}})";
  const std::string smaller =
      R"({"model": "llama-3.1-8b", "cost": "roofline", "host": {"step_us": 0, "sequence_us": 0}})";
  const StepShape shape = decodes(1, 1000, 4);
  const double passes = milliseconds(price(kDraftModel, shape) - price(ngram, shape));
  EXPECT_NEAR(passes, 4 * milliseconds(price(smaller, decodes(1, 1000, 0))), 0.05);
}

TEST(Roofline, LetsTheDrafterReadPromptsOnce) {
  // A prompt's chunk that samples nothing is read by the drafter, who guesses nothing.
  StepShape chunk;
  chunk.add_prefill(Tokens(0), Tokens(4096), LocalSpan{});
  const std::string target =
      R"({"model": "llama-3.1-70b", "cost": "roofline", "host": {"step_us": 0, "sequence_us": 0}})";
  const std::string smaller =
      R"({"model": "llama-3.1-8b", "cost": "roofline", "host": {"step_us": 0, "sequence_us": 0}})";
  EXPECT_NEAR(milliseconds(price(kDraftModel, chunk)),
              milliseconds(price(target, chunk) + price(smaller, chunk)), 1e-5);
}

TEST(Sizing, TakesTheDrafterOutOfTheSameMemory) {
  const std::string plain = R"({"model": "llama-3.1-8b", "runtime_gib": 2)";
  const KvBudget none = sized(plain + "}");
  const KvBudget twice = sized(plain + R"(, "speculative": {"method": "draft_model",
      "num_speculative_tokens": 4, "model": "llama-3.1-8b"}})");
  EXPECT_EQ(twice.drafter, none.weights);
  EXPECT_EQ(twice.available, none.available - none.weights);
  EXPECT_EQ(twice.per_token, none.per_token * 2);
  EXPECT_EQ(twice.per_block, none.per_block * 2);
  const KvBudget eagle =
      sized(plain + R"(, "speculative": {"method": "eagle", "num_speculative_tokens": 4}})");
  EXPECT_EQ(eagle.per_token, Bytes(none.per_token.value() / 32 * 33)) << "one layer more than 32";
  // A layer of Llama-3.1-8B has 218,112,000 parameters; the last norm has 4,096.
  EXPECT_EQ(eagle.drafter, Bytes(2 * (218'112'000 + 4'096)));
  EXPECT_EQ(sized(plain + R"(, "speculative": {"method": "ngram", "num_speculative_tokens": 4}})")
                .available,
            none.available);
}

TEST(Drafter, MustBeNamedAndSpeakTheSameTokens) {
  EXPECT_EQ(refusal(R"({"speculative": {"method": "draft_model", "num_speculative_tokens": 4}})"),
            "a.json: /speculative/model: method draft_model needs the name of a smaller model");
  EXPECT_EQ(refusal(R"({"speculative": {"method": "draft_model", "num_speculative_tokens": 4,
                        "model": "llama-2-7b"}})"),
            "a.json: /speculative/model: llama-2-7b has a vocabulary of 32000 tokens, llama-3.1-8b "
            "of 128256: it cannot guess for it");
}

// Output tokens per second of `batch` sequences at a time, 70 % of the guesses being right.
double throughput(std::int64_t batch, std::int64_t guesses) {
  ConfigView config = parsed(
      R"({"model": "llama-3.1-70b", "tensor_parallel_size": 4, "max_model_len": 1024,
          "workload": {"source": "generated", "arrivals": {"process": "at-once"}, "generate":
              {"prompt": {"law": "constant", "mean": 64},
               "output": {"law": "constant", "mean": 256}}},
          "speculative": {"acceptance_rate": 0.7}})");
  config.set("/scheduler/max_num_seqs", batch, "test");
  config.set("/workload/generate/requests", std::max<std::int64_t>(batch, 8), "test");
  config.set("/speculative/method", guesses == 0 ? "none" : "eagle", "test");
  config.set("/speculative/num_speculative_tokens", guesses, "test");
  return run_experiment(config).throughput.output_tok_per_s;
}

TEST(Drafter, PaysWhereMemoryIsTheLimitAndCostsWhereComputeIs) {
  // Alone, a step reads the weights whatever it verifies: some number of guesses is best, and far
  // more are worse. At 256 sequences every guess is work that the GPU has no time for.
  const double alone = throughput(1, 0);
  const double few = throughput(1, 1);
  const double best = throughput(1, 6);
  const double many = throughput(1, 24);
  EXPECT_GT(few, alone * 1.3);
  EXPECT_GT(best, few);
  EXPECT_LT(many, best);
  EXPECT_LT(throughput(256, 4), throughput(256, 0));
}

}  // namespace
}  // namespace kvsim
