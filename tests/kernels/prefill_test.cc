// Chunked prefill through the CPU machine against attention in double, in every shape the kernel
// has, and with the bugs planted that the machine and these tests exist to find.
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/kernels/support/prefill_world.h"

namespace kvsim::prefill_test {
namespace {

using gpu::Bf16;
using gpu::Fp16;
using gpu::Machine;

template <class Element>
constexpr double kTolerance = 6e-3;
template <>
constexpr double kTolerance<Fp16> = 1e-3;

template <class Element>
void expect_reference(const Problem& problem, std::uint64_t seed = 1, bool paged = true) {
  SCOPED_TRACE(testing::Message() << "heads " << problem.shape.q_heads << "/"
                                  << problem.shape.kv_heads << " head_dim "
                                  << problem.shape.head_dim << " rows " << problem.rows << " page "
                                  << problem.page_tokens << " query "
                                  << problem.chunks[0].query_tokens << " context "
                                  << problem.chunks[0].context_tokens << " window "
                                  << problem.shape.window << " resident " << problem.resident);
  const Tensors<Element> tensors(problem);
  Machine machine({seed, {}});
  const auto out = answer(tensors, machine, paged);
  const auto expected = reference(tensors);
  EXPECT_LT(relative_error(out, expected), kTolerance<Element>);
  EXPECT_LT(worst_row_error(out, expected, static_cast<std::size_t>(problem.shape.head_dim)),
            2 * kTolerance<Element>);
}

// Head dimensions, tile heights, element types; a chunk in the middle of tiles and pages.
TEST(Prefill, MatchesTheReferenceInEveryInstance) {
  for (const int head_dim : {64, 128, 256}) {
    for (const int rows : {64, 128}) {
      if (head_dim == 256 && rows == 128) continue;
      const Problem problem{{4, 2, head_dim}, {{37, 101}}, rows};
      expect_reference<Bf16>(problem);
      expect_reference<Fp16>(problem);
      expect_reference<Bf16>(problem, 1, false);
    }
  }
}

// The same attention by wgmma: pages, splits, masks, windows, several sequences.
TEST(Prefill, MatchesTheReferenceByWarpgroups) {
  Problem problem{{4, 2, 128}, {{37, 101}, {3, 200}, {70, 70}}, 128};
  problem.warpgroups = true;
  for (const int resident : {1, 100}) {
    problem.resident = resident;
    for (const int window : {0, 50}) {
      problem.shape.window = window;
      expect_reference<Bf16>(problem);
      expect_reference<Fp16>(problem, 2);
      expect_reference<Bf16>(problem, 3, false);
    }
  }
}

// Query lengths 1, odd and at the edges of a tile of 64 rows; contexts before them of 0 and around
// a page of 16 and a KV tile of 64 tokens.
TEST(Prefill, MatchesTheReferenceAtEdgesOfTilesAndPages) {
  for (const int query : {1, 3, 31, 32, 33, 64, 65})
    for (const int prior : {0, 15, 16, 17})
      expect_reference<Bf16>({{2, 1, 64}, {{query, query + prior}}});
  for (const int prior : {47, 48, 63, 64, 65})
    expect_reference<Bf16>({{1, 1, 64}, {{16, 16 + prior}}});
}

TEST(Prefill, MatchesTheReferenceForEveryPageSize) {
  for (const int page_tokens : {8, 16, 32, 64, 128, 256}) {
    Problem problem{{2, 2, 64}, {{70, 150}}};
    problem.page_tokens = page_tokens;
    expect_reference<Bf16>(problem);
  }
}

// From one query head per KV head to sixteen, powers of two and others.
TEST(Prefill, MatchesTheReferenceForEveryGroup) {
  for (const int group : {1, 2, 3, 5, 7, 8, 16}) {
    expect_reference<Bf16>({{group, 1, 64}, {{19, 90}}});
    expect_reference<Bf16>({{2 * group, 2, 64}, {{9, 9}}, 128});
  }
}

TEST(Prefill, MatchesTheReferenceUnderAWindow) {
  for (const int window : {1, 7, 64, 65, 100}) {
    Problem problem{{2, 1, 64}, {{50, 210}}};
    problem.shape.window = window;
    expect_reference<Bf16>(problem);
    problem.resident = 100;
    expect_reference<Bf16>(problem);
  }
}

// One launch for sequences of all kinds, one of them with nothing to do.
TEST(Prefill, MatchesTheReferenceForManySequences) {
  Problem problem{{4, 2, 64}, {{33, 33}, {1, 130}, {0, 40}, {64, 200}, {5, 64}}};
  for (const int resident : {1, 100}) {
    problem.resident = resident;
    expect_reference<Bf16>(problem, 3);
  }
}

TEST(Prefill, MatchesTheReferenceWithoutACausalMask) {
  Problem problem{{4, 1, 64}, {{20, 90}, {40, 7}}};
  problem.shape.causal = false;
  for (const int resident : {1, 100}) {
    problem.resident = resident;
    expect_reference<Bf16>(problem);
  }
}

// Split over KV: the same plan gives the same bits in whatever order blocks come, and other splits
// the same result but for rounding.
TEST(Prefill, MergesSplitsInAFixedOrder) {
  for (const int head_dim : {64, 128, 256}) {
    Problem problem{{4, 1, head_dim}, {{17, 300}}};
    const Tensors<Bf16> whole(problem);
    problem.resident = 1000;
    const Tensors<Bf16> split(problem);
    EXPECT_EQ(plan_prefill(problem.shape, tiling_of(problem), problem.chunks).items.size(), 2u * 5);
    Machine first({1, {}});
    const auto bits = answer(split, first);
    EXPECT_LT(relative_error(bits, reference(split)), kTolerance<Bf16>);
    for (std::uint64_t seed = 2; seed < 5; ++seed) {
      Machine machine({seed, {}});
      EXPECT_TRUE(bit_equal(answer(split, machine), bits));
    }
    std::vector<double> unsplit;
    for (const Bf16 value : answer(whole, first)) unsplit.push_back(gpu::to_float(value));
    EXPECT_LT(relative_error(bits, unsplit), 3e-3);
  }
}

TEST(Prefill, DoesNotDependOnWherePagesLie) {
  Problem problem{{4, 2, 128}, {{40, 140}, {10, 60}}};
  problem.page_seed = 0;  // Page after page.
  const Tensors<Bf16> in_order(problem);
  problem.page_seed = 5;
  const Tensors<Bf16> permuted(problem);
  problem.page_tokens = 64;
  const Tensors<Bf16> large(problem);
  Machine machine({1, {}});
  const auto contiguous = answer(in_order, machine, false);
  EXPECT_TRUE(bit_equal(answer(in_order, machine), contiguous));
  EXPECT_TRUE(bit_equal(answer(permuted, machine), contiguous));
  EXPECT_TRUE(bit_equal(answer(large, machine), contiguous));
}

// With V = e_j at key j the output is the softmax itself.
TEST(Prefill, ReadsTheWeightsOffOneHotValues) {
  Problem problem{{1, 1, 64}, {{64, 64}}};
  Tensors<Fp16> tensors(problem);
  for (std::size_t key = 0; key < 64; ++key)
    for (std::size_t d = 0; d < 64; ++d)
      tensors.v[0][key * 64 + d] = gpu::from_float<Fp16>(key == d ? 1.f : 0.f);
  Machine machine({1, {}});
  const auto out = answer(tensors, machine);
  EXPECT_LT(relative_error(out, reference(tensors)), kTolerance<Fp16>);
  for (std::size_t token = 0; token < 64; ++token) {
    double sum = 0;
    for (std::size_t d = 0; d < 64; ++d) {
      const float weight = gpu::to_float(out[token * 64 + d]);
      sum += weight;
      if (d > token) {
        EXPECT_EQ(weight, 0) << token << " sees " << d;
      }
    }
    EXPECT_NEAR(sum, 1, 2e-3);
  }
}

TEST(Prefill, SurvivesHugeScores) {
  Problem problem{{2, 1, 64}, {{40, 150}}};
  problem.query_factor = 50;
  expect_reference<Bf16>(problem);
  problem.resident = 100;
  expect_reference<Bf16>(problem);
}

TEST(Prefill, RefusesWhatItHasNoKernelFor) {
  const auto refusal = [](const PrefillKernel& kernel, const PrefillArgs& args) -> std::string {
    try {
      launch_prefill(kernel, args, {});
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "";
  };
  PrefillArgs args;
  args.q_heads = 4;
  args.kv_heads = 2;
  args.page_shift = 4;
  EXPECT_EQ(refusal({KvElement::kBf16, 128, 64, true}, args), "");
  EXPECT_EQ(refusal({KvElement::kBf16, 96, 64, true}, args),
            "prefill: head_dim 64, 128 or 256, got 96");
  EXPECT_EQ(refusal({KvElement::kInt8, 128, 64, true}, args),
            "prefill: K and V in bf16 or fp16; quantised ones are read by decode only");
  EXPECT_EQ(refusal({KvElement::kBf16, 256, 128, true}, args),
            "prefill: tiles of 64 rows, or of 128 up to head_dim 128, got 128");
  EXPECT_EQ(refusal({KvElement::kBf16, 64, 128, true, true}, args),
            "prefill: warpgroups take head_dim 128 and 128 rows, got 64 and 128");
  args.page_shift = 2;
  EXPECT_EQ(refusal({KvElement::kBf16, 128, 64, true}, args),
            "prefill: pages of 8 to 256 tokens, got 4");
  args.q_heads = 5;
  EXPECT_EQ(refusal({KvElement::kBf16, 128, 64, true}, args),
            "prefill: 5 query heads do not divide among 2 KV heads");
}

// ---- planted bugs ----

/// An error of the machine, or a result off the reference: what a test would see.
bool notices(const Tensors<Bf16>& tensors, const std::vector<double>& expected, Machine& machine) {
  try {
    return !(relative_error(answer(tensors, machine), expected) < kTolerance<Bf16>);
  } catch (const gpu::MachineError&) {
    return true;
  }
}

// Each wait and each barrier of the block, dropped, shows. Not the two barriers of a warp around
// its store: on this machine the collectives beside them hold the lanes together as well.
void expect_every_barrier_is_needed(Problem problem) {
  problem.resident = 1000;
  const Tensors<Bf16> split(problem);
  problem.resident = 1;
  const Tensors<Bf16> whole(problem);
  const std::vector<double> expected = reference(whole);
  Machine sound({1, {}});
  ASSERT_FALSE(notices(split, expected, sound));
  ASSERT_FALSE(notices(whole, expected, sound));
  EXPECT_EQ(sound.sites().size(), 7u);
  int dropped = 0;
  for (const gpu::Site& site : sound.sites()) {
    if (std::string(site.operation) == "sync_warp") continue;
    ++dropped;
    bool noticed = false;
    for (std::uint64_t seed = 1; seed <= 60 && !noticed; ++seed) {
      Machine broken({seed, site});
      noticed = notices(whole, expected, broken) || notices(split, expected, broken);
    }
    EXPECT_TRUE(noticed) << describe(site);
  }
  EXPECT_EQ(dropped, 5);
}

TEST(Prefill, NoticesAMissingWaitOrBarrier) {
  expect_every_barrier_is_needed({{4, 1, 64}, {{17, 300}}});
}

TEST(Prefill, NoticesAMissingWaitOrBarrierByWarpgroups) {
  Problem problem{{4, 1, 128}, {{32, 300}}, 128};
  problem.warpgroups = true;
  expect_every_barrier_is_needed(problem);
}

// A mask that is off by one changes the result by far more than the tolerance.
TEST(Prefill, NoticesAWrongMask) {
  Problem problem{{2, 1, 64}, {{50, 130}}};
  problem.shape.window = 60;
  const Tensors<Bf16> tensors(problem);
  Machine machine({1, {}});
  const auto out = answer(tensors, machine);
  for (const int shift : {-1, 1}) {
    Tensors<Bf16> off = tensors;
    off.p.shape.window += shift;
    EXPECT_GT(relative_error(out, reference(off)), 2 * kTolerance<Bf16>);
  }
  Tensors<Bf16> unmasked = tensors;
  unmasked.p.shape.causal = false;
  EXPECT_GT(relative_error(out, reference(unmasked)), 2 * kTolerance<Bf16>);
}

}  // namespace
}  // namespace kvsim::prefill_test
