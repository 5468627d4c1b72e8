// What must hold of every cell, on random traces: nobody beats the optimum, the optimum is one, the
// fast ways equal the plain ones, samples stay within their stated error.
#include <bit>
#include <map>

#include <gtest/gtest.h>

#include "sim/engine/curve/lru_curve.h"
#include "sim/engine/curve/replay.h"
#include "sim/model/eviction_policy.h"
#include "tests/engine/curve/block_traces.h"
#include "tests/support/repetitions.h"

namespace kvsim {
namespace {

std::vector<std::string> every_policy() {
  std::vector<std::string> all = Registry<EvictionPolicy>::names();
  all.emplace_back(kForcedMin);
  return all;
}

TEST(Curve, NoPolicyBeatsOptimal) {
  std::int64_t best_gap = 0;
  for (std::uint64_t seed = 0; seed < repetitions(20U); ++seed) {
    const BlockTrace trace = random_blocks(seed, 300, 8, 3 + seed % 3);
    for (const std::int64_t capacity : {1, 2, 5, 10, 20, 40, 80, 160, 1000}) {
      const CurveRow bound = cell(trace, "tree", "optimal", capacity);
      for (const std::string& policy : every_policy()) {
        const CurveRow row = cell(trace, "tree", policy, capacity);
        EXPECT_LE(row.block_hits, bound.block_hits)
            << policy << " at " << capacity << ", seed " << seed;
        best_gap = std::max(best_gap, bound.block_hits - row.block_hits);
      }
    }
  }
  EXPECT_GT(best_gap, 0) << "the bound was never tight: the test tested nothing";
}

// The most hits of any way to keep at most `capacity` blocks between requests, prefixes whole: all
// of them are tried.
class Exhaustive {
 public:
  Exhaustive(const BlockTrace& trace, int capacity) : trace_(trace), capacity_(capacity) {}

  std::int64_t best(std::size_t request, std::uint32_t held) {
    if (request == trace_.requests()) return 0;
    const auto [known, fresh] = memo_.try_emplace({request, held});
    if (!fresh) return known->second;
    std::uint32_t path = 0;
    std::int64_t hits = 0;
    for (const std::uint32_t block : trace_.path(request)) {
      path |= 1U << block;
      hits += held >> block & 1U;
    }
    const std::uint32_t from = held | path;
    std::int64_t later = 0;
    for (std::uint32_t keep = from;; keep = (keep - 1) & from) {  // every subset
      if (std::popcount(keep) <= capacity_ && prefixes_whole(keep))
        later = std::max(later, best(request + 1, keep));
      if (keep == 0) break;
    }
    return memo_[{request, held}] = hits + later;
  }

 private:
  [[nodiscard]] bool prefixes_whole(std::uint32_t set) const {
    for (std::uint32_t b = 0; b < trace_.blocks(); ++b) {
      const std::uint32_t parent = trace_.block(b).parent;
      if ((set >> b & 1U) != 0 && parent != BlockTrace::kNone && (set >> parent & 1U) == 0)
        return false;
    }
    return true;
  }
  const BlockTrace& trace_;
  int capacity_;
  std::map<std::pair<std::size_t, std::uint32_t>, std::int64_t> memo_;
};

TEST(Curve, OptimalIsTheBestOfAllPossibilities) {
  int worth_it = 0;
  for (std::uint64_t seed = 0; seed < repetitions(150U); ++seed) {
    const BlockTrace trace = random_blocks(seed, 9, 3, 2);
    ASSERT_LE(trace.blocks(), 22U);
    if (trace.blocks() > 11) continue;
    for (const int capacity : {1, 2, 3, 4, 6}) {
      const std::int64_t best = Exhaustive(trace, capacity).best(0, 0);
      EXPECT_EQ(cell(trace, "tree", "optimal", capacity).block_hits, best)
          << "seed " << seed << ", capacity " << capacity;
      worth_it += cell(trace, "tree", "lru", capacity).block_hits < best;
    }
  }
  EXPECT_GT(worth_it, 50);
}

// The rules as they are written: a set of blocks, and a search through all of it for each victim.
class Plain {
 public:
  Plain(const BlockTrace& trace, bool tree, const std::string& policy, std::size_t capacity)
      : trace_(trace), tree_(tree), policy_(policy), capacity_(capacity) {}

  std::tuple<std::int64_t, std::int64_t, std::int64_t> run() {
    for (std::size_t i = 0; i < trace_.requests(); ++i) serve(i);
    return {hits_, insertions_, evictions_};
  }

 private:
  struct Held {
    std::int64_t inserted, frequency, touched, request;
  };
  void serve(std::size_t request) {
    const auto path = trace_.path(request);
    for (std::size_t j = 0; j < path.size() && held_.contains(path[j]); ++j) ++hits_;
    for (const std::uint32_t block : path) {
      ++clock_;
      if (held_.contains(block)) {
        ++held_[block].frequency;
      } else {
        if (held_.size() == capacity_ && !evict(path)) return;
        held_[block] = {++insertions_, 1, 0, 0};
      }
      held_[block].touched = clock_;
      held_[block].request = static_cast<std::int64_t>(request);
    }
  }
  bool evict(std::span<const std::uint32_t> path) {
    using Key = std::tuple<std::int64_t, std::int64_t, std::int64_t>;
    std::optional<std::pair<Key, std::uint32_t>> least;
    for (const auto& [block, h] : held_) {
      if (tree_ && (has_child(block) || std::ranges::find(path, block) != path.end())) continue;
      const std::int64_t shallow = -std::int64_t{trace_.block(block).depth};
      const Key age = tree_ ? Key{h.request, shallow, 0} : Key{h.touched, 0, 0};
      const Key key = policy_ == "lru"    ? age
                      : policy_ == "fifo" ? Key{h.inserted, 0, 0}
                                          : Key{h.frequency, std::get<0>(age), std::get<1>(age)};
      if (!least || std::pair(key, block) < *least) least = {key, block};
    }
    if (!least) return false;
    held_.erase(least->second);
    ++evictions_;
    return true;
  }
  [[nodiscard]] bool has_child(std::uint32_t block) const {
    return std::ranges::any_of(
        held_, [&](const auto& other) { return trace_.block(other.first).parent == block; });
  }
  const BlockTrace& trace_;
  bool tree_;
  std::string policy_;
  std::size_t capacity_;
  std::map<std::uint32_t, Held> held_;
  std::int64_t clock_ = 0, hits_ = 0, insertions_ = 0, evictions_ = 0;
};

TEST(Curve, FollowsTheRulesAsWritten) {
  for (std::uint64_t seed = 0; seed < repetitions(10U); ++seed) {
    const BlockTrace trace = random_blocks(seed, 150, 7, 3);
    for (const std::string rule : {"tree", "flat"})
      for (const std::string policy : {"lru", "lfu", "fifo"})
        for (const std::int64_t capacity : {1, 3, 7, 20, 50}) {
          const CurveRow row = cell(trace, rule, policy, capacity);
          EXPECT_EQ(std::tuple(row.block_hits, row.insertions, row.evictions),
                    Plain(trace, rule == "tree", policy, static_cast<std::size_t>(capacity)).run())
              << rule << " " << policy << " " << capacity << " seed " << seed;
        }
  }
}

// One pass for all sizes against one replay for each, of the registered policy.
TEST(LruCurve, EqualsTheReplayOfEverySize) {
  for (std::uint64_t seed = 0; seed < repetitions(20U); ++seed) {
    const BlockTrace trace = random_blocks(seed, 200, 9, 3);
    const LruCurve tree(trace, LruCurve::Rule::kTree);
    const LruCurve flat(trace, LruCurve::Rule::kFlat);
    std::int64_t last = 0;
    for (std::int64_t c = 1; c <= std::ssize(trace.path(0)) + 60; ++c) {
      const auto same = [&](const ReplayCounts& pass, const ReplayCounts& replay) {
        EXPECT_EQ(
            std::tuple(pass.block_hits, pass.token_hits, pass.insertions, pass.evictions),
            std::tuple(replay.block_hits, replay.token_hits, replay.insertions, replay.evictions))
            << "capacity " << c << ", seed " << seed;
      };
      same(tree.at(c), replay_tree({trace, c, "lru", {}}, false));
      same(flat.at(c), replay_flat({trace, c, "lru", {}}));
      EXPECT_GE(tree.at(c).block_hits, last) << "LRU never hits less with more memory";
      last = tree.at(c).block_hits;
    }
  }
}

TEST(Curve, CountsTokensOfPartialBlocks) {
  // Blocks of 4: the second prompt ends two tokens into its second block.
  std::vector<Request> requests(3);
  for (std::size_t i = 0; i < 3; ++i) {
    requests[i].content.append({shared_content(1), 0, i == 0 ? 8 : 6});
    requests[i].prompt = requests[i].content.tokens();
  }
  const CurveRow row = cell(blocks_of(requests, 4), "tree", "lru", std::nullopt);
  EXPECT_EQ(row.block_refs, 6);
  EXPECT_EQ(row.token_refs, 20);
  EXPECT_EQ(row.block_hits, 1 + 2) << "a partial block is not the full one";
  EXPECT_EQ(row.token_hits, 4 + 6);
}

TEST(Curve, IsTheSameInAnyOrderOfJobs) {
  const BlockTrace trace = random_blocks(1, 200, 8, 3);
  const CurveAxes axes{{"tree", "flat"}, every_policy(), {5, 50, std::nullopt}, {}};
  const auto backwards = [](std::size_t count, const std::function<void(std::size_t)>& job) {
    for (std::size_t i = count; i-- > 0;) job(i);
  };
  const auto rows = hit_curve(trace, axes, one_after_the_other);
  const auto other = hit_curve(trace, axes, backwards);
  ASSERT_EQ(rows.size(), 2 * every_policy().size() * 3);
  for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows[i].block_hits, other[i].block_hits);
}

TEST(Sampling, OfEverythingIsExact) {
  const BlockTrace trace = random_blocks(3, 300, 8, 3);
  for (const std::string policy : {"lru", "lfu", "optimal"}) {
    const CurveRow exact = cell(trace, "tree", policy, 30);
    const CurveRow sampled = cell(trace, "tree", policy, 30, 1.0);
    EXPECT_EQ(sampled.block_hits, exact.block_hits);
    EXPECT_EQ(sampled.insertions, exact.insertions);
    EXPECT_EQ(sampled.error, 0);
  }
}

TEST(Sampling, KnowsMemoryWithoutEndAndRefusesNothing) {
  const BlockTrace trace = random_blocks(3, 300, 8, 3);
  for (const std::optional<std::int64_t> all : {std::optional<std::int64_t>(), {1'000'000}}) {
    const CurveRow sampled = cell(trace, "tree", "fifo", all, 0.3);
    EXPECT_EQ(sampled.evictions, 0) << "whatever fits the whole fits the sample";
    EXPECT_NEAR(sampled.block_hit_rate(), cell(trace, "tree", "fifo", all).block_hit_rate(),
                2 * sampled.error);
  }
  EXPECT_THROW((void)cell(trace, "tree", "fifo", 10, 1e-9), InputError);
}

// The stated error is half of a 95 % interval: it must hold nearly always, and not by being huge.
TEST(Sampling, StaysWithinItsStatedError) {
  int inside = 0;
  int all = 0;
  for (std::uint64_t seed = 0; seed < repetitions(40U); ++seed) {
    const BlockTrace trace = random_blocks(seed, 4000, 12, 4);
    for (const std::string policy : {"lru", "fifo", "optimal"}) {
      const CurveRow exact = cell(trace, "tree", policy, 400);
      const CurveRow sampled = cell(trace, "tree", policy, 400, 0.2);
      const double off = std::abs(sampled.block_hit_rate() - exact.block_hit_rate());
      inside += off <= sampled.error;
      ++all;
      EXPECT_LE(off, 2.5 * sampled.error) << policy << ", seed " << seed;
      EXPECT_LT(sampled.error, 0.1);
    }
  }
  EXPECT_GE(inside, all * 85 / 100) << "of " << all;
}

}  // namespace
}  // namespace kvsim
