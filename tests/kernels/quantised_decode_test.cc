// Decode over quantised KV: against double over what the codes stand for, and, apart from that,
// how far quantisation itself moves the result.
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/append/append.h"
#include "kernels/decode/decode.h"
#include "kernels/formats/eight_bit.cuh"
#include "kernels/formats/four_bit.cuh"
#include "tests/kernels/support/decode_world.h"

namespace kvsim {
namespace {

using gpu::Bf16;
using World = DecodeWorld<Bf16>;

// Queries and results are bf16; codes are exact in fp16, probabilities rounded to it.
constexpr double kError = 4e-3;

class QuantisedDecode : public testing::TestWithParam<KvElement> {
 protected:
  [[nodiscard]] DecodeSetup setup(int head_dim, int group, std::int32_t kv_heads,
                                  std::vector<std::int32_t> lengths,
                                  std::int32_t page_tokens) const {
    return {{GetParam(), head_dim, group, true}, kv_heads, std::move(lengths), page_tokens};
  }
};

void expect_close(const DecodeSetup& setup) {
  World world(setup);
  const auto error = relative_error<Bf16>(world.run(), world.reference(), world.dim());
  EXPECT_LT(error.overall, kError);
  EXPECT_LT(error.worst_row, 2 * kError);
  EXPECT_TRUE(world.arrivals_zero());
}

TEST_P(QuantisedDecode, AgreesWithDouble) {
  expect_close(setup(128, 4, 2, {300, 64, 1, 517}, 16));
  expect_close(setup(64, 1, 3, {130, 400}, 8));
  expect_close(setup(64, 16, 1, {90, 257}, 32));
  expect_close(setup(256, 2, 1, {200, 33}, 64));
  expect_close(setup(256, 9, 1, {150}, 128));
  expect_close(setup(128, 8, 1, {260, 700}, 256));
}

TEST_P(QuantisedDecode, AgreesAtTheEdgesOfPagesAndTiles) {
  for (const std::int32_t page : {8, 16, 64})
    expect_close(
        setup(64, 4, 1, {0, 1, page - 1, page, page + 1, 63, 64, 65, 127, 128, 129}, page));
}

TEST_P(QuantisedDecode, SeesWindowAndSinksOnly) {
  DecodeSetup windowed = setup(64, 4, 1, {10, 64, 101, 330}, 8);
  windowed.window = 20;
  windowed.sinks = 4;
  expect_close(windowed);
}

TEST_P(QuantisedDecode, DoesNotCareWherePagesLie) {
  DecodeSetup here = setup(128, 4, 2, {200, 70, 0, 333}, 16);
  here.page_seed = 0;
  const auto in_sequence = World(here).run();
  for (here.page_seed = 1; here.page_seed < 4; ++here.page_seed)
    EXPECT_EQ(World(here).run(), in_sequence);
}

TEST_P(QuantisedDecode, GivesTheSameBitsInAnyOrderOfBlocksAndWarps) {
  World world(setup(64, 4, 1, {1400, 300}, 16));
  ASSERT_GT(world.plan().features.max_splits, 3);
  const auto first = world.run(1);
  for (std::uint64_t seed = 2; seed < 5; ++seed) EXPECT_EQ(world.run(seed), first) << seed;
}

TEST_P(QuantisedDecode, AgreesHoweverItIsCut) {
  for (const std::int32_t multiprocessors : {1, 16}) {
    DecodeSetup cut = setup(64, 4, 1, {1100}, 16);
    cut.multiprocessors = multiprocessors;
    expect_close(cut);
  }
}

TEST_P(QuantisedDecode, RecoversSoftmaxWeightsFromOneHotValues) {
  World world(setup(128, 4, 1, {128}, 16));
  world.set_values([](std::size_t, std::int32_t t, std::size_t d) {
    return static_cast<std::size_t>(t) == d ? 1.f : 0.f;  // Its code is the largest.
  });
  const auto out = world.run();
  for (std::size_t h = 0; h < 4; ++h) {
    const std::vector<double> weight = world.weights(0, h);
    for (std::size_t t = 0; t < 128; ++t)  // bf16, and a scale rounded to fp16.
      ASSERT_NEAR(to_float(Bf16{out[h * 128 + t]}), weight[t], 6e-3 * weight[t] + 1e-6);
  }
}

TEST_P(QuantisedDecode, SurvivesHugeScores) {
  DecodeSetup huge = setup(128, 4, 1, {150, 700}, 16);
  huge.query_size = 50;
  expect_close(huge);
}

/// Values of any size a bf16 cache may hold: probabilities times scales are neither lost as
/// subnormal fp16 nor too large for it.
TEST_P(QuantisedDecode, KeepsItsPrecisionForSmallAndLargeValues) {
  for (const float size : {1e-4f, 1e-2f, 100.f, 3e4f}) {
    World world(setup(64, 4, 1, {400}, 16));
    world.set_values([size](std::size_t, std::int32_t t, std::size_t d) {
      const auto hash =
          static_cast<std::uint32_t>(t * 64 + static_cast<std::int32_t>(d)) * 2654435761u;
      return size * (static_cast<float>(hash >> 8) * 0x1p-23f - 0.9f);
    });
    EXPECT_LT(relative_error<Bf16>(world.run(), world.reference(), 64).worst_row, 2 * kError)
        << size;
  }
}

TEST_P(QuantisedDecode, ShowsPoison) {
  for (const bool in_keys : {true, false}) {
    World world(setup(64, 4, 1, {40}, 16));
    auto& pool = in_keys ? world.keys() : world.values();
    std::vector<float> row(64, 1.f);
    row[3] = INFINITY;
    pool.set(world.row(0, 0, 20), row);
    for (const std::uint16_t bits : world.run()) ASSERT_TRUE(std::isnan(to_float(Bf16{bits})));
  }
}

/// The two kernels agree on where and how rows lie: append fills a pool as the test's own hand
/// does.
TEST_P(QuantisedDecode, ReadsWhatAppendWrites) {
  constexpr std::int32_t kTokens = 37, kHeads = 2, kDim = 64, kPage = 8;
  World world(setup(kDim, 4, kHeads, {kTokens}, kPage));
  std::vector<Bf16> rows;  // [tokens, 2 kv_heads, head_dim]: keys, then values.
  std::vector<std::int32_t> slots;
  for (std::int32_t t = 0; t < kTokens; ++t) {
    for (auto* pool : {&world.keys(), &world.values()}) {
      for (std::size_t head = 0; head < kHeads; ++head) {
        std::vector<float> values;
        for (std::size_t d = 0; d < kDim; ++d) {
          rows.push_back(
              gpu::from_float<Bf16>(static_cast<float>(pool->exact(world.row(0, head, t), d))));
          values.push_back(gpu::to_float(rows.back()));
        }
        pool->set(world.row(0, head, t), values);
      }
    }
    const auto row = static_cast<std::int32_t>(world.row(0, 0, t));
    slots.push_back(row / (kHeads * kPage) * kPage + row % kPage);
  }
  std::vector<std::uint8_t> k(world.keys().memory().size(), 0xff), v = k;
  std::vector<gpu::Fp16> k_scales(world.keys().scales().size(), gpu::Fp16{0xffff});
  auto v_scales = k_scales;
  AppendArgs args;
  args.key = rows.data();
  args.value = rows.data() + kHeads * kDim;
  args.token_stride = 2 * kHeads * kDim;
  args.slots = slots.data();
  args.k = k.data();
  args.v = v.data();
  args.k_scales = k_scales.data();
  args.v_scales = v_scales.data();
  args.kv_heads = kHeads;
  args.head_dim = kDim;
  args.page_shift = 3;
  launch_append({KvElement::kBf16, GetParam()}, args, kTokens, {});
  EXPECT_EQ(k, world.keys().memory());
  EXPECT_EQ(v, world.values().memory());
  const auto same = [](gpu::Fp16 a, gpu::Fp16 b) { return a.bits == b.bits; };
  EXPECT_TRUE(std::equal(k_scales.begin(), k_scales.end(), world.keys().scales().begin(), same));
  EXPECT_TRUE(std::equal(v_scales.begin(), v_scales.end(), world.values().scales().begin(), same));
  EXPECT_LT(relative_error<Bf16>(world.run(), world.reference(), kDim).worst_row, 2 * kError);
}

/// What a user gives up, for normal K and V. Rounding V with relative noise e moves the output by e
/// times its size. Rounding K moves a score of unit queries by a deviation of e, so each weight by
/// about that share of it, and the output by e again: in all sqrt(2) e.
TEST_P(QuantisedDecode, IsAsFarFromTheUnquantisedResultAsRoundingExplains) {
  World world(setup(128, 4, 2, {2000, 700}, 16));
  double squares = 0, noise = 0;
  for (std::int32_t t = 0; t < 2000; ++t) {
    const std::size_t row = world.row(0, 0, t);
    for (std::size_t d = 0; d < 128; ++d) {
      squares += std::pow(world.values().exact(row, d), 2);
      noise += std::pow(world.values().exact(row, d) - world.values().stored(row, d), 2);
    }
  }
  const double error = relative_error<Bf16>(world.run(), world.exact_reference(), 128).overall;
  RecordProperty("relative_error", std::to_string(error));
  EXPECT_NEAR(error / (std::sqrt(2.0) * std::sqrt(noise / squares)), 1, 0.15);
  // A step of largest / 127 or / 7, with a largest of some 2.8 deviations, is a noise of
  // 2.8 / 127 / sqrt(12) = 0.6 % or 12 %; e4m3 has 2^-3 of each binade as its step: 2 to 3 %.
  const double about = GetParam() == KvElement::kInt4   ? 0.163
                       : GetParam() == KvElement::kInt8 ? 0.009
                                                        : 0.036;
  EXPECT_NEAR(error / about, 1, 0.2);
}

// ---- planted bugs ----

/// Does this make a result that differs from double, or fail?
bool shows(KvElement element, const std::function<std::vector<std::uint16_t>(World&)>& run) {
  World world({{element, 64, 16, true}, 1, {1100, 45}, 16});
  const auto expected = world.reference();
  try {
    return !(relative_error<Bf16>(run(world), expected, 64).worst_row < 2 * kError);
  } catch (const gpu::MachineError&) {
    return true;
  }
}

TEST_P(QuantisedDecode, EveryWaitIsNeeded) {
  World world({{GetParam(), 64, 16, true}, 1, {1100, 45}, 16});
  gpu::Machine whole({1, {}});
  (void)world.run(whole);
  int tried = 0;
  for (const gpu::Site& site : whole.sites()) {
    if (site.operation != std::string("cp_async_wait")) continue;
    ++tried;
    EXPECT_TRUE(shows(GetParam(), [&](World& mutant) {
      gpu::Machine broken({1, site});
      return mutant.run(broken);
    })) << describe(site);
  }
  EXPECT_EQ(tried, 2);
}

TEST_P(QuantisedDecode, AWrongScaleShows) {
  EXPECT_FALSE(shows(GetParam(), [](World& world) { return world.run(); }));
  for (const bool in_keys : {true, false}) {
    EXPECT_TRUE(shows(GetParam(), [&](World& world) {  // That of the next token.
      auto& scales = (in_keys ? world.keys() : world.values()).scales();
      std::rotate(scales.begin(), scales.begin() + 1, scales.end());
      return world.run();
    }));
    EXPECT_TRUE(shows(GetParam(), [&](World& world) {  // Applied twice.
      for (gpu::Fp16& scale : (in_keys ? world.keys() : world.values()).scales())
        scale = gpu::from_float<gpu::Fp16>(gpu::to_float(scale) * gpu::to_float(scale));
      return world.run();
    }));
  }
}

std::string name_of(const testing::TestParamInfo<KvElement>& info) {
  return info.param == KvElement::kE4m3 ? "E4m3" : info.param == KvElement::kInt8 ? "Int8" : "Int4";
}
INSTANTIATE_TEST_SUITE_P(Formats, QuantisedDecode,
                         testing::Values(KvElement::kE4m3, KvElement::kInt8, KvElement::kInt4),
                         name_of);

// ---- the seam ----

/// Both orders of dims are permutations of the 32 bytes' dims: nothing is read twice or lost.
template <class Format>
void expect_permutations() {
  constexpr int kDims = 16 * Format::kSteps;
  std::vector<int> keys(kDims), values(kDims);
  for (int step = 0; step < Format::kSteps; ++step) {
    for (int i = 0; i < 16; ++i) {
      ++keys[static_cast<std::size_t>(Format::key_dim(step, i))];
      ++values[static_cast<std::size_t>(Format::value_dim(step, i))];
    }
  }
  EXPECT_EQ(keys, std::vector<int>(kDims, 1));
  EXPECT_EQ(values, std::vector<int>(kDims, 1));
}

TEST(KvFormat, PermutesDims) {
  expect_permutations<EightBit<Bf16, E4m3Codes>>();
  expect_permutations<EightBit<Bf16, Int8Codes>>();
  expect_permutations<FourBit<Bf16>>();
}

/// Every code of a word, against the arithmetic of its definition.
TEST(KvFormat, DecodesEveryCodeExactly) {
  float low = 0, high = 0;
  for (unsigned u = 0; u < 256; ++u) {
    const std::uint32_t word = u | (u ^ 0x55u) << 8 | (u ^ 0xffu) << 16 | (255 - u) << 24;
    gpu::unpack<gpu::Fp16>(Int8Codes::pair<0, 2>(word), low, high);
    EXPECT_EQ(low, static_cast<float>(u) - 128);
    EXPECT_EQ(high, static_cast<float>(u ^ 0xffu) - 128);
    gpu::unpack<gpu::Fp16>(Int8Codes::pair<1, 3>(word), low, high);
    EXPECT_EQ(low, static_cast<float>(u ^ 0x55u) - 128);
    EXPECT_EQ(high, static_cast<float>(255 - u) - 128);
    if ((u & 0x7fu) == 0x7fu || ((u ^ 0x55u) & 0x7fu) == 0x7fu) continue;  // NaN
    gpu::unpack<gpu::Fp16>(E4m3Codes::pair<0, 1>(word), low, high);
    EXPECT_EQ(low, gpu::to_float(gpu::E4m3{static_cast<std::uint8_t>(u)}));
    EXPECT_EQ(high, gpu::to_float(gpu::E4m3{static_cast<std::uint8_t>(u ^ 0x55u)}));
  }
  for (unsigned u = 0; u < 16; ++u) {
    const auto expect = [&](std::uint32_t pair) {
      gpu::unpack<gpu::Fp16>(pair, low, high);
      EXPECT_EQ(low, static_cast<float>(u) - 8);
      EXPECT_EQ(high, 7 - static_cast<float>(u));
    };
    const std::uint32_t both = u | (15 - u) << 16;
    const std::uint32_t others = 0x5a3c'a5c3u;  // Nibbles that must not matter.
    expect(int4_pair<0>(both | (others & 0xfff0'fff0u)));
    expect(int4_pair<1>(both << 4 | (others & 0xff0f'ff0fu)));
    expect(int4_pair<2>(both << 8 | (others & 0xf0ff'f0ffu)));
    expect(int4_pair<3>(both << 12 | (others & 0x0fff'0fffu)));
  }
}

}  // namespace
}  // namespace kvsim
