// Elementwise kernels against their formulas in double.
#include "kernels/elementwise/elementwise.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/gpu/gpu.h"

namespace kvsim {
namespace {

using gpu::Bf16;
using gpu::Fp16;

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Half a unit in the last place, relative, and a little for arithmetic in float.
template <class Element>
constexpr double kRounding = (std::is_same_v<Element, Bf16> ? 0x1p-8 : 0x1p-11) * 1.01;

template <class Element>
std::vector<Element> normal(int count, std::uint64_t seed, float deviation = 1) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> distribution(0, deviation);
  std::vector<Element> values(index(count));
  for (Element& value : values) value = gpu::from_float<Element>(distribution(random));
  return values;
}

template <class Element>
double at(const std::vector<Element>& values, std::int64_t i) {
  return gpu::to_float(values[index(i)]);
}

template <class Element>
void expect_rms_norm(int tokens, int hidden, bool residual, std::uint64_t seed) {
  const auto in = normal<Element>(tokens * hidden, seed, 3);
  const auto before = normal<Element>(tokens * hidden, seed + 1);
  const auto weight = normal<Element>(hidden, seed + 2);
  auto after = before;
  std::vector<Element> out(in.size(), gpu::from_float<Element>(std::nanf("")));
  gpu::Machine machine({seed, {}});
  launch_rms_norm<Element>(
      {in.data(), residual ? after.data() : nullptr, weight.data(), out.data(), hidden, 1e-5f},
      tokens, machine.stream());
  for (int token = 0; token < tokens; ++token) {
    std::vector<double> x;
    double squares = 0;
    for (int i = 0; i < hidden; ++i) {
      const std::int64_t where = token * hidden + i;
      x.push_back(at(in, where));
      if (residual) {
        const double sum = at(in, where) + at(before, where);
        ASSERT_NEAR(at(after, where), sum, std::abs(sum) * kRounding<Element>);
        x.back() = at(after, where);
      }
      squares += x.back() * x.back();
    }
    for (int i = 0; i < hidden; ++i) {
      const double expected = x[index(i)] / std::sqrt(squares / hidden + 1e-5) * at(weight, i);
      ASSERT_NEAR(at(out, token * hidden + i), expected,
                  std::abs(expected) * kRounding<Element> + 1e-7)
          << token << " " << i;
    }
  }
}

TEST(RmsNorm, FollowsTheFormula) {
  expect_rms_norm<Bf16>(3, 64, false, 1);   // Less than a warp's worth.
  expect_rms_norm<Bf16>(2, 1000, true, 2);  // Not whole warps.
  expect_rms_norm<Fp16>(2, 4096, true, 3);
  expect_rms_norm<Bf16>(1, 20480, true, 4);  // Several pieces per thread.
}

template <class Element>
void expect_silu_mul(int tokens, int width, std::uint64_t seed) {
  const auto in = normal<Element>(tokens * 2 * width, seed, 4);
  std::vector<Element> out(index(tokens * width), gpu::from_float<Element>(std::nanf("")));
  gpu::Machine machine({seed, {}});
  launch_silu_mul<Element>({in.data(), out.data(), width}, tokens, machine.stream());
  for (int token = 0; token < tokens; ++token) {
    for (int i = 0; i < width; ++i) {
      const double gate = at(in, token * 2 * width + i);
      const double expected = gate / (1 + std::exp(-gate)) * at(in, (token * 2 + 1) * width + i);
      ASSERT_NEAR(at(out, token * width + i), expected,
                  std::abs(expected) * kRounding<Element> + 1e-7);
    }
  }
}

TEST(SiluMul, FollowsTheFormula) {
  expect_silu_mul<Bf16>(3, 136, 1);
  expect_silu_mul<Fp16>(1, 14336, 2);
}

TEST(SiluMul, IsZeroFarBelowZero) {
  const std::vector<Bf16> in{16, gpu::from_float<Bf16>(-1e30f)};
  std::vector<Bf16> out(8);
  launch_silu_mul<Bf16>({in.data(), out.data(), 8}, 1, {});
  EXPECT_EQ(at(out, 0), 0);
}

TEST(Embedding, GathersRows) {
  constexpr int kHidden = 72, kVocabulary = 50;
  const auto table = normal<Bf16>(kVocabulary * kHidden, 1);
  const std::vector<std::int32_t> ids{49, 0, 7, 7};
  std::vector<Bf16> out(ids.size() * kHidden);
  launch_embedding<Bf16>({ids.data(), table.data(), out.data(), kHidden}, 4, {});
  for (int token = 0; token < 4; ++token)
    for (int i = 0; i < kHidden; ++i)
      ASSERT_EQ(at(out, token * kHidden + i), at(table, ids[index(token)] * kHidden + i));
}

std::int32_t argmax_of(const std::vector<Bf16>& logits, std::uint64_t seed) {
  std::int32_t result = -1;
  gpu::Machine machine({seed, {}});
  launch_argmax<Bf16>({logits.data(), &result, static_cast<int>(logits.size())}, 1,
                      machine.stream());
  return result;
}

TEST(Argmax, IsTheFirstLargest) {
  for (std::uint64_t seed = 1; seed < 20; ++seed) {
    auto logits = normal<Bf16>(9000, seed);  // bf16: many equal values.
    std::size_t expected = 0;
    for (std::size_t i = 0; i < logits.size(); ++i)
      if (gpu::to_float(logits[i]) > gpu::to_float(logits[expected])) expected = i;
    EXPECT_EQ(argmax_of(logits, seed), static_cast<std::int32_t>(expected));
    logits[(seed * 977) % 9000] = gpu::from_float<Bf16>(100);
    logits[8999] = gpu::from_float<Bf16>(100);
    EXPECT_EQ(argmax_of(logits, seed), static_cast<std::int32_t>((seed * 977) % 9000));
  }
}

TEST(Argmax, DoesNotChooseNan) {
  auto logits = normal<Bf16>(256, 3);
  for (std::size_t i = 0; i < 256; i += 3) logits[i] = gpu::from_float<Bf16>(std::nanf(""));
  logits[100] = gpu::from_float<Bf16>(50);
  EXPECT_EQ(argmax_of(logits, 1), 100);
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(argmax_of(std::vector<Bf16>(64, gpu::from_float<Bf16>(-inf)), 1), 0);
  EXPECT_EQ(argmax_of(std::vector<Bf16>(64, gpu::from_float<Bf16>(std::nanf(""))), 1), 0);
}

TEST(Argmax, TakesEachRowForItself) {
  std::vector<Bf16> logits(3 * 64);
  for (const int i : {5, 64 + 63, 128}) logits[index(i)] = gpu::from_float<Bf16>(1);
  std::vector<std::int32_t> out(3, -1);
  launch_argmax<Bf16>({logits.data(), out.data(), 64}, 3, {});
  EXPECT_EQ(out, (std::vector<std::int32_t>{5, 63, 0}));
}

template <class Launch>
std::string error_of(Launch launch) {
  try {
    launch();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(Elementwise, RefusesRowsItCannotTake) {
  EXPECT_EQ(error_of([] {
              launch_silu_mul<Bf16>({nullptr, nullptr, 12}, 1, {});
            }),
            "silu_mul: rows must be a multiple of 8 elements, got 12");
  EXPECT_EQ(error_of([] {
              launch_rms_norm<Bf16>({{}, {}, {}, {}, 40000, 0}, 1, {});
            }),
            "rms_norm: at most 32768 elements, got 40000");
  launch_argmax<Bf16>({nullptr, nullptr, 64}, 0, {});  // No tokens: nothing to do.
}

/// A dropped barrier must show: the sums of other warps are then poison.
TEST(RmsNorm, NeedsItsBarrier) {
  const auto in = normal<Bf16>(1024, 1);
  std::vector<Bf16> out(1024);
  const RmsNormArgs args{in.data(), nullptr, in.data(), out.data(), 1024, 1e-5f};
  gpu::Machine whole({9, {}});
  launch_rms_norm<Bf16>(args, 1, whole.stream());
  ASSERT_EQ(whole.sites().size(), 1u);
  gpu::Machine broken({9, whole.sites()[0]});
  launch_rms_norm<Bf16>(args, 1, broken.stream());
  bool poisoned = false;
  for (int i = 0; i < 1024; ++i) poisoned = poisoned || std::isnan(at(out, i));
  EXPECT_TRUE(poisoned);
}

}  // namespace
}  // namespace kvsim
