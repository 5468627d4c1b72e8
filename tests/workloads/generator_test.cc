// Generated workloads follow the laws they are given, and do not depend on how they are served.
#include "workloads/generator.h"

#include <cmath>
#include <functional>

#include <gtest/gtest.h>

#include "tests/workloads/drain.h"

namespace kvsim {
namespace {

ConfigView config_of(const std::string& workload) {
  return ConfigView::parse("{\"workload\": " + workload + "}", "test.json");
}

struct Moments {
  double mean = 0, cv = 0;
};

Moments moments(int count, const std::function<double()>& draw) {
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < count; ++i) {
    const double x = draw();
    sum += x;
    squares += x * x;
  }
  const double mean = sum / count;
  return {mean, std::sqrt(squares / count - mean * mean) / mean};
}

Moments gaps(const std::string& arrivals) {
  const ConfigView config = config_of("{\"arrivals\": " + arrivals + "}");
  const auto process = make_arrivals(config, 11, "");
  double last = 0;
  return moments(200'000, [&] {
    const double now = seconds(process->next());
    return now - std::exchange(last, now);
  });
}

TEST(Arrivals, HaveTheRateAndVariationAskedFor) {
  const auto expect = [](const std::string& arrivals, double mean, double cv) {
    const Moments seen = gaps(arrivals);
    EXPECT_NEAR(seen.mean, mean, 0.03 * mean) << arrivals;
    EXPECT_NEAR(seen.cv, cv, 0.03 * cv + 0.01) << arrivals;
  };
  expect(R"({"process": "poisson", "rate": 4})", 0.25, 1);
  expect(R"({"process": "constant", "rate": 4})", 0.25, 0);
  expect(R"({"process": "gamma", "rate": 4, "cv": 2})", 0.25, 2);
  expect(R"({"process": "gamma", "rate": 4, "cv": 0.5})", 0.25, 0.5);
  expect(R"({"process": "weibull", "rate": 4, "cv": 2})", 0.25, 2);
  expect(R"({"process": "weibull", "rate": 4, "cv": 0.5})", 0.25, 0.5);
}

// Closed forms: bursts of peak 4 leave no arrival in the last three quarters of a period; a sine of
// peak 2 puts 1/2 + 1/pi of them in the first half.
TEST(Arrivals, FollowTheirPeriod) {
  const auto share_before = [](const std::string& arrivals, double phase) {
    const ConfigView config = config_of("{\"arrivals\": " + arrivals + "}");
    const auto process = make_arrivals(config, 12, "");
    int before = 0;
    constexpr int kCount = 100'000;
    double last = 0;
    for (int i = 0; i < kCount; ++i) {
      last = seconds(process->next());
      before += std::fmod(last / 10, 1.0) < phase ? 1 : 0;
    }
    EXPECT_NEAR(last, kCount / 50.0, 0.02 * kCount / 50.0);
    return static_cast<double>(before) / kCount;
  };
  EXPECT_NEAR(
      share_before(R"({"process": "burst", "rate": 50, "peak": 4, "period_s": 10})", 0.2501), 1,
      1e-3);
  EXPECT_NEAR(share_before(R"({"process": "diurnal", "rate": 50, "peak": 2, "period_s": 10})", 0.5),
              0.5 + 1 / 3.14159265, 0.01);
}

Moments lengths(const std::string& law) {
  const ConfigView config = config_of("{\"generate\": {\"prompt\": " + law + "}}");
  const Law drawn(config, "/workload/generate/prompt");
  Rng rng(5, "lengths");
  return moments(200'000, [&] { return static_cast<double>(drawn.draw_whole(rng)); });
}

TEST(Law, HasTheMeanAndVariationOfItsClosedForm) {
  const auto expect = [](const std::string& law, double mean, double cv) {
    const Moments seen = lengths(law);
    EXPECT_NEAR(seen.mean, mean, 0.02 * mean) << law;
    EXPECT_NEAR(seen.cv, cv, 0.04 * cv + 1e-6) << law;
  };
  expect(R"({"law": "constant", "mean": 100})", 100, 0);
  expect(R"({"law": "uniform", "min": 100, "max": 300})", 200, 100 / std::sqrt(3.0) / 200);
  expect(R"({"law": "exponential", "mean": 500, "max": 1000000})", 500, 1);
  expect(R"({"law": "lognormal", "mean": 500, "cv": 1.5, "max": 10000000})", 500, 1.5);
  expect(R"({"law": "geometric", "mean": 4, "max": 10000})", 4, std::sqrt(0.75));
  expect(R"({"law": "empirical", "values": {"10": 3, "50": 1}})", 20, std::sqrt(300.0) / 20);
  expect(R"({"law": "empirical", "values": [10, 30]})", 20, 0.5);
  // Zipf over 1, 2, 3 with exponent 1: weights 6, 3, 2 of 11; mean 18/11, second moment 36/11.
  expect(R"({"law": "zipf", "min": 1, "max": 3, "exponent": 1})", 18.0 / 11,
         std::sqrt(36.0 / 11 - 18.0 * 18 / 121) / (18.0 / 11));
}

std::string error_of(const std::string& workload) {
  try {
    const ConfigView config = config_of(workload);
    (void)Generator({config, 1});
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Law, RefusesWhatMakesNoSense) {
  EXPECT_EQ(error_of(R"({"generate": {"prompt": {"min": 9, "max": 3}}})"),
            "test.json: /workload/generate/prompt/min: above max (3)");
  EXPECT_EQ(error_of(R"({"generate": {"output": {"law": "empirical"}}})"),
            "test.json: /workload/generate/output/values: empirical: expected {\"VALUE\": WEIGHT, "
            "...}");
  EXPECT_EQ(error_of(R"({"generate": {"output": {"law": "empirical", "values": {"x": 1}}}})"),
            "test.json: /workload/generate/output/values/x: expected a value of 1 to 2048");
  EXPECT_EQ(error_of(R"({"generate": {"output": {"law": "zipf", "max": 9e6}}})"),
            "test.json: /workload/generate/output/max: zipf counts from min to max: at most "
            "1048576 values");
  EXPECT_EQ(error_of(R"({"generate": {"priorities": {"high": 1}}})"),
            "test.json: /workload/generate/priorities/high: expected an integer priority");
  EXPECT_EQ(error_of(R"({"arrivals": {"process": "diurnal", "peak": 3}})"),
            "test.json: /workload/arrivals/peak: diurnal rates swing around their mean: at most 2");
}

// Of three prompts with exponent 1 the most popular has 6/11 of the sessions.
TEST(Generator, SharesSystemPromptsByPopularity) {
  const ConfigView config = config_of(R"({"generate": {"requests": 50000,
      "system_prompts": {"count": 3, "share": 0.5, "tokens": {"mean": 64}},
      "priorities": {"0": 1, "5": 3}}})");
  Generator source({config, 3});
  int with_system = 0;
  int first = 0;
  int urgent = 0;
  for (const Request& r : drain(source)) {
    const Span opening = r.content.spans()[0];
    urgent += r.priority == 0 ? 1 : 0;
    if (is_private(opening.content)) continue;
    EXPECT_EQ(opening.length, 64);
    ++with_system;
    first += opening.content == shared_content(0) ? 1 : 0;
  }
  EXPECT_NEAR(with_system / 50'000.0, 0.5, 0.01);
  EXPECT_NEAR(static_cast<double>(first) / with_system, 6.0 / 11, 0.01);
  EXPECT_NEAR(urgent / 50'000.0, 0.25, 0.01);
}

// What differs stands between what all have in common, in every turn.
TEST(Generator, EndsEveryPromptWithTheSame) {
  const ConfigView config = config_of(R"({"generate": {"requests": 200, "closing_tokens": 30,
      "turns": {"law": "constant", "mean": 2}, "output": {"law": "constant", "mean": 5},
      "prompt": {"law": "constant", "mean": 50},
      "system_prompts": {"count": 1, "tokens": {"mean": 64}}}})");
  Generator source({config, 3});
  Content closing;
  for (const Request& r : drain(source)) {
    EXPECT_EQ(r.prompt.value(), r.turn == 0 ? 144 : 144 + 5 + 80);
    EXPECT_EQ(r.content.tokens(), r.prompt + r.output);
    Content tail;
    tail.append_slice(r.content, r.prompt - Tokens(30), Tokens(30));
    if (closing.tokens() == Tokens(0)) closing = tail;
    EXPECT_EQ(tail, closing);
    EXPECT_TRUE(is_private(r.content.spans()[1].content));
  }
}

const char* const kChat = R"({"arrivals": {"rate": 5}, "generate": {"requests": 400,
    "turns": {"law": "geometric", "mean": 4}, "think_s": {"law": "constant", "mean": 3}}})";

// Serving slowly moves arrivals, never what is asked.
TEST(Generator, AsksTheSameHoweverItIsServed) {
  const ConfigView config = config_of(kChat);
  const auto all_of = [&](Duration service) {
    Generator source({config, 9});
    std::map<std::pair<std::uint64_t, std::uint32_t>, Content> said;
    std::multimap<Time, Request> running;
    Time last{};
    while (true) {
      const auto next = source.upcoming();
      if (!next && running.empty()) break;
      if (!running.empty() && (!next || running.begin()->first < *next)) {
        source.ended(running.begin()->second, running.begin()->first);
        running.erase(running.begin());
        continue;
      }
      Request r;
      source.take(r);
      EXPECT_GE(r.arrival, last);
      last = r.arrival;
      EXPECT_EQ(r.id, said.size());
      EXPECT_EQ(r.content.tokens(), r.prompt + r.output);
      EXPECT_TRUE(said.try_emplace({r.session, r.turn}, r.content).second);
      running.emplace(r.arrival + service, r);
    }
    return said;
  };
  const auto fast = all_of(Duration(1));
  EXPECT_EQ(fast.size(), 400U);
  EXPECT_EQ(fast, all_of(std::chrono::seconds(20)));
}

TEST(Generator, RepeatsThePromptAndTheAnswer) {
  const ConfigView config = config_of(kChat);
  Generator source({config, 9});
  std::map<std::uint64_t, Request> last;
  for (const Request& r : drain(source)) {
    const auto before = last.find(r.session);
    ASSERT_EQ(before == last.end(), r.turn == 0);
    if (r.turn > 0) {
      const Tokens context = before->second.prompt + before->second.output;
      EXPECT_EQ(common_prefix(before->second.content, Tokens(0), r.content, Tokens(0)), context);
      EXPECT_GT(r.prompt, context);
      EXPECT_EQ(r.arrival, before->second.arrival + std::chrono::seconds(3));
    }
    last[r.session] = r;
  }
}

TEST(Generator, StopsWhenTheTimeIsUp) {
  const ConfigView config =
      config_of(R"({"arrivals": {"rate": 10}, "generate": {"duration_s": 100}})");
  Generator source({config, 1});
  const auto all = drain(source);
  EXPECT_NEAR(static_cast<double>(all.size()), 1000, 100);
  EXPECT_LE(all.back().arrival, Time(std::chrono::seconds(100)));
}

TEST(WorkloadKind, FollowsWhatIsSet) {
  EXPECT_EQ(workload_kind(config_of("{}")), "sample");
  EXPECT_EQ(workload_kind(config_of(R"({"trace": "x"})")), "trace");
  EXPECT_EQ(workload_kind(config_of(R"({"generate": {"requests": 5}})")), "generated");
  EXPECT_EQ(workload_kind(config_of(R"({"arrivals": {"rate": 5}})")), "generated");
  EXPECT_EQ(workload_kind(config_of(R"({"trace": "x", "arrivals": {"rate": 5}})")), "trace");
  EXPECT_EQ(workload_kind(config_of(R"({"source": "generated"})")), "generated");
  EXPECT_THROW((void)workload_kind(config_of(R"({"trace": "x", "generate": {"requests": 5}})")),
               InputError);
}

}  // namespace
}  // namespace kvsim
