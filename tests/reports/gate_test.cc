// The outcome of a gate, told to people and to CI systems.
#include "reports/gate.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "reports/bench_json.h"
#include "sim/core/config_view.h"

namespace kvsim {
namespace {

Finding finding(const std::string& figure, const std::string& rule, double value, double limit,
                Finding::Outcome outcome) {
  Finding f;
  f.figure = figure;
  f.rule = rule;
  f.value = value;
  f.limit = limit;
  f.outcome = outcome;
  return f;
}

Gate gate() {
  Gate g{"runs/a", {}, "hit rate 65.00 % -> 45.00 %", "kvsim explain runs/a says more"};
  g.findings = {
      finding("e2e_ms avg", "1,000 +-0", 1010, 1000, Finding::Outcome::kCrossed),
      finding("preemptions", "0 +-0", 0, 0, Finding::Outcome::kKept),
      finding("ttft_ms p(95)", "p(95)<200", 312.4, 200, Finding::Outcome::kCrossed),
      finding("kv.waste", "0.1 +-0", 0.05, 0.1, Finding::Outcome::kBetter),
  };
  return g;
}

Gate green() {
  Gate g = gate();
  std::erase_if(g.findings,
                [](const Finding& f) { return f.outcome == Finding::Outcome::kCrossed; });
  return g;
}

TEST(GateTable, ShowsWhatCrossedTheWorstFirstAndWhy) {
  EXPECT_EQ(gate_table(gate()),
            "runs/a: 2 of 4 checks crossed\n"
            "\n"
            "crossed           is       rule                by\n"
            "ttft_ms p(95)  312.4  p(95)<200  +112.4 (+56.2 %)\n"
            "e2e_ms avg     1,010  1,000 +-0        +10 (+1 %)\n"
            "\n"
            "why: hit rate 65.00 % -> 45.00 %; kvsim explain runs/a says more\n"
            "1 figure better than the baseline allows for: --update-baseline keeps it so\n");
}

TEST(GateTable, IsOneLineIfAllIsWell) {
  Gate g = green();
  g.findings.pop_back();
  EXPECT_EQ(gate_table(g), "runs/a: 1 check, none crossed\n");
}

TEST(GateMarkdown, IsATable) {
  Gate g = gate();
  g.findings[0].rule = "a|b";
  EXPECT_EQ(gate_markdown(g),
            "### kvsim check: runs/a: 2 of 4 checks crossed\n"
            "\n"
            "| crossed | is | rule | by |\n"
            "|---|---:|---:|---:|\n"
            "| ttft_ms p(95) | 312.4 | p(95)<200 | +112.4 (+56.2 %) |\n"
            "| e2e_ms avg | 1,010 | a\\|b | +10 (+1 %) |\n"
            "\n"
            "why: hit rate 65.00 % -> 45.00 %; kvsim explain runs/a says more\n"
            "1 figure better than the baseline allows for: --update-baseline keeps it so\n"
            "\n");
}

TEST(GateMarkdown, NeverOutgrowsItsLimit) {
  Gate g = gate();
  for (int i = 0; i < 1000; ++i) g.findings.push_back(g.findings[0]);
  for (const std::size_t limit : {600U, 5'000U, 20'000U}) {
    const std::string text = gate_markdown(g, limit);
    EXPECT_LE(text.size(), limit);
    EXPECT_NE(text.find(" more\n"), std::string::npos);
    EXPECT_NE(text.find("why: "), std::string::npos);
  }
}

TEST(GateJunit, HasACasePerFinding) {
  EXPECT_EQ(gate_junit(gate()),
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
            "<testsuites>\n"
            "  <testsuite name=\"kvsim check runs/a\" tests=\"4\" failures=\"2\">\n"
            "    <testcase classname=\"kvsim.runs/a\" name=\"e2e_ms avg: 1,000 +-0\">\n"
            "      <failure message=\"e2e_ms avg is 1,010, rule 1,000 +-0, off by +10 (+1 %)\">hit "
            "rate 65.00 % -&gt; 45.00 %</failure>\n"
            "    </testcase>\n"
            "    <testcase classname=\"kvsim.runs/a\" name=\"preemptions: 0 +-0\"/>\n"
            "    <testcase classname=\"kvsim.runs/a\" name=\"ttft_ms p(95): p(95)&lt;200\">\n"
            "      <failure message=\"ttft_ms p(95) is 312.4, rule p(95)&lt;200, off by +112.4 "
            "(+56.2 %)\">hit rate 65.00 % -&gt; 45.00 %</failure>\n"
            "    </testcase>\n"
            "    <testcase classname=\"kvsim.runs/a\" name=\"kv.waste: 0.1 +-0\"/>\n"
            "  </testsuite>\n"
            "</testsuites>\n");
}

TEST(BenchJson, HasTheKeysOfGithubActionBenchmark) {
  Report report;
  report.ttft_ms = {1, 2, 2, 2, 2, 2.5, 2};
  report.kv.utilization = {1, 0.5, 0, 0, 0, 0, 0};
  const auto smaller = parse_json(bench_json(report, Better::kLower), "smaller");
  const auto bigger = parse_json(bench_json(report, Better::kHigher), "bigger");
  EXPECT_EQ(smaller.at(2).at("name"), "ttft_p99_ms");
  EXPECT_EQ(smaller.at(2).at("unit"), "ms");
  EXPECT_EQ(smaller.at(2).at("value"), 2.5);
  EXPECT_TRUE(smaller.at(2).at("extra").is_string());
  EXPECT_EQ(bigger.at(0).at("name"), "utilization");
  EXPECT_EQ(bigger.at(0).at("value"), 50.0);
}

TEST(NumberText, HasNoMoreDecimalsThanItNeeds) {
  EXPECT_EQ(number_text(1234), "1,234");
  EXPECT_EQ(number_text(0.5), "0.5");
  EXPECT_EQ(number_text(0), "0");
  EXPECT_EQ(number_text(1.0000001), "1");
  EXPECT_EQ(distance_text(1, 0), "+1");
  EXPECT_EQ(distance_text(0.5, 1), "-0.5 (-50 %)");
  EXPECT_EQ(distance_text(2292, 200), "+2,092 (+1,046 %)");
}

}  // namespace
}  // namespace kvsim
