// report.html: what is in it, and that no word of a user can break out of it.
#include "reports/html/report_html.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "reports/html/finding.h"
#include "reports/html/payload.h"
#include "reports/summary_json.h"
#include "tests/support/program.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

/// The value that a page draws.
Json payload_of(const std::string& page) {
  const std::string open = R"(<script type="application/json" id="payload">)";
  const std::size_t begin = page.find(open);
  const std::size_t end = page.find("</script>", begin);
  EXPECT_NE(begin, std::string::npos);
  if (begin == std::string::npos) return {};
  return Json::parse(page.substr(begin + open.size(), end - begin - open.size()));
}

TEST(ReportTemplate, AllowsNothingFromOutside) {
  const std::string page(report_template());
  EXPECT_NE(page.find("default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
                      "img-src data:"),
            std::string::npos);
  EXPECT_EQ(page.find("@KVSIM_PAYLOAD@"), page.rfind("@KVSIM_PAYLOAD@")) << "one place for data";
  for (const char* loader : {" src=\"http", "@import", "url(http"})
    EXPECT_EQ(page.find(loader), std::string::npos) << loader;
}

TEST(ReportHtml, NoWordBreaksOut) {
  const std::string evil = "</script><script>alert(1)</script><!-- \xe2\x80\xa8 \\u003c \" &lt;";
  const Json payload{{"runs", Json::array({{{"label", evil}}})}};
  const std::string page = report_html(payload);
  EXPECT_EQ(payload_of(page), payload);
  EXPECT_EQ(page.find("<script>alert(1)"), std::string::npos);
  const std::string nothing = report_html(Json::object());
  const auto tags = [](const std::string& text) {
    return std::count(text.begin(), text.end(), '<');
  };
  EXPECT_EQ(tags(page), tags(nothing));
}

TEST(ReportHtml, BytesThatAreNoTextAreReplaced) {
  const std::string page = report_html(Json{{"label", "a\xff"}});
  EXPECT_EQ(payload_of(page)["label"], "a\xef\xbf\xbd");
}

TEST(RunVerb, WritesAReportOfItsSummary) {
  const ScratchFolder folder;
  ASSERT_EQ(run_program("run demo --out " + (folder / "a")).code, 0);
  const std::string page = text_of(folder / "a/report.html");
  EXPECT_LT(page.size(), 3'000'000U);
  const Json payload = payload_of(page);
  ASSERT_EQ(payload["runs"].size(), 1U);
  const Json& run = payload["runs"][0];
  const Json summary = Json::parse(text_of(folder / "a/summary.json"));
  EXPECT_EQ(run["summary"], summary);
  EXPECT_FALSE(payload["title"].get<std::string>().empty());

  const std::int64_t capacity = summary["kv"]["capacity_tokens"];
  const Json& time = run["timeline"];
  EXPECT_LE(time["time_s"].size(), 1501U);
  for (std::size_t i = 0; i < time["time_s"].size(); ++i) {
    std::int64_t sum = 0;
    for (const char* part : {"used", "reserved", "internal", "external", "cached", "free"})
      sum += time[part][i].get<std::int64_t>();
    ASSERT_EQ(sum, capacity) << "at " << time["time_s"][i];
  }
  EXPECT_EQ(time["hits"].back(), summary["prefix_cache"]["hit_tokens"]);
  EXPECT_EQ(time["queries"].back(), summary["prefix_cache"]["query_tokens"]);
  EXPECT_EQ(run["log"]["evictions"]["count"], summary["evictions"]);
  for (const Json& law : run["invariants"]) EXPECT_NE(law["holds"], false) << law["law"];

  ASSERT_EQ(run_program("run demo --out " + (folder / "b")).code, 0);
  EXPECT_EQ(text_of(folder / "b/report.html"), page) << "same bytes each time";
}

TEST(RunVerb, ReportsARunWithoutTimeToo) {
  const ScratchFolder folder;
  ASSERT_EQ(run_program("run demo --set /mode=alone --out " + (folder / "a")).code, 0);
  const Json run = payload_of(text_of(folder / "a/report.html"))["runs"][0];
  EXPECT_FALSE(run.contains("timeline"));
  EXPECT_FALSE(run.contains("maps"));
  for (const Json& law : run["invariants"]) EXPECT_NE(law["holds"], false) << law["law"];
}

TEST(CompareVerb, WritesAPage) {
  const ScratchFolder folder;
  const std::string file = folder / "page.html";
  const Outcome with = run_program("compare demo --json --html " + file);
  ASSERT_EQ(with.code, 0);
  EXPECT_EQ(with.out, run_program("compare demo --json").out) << "watching changes nothing";
  const Json printed = Json::parse(with.out);
  const Json payload = payload_of(text_of(file));
  EXPECT_EQ(payload["title"], printed["verdict"]);
  ASSERT_EQ(payload["runs"].size(), printed["variants"].size());
  for (std::size_t i = 0; i < payload["runs"].size(); ++i) {
    EXPECT_EQ(payload["runs"][i]["summary"], printed["variants"][i]["summary"]);
    EXPECT_TRUE(payload["runs"][i].contains("timeline"));
  }
  for (const Json& column : payload["columns"])
    EXPECT_EQ(column["values"].size(), payload["runs"].size());
}

TEST(CompareVerb, DrawsFinishedRuns) {
  const ScratchFolder folder;
  ASSERT_EQ(run_program("run demo --out " + (folder / "a")).code, 0);
  const std::string page = folder / "page.html";
  ASSERT_EQ(
      run_program("compare " + (folder / "a") + " " + (folder / "a") + " --html " + page).code, 0);
  EXPECT_EQ(payload_of(text_of(page))["runs"].size(), 2U);
}

TEST(CompareVerb, SaysAtOnceThatAPageCannotBeWritten) {
  const ScratchFolder folder;
  const Outcome outcome = run_program("compare demo --html " + (folder / "none/page.html"));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_EQ(folder.entries(), 0U);
}

Report good() {
  Report r;
  r.requests.total = r.requests.completed = 100;
  r.computed_tokens = 10'000;
  r.ttft_ms.count = r.queue_ms.count = 100;
  r.ttft_ms.mean = 20;
  r.queue_ms.mean = 1;
  r.ttft_ms.p99 = 123.4;
  r.kv.usage.max = 0.5;
  r.kv.utilization = {1, 0.99, 0.99, 0.99, 0.99, 0.99, 1};
  return r;
}

TEST(Finding, SaysTheWorstThatIsSo) {
  Report r = good();
  EXPECT_EQ(finding(r), "Memory was enough: at most 50.0 % of it was held; p99 TTFT is 123.4 ms");
  r.prefix_cache.query_tokens = 10;
  r.prefix_cache.hit_rate = 0.25;
  EXPECT_EQ(finding(r),
            "Memory was enough: at most 50.0 % of it was held and the cache gave 25.0 % of the "
            "prompts; p99 TTFT is 123.4 ms");
  r.kv.utilization.mean = 0.3;
  r.kv.waste = {0.6, 0.1, 0};
  EXPECT_EQ(finding(r),
            "70.0 % of the memory that sequences were given held no token: 60.0 % reserved, 10.0 % "
            "internal, 0.0 % external");
  r.queue_ms.mean = 15;
  EXPECT_EQ(finding(r),
            "Requests mostly wait: of a mean 20.0 ms to the first token 15.0 ms are queueing, with "
            "50.0 % of the memory held at the peak");
  r.recomputed_tokens = 100;
  r.preemptions = 1;
  r.ttft_ms.p99 = 45'678;
  EXPECT_EQ(finding(r),
            "Memory ran short: 1 preemption cost 1.0 % of all computed tokens; p99 TTFT is 45.7 s");
  r.requests.completed = 98;
  r.requests.rejected = r.requests.rejected_too_long = 2;
  EXPECT_EQ(finding(r), "2 of 100 requests were not served: 2 too long, 0 too large, 0 unfinished");
}

}  // namespace
}  // namespace kvsim
