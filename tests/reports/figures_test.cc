// The catalogue of published metrics says what summary.json says, under summary.json's names.
#include "reports/figures.h"

#include <algorithm>
#include <functional>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "reports/summary_json.h"
#include "sim/core/config_view.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

// A report in which every number differs from every other.
Report numbered_report() {
  Report empty;
  empty.speculation.emplace();
  empty.requests.lost = empty.requests.retries = 0;
  empty.failed_loads.emplace();
  Json document = summary_json(empty);
  std::int64_t next = 1;
  const std::function<void(Json&)> number = [&](Json& node) {
    if (node.is_object() || node.is_array())
      for (Json& child : node) number(child);
    else if (node.is_number_float())
      node = static_cast<double>(next++) + 0.5;
    else if (node.is_number_integer())
      node = next++;
  };
  number(document);
  document["schema_version"] = kSummarySchemaVersion;
  return read_summary(Json::parse(document.dump()), "numbered");
}

Json at(const Json& summary, std::string_view name) {
  std::string pointer(1, '/');
  pointer += name;
  std::replace(pointer.begin(), pointer.end(), '.', '/');
  return summary.at(Json::json_pointer(pointer));
}

TEST(Figures, AreTheNumbersThatTheSummaryHasUnderTheirNames) {
  const Report report = numbered_report();
  const Json summary = summary_json(report);
  for (const Metric& metric : published_metrics()) {
    if (metric.name == "kv.waste") continue;  // a sum of three
    const Json value = at(summary, metric.name);
    if (metric.kind != Metric::Kind::kTrend) {
      EXPECT_EQ(figure(metric, {Statistic::Kind::kValue}, report), value.get<double>())
          << metric.name;
      continue;
    }
    EXPECT_EQ(figure(metric, {Statistic::Kind::kAvg}, report), value["mean"].get<double>());
    EXPECT_EQ(figure(metric, {Statistic::Kind::kMed}, report), value["p50"].get<double>());
    EXPECT_EQ(figure(metric, {Statistic::Kind::kMax}, report), value["max"].get<double>());
    EXPECT_EQ(figure(metric, {Statistic::Kind::kCount}, report), value["count"].get<double>());
    for (const int p : {50, 90, 95, 99})
      EXPECT_EQ(figure(metric, {Statistic::Kind::kPercentile, static_cast<double>(p)}, report),
                value[fmt::format("p{}", p)].get<double>());
  }
}

TEST(Figures, HaveOneNameEach) {
  std::set<std::string_view> names;
  for (const Metric& metric : published_metrics()) {
    EXPECT_TRUE(names.insert(metric.name).second) << metric.name;
    if (metric.vllm.empty()) continue;
    EXPECT_TRUE(metric.vllm.starts_with("vllm:")) << metric.vllm;
    EXPECT_TRUE(names.insert(metric.vllm).second) << metric.vllm;
  }
}

TEST(Figures, AreAlsoCalledAsVllmCallsThem) {
  const auto ttft = find_metric("vllm:time_to_first_token_seconds");
  ASSERT_TRUE(ttft);
  EXPECT_EQ(ttft->metric->name, "ttft_ms");
  EXPECT_EQ(ttft->scale, 1e-3);
  for (const char* name :
       {"vllm:kv_cache_usage_perc", "vllm:prefix_cache_queries", "vllm:prefix_cache_hits",
        "vllm:num_preemptions", "vllm:inter_token_latency_seconds",
        "vllm:e2e_request_latency_seconds", "vllm:request_queue_time_seconds"})
    EXPECT_TRUE(find_metric(name)) << name;
  EXPECT_FALSE(find_metric("ttft"));
}

TEST(Figures, CountPerSecondOfTheRun) {
  Report report;
  report.preemptions = 30;
  const Metric& metric = *find_metric("preemptions")->metric;
  EXPECT_EQ(figure(metric, {Statistic::Kind::kRate}, report), std::nullopt);
  report.duration_s = 60;
  EXPECT_EQ(figure(metric, {Statistic::Kind::kRate}, report), 0.5);
}

TEST(Figures, LeaveOutWhatWasNotMeasured) {
  const Figures figures = figures_of(Report{});
  EXPECT_FALSE(figures.contains("ttft_ms avg"));
  EXPECT_FALSE(figures.contains("speculation.acceptance_rate"));
  EXPECT_EQ(figures.at("preemptions"), 0);
}

TEST(Figures, HaveMeans) {
  std::vector<Report> runs(2);
  runs[0].preemptions = 1;
  runs[1].preemptions = 4;
  runs[1].ttft_ms = {1, 5, 5, 5, 5, 5, 5};
  EXPECT_EQ(mean_figures(runs).at("preemptions"), 2.5);
  EXPECT_FALSE(mean_figures(runs).contains("ttft_ms avg")) << "only one of them has it";
}

TEST(Figures, KnowTheirMetricByTheirKey) {
  for (const auto& [key, value] : figures_of(numbered_report()))
    EXPECT_NE(metric_of_figure(key), nullptr) << key;
  EXPECT_EQ(metric_of_figure("ttft_ms p(99)")->name, "ttft_ms");
  EXPECT_EQ(metric_of_figure("ttft_ms p(98)"), nullptr);
  EXPECT_EQ(metric_of_figure("ttft_ms"), nullptr);
}

}  // namespace
}  // namespace kvsim
