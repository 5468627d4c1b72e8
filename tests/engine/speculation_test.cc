// Guessing tokens ahead: the closed forms it must reach, and the laws it must not break.
#include <gtest/gtest.h>

#include "sim/core/input_error.h"
#include "sim/engine/acceptance.h"
#include "sim/engine/experiment.h"
#include "sim/model/allocator.h"
#include "tests/support/repetitions.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

using tiny::World;

void guess(World& world, std::int64_t drafts, double rate, const std::string& method = "ngram") {
  world.config.set("/speculative/method", method, "test");
  world.config.set("/speculative/num_speculative_tokens", drafts, "test");
  world.config.set("/speculative/acceptance_rate", rate, "test");
}

World lone_request(std::int64_t output) {
  World world;
  world.requests = {tiny::lonely(0, 100, output)};
  world.capacity = Tokens(1'000'000);
  world.max_model_len = Tokens(200'000);
  return world;
}

TEST(Speculation, YieldsTheTokensAStepOfLeviathanEtAl) {
  constexpr std::int64_t kOutput = 100'000;
  for (const double a : {0.3, 0.6, 0.8, 0.95}) {
    for (const std::int64_t k : {1, 3, 7}) {
      World world = lone_request(kOutput);
      guess(world, k, a);
      const Report report = world.run();
      const double expected = (1 - std::pow(a, k + 1)) / (1 - a);
      // The prompt's step samples one token; all others come from verifications.
      const double steps = static_cast<double>(report.batch.steps - 1);
      const double got = static_cast<double>(kOutput - 1) / steps;
      EXPECT_NEAR(got, expected, 5 * static_cast<double>(k) / std::sqrt(steps)) << a << " " << k;
      ASSERT_TRUE(report.speculation);
      EXPECT_NEAR(report.speculation->mean_acceptance_length, got, 1e-3);
      EXPECT_NEAR(report.speculation->per_position[0], a, 5 * 0.5 / std::sqrt(steps));
      for (std::size_t i = 0; i < static_cast<std::size_t>(k); ++i)
        EXPECT_NEAR(report.speculation->per_position[i], std::pow(a, static_cast<double>(i + 1)),
                    5 * 0.5 / std::sqrt(steps));
    }
  }
}

TEST(Speculation, GivesEveryGuessOrNone) {
  // 1 token from the prompt's step, 400 from 100 steps of 4; or 400 steps of one.
  for (const auto& [rate, steps] : {std::pair{1.0, 1 + 100}, {0.0, 1 + 400}}) {
    World world = lone_request(401);
    guess(world, 3, rate);
    const Report report = world.run();
    EXPECT_EQ(report.batch.steps, steps);
    EXPECT_EQ(report.output_tokens, 401);
    EXPECT_EQ(report.speculation->acceptance_rate, rate);
  }
}

TEST(Speculation, TakesRatesAsVllmLogsThem) {
  World world = lone_request(50'000);
  guess(world, 3, 0.1);
  world.config.set("/speculative/acceptance_rates", {0.8, 0.6, 0.15}, "test");
  const SpeculationReport s = world.run().speculation.value();
  ASSERT_EQ(s.per_position.size(), 3);
  EXPECT_NEAR(s.per_position[0], 0.8, 0.02);
  EXPECT_NEAR(s.per_position[1], 0.6, 0.02);
  EXPECT_NEAR(s.per_position[2], 0.15, 0.02);
  EXPECT_NEAR(s.mean_acceptance_length, 1 + 0.8 + 0.6 + 0.15, 0.03);
}

TEST(Speculation, IsRightAboutTheSameTokensWheneverItGuesses) {
  World world;
  guess(world, 4, 0.5);
  const Acceptance law(world.config);
  Sequence s;
  s.request = tiny::lonely(0, 10, 100);
  s.request.id = 7;
  // What is accepted from a token on does not depend on where the guessing began.
  for (std::int64_t from = 0; from < 90; ++from) {
    s.generated = Tokens(from);
    const Tokens here = law.accepted(s, Tokens(4));
    s.generated = Tokens(from + 1);
    const Tokens next = law.accepted(s, Tokens(3));
    EXPECT_EQ(here, here == Tokens(0) ? here : next + Tokens(1));
  }
  s.generated = Tokens(97);
  EXPECT_EQ(law.proposed(s), Tokens(2)) << "three tokens to come: one is sampled anyway";
  s.generated = Tokens(99);
  EXPECT_EQ(law.proposed(s), Tokens(0));
}

TEST(Speculation, DeliversTheTokensOfAStepTogether) {
  // Steps of 10 ms: a token after 10 ms, then four every 10 ms, until 41 after 110 ms.
  World world = lone_request(41);
  guess(world, 3, 1.0);
  const Report report = world.run();
  EXPECT_DOUBLE_EQ(report.ttft_ms.mean, 10);
  EXPECT_DOUBLE_EQ(report.e2e_ms.mean, 110);
  EXPECT_DOUBLE_EQ(report.tpot_ms.mean, 2.5);
  EXPECT_EQ(report.itl_ms.count, 10);
  EXPECT_NEAR(report.itl_ms.mean, 10, 0.1);
}

// Watches every step: what was computed is needed, computed again, or a rejected guess.
class Auditor final : public Observer {
 public:
  void on_step(const StepRecord& step) override {
    EXPECT_TRUE(step.memory.adds_up());
    for (const StepWork& w : step.plan.work) {
      const Sequence& s = step.sequences[w.sequence];
      computed += w.compute;
      rejected += w.padding;
      EXPECT_EQ(w.context + w.compute, s.computed);
      EXPECT_LE(s.computed - w.drafts, s.tokens());
      EXPECT_LE(s.computed - w.padding, s.request.prompt + s.request.output - Tokens(1));
    }
  }
  void on_verified(Time /*now*/, const Sequence& /*s*/, Tokens drafted, Tokens accepted) override {
    EXPECT_LE(accepted, drafted);
    rejected += drafted - accepted;
  }
  void on_token(Time /*now*/, const Sequence& /*s*/) override { ++tokens; }
  void on_finish(Time /*now*/, const Sequence& s, ReplicaId /*where*/) override {
    EXPECT_EQ(s.generated, s.request.output);
    EXPECT_EQ(s.computed, s.tokens() - Tokens(1));
    needed += s.request.prompt + s.request.output - Tokens(1) - s.reused + s.recomputed;
  }
  Tokens computed, rejected, needed;
  std::int64_t tokens = 0;
};

World tight_world(const std::string& allocator, std::uint64_t seed) {
  World world;
  world.config.set("/cache/allocator", allocator, "test");
  world.config.set("/cache/reserve", seed % 2 == 0 ? "pow2" : "oracle", "test");
  world.config.set("/scheduler/policy", seed % 3 == 0 ? "priority" : "fcfs", "test");
  world.config.set("/scheduler/max_num_batched_tokens", 48 + 32 * (seed % 5), "test");
  world.config.set("/verify", "contents", "test");
  world.block = Tokens(seed % 2 == 0 ? 16 : 8);
  world.capacity = world.block * static_cast<std::int64_t>(45 + seed % 30);
  world.max_model_len = Tokens(500);
  world.requests = tiny::random_requests(seed, 100, 6);
  world.requests.push_back(tiny::lonely(300, 1, 1));  // joins a batch of decodes with padding
  return world;
}

TEST(Speculation, LosesNothingUnderTightMemory) {
  for (const std::string& allocator : Registry<Allocator>::names()) {
    std::int64_t preemptions = 0;
    for (std::uint64_t seed = 0; seed < repetitions(30U); ++seed) {
      for (const std::string method : {"ngram", "draft_model", "eagle"}) {
        World world = tight_world(allocator, seed);
        guess(world, 1 + static_cast<std::int64_t>(seed % 6), 0.1 * static_cast<double>(seed % 11),
              method);
        Auditor auditor;
        const Report report = world.run({&auditor});
        const auto& r = report.requests;
        EXPECT_EQ(r.total, std::ssize(world.requests));
        EXPECT_EQ(r.total, r.completed + r.rejected);
        EXPECT_EQ(auditor.computed, auditor.needed + auditor.rejected);
        EXPECT_EQ(auditor.tokens, report.output_tokens);
        preemptions += report.preemptions;
      }
    }
    EXPECT_EQ(preemptions > 0, allocator != "contiguous") << allocator;
  }
}

// One after the other, and then turns that go on from an earlier output: a wrong guess would be a
// hit.
World conversations(const std::string& allocator, bool turns) {
  World world;
  world.config.set("/cache/allocator", allocator, "test");
  world.config.set("/scheduler/max_num_seqs", 1, "test");
  world.capacity = Tokens(1 << 20);
  world.requests = tiny::random_requests(1, 60, 1);
  for (std::size_t i = 0; turns && i < 60; ++i) {
    const auto& earlier = world.requests[i].content.spans();
    std::vector<Span> prompt(earlier.begin(), earlier.end());
    prompt.push_back({private_content(500'000 + i), 0, 30});
    world.requests.push_back(tiny::request(1'000'000 + static_cast<double>(i), prompt, 20));
  }
  return world;
}

TEST(Speculation, NeverCachesAGuess) {
  for (const std::string allocator : {"paged", "radix"}) {
    for (const bool turns : {false, true}) {
      World world = conversations(allocator, turns);
      const Report without = world.run();
      guess(world, 5, 0.4);
      const Report with = world.run();
      EXPECT_GT(without.prefix_cache.hit_tokens, 0);
      const std::int64_t fewer = without.prefix_cache.hit_tokens - with.prefix_cache.hit_tokens;
      if (allocator == "paged" && turns) {
        // vLLM files a block when its last token is scheduled as a known one: what a sequence's
        // last step accepts is computed and never filed.
        EXPECT_GE(fewer, 0);
        EXPECT_LE(fewer, 16 * 60);
      } else {
        EXPECT_EQ(fewer, 0) << allocator;
      }
      EXPECT_EQ(with.computed_tokens - without.computed_tokens - fewer,
                with.speculation->num_draft_tokens - with.speculation->num_accepted_tokens);
    }
  }
}

TEST(Speculation, BlamesTheHeadForTheBlockItNeeds) {
  // The second prompt finds six of seven blocks of the first; EAGLE computes the sixth again.
  World world;
  world.requests = {tiny::request(0, {{shared_content(1), 0, 112}}, 1),
                    tiny::request(1000, {{shared_content(1), 0, 112}}, 1)};
  EXPECT_EQ(world.run().prefix_cache.hit_tokens, 96);
  guess(world, 3, 0.5, "eagle");
  const Report::PrefixCache cache = world.run().prefix_cache;
  EXPECT_EQ(cache.hit_tokens, 80);
  EXPECT_EQ(cache.miss.last_token, 32);
  EXPECT_EQ(cache.miss.capacity, 0);
}

TEST(Speculation, ReusesTheSlotsOfRejectedGuesses) {
  // 100 + 200 tokens need 19 blocks of 16, whatever was guessed wrong on the way.
  for (const std::string allocator : {"paged", "radix"}) {
    World world = lone_request(200);
    world.config.set("/cache/allocator", allocator, "test");
    world.config.set("/verify", "books", "test");
    guess(world, 4, 0.0);
    const Report report = world.run();
    EXPECT_EQ(report.batch.steps, 200);
    EXPECT_EQ(report.kv.peak_held_tokens, 19 * 16) << allocator;
    world.capacity = Tokens(20 * 16);
    EXPECT_EQ(world.run().requests.completed, 1) << "it fits exactly what it fits without guesses";
  }
}

TEST(Speculation, NeedsASchedulerThatVerifies) {
  World world = lone_request(10);
  guess(world, 4, 0.5);
  for (const std::string batching : {"orca", "static"}) {
    world.config.set("/scheduler/batching", batching, "test");
    try {
      (void)world.run();
      FAIL() << batching;
    } catch (const InputError& error) {
      EXPECT_NE(std::string(error.what()).find(batching + " batching verifies no drafts"),
                std::string::npos)
          << error.what();
    }
  }
}

TEST(Speculation, RefusesRatesThatCannotBe) {
  const auto refusal = [](const std::string& rates) -> std::string {
    try {
      const Acceptance law(ConfigView::parse(
          R"({"speculative": {"method": "ngram", "num_speculative_tokens": 2,
                              "acceptance_rates": )" +
              rates + "}}",
          "a.json"));
    } catch (const InputError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(refusal("[0.5]"),
            "a.json: /speculative/acceptance_rates: expected a list of 2 numbers, one for each of "
            "num_speculative_tokens");
  EXPECT_EQ(refusal("[0.5, 0.6]"),
            "a.json: /speculative/acceptance_rates/1: expected a number from 0 to the one before "
            "it (0.5), got 0.6");
  EXPECT_EQ(refusal("[0.5, 0]"), "no error");
}

}  // namespace
}  // namespace kvsim
