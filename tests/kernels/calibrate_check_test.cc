// kvsim-calibrate --self-check, here on the CPU machine: every check passes, and a check can fail.
#include <cmath>
#include <limits>
#include <stdexcept>

#include <gtest/gtest.h>

#include "kernels/calibrate/check/attention_reference.h"
#include "kernels/calibrate/check/checks.h"
#include "kernels/calibrate/check/decode_world.h"
#include "kernels/calibrate/probes/probes.h"
#include "kernels/gpu/number.h"

namespace kvsim::calibrate {
namespace {

constexpr int kMultiprocessors = 4;

TEST(SelfCheck, EveryKernelPassesOnTheCpuMachine) {
  for (const Check& check : all_checks(CheckSize::kSmall, kMultiprocessors, 1)) {
    const CheckResult result = run_check(check);
    EXPECT_TRUE(result.passed()) << line_of(result);
  }
}

TEST(SelfCheck, WhatIsNotANumberDoesNotPass) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(relative_error({1, kNan}, {1, 1}, 2), std::numeric_limits<double>::infinity());
  const CheckResult nan = run_check({"decode", "x", 1, [] { return kNan; }});
  EXPECT_FALSE(nan.passed());
  const CheckResult thrown =
      run_check({"decode", "x", 1, []() -> double { throw std::runtime_error("launch: bad"); }});
  EXPECT_EQ(line_of(thrown), "FAIL  decode  x: launch: bad");
  EXPECT_EQ(line_of(run_check({"decode", "x", 4e-3, [] { return 2e-3; }})),
            "ok    decode  x: 2.0e-03 (at most 4.0e-03)");
  EXPECT_EQ(line_of(run_check({"decode", "x", 0, [] { return 1.0; }})),
            "FAIL  decode  x: 1.0e+00 (at most 0.0e+00)");
}

TEST(SelfCheck, ErrorsAreOverAllOrOfAWorstRow) {
  // Rows (3, 4) and (0, 1): off by 5e-3 of 5 and by nothing.
  EXPECT_NEAR(relative_error({3.003, 4.004, 0, 1}, {3, 4, 0, 1}, 2), 5e-3 / std::sqrt(26), 1e-9);
  // A small row that is all wrong counts, though it is little of the whole.
  EXPECT_NEAR(relative_error({3000, 4000, 0, 2}, {3000, 4000, 0, 1}, 2), 0.5, 1e-9);
  EXPECT_EQ(relative_error({0, 0}, {0, 0}, 2), 0);
  EXPECT_EQ(relative_error({0, 1}, {0, 0}, 2), std::numeric_limits<double>::infinity());
}

TEST(SelfCheck, TheReferenceByHand) {
  // Scores ln 3 and 0: weights 3/4 and 1/4.
  const std::vector<double> k0{std::log(3.0), 0};
  const std::vector<double> k1{0, 5};
  const std::vector<double> v0{4, 8};
  const std::vector<double> v1{0, 4};
  const auto out = attend({2, 0}, {k0.data(), k1.data()}, {v0.data(), v1.data()}, 0.5);
  EXPECT_NEAR(out[0], 3, 1e-12);
  EXPECT_NEAR(out[1], 7, 1e-12);
  EXPECT_EQ(attend({1, 1}, {}, {}, 1), (std::vector<double>{0, 0}));
}

TEST(SelfCheck, AnotherPageInTheTableShows) {
  // The check's world with one length off by one: the reference has a token that the kernel lacks.
  DecodeWorldSetup setup{.kernel = {KvElement::kBf16, 64, 2, true}, .lengths = {40}};
  const DecodeWorld world(setup);
  setup.window = 39;
  const DecodeWorld without_one(setup);
  EXPECT_GT(relative_error(world.numbers(without_one.run(kMultiprocessors)), world.reference(),
                           world.head_dim()),
            4e-3);
}

// ---- probes ----

TEST(Probes, RandomValuesAreWithinTheirRangeAndRepeat) {
  constexpr std::size_t kBytes = 1 << 14;
  const DeviceMemory memory(kBytes);
  fill_random(RandomKind::kBf16, memory.data(), kBytes, 7);
  const auto values = memory.read<std::uint16_t>(kBytes / 2);
  double sum = 0;
  double square = 0;
  for (const std::uint16_t bits : values) {
    const double x = gpu::to_float(gpu::Bf16{bits});
    ASSERT_LE(std::abs(x), 1);
    sum += x;
    square += x * x;
  }
  const auto count = static_cast<double>(values.size());
  EXPECT_NEAR(sum / count, 0, 0.03);
  EXPECT_NEAR(square / count, 1.0 / 3, 0.02);  // of a uniform distribution over [-1, 1)
  fill_random(RandomKind::kBf16, memory.data(), kBytes, 7);
  EXPECT_EQ(memory.read<std::uint16_t>(kBytes / 2), values);
  fill_random(RandomKind::kE4m3, memory.data(), kBytes, 7);
  for (const std::uint8_t code : memory.read<std::uint8_t>(kBytes))
    ASSERT_FALSE(std::isnan(gpu::to_float(gpu::E4m3{code})));
  fill_random(RandomKind::kScale, memory.data(), kBytes, 7);
  for (const std::uint16_t bits : memory.read<std::uint16_t>(kBytes / 2)) {
    ASSERT_GE(gpu::to_float(gpu::Fp16{bits}), 1.0 / 128);
    ASSERT_LT(gpu::to_float(gpu::Fp16{bits}), 1.0 / 64);
  }
}

TEST(Probes, SweepsTouchEveryByte) {
  for (const std::size_t bytes : {16u, 4096u, 100016u}) {
    const DeviceMemory from(bytes);
    DeviceMemory to(bytes);
    fill_random(RandomKind::kBytes, from.data(), static_cast<std::int64_t>(bytes), 3);
    to.fill(0);
    copy_sweep(from.data(), to.data(), static_cast<std::int64_t>(bytes), 1, {});
    EXPECT_EQ(to.read<std::uint8_t>(bytes), from.read<std::uint8_t>(bytes));
    const DeviceMemory sink(16);
    read_sweep(from.data(), static_cast<std::int64_t>(bytes), sink.as<std::uint32_t>(), 1, {});
  }
}

}  // namespace
}  // namespace kvsim::calibrate
