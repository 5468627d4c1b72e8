// timeline.csv: what held at every sampling instant.
#include "reports/timeline_csv.h"

#include <sstream>

#include <gtest/gtest.h>

namespace kvsim {
namespace {

Time at_ms(std::int64_t ms) { return Time(std::chrono::milliseconds(ms)); }

MemoryUse memory(std::int64_t used, std::int64_t cached) {
  MemoryUse use;
  use.capacity = Tokens(100);
  use.used = Tokens(used);
  use.internal = Tokens(10);
  use.cached = Tokens(cached);
  use.free = Tokens(100 - used - 10 - cached);
  return use;
}

class World {
 public:
  explicit World(std::size_t most_rows = Timeline::kMostRows)
      : timeline(std::chrono::milliseconds(10), most_rows) {}
  void step(std::int64_t ms, std::uint32_t replica, std::size_t running, std::size_t waiting,
            const MemoryUse& use) {
    timeline.on_step({ReplicaId{replica}, at_ms(ms), Duration(1), shape_, plan_, sequences_, use,
                      waiting, running});
  }
  [[nodiscard]] std::vector<std::string> rows() const {
    std::vector<std::string> lines;
    std::istringstream in(timeline_csv(timeline));
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }
  Timeline timeline;

 private:
  StepShape shape_;
  StepPlan plan_;
  Sequences sequences_;
};

TEST(TimelineCsv, CallsThingsAsVllmDoes) {
  World world;
  world.timeline.on_end(at_ms(0));
  EXPECT_EQ(world.rows()[0],
            "time_s,vllm:num_requests_running,vllm:num_requests_waiting,vllm:kv_cache_usage_perc,"
            "vllm:prefix_cache_queries,vllm:prefix_cache_hits,vllm:num_preemptions,"
            "kvsim:used_tokens,kvsim:reserved_tokens,kvsim:internal_tokens,"
            "kvsim:external_tokens,kvsim:cached_tokens,kvsim:free_tokens");
}

// A request arrives at 100 ms, runs from 105 and ends at 125; rows lie at 100, 110, 120 and the
// end.
TEST(TimelineCsv, SamplesWhatIsInForce) {
  World world;
  Sequence s;
  s.request.prompt = Tokens(20);
  world.timeline.on_arrival(at_ms(100), s.request, ReplicaId{0});
  world.timeline.on_admit(at_ms(105), s, Tokens(16), ReplicaId{0});
  world.step(105, 0, 1, 0, memory(20, 0));
  world.timeline.on_finish(at_ms(125), s, ReplicaId{0});
  MemoryUse after = memory(0, 20);
  after.internal = Tokens(0);
  after.free = Tokens(80);
  world.timeline.on_memory(at_ms(125), ReplicaId{0}, after);
  world.timeline.on_end(at_ms(125));
  const auto rows = world.rows();
  ASSERT_EQ(rows.size(), 5U);
  EXPECT_EQ(rows[1], "0.100000,0,1,0.000000,0,0,0,0,0,0,0,0,0");
  EXPECT_EQ(rows[2], "0.110000,1,0,0.300000,20,16,0,20,0,10,0,0,70");
  EXPECT_EQ(rows[3], "0.120000,1,0,0.300000,20,16,0,20,0,10,0,0,70");
  EXPECT_EQ(rows[4], "0.125000,0,0,0.000000,20,16,0,0,0,0,0,20,80");
}

TEST(TimelineCsv, SumsOverReplicas) {
  World world;
  world.step(0, 0, 3, 1, memory(40, 5));
  world.step(0, 2, 2, 4, memory(20, 0));
  world.step(1, 0, 1, 0, memory(10, 5));
  world.timeline.on_end(at_ms(1));
  EXPECT_EQ(world.rows().back(), "0.001000,3,4,0.250000,0,0,0,30,0,20,0,5,145");
}

TEST(TimelineCsv, CountsNeitherRejectedWaitersNorHitsAfterPreemption) {
  World world;
  Sequence s;
  s.request.prompt = Tokens(20);
  world.timeline.on_arrival(at_ms(0), s.request, ReplicaId{1});
  world.timeline.on_reject(at_ms(0), s.request, Rejection::kTooLong);
  s.admitted = true;
  world.timeline.on_preempt(at_ms(1), s, ReplicaId{1});
  world.timeline.on_admit(at_ms(2), s, Tokens(19), ReplicaId{1});
  world.timeline.on_end(at_ms(2));
  EXPECT_EQ(world.rows().back(), "0.002000,0,0,0.000000,0,0,1,0,0,0,0,0,0");
}

// 4 rows at most: 10 ms becomes 20, 40, ... until the run fits.
TEST(TimelineCsv, CoarsensWhenTheRunIsLong) {
  World world(4);
  world.step(0, 0, 1, 0, memory(1, 0));
  world.step(25, 0, 2, 0, memory(2, 0));
  world.step(95, 0, 3, 0, memory(3, 0));
  world.timeline.on_end(at_ms(130));
  std::vector<std::string> starts;
  for (const std::string& row : world.rows()) starts.push_back(row.substr(0, row.find(',') + 2));
  // The rows at 0, 10, 20, 30 became 0, 20; with 40 and 60: 0, 40; with 80 and 120: 0, 80.
  EXPECT_EQ(starts,
            (std::vector<std::string>{"time_s,v", "0.000000,1", "0.080000,2", "0.130000,3"}));
}

TEST(TimelineCsv, StaysBoundedOverAnIdleYear) {
  World world;
  world.step(0, 0, 1, 0, memory(1, 0));
  world.timeline.on_end(at_ms(365LL * 24 * 3600 * 1000));
  EXPECT_LE(world.rows().size(), Timeline::kMostRows + 2);
  EXPECT_GE(world.rows().size(), Timeline::kMostRows / 2);
}

}  // namespace
}  // namespace kvsim
