// k6's thresholds over published metrics: what holds, and what is said of mistakes.
#include "reports/threshold.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace kvsim {
namespace {

std::vector<Threshold> read(const std::string& thresholds) {
  return read_thresholds(ConfigView::parse(R"({"thresholds": )" + thresholds + "}", "a.json"));
}

std::string error_of(const std::string& thresholds) {
  try {
    (void)read(thresholds);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

Report report() {
  Report r;
  r.duration_s = 10;
  r.ttft_ms = {100, 50, 40, 80, 150, 250, 300};
  r.kv.usage = {1000, 0.5, 0.5, 0.6, 0.7, 0.9, 1.0};
  r.preemptions = 5;
  r.prefix_cache.hit_rate = 0.75;
  return r;
}

bool holds_for(const std::string& metric, const std::string& threshold) {
  const auto read_one = read("{\"" + metric + "\": [\"" + threshold + "\"]}");
  return judge(read_one.at(0), report()).outcome == Finding::Outcome::kKept;
}

TEST(Thresholds, HoldOrDoNot) {
  EXPECT_TRUE(holds_for("ttft_ms", "p(95)<200"));
  EXPECT_FALSE(holds_for("ttft_ms", "p(95)<150"));
  EXPECT_TRUE(holds_for("ttft_ms", "p(95)<=150"));
  EXPECT_TRUE(holds_for("ttft_ms", "p(95)==150"));
  EXPECT_FALSE(holds_for("ttft_ms", "p(95)!=150"));
  EXPECT_TRUE(holds_for("ttft_ms", "p(95)>=150"));
  EXPECT_FALSE(holds_for("ttft_ms", "p(95)>150"));
  EXPECT_TRUE(holds_for("ttft_ms", "avg<50.5"));
  EXPECT_TRUE(holds_for("ttft_ms", "med==40"));
  EXPECT_TRUE(holds_for("ttft_ms", "max<3.1e2"));
  EXPECT_TRUE(holds_for("ttft_ms", "count>=100"));
  EXPECT_TRUE(holds_for("ttft_ms", "  p( 99 )  <  251 "));
  EXPECT_TRUE(holds_for("preemptions", "count<6"));
  EXPECT_TRUE(holds_for("preemptions", "rate==0.5"));
  EXPECT_TRUE(holds_for("preemptions", "value==5"));
  EXPECT_TRUE(holds_for("prefix_cache.hit_rate", "rate>.5"));
}

TEST(Thresholds, AreInTheUnitThatGoesWithTheName) {
  EXPECT_TRUE(holds_for("vllm:time_to_first_token_seconds", "p(99)==0.25"));
  EXPECT_TRUE(holds_for("vllm:time_to_first_token_seconds", "count==100"));
  EXPECT_TRUE(holds_for("vllm:kv_cache_usage_perc", "p(99)<0.95"));
  EXPECT_TRUE(holds_for("vllm:num_preemptions", "count==5"));
}

// A gate over a distribution that is empty must not be green.
TEST(Thresholds, AreCrossedWhereNothingWasMeasured) {
  EXPECT_FALSE(holds_for("tpot_ms", "p(99)<100"));
  EXPECT_TRUE(holds_for("tpot_ms", "count==0"));
  EXPECT_FALSE(holds_for("speculation.acceptance_rate", "value<=1"));
}

TEST(Thresholds, KeepTheOrderOfTheConfig) {
  const auto all = read(R"({"ttft_ms": ["p(95)<200", "avg<1"], "preemptions": ["count==0"]})");
  ASSERT_EQ(all.size(), 3U);
  const Finding second = judge(all[1], report());
  EXPECT_EQ(second.figure, "ttft_ms avg");
  EXPECT_EQ(second.rule, "avg<1");
  EXPECT_EQ(second.value, 50);
  EXPECT_EQ(second.limit, 1);
  EXPECT_EQ(judge(all[2], report()).figure, "preemptions count");
}

TEST(Thresholds, SayWhatIsWrongAndWhere) {
  EXPECT_EQ(error_of(R"({"ttft_m": ["avg<1"]})"),
            "a.json: /thresholds/ttft_m: no metric named 'ttft_m' (did you mean 'ttft_ms'?)");
  EXPECT_TRUE(error_of(R"({"token_latency": ["avg<1"]})")
                  .ends_with("(did you mean one of vllm:inter_token_latency_seconds?)"));
  EXPECT_TRUE(
      error_of(R"({"zzz": ["avg<1"]})")
          .starts_with("a.json: /thresholds/zzz: no metric named 'zzz'; known: duration_s, "));
  EXPECT_EQ(error_of(R"({"hit_rate": ["avg<1"]})"),
            "a.json: /thresholds/hit_rate: no metric named 'hit_rate' (did you mean one of "
            "prefix_cache.hit_rate?)");
  EXPECT_EQ(error_of(R"({"ttft_ms": "avg<1"})"),
            "a.json: /thresholds/ttft_ms: expected a list of strings, as in [\"p(95)<200\"]");
  const std::string grammar =
      "; statistics: avg, min, max, med, p(N), count, rate, value; operators: <, <=, >, >=, ==, !=";
  for (const char* bad : {"p95<200", "p(95)<", "p(95)=200", "<200", "avg<200ms", "p(95) 200",
                          "mean<2", "p()<1", "avg<1e999", ""})
    EXPECT_EQ(error_of(std::string(R"({"ttft_ms": ["avg<1", ")") + bad + "\"]}"),
              std::string("a.json: /thresholds/ttft_ms/1: expected STATISTIC OPERATOR NUMBER as in "
                          "'p(95)<200', got '") +
                  bad + "'" + grammar);
  EXPECT_EQ(error_of(R"({"ttft_ms": ["p(75)<1"]})"),
            "a.json: /thresholds/ttft_ms/0: a summary holds no p(75) of ttft_ms; it holds avg, "
            "med, p(50), p(90), p(95), p(99), max, count");
  EXPECT_EQ(error_of(R"({"prefix_cache.hit_rate": ["p(95)<1"]})"),
            "a.json: /thresholds/prefix_cache.hit_rate/0: a summary holds no p(95) of "
            "prefix_cache.hit_rate; it holds rate, value");
  EXPECT_EQ(error_of(R"({"ttft_ms": [{"threshold": "avg<1", "abortOnFail": true}]})"),
            "a.json: /thresholds/ttft_ms/0: abortOnFail is not supported: a simulation is judged "
            "when it is over; write the threshold alone, as in \"p(95)<200\"");
  EXPECT_EQ(error_of(R"({"ttft_ms": [3]})"),
            "a.json: /thresholds/ttft_ms/0: expected a string as in \"p(95)<200\", got 3");
  EXPECT_EQ(error_of("3"), "a.json: /thresholds: expected an object of metric: list of strings");
}

// What a run is held to does not change the run.
TEST(Thresholds, ChangeNoDigest) {
  const auto config = ConfigView::parse(R"({"thresholds": {"ttft_ms": ["avg<1"]}})", "a.json");
  EXPECT_EQ(config.digest(), ConfigView().digest());
}

}  // namespace
}  // namespace kvsim
