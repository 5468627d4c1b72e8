// Side by side: what is best, who may compete, and how it is told.
#include "reports/comparison.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "reports/comparison_text.h"
#include "sim/core/config_view.h"

namespace kvsim {
namespace {

Variant variant(const std::string& label, double e2e_ms, double request_per_s,
                std::int64_t rejected = 0) {
  Variant v{label, nlohmann::ordered_json::object(), {}};
  v.settings["/cache/eviction"] = label;
  v.report.e2e_ms.mean = e2e_ms;
  v.report.throughput.request_per_s = request_per_s;
  v.report.requests.total = 10;
  v.report.requests.rejected = rejected;
  v.report.requests.completed = 10 - rejected;
  v.report.provenance.cost_kind = "roofline";
  v.report.provenance.cost_profile = "h100";
  v.report.provenance.trace_name = "sample";
  v.report.provenance.trace_format = "sample";
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
  variants[0].report.provenance.cost_holdout_error = 0.025;
  EXPECT_NE(comparison_markdown(variants, comparison_column(kVerdictColumn))
                .find("times: roofline: h100, hold-out error 2.5 %; trace: sample"),
            std::string::npos);
}

TEST(ComparisonText, IsCsv) {
  std::vector<Variant> variants{variant("x=\"1,2\"", 1234.5678912, 2)};
  variants[0].report.requests.rejected = 3;
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
