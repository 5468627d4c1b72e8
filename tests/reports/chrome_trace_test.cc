// Chrome trace events: spans that nest, in the window, and what a request went through.
#include "reports/chrome_trace.h"

#include <map>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;
constexpr ChromeTrace::Window kAll{};

struct Traced {
  Json document;
  std::optional<Time> cut;
  Report report;
  [[nodiscard]] std::vector<Json> events(const std::string& ph) const {
    std::vector<Json> found;
    for (const Json& event : document["traceEvents"])
      if (event["ph"] == ph) found.push_back(event);
    return found;
  }
};

Traced trace(const tiny::World& world, ChromeTrace::Window window,
             std::int64_t most = ChromeTrace::kMostEvents) {
  std::string text;
  ChromeTrace trace([&text](std::string_view piece) { text += piece; }, window, most);
  Traced traced;
  traced.report = world.run({&trace});
  traced.document = Json::parse(text);
  traced.cut = trace.cut();
  return traced;
}

// One at a time, 10 ms a step: the second waits for the first from 0 to 30, runs from 30 to 60.
tiny::World two_requests() {
  tiny::World world;
  world.config.set("/scheduler/max_num_seqs=1");
  world.requests = {tiny::lonely(0, 20, 3), tiny::lonely(0, 20, 3)};
  return world;
}

// "name from to" of the spans of one request, in the order they were closed.
std::vector<std::string> spans_of(const Traced& traced, int id) {
  std::vector<std::string> spans;
  std::vector<Json> open;
  for (const Json& event : traced.document["traceEvents"]) {
    if (event.value("id", -1) != id) continue;
    if (event["ph"] == "b") open.push_back(event);
    if (event["ph"] != "e") continue;
    EXPECT_EQ(open.back()["name"], event["name"]) << "spans of one id nest";
    spans.push_back(fmt::format("{} {} {}", event["name"].get<std::string>(),
                                open.back()["ts"].get<double>() / 1000,
                                event["ts"].get<double>() / 1000));
    open.pop_back();
  }
  EXPECT_TRUE(open.empty());
  return spans;
}

using Spans = std::vector<std::string>;

TEST(ChromeTrace, TellsTheLifeOfARequest) {
  const Traced traced = trace(two_requests(), kAll);
  EXPECT_EQ(spans_of(traced, 0), (Spans{"prefill 0 10", "decode 10 30", "request 0 0 30"}));
  EXPECT_EQ(spans_of(traced, 1),
            (Spans{"queued 0 30", "prefill 30 40", "decode 40 60", "request 1 0 60"}));
}

TEST(ChromeTrace, CutsSpansOffAtTheWindow) {
  const Traced traced = trace(two_requests(), {tiny::at_ms(15), tiny::at_ms(35)});
  EXPECT_EQ(spans_of(traced, 0), (Spans{"decode 15 30", "request 0 15 30"}));
  EXPECT_EQ(spans_of(traced, 1), (Spans{"queued 15 30", "prefill 30 35", "request 1 15 35"}));
  ASSERT_EQ(traced.events("X").size(), 2U);  // the steps that begin at 20 and 30
  EXPECT_EQ(traced.events("X")[0]["ts"], 20000.0);
  EXPECT_FALSE(traced.cut);
}

TEST(ChromeTrace, HasASlicePerStepAndCountersThatAddUp) {
  tiny::World world;
  world.requests = tiny::random_requests(5, 80, 20);
  const Traced traced = trace(world, kAll);
  EXPECT_EQ(static_cast<std::int64_t>(traced.events("X").size()), traced.report.batch.steps);
  std::int64_t tokens = 0;
  for (const Json& step : traced.events("X")) tokens += step["args"]["tokens"].get<std::int64_t>();
  EXPECT_EQ(tokens, traced.report.computed_tokens);
  for (const Json& counter : traced.events("C")) {
    if (counter["name"] != "KV tokens") continue;
    std::int64_t sum = 0;
    for (const Json& part : counter["args"]) sum += part.get<std::int64_t>();
    EXPECT_EQ(sum, traced.report.kv.capacity_tokens);
  }
}

// A pipeline's steps overlap, and slices of one thread may not.
TEST(ChromeTrace, PutsStepsThatOverlapOnThreadsOfTheirOwn) {
  std::string text;
  ChromeTrace trace([&text](std::string_view piece) { text += piece; }, kAll);
  const StepShape shape;
  const StepPlan plan;
  const Sequences sequences;
  for (int i = 0; i < 6; ++i)
    trace.on_step({ReplicaId{0}, tiny::at_ms(10 * i), tiny::ms(30), shape, plan, sequences, {}});
  trace.on_end(tiny::at_ms(80));
  std::map<int, double> busy_until;
  int named = 0;
  const Json document = Json::parse(text);
  for (const Json& event : document["traceEvents"]) {
    named += event["name"] == "thread_name";
    if (event["ph"] != "X") continue;
    double& end = busy_until[event["tid"].get<int>()];
    EXPECT_GE(event["ts"].get<double>(), end);
    end = event["ts"].get<double>() + event["dur"].get<double>();
  }
  EXPECT_EQ(busy_until.size(), 3U);
  EXPECT_EQ(named, 3);
}

TEST(ChromeTrace, ShowsEveryPreemption) {
  tiny::World world;
  world.requests = tiny::random_requests(5, 80, 5);
  const Traced traced = trace(world, kAll);
  ASSERT_GT(traced.report.preemptions, 0);
  std::int64_t seen = 0;
  for (const Json& event : traced.events("b")) seen += event["name"] == "preempted";
  EXPECT_EQ(seen, traced.report.preemptions);
  for (int id = 0; id < 80; ++id) EXPECT_FALSE(spans_of(traced, id).empty());
}

TEST(ChromeTrace, NamesReplicasAndRejections) {
  tiny::World world = two_requests();
  world.config.set("/replicas=2");
  world.max_model_len = Tokens(100);
  world.requests.push_back(tiny::lonely(1, 200, 1));
  const Traced traced = trace(world, kAll);
  std::set<std::string> names;
  for (const Json& event : traced.events("M"))
    if (event["name"] == "process_name") names.insert(event["args"]["name"].get<std::string>());
  EXPECT_EQ(names, (std::set<std::string>{"replica 0", "replica 1"}));
  ASSERT_EQ(traced.events("n").size(), 1U);
  EXPECT_EQ(traced.events("n")[0]["name"], "rejected: too_long");
}

TEST(ChromeTrace, StopsWhenItIsFullAndSaysWhere) {
  tiny::World world;
  world.requests = tiny::random_requests(5, 80, 20);
  const Traced traced = trace(world, kAll, 100);
  ASSERT_TRUE(traced.cut);
  // Spans still open at the cut are closed there: a few events each.
  EXPECT_LT(traced.document["traceEvents"].size(), 100U + 4 * 80);
  const double last = static_cast<double>(traced.cut->time_since_epoch().count()) / 1000;
  for (const Json& event : traced.document["traceEvents"]) {
    EXPECT_LE(event.value("ts", 0.0), last);
  }
  for (int id = 0; id < 80; ++id) (void)spans_of(traced, id);  // what began also ended
}

}  // namespace
}  // namespace kvsim
