// OpenMetrics text: vLLM's names, what happened when, and a real Prometheus that reads it.
#include "reports/openmetrics.h"

#include <cmath>
#include <cstdlib>

#include <gtest/gtest.h>

#include "reports/summary_json.h"
#include "tests/support/program.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

constexpr Duration kInterval = std::chrono::milliseconds(10);

struct Watched {
  Timeline timeline{kInterval, 1'000};
  LatencyTimeline latencies{kInterval, 1'000};
  Report report;
  [[nodiscard]] std::string text(std::string_view model = "m") const {
    std::string all;
    write_openmetrics(timeline, latencies, model, [&all](std::string_view piece) { all += piece; });
    return all;
  }
};

// Steps take 10 ms, one request runs at a time. The first: tokens at 10, 20 and 30 ms. The second
// waits until 30 and has its tokens at 40, 50 and 60.
Watched two_requests() {
  Watched watched;
  tiny::World world;
  world.config.set("/scheduler/max_num_seqs=1");
  world.requests = {tiny::lonely(0, 20, 3), tiny::lonely(0, 20, 3)};
  watched.report = world.run({&watched.timeline, &watched.latencies});
  return watched;
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(OpenMetrics, CallsThingsAsVllmDoesAndEndsWithEof) {
  const std::string text = two_requests().text();
  for (const char* type :
       {"vllm:num_requests_running gauge", "vllm:num_requests_waiting gauge",
        "vllm:kv_cache_usage_perc gauge", "vllm:prefix_cache_queries counter",
        "vllm:prefix_cache_hits counter", "vllm:num_preemptions counter",
        "vllm:time_to_first_token_seconds histogram", "vllm:inter_token_latency_seconds histogram",
        "vllm:e2e_request_latency_seconds histogram", "vllm:request_queue_time_seconds histogram"})
    EXPECT_TRUE(has_line(text, std::string("# TYPE ") + type)) << type;
  EXPECT_TRUE(text.ends_with("\n# EOF\n"));
}

TEST(OpenMetrics, SaysWhatHeldWhen) {
  const std::string text = two_requests().text();
  for (const char* line : {"vllm:num_requests_running{model_name=\"m\"} 1 0.000",
                           "vllm:num_requests_waiting{model_name=\"m\"} 1 0.020",
                           "vllm:num_requests_waiting{model_name=\"m\"} 0 0.040",
                           "vllm:prefix_cache_queries_total{model_name=\"m\"} 20 0.000",
                           "vllm:prefix_cache_queries_total{model_name=\"m\"} 40 0.060"})
    EXPECT_TRUE(has_line(text, line)) << line << "\n" << text;
}

// TTFT 10 and 40 ms, four gaps of 10 ms; E2E 30 and 60 ms, queue 0 and 30 ms.
TEST(OpenMetrics, FillsVllmsBuckets) {
  const std::string text = two_requests().text();
  const auto expect = [&text](const std::string& name, const std::string& value) {
    const std::string line = "vllm:" + name + " " + value + " 0.060";
    EXPECT_TRUE(has_line(text, line)) << line;
  };
  const auto bucket = [](const std::string& name, const std::string& le) {
    return name + "_bucket{model_name=\"m\",le=\"" + le + "\"}";
  };
  expect(bucket("time_to_first_token_seconds", "0.005"), "0");
  expect(bucket("time_to_first_token_seconds", "0.01"), "1");  // "le": equality is inside
  expect(bucket("time_to_first_token_seconds", "0.02"), "1");
  expect(bucket("time_to_first_token_seconds", "0.04"), "2");
  expect(bucket("time_to_first_token_seconds", "+Inf"), "2");
  expect("time_to_first_token_seconds_sum{model_name=\"m\"}", "0.050000000");
  expect(bucket("inter_token_latency_seconds", "0.01"), "4");
  expect("inter_token_latency_seconds_count{model_name=\"m\"}", "4");
  expect(bucket("e2e_request_latency_seconds", "0.3"), "2");
  expect("e2e_request_latency_seconds_sum{model_name=\"m\"}", "0.090000000");
  expect("request_queue_time_seconds_sum{model_name=\"m\"}", "0.030000000");
}

TEST(OpenMetrics, EscapesTheModelsName) {
  EXPECT_TRUE(two_requests().text("a\"b\\c").starts_with("# HELP"));
  EXPECT_NE(two_requests().text("a\"b\\c").find("{model_name=\"a\\\"b\\\\c\"}"), std::string::npos);
}

// Prometheus keeps milliseconds: the end of a run 1 ms behind a row takes that row's place.
TEST(OpenMetrics, HasOneSampleOfAMillisecond) {
  Watched watched;
  const Request r = tiny::lonely(0, 20, 1);
  watched.timeline.on_arrival(tiny::at_ms(0), r, ReplicaId{0});
  watched.latencies.on_arrival(tiny::at_ms(0), r, ReplicaId{0});
  watched.timeline.on_end(tiny::at_ms(10.4));
  watched.latencies.on_end(tiny::at_ms(10.4));
  const std::string text = watched.text();
  EXPECT_EQ(text.find("} 1 0.010\n"), text.rfind("} 1 0.010\n"));
  EXPECT_TRUE(has_line(text, "vllm:num_requests_waiting{model_name=\"m\"} 1 0.010")) << text;
}

TEST(OpenMetrics, IsReadBackByPrometheus) {
  if (std::system("command -v promtool prometheus >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "no promtool and prometheus here (Debian package prometheus)";
  const ScratchFolder folder;
  const std::string file = folder / "run.om";
  const Outcome run = run_program("run --json --openmetrics " + file);
  ASSERT_EQ(run.code, 0) << run.err;
  const Report report = read_summary(parse_json(run.out, "x"), "x");
  const std::string end = fmt::format("{}", std::ceil(report.duration_s) + 1);
  const auto query = [&](const std::string& expression) {
    const std::string command =
        fmt::format("{}/tests/reports/prometheus.sh {} {} '{}' {} 2>{}", KVSIM_SOURCE_DIR, file,
                    folder / "data", expression, end, folder / "log");
    std::FILE* pipe = popen(command.c_str(), "r");
    std::string text(64, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), pipe));
    EXPECT_EQ(pclose(pipe), 0) << text_of(folder / "log");
    return std::atof(text.c_str());
  };
  EXPECT_EQ(query("vllm:prefix_cache_hits_total"),
            static_cast<double>(report.prefix_cache.hit_tokens));
  EXPECT_EQ(query("vllm:e2e_request_latency_seconds_count"),
            static_cast<double>(report.requests.completed));
  EXPECT_NEAR(query("1e3 * vllm:e2e_request_latency_seconds_sum / "
                    "vllm:e2e_request_latency_seconds_count"),
              report.e2e_ms.mean, 1e-3);
  EXPECT_EQ(query("max_over_time(vllm:num_preemptions_total[1h])"),
            static_cast<double>(report.preemptions));
}

}  // namespace
}  // namespace kvsim
