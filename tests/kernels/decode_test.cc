// Decode attention on the CPU machine: against double, against itself where bits must agree, and
// with planted bugs that must show.
#include "kernels/decode/decode.h"

#include <functional>
#include <random>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "kernels/decode/decode_kernel.cuh"
#include "kernels/formats/sixteen_bit.cuh"
#include "tests/kernels/support/decode_world.h"

namespace kvsim {
namespace {

using gpu::Bf16;
using gpu::Fp16;

constexpr KvElement kBf = KvElement::kBf16;
constexpr KvElement kFp = KvElement::kFp16;

// A result is rounded to the element (relative 2^-9 or 2^-12 at most), and so is every probability.
constexpr double kBf16Error = 4e-3;
constexpr double kFp16Error = 1e-3;

template <class Element>
void expect_close(const DecodeSetup& setup, double limit) {
  DecodeWorld<Element> world(setup);
  const RelativeError error = relative_error<Element>(world.run(), world.reference(), world.dim());
  EXPECT_LT(error.overall, limit);
  EXPECT_LT(error.worst_row, 2 * limit);
  EXPECT_TRUE(world.arrivals_zero());
}

void expect_close(const DecodeSetup& setup) {
  SCOPED_TRACE(testing::Message() << "head_dim " << setup.kernel.head_dim << " group "
                                  << setup.kernel.group << " page " << setup.page_tokens
                                  << " window " << setup.window << " sinks " << setup.sinks
                                  << " seed " << setup.seed);
  if (setup.kernel.element == kBf) {
    expect_close<Bf16>(setup, kBf16Error);
  } else {
    expect_close<Fp16>(setup, kFp16Error);
  }
}

TEST(Decode, AgreesWithDouble) {
  // Every head_dim, group size and page size at least once; long enough to be cut.
  expect_close({{kBf, 128, 4, true}, 2, {300, 64, 1, 517}, 16});
  expect_close({{kFp, 128, 4, true}, 2, {300, 64, 1, 517}, 16});
  expect_close({{kBf, 64, 1, true}, 3, {130, 400}, 8});
  expect_close({{kFp, 64, 16, true}, 1, {90, 257}, 32});
  expect_close({{kBf, 256, 2, true}, 1, {200}, 64});
  expect_close({{kFp, 256, 9, true}, 1, {150, 33}, 128});
  expect_close({{kBf, 128, 8, true}, 1, {260, 700}, 256});
  expect_close({{kBf, 128, 3, false}, 2, {300, 64, 1, 517}, 16});
  expect_close({{kFp, 64, 5, false}, 2, {77, 129}, 8});
  expect_close({{kFp, 64, 32, true}, 1, {333, 65}, 16});  // Multi-query: two blocks share a head.
  expect_close({{kBf, 64, 17, false}, 2, {40, 5}, 16});   // A prime number of them.
}

TEST(Decode, AgreesWithDoubleOnRandomBatches) {
  std::mt19937 random(5);
  const auto pick = [&](std::vector<std::int32_t> of) { return of[random() % of.size()]; };
  for (int round = 0; round < 24; ++round) {
    DecodeSetup setup;
    setup.kernel.element = round % 2 == 0 ? kBf : kFp;
    setup.kernel.head_dim = pick({64, 64, 128, 256});
    setup.kernel.group = pick({1, 2, 4, 5, 7, 8, 12, 16});
    setup.kernel.paged = pick({0, 1, 1}) != 0;
    setup.kv_heads = pick({1, 2});
    setup.page_tokens = pick({8, 16, 32, 64, 128, 256});
    setup.window = pick({0, 0, 33, 128, 200});
    setup.sinks = pick({0, 3, 64, 80});
    setup.multiprocessors = pick({1, 4, 12});
    setup.seed = setup.page_seed = static_cast<std::uint32_t>(round + 1);
    setup.lengths.resize(1 + random() % 3);
    for (std::int32_t& length : setup.lengths) length = static_cast<std::int32_t>(random() % 400);
    expect_close(setup);
  }
}

TEST(Decode, AgreesAtTheEdgesOfPagesAndTiles) {
  for (const std::int32_t page : {8, 16, 64})
    expect_close(
        {{kBf, 64, 4, true}, 1, {0, 1, page - 1, page, page + 1, 63, 64, 65, 127, 128, 129}, page});
}

TEST(Decode, GivesZerosForEmptySequences) {
  DecodeWorld<Bf16> world({{kBf, 64, 2, true}, 2, {0, 0}, 16});
  EXPECT_EQ(world.run(), std::vector<std::uint16_t>(2 * 4 * 64, 0));
}

TEST(Decode, SeesWindowAndSinksOnly) {
  for (const std::int32_t window : {1, 20, 64, 100}) {
    for (const std::int32_t sinks : {0, 4, 70}) {
      DecodeSetup setup{{kBf, 64, 4, true}, 1, {10, 64, 101, 330}, 8};
      setup.window = window;
      setup.sinks = sinks;
      expect_close(setup);
    }
  }
}

TEST(Decode, DoesNotCareWherePagesLie) {
  DecodeSetup setup{{kBf, 128, 4, true}, 2, {200, 70, 0, 333}, 16};
  setup.page_seed = 0;
  const auto in_sequence = DecodeWorld<Bf16>(setup).run();
  for (setup.page_seed = 1; setup.page_seed < 4; ++setup.page_seed)
    EXPECT_EQ(DecodeWorld<Bf16>(setup).run(), in_sequence);
  setup.page_tokens = 64;
  EXPECT_EQ(DecodeWorld<Bf16>(setup).run(), in_sequence);
}

TEST(Decode, IsTheContiguousKernelThroughATable) {
  for (const int head_dim : {64, 128}) {
    DecodeSetup setup{{kFp, head_dim, 4, true}, 2, {200, 70, 0, 333}, 16};
    const auto paged = DecodeWorld<Fp16>(setup).run();
    setup.kernel.paged = false;
    EXPECT_EQ(DecodeWorld<Fp16>(setup).run(), paged);
  }
}

TEST(Decode, GivesTheSameBitsInAnyOrderOfBlocksAndWarps) {
  DecodeWorld<Bf16> world({{kBf, 64, 4, true}, 1, {1400, 300}, 16});
  ASSERT_GT(world.plan().features.max_splits, 3);
  const auto first = world.run(1);
  for (std::uint64_t seed = 2; seed < 8; ++seed) EXPECT_EQ(world.run(seed), first) << seed;
}

TEST(Decode, AgreesHoweverItIsCut) {
  std::int64_t most = 0;
  for (const std::int32_t multiprocessors : {1, 3, 16}) {
    DecodeSetup setup{{kFp, 64, 4, true}, 1, {1100}, 16};
    setup.multiprocessors = multiprocessors;
    expect_close(setup);
    most = std::max(most, DecodeWorld<Fp16>(setup).plan().features.max_splits);
  }
  EXPECT_GT(most, 6);
}

TEST(Decode, RecoversSoftmaxWeightsFromOneHotValues) {
  // V of token t is the unit vector t: the output is the weights themselves.
  DecodeWorld<Fp16> world({{kFp, 128, 4, true}, 1, {128}, 16});
  world.set_values([](std::size_t, std::int32_t t, std::size_t d) {
    return static_cast<std::size_t>(t) == d ? 1.f : 0.f;
  });
  const auto out = world.run();
  for (std::size_t h = 0; h < 4; ++h) {
    const std::vector<double> weight = world.weights(0, h);
    for (std::size_t t = 0; t < 128; ++t)
      ASSERT_NEAR(to_float(Fp16{out[h * 128 + t]}), weight[t], 1e-3 * weight[t] + 1e-6);
  }
}

TEST(Decode, SurvivesHugeScores) {
  DecodeSetup setup{{kBf, 128, 4, true}, 1, {150, 700}, 16};
  setup.query_size = 50;
  expect_close(setup);
}

// ---- planted bugs ----

/// The setup every mutation runs on: cut, several stages deep, with an edge inside a page, and so
/// many query heads that every warp has a part in merging.
DecodeSetup delicate() { return {{kBf, 64, 16, true}, 1, {1100, 45}, 16}; }

/// Does a run with this launch give another result than double, or fail?
bool shows(const std::function<std::vector<std::uint16_t>(DecodeWorld<Bf16>&)>& run) {
  DecodeWorld<Bf16> world(delicate());
  try {
    return !(relative_error<Bf16>(run(world), world.reference(), 64).worst_row < 2 * kBf16Error);
  } catch (const gpu::MachineError&) {
    return true;
  }
}

TEST(DecodeMutants, EveryWaitAndEveryBarrierIsNeeded) {
  DecodeWorld<Bf16> world(delicate());
  gpu::Machine whole({1, {}});
  (void)world.run(whole);
  int tried = 0;
  for (const gpu::Site& site : whole.sites()) {
    ++tried;
    bool shown = false;
    for (std::uint64_t seed = 1; seed < 40 && !shown; ++seed)
      shown = shows([&](DecodeWorld<Bf16>& mutant) {
        gpu::Machine broken({seed, site});
        return mutant.run(broken);
      });
    EXPECT_TRUE(shown) << describe(site);
  }
  EXPECT_GE(tried, 10);  // Two waits, two barriers of a warp, those around each merge.
}

struct SeesOneMore {
  static bool sees(const DecodeArgs& args, int length, int token) {
    return is_visible(token, length + 1, args.window, args.sinks);
  }
};
struct MissesTheLast {
  static bool sees(const DecodeArgs& args, int length, int token) {
    return token + 1 < length && is_visible(token, length, args.window, args.sinks);
  }
};

template <class Mask>
bool mask_shows() {
  return shows([](DecodeWorld<Bf16>& world) {
    gpu::Machine machine({1, {}});
    return world.run(world.plan(), machine, [](const DecodeArgs& args, gpu::Stream stream) {
      using Format = SixteenBit<Bf16>;
      gpu::launch(&decode_kernel<Format, Paged, 64, 16, Mask>,
                  {{args.item_count, 1, 1},
                   kDecodeWarps * gpu::kWarpThreads,
                   sizeof(typename DecodeTraits<Format, 64, 16>::Shared),
                   stream},
                  args);
    });
  });
}

TEST(DecodeMutants, AWrongMaskShows) {
  EXPECT_FALSE(mask_shows<VisibleMask>());
  EXPECT_TRUE(mask_shows<SeesOneMore>());
  EXPECT_TRUE(mask_shows<MissesTheLast>());
}

TEST(DecodeMutants, AWrongPlanShows) {
  const auto with = [](const std::function<void(DecodePlan&)>& change) {
    return shows([&](DecodeWorld<Bf16>& world) {
      DecodePlan plan = world.plan();
      change(plan);
      gpu::Machine machine({1, {}});
      return world.run(plan, machine, [](const DecodeArgs& args, gpu::Stream stream) {
        launch_decode(delicate().kernel, args, stream);
      });
    });
  };
  EXPECT_FALSE(with([](DecodePlan&) {}));
  EXPECT_TRUE(with([](DecodePlan& plan) { plan.items.pop_back(); }));
  EXPECT_TRUE(with([](DecodePlan& plan) { ++plan.items.front().tile_begin; }));
}

// ---- what is planned for, what is refused ----

TEST(Decode, KeepsTwoBlocksOnAMultiprocessorWhereTheyFit) {
  // 96 KB of copies in flight each; head_dim 256 needs 192 KB for three stages.
  EXPECT_EQ(decode_device({kBf, 64, 4, true}, 132).resident, 264);
  EXPECT_EQ(decode_device({kBf, 128, 16, true}, 132).resident, 264);
  EXPECT_EQ(decode_device({kFp, 256, 4, false}, 132).resident, 132);
}

std::string refusal(const DecodeKernel& kernel, const DecodeArgs& args) {
  try {
    launch_decode(kernel, args, {});
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(Decode, RefusesWhatItHasNoKernelFor) {
  DecodeArgs args;
  args.kv_heads = 1;
  args.q_heads = 4;
  args.head_groups = 1;
  args.page_shift = 4;
  args.item_count = 1;
  EXPECT_EQ(refusal({kBf, 96, 4, true}, args), "decode: head_dim 64, 128 or 256, got 96");
  EXPECT_EQ(refusal({kBf, 128, 8, true}, args),
            "decode: 4 query heads are not 8 for each of 1 KV heads");
  args.q_heads = 32;
  EXPECT_EQ(refusal({kBf, 128, 32, true}, args), "decode: 32 query heads make 2 groups, not 1");
  args.q_heads = 4;
  args.page_shift = 2;
  EXPECT_EQ(refusal({kBf, 128, 4, true}, args), "decode: pages of 8 to 256 tokens, got 4");
  args.capacity = 12;
  EXPECT_EQ(refusal({kBf, 128, 4, false}, args),
            "decode: a capacity in multiples of 8 tokens, got 12");
}

}  // namespace
}  // namespace kvsim
