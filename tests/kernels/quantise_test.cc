// The plain quantisers: their errors against closed forms, their scales against every fp16, and
// the layout of their codes as a bijection.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/formats/reference.h"
#include "kernels/formats/storage.h"

namespace kvsim {
namespace {

using gpu::Fp16;

constexpr KvElement kQuantised[] = {KvElement::kE4m3, KvElement::kInt8, KvElement::kInt4};

/// storage.h's table, restated: 448 and 127 and 7 are the largest codes of the formats.
double largest_code(KvElement element) {
  if (element == KvElement::kE4m3) return 448;
  return element == KvElement::kInt8 ? 127 : 7;
}

std::vector<float> normal_row(std::size_t size, double deviation, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, deviation);
  std::vector<float> row(size);
  for (float& value : row) value = static_cast<float>(normal(random));
  return row;
}

double largest_of(const std::vector<float>& row) {
  double largest = 0;
  for (const float value : row) largest = std::max(largest, std::abs(static_cast<double>(value)));
  return largest;
}

/// Rows of every magnitude at which an fp16 scale exists, its subnormals included.
TEST(Quantise, ErrorsStayWithinTheClosedForms) {
  for (const KvElement element : kQuantised) {
    for (int exponent = -30; exponent <= 14; ++exponent) {
      const auto row =
          normal_row(128, std::ldexp(1, exponent), static_cast<std::uint64_t>(100 + exponent));
      const QuantisedRow stored = quantise(element, row);
      const auto back = dequantise(element, stored);
      const double scale = gpu::to_float(stored.scale);
      for (std::size_t i = 0; i < row.size(); ++i) {
        const double error = std::abs(static_cast<double>(row[i]) - back[i]);
        const double bound = element == KvElement::kE4m3
                                 ? std::max(std::abs(row[i]) * 0x1p-4, scale * 0x1p-10)
                                 : scale / 2;
        ASSERT_LE(error, bound) << "element " << i << " of 2^" << exponent;
      }
    }
  }
}

/// The root mean square of uniform rounding is step / sqrt(12): a check from the other side, that
/// the codes are as fine as they can be.
TEST(Quantise, IntegerErrorsAreThoseOfUniformRounding) {
  for (const KvElement element : {KvElement::kInt8, KvElement::kInt4}) {
    const auto row = normal_row(1 << 14, 1.0, 5);
    const QuantisedRow stored = quantise(element, row);
    const auto back = dequantise(element, stored);
    double squares = 0;
    for (std::size_t i = 0; i < row.size(); ++i)
      squares += std::pow(static_cast<double>(row[i]) - back[i], 2);
    const double expected = gpu::to_float(stored.scale) / std::sqrt(12.0);
    EXPECT_NEAR(std::sqrt(squares / static_cast<double>(row.size())) / expected, 1, 0.03);
  }
}

TEST(Quantise, TheScaleIsTheLeastThatFits) {
  for (const KvElement element : kQuantised) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
      const auto row = normal_row(64, std::exp2(static_cast<double>(seed) / 5 - 25), seed);
      const std::uint16_t bits = quantise(element, row).scale.bits;
      ASSERT_GE(gpu::to_float(Fp16{bits}) * largest_code(element), largest_of(row));
      const Fp16 below{static_cast<std::uint16_t>(bits - 1)};
      ASSERT_LT(gpu::to_float(below) * largest_code(element), largest_of(row));
    }
  }
}

TEST(Quantise, CodesReadBackAsThemselves) {
  for (const KvElement element : kQuantised) {
    const auto once = dequantise(element, quantise(element, normal_row(256, 1.0, 3)));
    EXPECT_EQ(dequantise(element, quantise(element, once)), once);
  }
}

TEST(Quantise, ZeroRowsAreZero) {
  for (const KvElement element : kQuantised) {
    const QuantisedRow stored = quantise(element, std::vector<float>(64, 0.f));
    EXPECT_EQ(stored.scale.bits, 0);
    EXPECT_EQ(dequantise(element, stored), std::vector<float>(64, 0.f));
  }
}

TEST(Quantise, WhatIsPoisonedStaysPoisoned) {
  const float inf = std::numeric_limits<float>::infinity();
  for (const KvElement element : kQuantised) {
    const auto too_large = static_cast<float>(65504.0 * largest_code(element) * 1.001);
    for (const float bad : {std::nanf(""), inf, -inf, too_large}) {
      auto row = normal_row(64, 1.0, 9);
      row[17] = bad;
      for (const float value : dequantise(element, quantise(element, row)))
        ASSERT_TRUE(std::isnan(value));
    }
    const auto just_fits = static_cast<float>(65504.0 * largest_code(element));
    EXPECT_EQ(dequantise(element, quantise(element, std::vector<float>(8, just_fits)))[0],
              just_fits);
  }
}

TEST(Quantise, Int4NibblesAreABijection) {
  std::set<int> shifts;
  for (int dim = 0; dim < 8; ++dim) shifts.insert(int4_shift(dim));
  EXPECT_EQ(shifts, (std::set<int>{0, 4, 8, 12, 16, 20, 24, 28}));
  for (int dim = 0; dim < 8; dim += 2) {  // A mask of the word gives neighbours, in order.
    EXPECT_EQ(int4_shift(dim + 1), int4_shift(dim) + 16);
    EXPECT_EQ(int4_shift(dim), int4_shift(dim + 8));
  }
}

/// A worked example: 7 is the largest magnitude, so the scale is 1 and codes are value + 8.
TEST(Quantise, Int4WorkedExample) {
  const std::vector<float> row{-7, -6, -1, 0, 1, 2, 3, 7};
  const QuantisedRow stored = quantise(KvElement::kInt4, row);
  EXPECT_EQ(gpu::to_float(stored.scale), 1.f);
  // Even elements -7 -1 1 3 are nibbles 0 to 3, odd ones -6 0 2 7 nibbles 4 to 7.
  EXPECT_EQ(stored.codes, (std::vector<std::uint8_t>{0x71, 0xb9, 0x82, 0xfa}));
  EXPECT_EQ(dequantise(KvElement::kInt4, stored), row);
}

}  // namespace
}  // namespace kvsim
