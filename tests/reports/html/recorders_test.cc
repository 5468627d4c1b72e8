// What the smaller recorders of a report keep: when ticks were, what was lost, which laws held.
#include <algorithm>

#include <gtest/gtest.h>

#include "reports/html/laws.h"
#include "reports/html/losses.h"
#include "reports/html/map_recorder.h"
#include "reports/html/tick_times.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

Time at_ns(std::int64_t ns) { return Time(Duration(ns)); }

TEST(TickTimes, KnowsTheLatestTimeNotAfterATick) {
  TickTimes times;
  for (int i = 1; i <= 5; ++i) times.note(static_cast<std::uint64_t>(10 * i), at_ns(i));
  EXPECT_EQ(times.when(9), at_ns(1)) << "before the first: the first";
  EXPECT_EQ(times.when(30), at_ns(3));
  EXPECT_EQ(times.when(39), at_ns(3));
  EXPECT_EQ(times.when(1000), at_ns(5));
}

TEST(TickTimes, GetsCoarserButNotWrong) {
  TickTimes times;
  constexpr std::uint64_t kTicks = 1'000'000;  // tick t at t ns
  for (std::uint64_t t = 0; t < kTicks; ++t) times.note(t, at_ns(static_cast<std::int64_t>(t)));
  for (std::uint64_t t = 0; t < kTicks; t += 997) {
    const std::int64_t known = times.when(t).time_since_epoch().count();
    EXPECT_LE(known, static_cast<std::int64_t>(t));
    EXPECT_LT(static_cast<std::int64_t>(t) - known, 64)
        << "a million in 65,536, at least half full";
  }
}

struct Row {
  int number = 0, badness = 0;
  [[nodiscard]] bool worse_than(const Row& other) const { return badness > other.badness; }
};

TEST(Excerpt, KeepsTheFirstTheLastAndTheWorst) {
  Rng rng(1, "excerpt");
  Excerpt<Row> excerpt;
  std::vector<Row> all;
  for (int i = 0; i < 1000; ++i) {
    all.push_back({i, static_cast<int>(rng.below(50))});
    excerpt.add(all.back());
  }
  constexpr std::size_t kMost = Excerpt<Row>::kMost;
  EXPECT_EQ(excerpt.count(), 1000);
  ASSERT_EQ(excerpt.first().size(), kMost);
  ASSERT_EQ(excerpt.last().size(), kMost);
  ASSERT_EQ(excerpt.worst().size(), kMost);
  EXPECT_EQ(excerpt.first().front().number, 0);
  EXPECT_EQ(excerpt.last().back().number, 999);
  std::stable_sort(all.begin(), all.end(),
                   [](const Row& a, const Row& b) { return a.worse_than(b); });
  for (std::size_t i = 0; i < kMost; ++i) EXPECT_EQ(excerpt.worst()[i].number, all[i].number);
}

/// A small pool under a load that evicts and preempts.
tiny::World crowded() {
  tiny::World world;
  world.requests = tiny::random_requests(11, 300, 4);
  world.capacity = Tokens(16 * 41);
  return world;
}

TEST(Losses, AreTheOnesOfTheSummary) {
  Losses losses;
  const Report report = crowded().run({&losses});
  ASSERT_GT(report.evictions, 0);
  ASSERT_GT(report.preemptions, 0);
  EXPECT_EQ(losses.evictions.count(), report.evictions);
  EXPECT_EQ(losses.evicted_tokens, 16 * report.evictions);
  EXPECT_EQ(losses.preemptions.count(), report.preemptions);
}

TEST(Laws, HoldInARealRun) {
  for (const char* allocator : {"paged", "radix", "contiguous"}) {
    tiny::World world = crowded();
    world.config.set(std::string("/cache/allocator=") + allocator);
    Laws laws;
    const Report report = world.run({&laws});
    for (const Invariant& law : laws.judged(report, "none"))
      EXPECT_EQ(law.broken, 0) << allocator << ": " << law.text;
  }
}

const Invariant& law_like(const std::vector<Invariant>& laws, const std::string& words) {
  const auto found = std::find_if(laws.begin(), laws.end(), [&](const Invariant& law) {
    return law.text.find(words) != std::string::npos;
  });
  EXPECT_NE(found, laws.end()) << words;
  return *found;
}

TEST(Laws, AreSeenToBreak) {
  tiny::World world = crowded();
  Laws laws;
  Report report = world.run({&laws});
  MemoryUse leaky;
  leaky.capacity = Tokens(100);
  leaky.free = Tokens(99);
  laws.on_memory(tiny::at_ms(0), ReplicaId{0}, leaky);  // a block has gone, and so has time
  ++report.requests.completed;
  ++report.prefix_cache.hit_tokens;
  report.kv.waste.external += 0.01;
  const std::vector<Invariant> judged = laws.judged(report, "check");
  EXPECT_EQ(law_like(judged, "= capacity").broken, 1);
  EXPECT_EQ(law_like(judged, "time never").broken, 1);
  EXPECT_EQ(law_like(judged, "every request").broken, 1);
  EXPECT_EQ(law_like(judged, "completed + rejected").broken, 1);
  EXPECT_EQ(law_like(judged, "found + missed").broken, 1);
  EXPECT_EQ(law_like(judged, "were given").broken, 1);
  EXPECT_GT(law_like(judged, "recounted").checked, 0);
  EXPECT_EQ(law_like(judged, "reads back").checked, 0) << "only under /verify=contents";
}

TEST(MapRecorder, IsBoundedAndInOrder) {
  MapRecorder recorder;
  tiny::World world = crowded();
  (void)world.run({&recorder});
  const auto& snapshots = recorder.snapshots();
  ASSERT_GE(snapshots.size(), MapRecorder::kMostSnapshots / 2);
  ASSERT_LT(snapshots.size(), MapRecorder::kMostSnapshots);
  EXPECT_EQ(recorder.grid().blocks, 40) << "the null block is no memory";
  EXPECT_EQ(recorder.grid().first_block, 1);
  for (std::size_t i = 0; i < snapshots.size(); ++i) {
    if (i > 0) {
      EXPECT_GT(snapshots[i].at, snapshots[i - 1].at);
    }
    const std::string& cells = snapshots[i].cells.spent;
    ASSERT_EQ(cells.size(), 40U);
    EXPECT_EQ(16 * std::count(cells.begin(), cells.end(), 'C'), snapshots[i].memory.cached.value());
    EXPECT_EQ(16 * std::count(cells.begin(), cells.end(), 'F'), snapshots[i].memory.free.value());
    for (const std::int64_t age : snapshots[i].cells.age_ms) EXPECT_GE(age, -1);
  }
}

}  // namespace
}  // namespace kvsim
