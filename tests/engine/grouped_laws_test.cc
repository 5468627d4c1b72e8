// Paged memory for models whose layers keep different tokens, under every registered batching
// policy, in pools so small that much is preempted and refused: everybody is served, and reads back
// what it wrote.
#include <gtest/gtest.h>

#include "sim/model/scheduler.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

KvGroup group(KvGroup::Kind kind, std::int64_t block, std::int64_t size = 0) {
  KvGroup g;
  g.kind = kind;
  g.block = Tokens(block);
  (kind == KvGroup::Kind::kChunkedLocal ? g.chunk : g.window) = Tokens(size);
  if (kind == KvGroup::Kind::kMamba) g.mode = KvGroup::MambaMode::kAlign;
  return g;
}

std::vector<std::vector<KvGroup>> models() {
  constexpr auto kFull = KvGroup::Kind::kFull;
  constexpr auto kWindow = KvGroup::Kind::kSlidingWindow;
  KvGroup streaming = group(kWindow, 8, 30);
  streaming.sinks = Tokens(4);
  return {{group(kWindow, 8, 40)},
          {streaming},
          {group(kFull, 8), group(kWindow, 8, 20), group(kWindow, 8, 20)},
          {group(kFull, 8), group(KvGroup::Kind::kChunkedLocal, 8, 32)},
          {group(kFull, 8), group(KvGroup::Kind::kMamba, 8)},
          {group(kFull, 8), group(kWindow, 16, 20)}};
}

class GroupedLaws : public testing::TestWithParam<std::string> {};

TEST_P(GroupedLaws, EverybodyIsServedFromSoundMemory) {
  std::int64_t hits = 0;
  for (std::size_t model = 0; model < models().size(); ++model) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      tiny::World world;
      world.groups = models()[model];
      // Whoever reserves a whole life cannot have states that come and go.
      if (GetParam() == "orca" || GetParam() == "static")
        for (KvGroup& g : world.groups) g.mode = KvGroup::MambaMode::kNone;
      world.config.set("/scheduler/batching", GetParam(), "test");
      world.config.set("/verify", "contents", "test");
      world.config.set("/scheduler/max_num_batched_tokens", 64 + 64 * (seed % 3), "test");
      world.config.set("/scheduler/max_num_seqs", 3 + seed, "test");
      world.block = Tokens(8);
      world.capacity = world.block * static_cast<std::int64_t>(70 + 40 * world.groups.size());
      world.requests = tiny::random_requests(seed, 60, 4);
      const Report report = world.run();
      EXPECT_EQ(report.requests.completed + report.requests.rejected, 60);
      EXPECT_EQ(report.requests.unfinished, 0);
      EXPECT_GT(report.requests.completed, 30) << "model " << model << ", seed " << seed;
      hits += report.prefix_cache.hit_tokens;
    }
  }
  EXPECT_GT(hits, 0);
}

INSTANTIATE_TEST_SUITE_P(Registered, GroupedLaws, testing::ValuesIn(Registry<Scheduler>::names()),
                         [](const auto& test) {
                           std::string name = test.param;
                           for (char& c : name)
                             if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
                           return name;
                         });

}  // namespace
}  // namespace kvsim
