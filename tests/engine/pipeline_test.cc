// Steps in a pipeline: textbook schedules to the nanosecond, a flow shop by its definition, and
// nothing lost where memory is tight.
#include "sim/engine/pipeline.h"

#include <gtest/gtest.h>

#include "sim/core/input_error.h"
#include "tests/support/repetitions.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

using tiny::ms;

/// Every stage has a price of its own.
struct Stages final : CostModel {
  explicit Stages(std::vector<std::function<Duration(const StepShape&)>> prices)
      : each(std::move(prices)) {}
  Stages(std::size_t count, double milliseconds)
      : each(count, [milliseconds](const StepShape&) { return ms(milliseconds); }) {}
  [[nodiscard]] Duration price(const StepShape& shape) const override {
    Duration sum{};
    for (std::size_t i = 0; i < each.size(); ++i) sum += price_stage(shape, i);
    return sum;
  }
  [[nodiscard]] std::size_t stages() const override { return each.size(); }
  [[nodiscard]] Duration price_stage(const StepShape& shape, std::size_t stage) const override {
    return each[stage](shape);
  }
  [[nodiscard]] CostProvenance provenance() const override { return {"exact", "test", -1}; }
  std::vector<std::function<Duration(const StepShape&)>> each;
};

Report serve(const std::vector<Request>& requests, const CostModel& cost, const std::string& config,
             std::vector<Observer*> watchers = {}, Tokens capacity = Tokens(16 * 1001)) {
  tiny::Listed listed(requests);
  const ConfigView view = ConfigView::parse(config, "a.json");
  return simulate({view, listed, {{view, cost, capacity, Tokens(16), Tokens(100'000), {}}}},
                  watchers, {});
}

/// As many prompts of 100 tokens, all there at the start.
std::vector<Request> prompts(std::int64_t count, std::int64_t output) {
  std::vector<Request> all;
  for (std::int64_t i = 0; i < count; ++i) all.push_back(tiny::lonely(0, 100, output));
  return all;
}

// A step takes one prompt.
constexpr const char* kOneByOne = R"({"scheduler": {"max_num_batched_tokens": 100}})";

// m micro-batches over p stages of t: (m + p - 1) t (GPipe, Huang et al. 2019).
TEST(Pipeline, TakesGPipesTimeForARowOfSteps) {
  for (const std::int64_t stages : {1, 2, 4, 8})
    for (const std::int64_t steps : {1, 5, 20}) {
      const Stages cost(static_cast<std::size_t>(stages), 10);
      const Report report = serve(prompts(steps, 1), cost, kOneByOne);
      EXPECT_NEAR(report.duration_s, static_cast<double>(steps + stages - 1) * 0.010, 1e-12);
    }
}

// Equal jobs in a flow shop: once through, then the slowest stage for every other job.
TEST(Pipeline, GoesAtThePaceOfItsSlowestStage) {
  const auto takes = [](double n) { return [n](const StepShape&) { return ms(n); }; };
  const Stages cost({takes(5), takes(20), takes(10)});
  EXPECT_NEAR(serve(prompts(7, 1), cost, kOneByOne).duration_s, 0.035 + 6 * 0.020, 1e-12);
}

// The chunks of one prompt follow each other from stage to stage: each sees the KV of those before.
TEST(Pipeline, PassesTheChunksOfAPromptBehindEachOther) {
  const Stages cost(4, 10);
  const Report report = serve({tiny::lonely(0, 900, 1)}, cost, kOneByOne);
  EXPECT_EQ(report.batch.steps, 9);
  EXPECT_NEAR(report.ttft_ms.mean, (9 + 4 - 1) * 10, 1e-9);
}

// Four sequences that four steps admitted: each decodes every 4 stage times, no stage is idle. The
// last of them enters after 3 and passes the pipeline 50 times.
TEST(Pipeline, IsFullWhenAsManyGroupsDecodeAsThereAreStages) {
  const Stages cost(4, 10);
  const Report report = serve(prompts(4, 50), cost, kOneByOne);
  EXPECT_EQ(report.batch.steps, 4 * 50);
  EXPECT_NEAR(report.tpot_ms.mean, 40, 1e-9);
  EXPECT_NEAR(report.duration_s, (3 + 4 * 50) * 0.010, 1e-12);
}

// The same four admitted by one step stay in one: as many tokens in as much time, from a quarter of
// the steps, with three stages idle. This is vLLM V1's (its issue 41682).
TEST(Pipeline, KeepsTogetherWhoWasAdmittedTogether) {
  const Stages cost(4, 10);
  const Report report = serve(prompts(4, 50), cost, "{}");
  EXPECT_EQ(report.batch.steps, 50);
  EXPECT_NEAR(report.tpot_ms.mean, 40, 1e-9);
  EXPECT_NEAR(report.duration_s, 4 * 50 * 0.010, 1e-12);
}

// Beside a step that is in the second stage, a newcomer enters the first.
TEST(Pipeline, LetsANewcomerInAsSoonAsItsEntranceIsFree) {
  const Stages cost(2, 10);
  const Report report = serve({tiny::lonely(0, 100, 1), tiny::lonely(4, 100, 1)}, cost, "{}");
  EXPECT_NEAR(report.ttft_ms.max, (10 - 4) + 20, 1e-9);
}

struct Seen {
  Time start, done;
  StepShape shape;
};
struct Steps final : Observer {
  void on_step(const StepRecord& step) override {
    seen.push_back({step.start, step.start + step.took, step.shape});
  }
  std::vector<Seen> seen;
};

/// Stages that differ, and depend on the work.
Stages uneven(std::size_t count) {
  std::vector<std::function<Duration(const StepShape&)>> prices;
  for (std::size_t i = 0; i < count; ++i)
    prices.emplace_back([i](const StepShape& shape) {
      const auto tokens = shape.tokens().value();
      return Duration(1'000'000 * (static_cast<std::int64_t>(i) % 3 + 1) +
                      (i % 2 == 0 ? 10'000 * tokens : 1'000 * shape.decode_context.value()));
    });
  return Stages(prices);
}

// The flow shop by its definition, over what was observed; no more steps on their way than stages.
TEST(Pipeline, IsAFlowShop) {
  for (int run = 0; run < repetitions(10); ++run) {
    const std::size_t stages = 2 + static_cast<std::size_t>(run) % 4;
    const Stages cost = uneven(stages);
    Steps steps;
    serve(tiny::random_requests(static_cast<std::uint64_t>(run), 60, 5), cost,
          R"({"scheduler": {"max_num_batched_tokens": 128}})", {&steps});
    std::vector<std::vector<Time>> left(steps.seen.size(), std::vector<Time>(stages));
    for (std::size_t i = 0; i < steps.seen.size(); ++i) {
      const Seen& step = steps.seen[i];
      for (std::size_t s = 0; s < stages; ++s) {
        Time ready = s == 0 ? step.start : left[i][s - 1];
        if (i > 0) ready = std::max(ready, left[i - 1][s]);
        left[i][s] = ready + cost.each[s](step.shape);
      }
      ASSERT_EQ(step.done, left[i].back()) << i;
      if (i > 0) {
        ASSERT_GE(step.start, left[i - 1].front()) << i;
      }
      if (i >= stages) {
        ASSERT_GE(step.start, steps.seen[i - stages].done) << i;
      }
    }
  }
}

/// Sums what a run computed and what it needed.
struct Ledger final : Observer {
  void on_step(const StepRecord& step) override { computed += step.shape.tokens(); }
  void on_finish(Time, const Sequence& s, ReplicaId) override {
    EXPECT_EQ(s.generated, s.request.output);
    needed += s.request.prompt + s.request.output - Tokens(1) - s.reused + s.recomputed;
  }
  Tokens computed, needed;
};

// Sequences are preempted while a step has them: its token is lost and computed again, no more.
TEST(Pipeline, LosesNothingUnderTightMemory) {
  for (const std::string allocator : {"paged", "radix", "contiguous"}) {
    const Stages cost = uneven(4);
    Ledger ledger;
    const auto requests = tiny::random_requests(3, 120, 4);
    const std::string config = fmt::format(
        R"({{"verify": "contents", "cache": {{"allocator": "{}", "reserve": "oracle"}},
             "scheduler": {{"max_num_batched_tokens": 64}}}})",
        allocator);
    const Report report = serve(requests, cost, config, {&ledger}, Tokens(16 * 41));
    EXPECT_EQ(report.requests.completed, 120);
    if (allocator != "contiguous") {
      EXPECT_GT(report.preemptions, 0) << allocator;
    }
    EXPECT_EQ(ledger.computed, ledger.needed) << allocator;
    const Report again = serve(requests, cost, config, {}, Tokens(16 * 41));
    EXPECT_EQ(again.provenance.fingerprint, report.provenance.fingerprint);
  }
}

TEST(Pipeline, VerifiesGuessesAcrossStages) {
  Ledger ledger;
  const Report report =
      serve(prompts(20, 40), Stages(3, 10),
            R"({"verify": "contents", "scheduler": {"max_num_batched_tokens": 250},
          "speculative": {"method": "ngram", "num_speculative_tokens": 3}})",
            {&ledger});
  EXPECT_EQ(report.requests.completed, 20);
  ASSERT_TRUE(report.speculation.has_value());
  EXPECT_EQ(ledger.computed, ledger.needed + Tokens(report.speculation->num_draft_tokens -
                                                    report.speculation->num_accepted_tokens));
}

TEST(Pipeline, IsRefusedWhereOneStepIsAllThereIs) {
  const std::string config = R"({"scheduler": {"batching": "sglang"}})";
  try {
    serve(prompts(1, 1), Stages(2, 1), config);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(),
                 "a.json: /pipeline_parallel_size: sglang batching keeps one step on its way, a "
                 "pipeline has 2; use 1, or vllm batching");
  }
}

}  // namespace
}  // namespace kvsim
