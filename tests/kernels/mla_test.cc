// Latent decode attention on the CPU machine: against double from its definition (one key per token
// for all heads, its first 512 elements the value), and with planted bugs that must show.
#include "kernels/mla/mla.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/gpu/cpu/machine.h"
#include "kernels/gpu/number.h"
#include "tests/kernels/support/decode_world.h"

namespace kvsim {
namespace {

using gpu::Bf16;

constexpr double kError = 6e-3;

struct MlaSetup {
  std::int32_t q_heads = 16;
  std::vector<std::int32_t> lengths;
  std::int32_t page_tokens = 64;
  std::int32_t multiprocessors = 1;
  std::uint32_t page_seed = 1;
  float query_size = 1;
};

class MlaWorld {
 public:
  explicit MlaWorld(MlaSetup setup) : setup_(std::move(setup)) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    const auto value = [&] { return gpu::from_float<Bf16>(normal(random)); };
    q_.resize(setup_.lengths.size() * heads() * kMlaRowDim);
    for (Bf16& x : q_) x = gpu::from_float<Bf16>(normal(random) * setup_.query_size);
    const std::int32_t longest = *std::max_element(setup_.lengths.begin(), setup_.lengths.end());
    width_ = longest / setup_.page_tokens + 1;
    std::vector<std::int32_t> order(setup_.lengths.size() * static_cast<std::size_t>(width_) + 2);
    std::iota(order.begin(), order.end(), 0);
    std::mt19937 pages(setup_.page_seed);
    std::shuffle(order.begin(), order.end(), pages);
    cache_.assign(order.size() * static_cast<std::size_t>(setup_.page_tokens) * kMlaRowDim,
                  kNothing);
    table_.assign(order.size() - 2, -1);
    for (std::size_t s = 0; s < setup_.lengths.size(); ++s) {
      for (std::int32_t t = 0; t < setup_.lengths[s]; ++t) {
        const std::size_t entry =
            s * static_cast<std::size_t>(width_) + static_cast<std::size_t>(t / setup_.page_tokens);
        table_[entry] = order[entry];
        std::generate_n(cache_.begin() + static_cast<std::ptrdiff_t>(row(s, t)), kMlaRowDim, value);
      }
    }
  }

  std::vector<std::uint16_t> run(gpu::Machine& machine) {
    const DecodeShape shape = mla_shape(setup_.q_heads, setup_.page_tokens);
    const DecodePlan plan = plan_decode(shape, mla_device(setup_.multiprocessors), setup_.lengths);
    cut_ = plan.slots > 0;
    const DecodeWorkspace size = mla_workspace(shape, plan);
    std::vector<float> partial_out(size.partial_out, std::nanf(""));
    std::vector<float> partial_stats(size.partial_stats, std::nanf(""));
    std::vector<std::uint32_t> arrivals(size.arrivals, 0);
    std::vector<Bf16> out(setup_.lengths.size() * heads() * kMlaLatentDim, kNothing);
    DecodeArgs args;
    args.q = q_.data();
    args.out = out.data();
    args.k = cache_.data();
    args.table = table_.data();
    args.table_stride = width_;
    args.page_shift = std::countr_zero(static_cast<std::uint32_t>(setup_.page_tokens));
    args.items = plan.items.data();
    args.item_count = static_cast<std::int32_t>(plan.items.size());
    args.partial_out = partial_out.data();
    args.partial_stats = partial_stats.data();
    args.arrivals = arrivals.data();
    args.q_heads = setup_.q_heads;
    args.kv_heads = 1;
    args.head_groups = head_groups(setup_.q_heads, 1);
    args.scale_log2 = static_cast<float>(kScale / std::log(2.0));
    launch_mla(args, machine.stream());
    EXPECT_TRUE(std::all_of(arrivals.begin(), arrivals.end(), [](auto n) { return n == 0; }));
    std::vector<std::uint16_t> bits(out.size());
    std::transform(out.begin(), out.end(), bits.begin(), [](Bf16 x) { return x.bits; });
    return bits;
  }

  [[nodiscard]] std::vector<double> reference() const {
    std::vector<double> out(setup_.lengths.size() * heads() * kMlaLatentDim, 0);
    for (std::size_t s = 0; s < setup_.lengths.size(); ++s)
      for (std::size_t h = 0; h < heads(); ++h)
        reference_row(s, h, &out[(s * heads() + h) * kMlaLatentDim]);
    return out;
  }

  /// The last run's plan cut a sequence.
  [[nodiscard]] bool cut() const { return cut_; }

 private:
  static constexpr Bf16 kNothing{0xffff};                   // Not a number.
  static constexpr double kScale = 1 / 13.856406460551018;  // 1 / sqrt(128 + 64), DeepSeek-V2's.

  [[nodiscard]] std::size_t heads() const { return static_cast<std::size_t>(setup_.q_heads); }
  [[nodiscard]] std::size_t row(std::size_t s, std::int32_t t) const {
    const auto page =
        static_cast<std::size_t>(table_[s * static_cast<std::size_t>(width_) +
                                        static_cast<std::size_t>(t / setup_.page_tokens)]);
    return (page * static_cast<std::size_t>(setup_.page_tokens) +
            static_cast<std::size_t>(t % setup_.page_tokens)) *
           kMlaRowDim;
  }

  void reference_row(std::size_t s, std::size_t h, double* out) const {
    std::vector<double> weight(static_cast<std::size_t>(setup_.lengths[s]), 0.0);
    for (std::int32_t t = 0; t < setup_.lengths[s]; ++t)
      for (std::size_t d = 0; d < kMlaRowDim; ++d)
        weight[static_cast<std::size_t>(t)] +=
            kScale * gpu::to_float(q_[(s * heads() + h) * kMlaRowDim + d]) *
            gpu::to_float(cache_[row(s, t) + d]);
    if (weight.empty()) return;
    const double largest = *std::max_element(weight.begin(), weight.end());
    double sum = 0;
    for (double& w : weight) sum += w = std::exp(w - largest);
    for (std::int32_t t = 0; t < setup_.lengths[s]; ++t)
      for (std::size_t d = 0; d < kMlaLatentDim; ++d)
        out[d] += weight[static_cast<std::size_t>(t)] / sum * gpu::to_float(cache_[row(s, t) + d]);
  }

  MlaSetup setup_;
  std::int32_t width_ = 0;
  std::vector<std::int32_t> table_;
  std::vector<Bf16> q_;
  std::vector<Bf16> cache_;
  bool cut_ = false;
};

void expect_close(const MlaSetup& setup) {
  SCOPED_TRACE(testing::Message() << setup.q_heads << " heads, pages of " << setup.page_tokens);
  MlaWorld world(setup);
  gpu::Machine machine({1, {}});
  const RelativeError error =
      relative_error<Bf16>(world.run(machine), world.reference(), kMlaLatentDim);
  EXPECT_LT(error.overall, kError);
  EXPECT_LT(error.worst_row, 2 * kError);
}

TEST(Mla, AgreesWithDouble) {
  expect_close({16, {150, 64, 1, 200}});
  expect_close({16, {0, 63, 65, 128, 129}});
  expect_close({16, {500, 70}, 64, 16});
}

// Eight groups of 16; groups that do not fill their rows; other pages.
TEST(Mla, AgreesForOtherHeadsAndPages) {
  expect_close({128, {70, 20}});
  expect_close({8, {130}});
  expect_close({40, {90}, 64, 16});
  expect_close({1, {65}, 16});
  expect_close({16, {100, 30}, 8});
  expect_close({16, {300}, 256});
}

TEST(Mla, SurvivesHugeScores) {
  MlaSetup setup{16, {200, 70}, 64, 8};
  setup.query_size = 50;
  expect_close(setup);
}

TEST(Mla, GivesZerosForEmptySequences) {
  MlaWorld world({16, {0, 0}});
  gpu::Machine machine({1, {}});
  EXPECT_EQ(world.run(machine), std::vector<std::uint16_t>(std::size_t{32} * kMlaLatentDim, 0));
}

TEST(Mla, HasFixedBits) {
  MlaSetup setup{16, {400}, 64, 16};
  MlaWorld world(setup);
  gpu::Machine first({1, {}});
  const auto bits = world.run(first);
  EXPECT_TRUE(world.cut());
  for (std::uint64_t seed = 2; seed < 5; ++seed) {
    gpu::Machine machine({seed, {}});
    EXPECT_EQ(world.run(machine), bits);
  }
  setup.page_seed = 9;  // Where pages lie is of no matter.
  setup.page_tokens = 16;
  MlaWorld elsewhere(setup);
  gpu::Machine machine({1, {}});
  EXPECT_EQ(elsewhere.run(machine), bits);
}

// Each wait and each barrier, dropped, shows.
TEST(Mla, NeedsEveryWaitAndBarrier) {
  MlaWorld world({16, {450}, 64, 2});
  const std::vector<double> expected = world.reference();
  const auto wrong = [&](gpu::Machine& machine) {
    try {
      return !(relative_error<Bf16>(world.run(machine), expected, kMlaLatentDim).overall < kError);
    } catch (const gpu::MachineError&) {
      return true;
    }
  };
  gpu::Machine sound({1, {}});
  ASSERT_FALSE(wrong(sound));
  EXPECT_TRUE(world.cut());
  EXPECT_EQ(sound.sites().size(), 9u);
  for (const gpu::Site& site : sound.sites()) {
    bool noticed = false;
    for (std::uint64_t seed = 1; seed <= 20 && !noticed; ++seed) {
      gpu::Machine broken({seed, site});
      noticed = wrong(broken);
    }
    EXPECT_TRUE(noticed) << describe(site);
  }
}

TEST(Mla, RefusesWhatItHasNoKernelFor) {
  const auto refusal = [](const DecodeArgs& args) -> std::string {
    try {
      launch_mla(args, {});
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "";
  };
  DecodeArgs args;
  args.q_heads = 128;
  args.kv_heads = 1;
  args.head_groups = 8;
  args.page_shift = 6;
  EXPECT_EQ(refusal(args), "");
  args.head_groups = 4;
  EXPECT_EQ(refusal(args), "mla: 128 query heads do not make 4 groups");
  args.head_groups = 8;
  args.window = 5;
  EXPECT_EQ(refusal(args), "mla: no window, no sinks");
  args.kv_heads = 8;
  EXPECT_EQ(refusal(args), "mla: all heads share one row per token, got 8 KV heads");
}

}  // namespace
}  // namespace kvsim
