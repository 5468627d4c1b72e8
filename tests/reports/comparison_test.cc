// Side by side: what is best, who may compete, and how it is told.
#include "reports/comparison.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "reports/comparison_text.h"
#include "sim/core/config_view.h"
#include "tests/support/scratch_folder.h"

namespace kvsim {
namespace {

Variant variant(const std::string& label, double e2e_ms, double request_per_s,
                std::int64_t rejected = 0) {
  Variant v{label, nlohmann::ordered_json::object(), {{}}};
  Report& report = v.runs.front();
  v.settings["/cache/eviction"] = label;
  report.e2e_ms.count = 10;
  report.e2e_ms.mean = e2e_ms;
  report.throughput.request_per_s = request_per_s;
  report.requests.total = 10;
  report.requests.rejected = rejected;
  report.requests.completed = 10 - rejected;
  report.provenance.cost_kind = "roofline";
  report.provenance.cost_profile = "h100";
  report.provenance.trace_name = "sample";
  report.provenance.trace_format = "sample";
  return v;
}

std::string verdict_of(const std::vector<Variant>& variants,
                       std::string_view column = kVerdictColumn) {
  return verdict(comparison_column(column), variants);
}

using Bools = std::vector<bool>;

TEST(Comparison, MarksTheBestAndItsEquals) {
  const std::vector<Variant> variants{variant("a", 100, 2), variant("b", 90.01, 3),
                                      variant("c", 90.04, 3)};
  EXPECT_EQ(best_of(comparison_column("e2e_mean_ms"), variants), (Bools{false, true, true}));
  EXPECT_EQ(best_of(comparison_column("request_per_s"), variants), (Bools{false, true, true}));
  EXPECT_EQ(best_of(comparison_column("waste"), variants), (Bools{false, false, false}));
}

TEST(Comparison, KeepsOutWhoTurnsWorkAway) {
  const std::vector<Variant> variants{variant("lazy", 1, 9, 5), variant("b", 90, 2),
                                      variant("c", 100, 1)};
  EXPECT_EQ(best_of(comparison_column("e2e_mean_ms"), variants), (Bools{false, true, false}));
  EXPECT_EQ(verdict_of(variants),
            "b has the lowest mean end-to-end latency: 90.0 ms, 10.0 % below c (1 variant lost "
            "more requests)");
}

TEST(Comparison, SaysByHowMuch) {
  EXPECT_EQ(verdict_of({variant("a", 400, 1), variant("b", 100, 1), variant("c", 110, 1)}),
            "b has the lowest mean end-to-end latency: 100.0 ms, 9.1 % below c and 4.0x lower than "
            "a");
  EXPECT_EQ(verdict_of({variant("a", 1, 1), variant("b", 1, 3)}, "request_per_s"),
            "b has the highest request throughput: 3.00 req/s, 3.0x higher than a");
  EXPECT_EQ(verdict_of({variant("a", 7, 1), variant("b", 7.01, 1)}),
            "no difference in mean end-to-end latency: 7.0 ms for all");
  EXPECT_EQ(verdict_of({variant("a", 7, 1), variant("b", 0, 1)}),
            "b has the lowest mean end-to-end latency: 0.0 ms, a has 7.0");
  EXPECT_EQ(verdict_of({variant("a", 7, 1)}), "a has a mean end-to-end latency of 7.0 ms");
  EXPECT_EQ(verdict_of({variant("a", 7, 1), variant("b", 7, 1), variant("c", 8, 1)}),
            "a has the lowest mean end-to-end latency: 7.0 ms, the same as b and 12.5 % below c");
  EXPECT_EQ(verdict_of({}), "nothing to compare");
}

TEST(Comparison, SortsBestFirstAndLosersLast) {
  std::vector<Variant> variants{variant("lazy", 1, 9, 5), variant("c", 100, 1), variant("b", 90, 2),
                                variant("d", 100, 1)};
  sort_by(comparison_column("e2e_mean_ms"), variants);
  std::string order;
  for (const Variant& v : variants) order += v.label + " ";
  EXPECT_EQ(order, "b c d lazy ");
}

TEST(Comparison, SuggestsTheColumnThatWasMeant) {
  try {
    (void)comparison_column("e2e_mean");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(),
                 "--sort: e2e_mean: no such column; known: utilization, waste, hit_rate, "
                 "ttft_p50_ms, ttft_p99_ms, tpot_p50_ms, e2e_mean_ms, request_per_s, "
                 "output_tok_per_s, preemptions, rejected, max_running");
  }
}

// The same variant on several seeds: one end-to-end latency each.
Variant seeded(const std::string& label, const std::vector<double>& e2e_ms) {
  Variant v{label, nlohmann::ordered_json::object(), {}};
  for (const double e2e : e2e_ms) {
    v.runs.push_back(variant(label, e2e, 1).first());
    v.runs.back().provenance.seed = v.runs.size() - 1;
    v.runs.back().provenance.fingerprint = std::to_string(e2e);
  }
  return v;
}

// Differences of -2 and -4 ms: mean -3, Student's t of one degree of freedom 12.706, half interval
// 12.706 ms. Of -3, -3 and -3.3 ms: t of two degrees 4.303, half 4.303 * 0.1 = 0.43.
TEST(Comparison, TellsADifferenceFromNoise) {
  const std::vector<Variant> noisy{seeded("a", {100, 200}), seeded("b", {102, 204})};
  EXPECT_EQ(best_of(comparison_column("e2e_mean_ms"), noisy), (Bools{false, false}));
  EXPECT_EQ(verdict_of(noisy),
            "no difference in mean end-to-end latency beyond the noise: 150.0 ms of a to 153.0 ms "
            "of b; means of 2 seeds");
  EXPECT_EQ(why(comparison_column("e2e_mean_ms"), noisy), "");
  const std::vector<Variant> clear{seeded("a", {100, 200, 300}), seeded("b", {103, 203, 303.3})};
  EXPECT_EQ(best_of(comparison_column("e2e_mean_ms"), clear), (Bools{true, false}));
  EXPECT_EQ(verdict_of(clear),
            "a has the lowest mean end-to-end latency: 200.0 ms, 1.5 +- 0.2 % below b; means of 3 "
            "seeds");
}

TEST(Comparison, CallsARunnerUpWithinTheNoiseSo) {
  const std::vector<Variant> variants{seeded("a", {100, 200, 300}), seeded("b", {99, 204, 301}),
                                      seeded("c", {150, 250, 351})};
  EXPECT_EQ(best_of(comparison_column("e2e_mean_ms"), variants), (Bools{true, true, false}));
  const std::string text = verdict_of(variants);
  EXPECT_NE(text.find("200.0 ms, no different from b beyond the noise (0.6 +- 3.1 %) and 20.1 +- "
                      "0.6 % below c"),
            std::string::npos)
      << text;
}

TEST(Comparison, NeverLetsABoundWin) {
  std::vector<Variant> variants{variant("optimal", 1, 9), variant("a", 90, 2), variant("b", 95, 2)};
  variants[0].bound = true;
  EXPECT_EQ(best_of(comparison_column("e2e_mean_ms"), variants), (Bools{false, true, false}));
  EXPECT_EQ(verdict_of(variants),
            "a has the lowest mean end-to-end latency: 90.0 ms, 5.3 % below b");
  sort_by(comparison_column("e2e_mean_ms"), variants);
  EXPECT_EQ(variants.back().label, "optimal");
  const std::string text = comparison_table(variants, comparison_column(kVerdictColumn), false);
  EXPECT_NE(text.find("\noptimal (bound) "), std::string::npos) << text;
  EXPECT_NE(text.find("(bound) eviction that knows the future"), std::string::npos);
  // A bound that loses requests does not let others lose them either.
  variants.back().runs[0].requests.rejected = 0;
  variants[0].runs[0].requests.rejected = variants[1].runs[0].requests.rejected = 1;
  EXPECT_EQ(best_of(comparison_column("e2e_mean_ms"), variants), (Bools{true, false, false}));
}

TEST(Comparison, SaysWhyInFiguresOfTheReports) {
  std::vector<Variant> variants{variant("a", 90, 2), variant("b", 100, 2)};
  EXPECT_EQ(why(comparison_column("e2e_mean_ms"), variants), "") << "nothing else differs";
  variants[0].runs[0].prefix_cache.hit_rate = 0.8;
  variants[1].runs[0].prefix_cache.hit_rate = 0.5;
  variants[1].runs[0].preemptions = 3;
  EXPECT_EQ(why(comparison_column("e2e_mean_ms"), variants),
            "beside b (only eviction differs): hit rate 80.00 % against 50.00 %, preemptions 0 "
            "against 3");
  // The last one differs in two settings: it is told too, behind the fair comparison.
  variants.push_back(variant("c", 200, 2));
  variants.back().settings["/cache/allocator"] = "contiguous";
  variants.back().runs[0].prefix_cache.hit_rate = 0.1;
  EXPECT_EQ(why(comparison_column("e2e_mean_ms"), variants),
            "beside b (only eviction differs): hit rate 80.00 % against 50.00 %, preemptions 0 "
            "against 3; beside c: hit rate 80.00 % against 10.00 %");
}

TEST(ComparisonText, ShowsIntervalsAndSaysIfTheSeedChangesNothing) {
  std::vector<Variant> variants{seeded("a", {100, 200}), seeded("b", {102, 204})};
  const Column& about = comparison_column(kVerdictColumn);
  std::string text = comparison_table(variants, about, false);
  EXPECT_NE(text.find("\n  +- "), std::string::npos) << text;
  EXPECT_NE(text.find("635.3 "), std::string::npos) << "12.706 * 50";
  EXPECT_NE(text.find("; seeds 0 to 1\n"), std::string::npos);
  EXPECT_EQ(text.find("the seed changes nothing"), std::string::npos);
  EXPECT_NE(comparison_markdown(variants, about).find(" 150.0 ± 635.3 |"), std::string::npos);
  EXPECT_NE(comparison_csv(variants).find(",max_running,utilization_ci95,"), std::string::npos);
  const auto json = parse_json(comparison_json(variants, about), "x");
  EXPECT_EQ(json["variants"][0]["seeds"].size(), 2U);
  EXPECT_EQ(json["variants"][0]["means"]["e2e_mean_ms"]["mean"], 150.0);
  variants = {seeded("a", {100, 100}), seeded("b", {102, 102})};
  text = comparison_table(variants, about, false);
  EXPECT_NE(text.find("the seed changes nothing in this workload"), std::string::npos) << text;
}

TEST(ComparisonText, EqualsItsSchemaKeyByKeyInOrder) {
  const std::string path = KVSIM_SOURCE_DIR "/reports/schema/comparison.schema.json";
  const auto schema = parse_json(text_of(path), path);
  const auto keys = [](const auto& object) {
    std::vector<std::string> all;
    for (const auto& [key, value] : object.items()) all.push_back(key);
    return all;
  };
  const std::vector<Variant> variants{seeded("a", {100, 200}), seeded("b", {102, 204})};
  const auto json = parse_json(comparison_json(variants, comparison_column(kVerdictColumn)), "x");
  EXPECT_EQ(keys(json), keys(schema["properties"]));
  EXPECT_EQ(keys(json["variants"][0]),
            keys(schema["properties"]["variants"]["items"]["properties"]));
}

TEST(ComparisonText, IsATable) {
  const std::vector<Variant> variants{variant("long label", 1234.56, 2), variant("b", 90, 2)};
  EXPECT_EQ(
      comparison_table(variants, comparison_column(kVerdictColumn), false),
      "           util  waste  hit    TTFT    TTFT    TPOT      E2E  served  output  preempt  "
      "reject"
      "  batch\n"
      "              %      %    %  p50 ms  p99 ms  p50 ms  mean ms   req/s   tok/s    times     "
      "req"
      "    max\n"
      "long label  0.0    0.0  0.0     0.0     0.0    0.00  1,234.6    2.00       0        0       "
      "0"
      "      0\n"
      "b           0.0    0.0  0.0     0.0     0.0    0.00     90.0*   2.00       0        0       "
      "0"
      "      0\n"
      "\n"
      "* best of its column, among those that lost the fewest requests\n"
      "times: roofline: h100; trace: sample (sample); seed 0\n"
      "verdict: b has the lowest mean end-to-end latency: 90.0 ms, 13.7x lower than long label\n");
}

TEST(ComparisonText, IsBoldOnlyInColourAndOnlyWhereItIsBest) {
  const std::vector<Variant> variants{variant("a*", 100, 2), variant("b", 90, 2)};
  const Column& about = comparison_column(kVerdictColumn);
  const std::string plain = comparison_table(variants, about, false);
  std::string bold = comparison_table(variants, about, true);
  EXPECT_EQ(plain.find('\x1b'), std::string::npos);
  const std::size_t on = bold.find("\x1b[1m90.0\x1b[0m*");
  ASSERT_NE(on, std::string::npos) << bold;
  bold.replace(on, 13, "90.0*");
  EXPECT_EQ(bold, plain);
}

TEST(ComparisonText, IsMarkdown) {
  const std::vector<Variant> variants{variant("a|b", 100, 2), variant("b", 90, 2)};
  EXPECT_EQ(comparison_markdown(variants, comparison_column(kVerdictColumn)),
            "| variant | util % | waste % | hit % | TTFT p50 ms | TTFT p99 ms | TPOT p50 ms | E2E "
            "mean ms | served req/s | output tok/s | preempt times | reject req | batch max |\n"
            "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n"
            "| a\\|b | 0.0 | 0.0 | 0.0 | 0.0 | 0.0 | 0.00 | 100.0 | 2.00 | 0 | 0 | 0 | 0 |\n"
            "| b | 0.0 | 0.0 | 0.0 | 0.0 | 0.0 | 0.00 | **90.0** | 2.00 | 0 | 0 | 0 | 0 |\n"
            "\n"
            "times: roofline: h100; trace: sample (sample); seed 0\n"
            "\n"
            "**Verdict:** b has the lowest mean end-to-end latency: 90.0 ms, 10.0 % below a\\|b\n");
}

TEST(ComparisonText, SaysHowSureThePricesAre) {
  std::vector<Variant> variants{variant("a", 100, 2)};
  variants[0].runs[0].provenance.cost_holdout_error = 0.025;
  EXPECT_NE(comparison_markdown(variants, comparison_column(kVerdictColumn))
                .find("times: roofline: h100, hold-out error 2.5 %; trace: sample"),
            std::string::npos);
}

TEST(ComparisonText, IsCsv) {
  std::vector<Variant> variants{variant("x=\"1,2\"", 1234.5678912, 2)};
  variants[0].runs[0].requests.rejected = 3;
  EXPECT_EQ(comparison_csv(variants),
            "variant,utilization,waste,hit_rate,ttft_p50_ms,ttft_p99_ms,tpot_p50_ms,e2e_mean_ms,"
            "request_per_s,output_tok_per_s,preemptions,rejected,max_running\n"
            "\"x=\"\"1,2\"\"\",0,0,0,0,0,0,1234.567891,2,0,0,3,0\n");
}

TEST(ComparisonText, IsJson) {
  const std::vector<Variant> variants{variant("a", 100, 2), variant("b", 90, 2)};
  const auto json = parse_json(comparison_json(variants, comparison_column(kVerdictColumn)), "x");
  EXPECT_EQ(json["schema_version"], 1);
  EXPECT_EQ(json["verdict"], verdict_of(variants));
  EXPECT_EQ(json["variants"][1]["label"], "b");
  EXPECT_EQ(json["variants"][1]["settings"].dump(), R"({"/cache/eviction":"b"})");
  EXPECT_EQ(json["variants"][1]["summary"]["e2e_ms"]["mean"], 90.0);
}

}  // namespace
}  // namespace kvsim
