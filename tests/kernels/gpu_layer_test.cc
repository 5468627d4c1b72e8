// The CPU machine: numbers against their definitions, tensor cores against matrix products in
// double, and every kind of bug that it exists to find, found.
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/gpu/gpu.h"

namespace kvsim::gpu {
namespace {

/// What `run` says when it fails; empty if it does not.
template <class Run>
std::string error_of(Run run) {
  try {
    run();
  } catch (const MachineError& error) {
    return error.what();
  }
  return "";
}

bool says(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

// ---- numbers ----

/// The value of `bits` by the formula of the standards: (-1)^s (1.m) 2^(e - bias), 0.m if e = 0.
double by_formula(unsigned bits, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = static_cast<int>(bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
  const double fraction = std::ldexp(bits & ((1u << mantissa_bits) - 1), -mantissa_bits);
  const double magnitude =
      exponent == 0 ? std::ldexp(fraction, 1 - bias) : std::ldexp(1 + fraction, exponent - bias);
  return (bits >> (exponent_bits + mantissa_bits)) != 0 ? -magnitude : magnitude;
}

TEST(Number, ValuesFollowTheFormula) {
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const auto word = static_cast<std::uint16_t>(bits);
    const bool finite_fp16 = (bits & 0x7c00u) != 0x7c00u;
    const bool finite_bf16 = (bits & 0x7f80u) != 0x7f80u;
    ASSERT_TRUE(!finite_fp16 || to_float(Fp16{word}) == by_formula(bits, 5, 10)) << bits;
    ASSERT_TRUE(!finite_bf16 || to_float(Bf16{word}) == by_formula(bits, 8, 7)) << bits;
  }
  for (unsigned bits = 0; bits < 0x100; ++bits) {
    const float value = to_float(E4m3{static_cast<std::uint8_t>(bits)});
    if ((bits & 0x7fu) == 0x7fu) {
      ASSERT_TRUE(std::isnan(value));
    } else {
      ASSERT_EQ(value, by_formula(bits, 4, 3)) << bits;
    }
  }
  EXPECT_EQ(to_float(Fp16{0x7c00}), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(to_float(Fp16{0x7e00})));
}

/// Between two neighbours the nearer one wins, and half way the even one.
template <class Element>
void expect_nearest(unsigned count) {
  using Bits = decltype(Element::bits);
  for (unsigned bits = 0; bits + 1 < count; ++bits) {
    const Element below{static_cast<Bits>(bits)};
    const Element above{static_cast<Bits>(bits + 1)};
    const float low = to_float(below);
    const float high = to_float(above);
    const float middle = low + (high - low) / 2;
    ASSERT_EQ(from_float<Element>(low).bits, below.bits);
    ASSERT_EQ(from_float<Element>(std::nextafter(middle, low)).bits, below.bits) << low;
    ASSERT_EQ(from_float<Element>(std::nextafter(middle, high)).bits, above.bits) << low;
    ASSERT_EQ(from_float<Element>(middle).bits, bits % 2 == 0 ? below.bits : above.bits) << low;
    ASSERT_EQ(to_float(from_float<Element>(-low)), -low);
  }
}

TEST(Number, RoundsToNearestEven) {
  expect_nearest<Fp16>(0x7c00);
  expect_nearest<E4m3>(0x7f);
  expect_nearest<Bf16>(0x7f7f);
}

TEST(Number, OverflowsAsTheHardware) {
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(from_float<Fp16>(65519.f).bits, 0x7bff);
  EXPECT_EQ(from_float<Fp16>(65520.f).bits, 0x7c00);
  EXPECT_EQ(from_float<Fp16>(-inf).bits, 0xfc00);
  EXPECT_EQ(from_float<E4m3>(1e9f).bits, 0x7e);  // Saturates.
  EXPECT_EQ(from_float<E4m3>(-inf).bits, 0xfe);
  EXPECT_TRUE(std::isnan(to_float(from_float<E4m3>(std::nanf("")))));
  EXPECT_TRUE(std::isnan(to_float(from_float<Bf16>(std::nanf("")))));
}

TEST(Number, PackedFormsAgreeWithScalars) {
  float low = 0;
  float high = 0;
  unpack<Bf16>(pack<Bf16>(1.5f, -3.f), low, high);
  EXPECT_EQ(low, 1.5f);
  EXPECT_EQ(high, -3.f);
  unpack<Fp16>(widen_e4m3(0xc038), low, high);  // 0x38: exponent 7 is 1; 0xc0: -2.
  EXPECT_EQ(low, 1.f);
  EXPECT_EQ(high, -2.f);
  unpack<Fp16>(fma2<Fp16>(pack<Fp16>(2, 3), pack<Fp16>(4, 5), pack<Fp16>(1, -1)), low, high);
  EXPECT_EQ(low, 9.f);
  EXPECT_EQ(high, 14.f);
  EXPECT_EQ(permute(0x33221100u, 0x77665544u, 0x7250u), 0x77225500u);
  EXPECT_EQ(logic<0xea>(0x0fu, 0x3cu, 0x40u), (0x0fu & 0x3cu) | 0x40u);  // (a & b) | c
}

// ---- threads ----

KVSIM_KERNEL number_threads(int* out) {
  out[(block_y() * blocks_x() + block_x()) * threads() + thread()] = warp() * 1000 + lane();
}

TEST(Machine, NumbersEveryThreadOnce) {
  std::vector<int> out(2 * 3 * 64, -1);
  launch(&number_threads, {{3, 2, 1}, 64, 0, {}}, out.data());
  for (std::size_t i = 0; i < out.size(); ++i)
    EXPECT_EQ(out[i], static_cast<int>(i % 64 / 32 * 1000 + i % 32));
}

KVSIM_KERNEL sum_in_warp(const float* in, float* out, std::uint32_t* votes) {
  float value = in[thread()];
  for (int mask = 16; mask > 0; mask /= 2) value += shfl_xor(value, mask);
  const std::uint32_t vote = ballot(in[thread()] > 30.5f);
  const float from_lane_3 = shfl(in[thread()], 3);
  if (lane() == 0) {
    out[warp()] = value;
    out[2 + warp()] = from_lane_3;
    votes[warp()] = vote;
  }
}

TEST(Machine, ShufflesAndVotes) {
  std::vector<float> in(64);
  std::iota(in.begin(), in.end(), 0.f);
  std::vector<float> out(4);
  std::vector<std::uint32_t> votes(2);
  for (const std::uint64_t seed : {0u, 1u, 2u}) {
    Machine machine({seed, {}});
    launch(&sum_in_warp, {{}, 64, 0, machine.stream()}, in.data(), out.data(), votes.data());
    EXPECT_EQ(out, (std::vector<float>{496, 496 + 32 * 32, 3, 35}));
    EXPECT_EQ(votes, (std::vector<std::uint32_t>{0x8000'0000u, 0xffff'ffffu}));
  }
}

struct Ring {
  float value[128];
};

KVSIM_KERNEL reverse(const float* in, float* out) {
  auto& ring = shared<Ring>();
  ring.value[thread()] = in[thread()];
  sync_block();
  out[thread()] = ring.value[threads() - 1 - thread()];
}

TEST(Machine, MissesABarrierThatIsDropped) {
  std::vector<float> in(128);
  std::iota(in.begin(), in.end(), 0.f);
  std::vector<float> out(128);
  Machine whole({7, {}});
  launch(&reverse, {{}, 128, sizeof(Ring), whole.stream()}, in.data(), out.data());
  EXPECT_EQ(out, std::vector<float>(in.rbegin(), in.rend()));
  ASSERT_EQ(whole.sites().size(), 1u);
  EXPECT_TRUE(says(describe(whole.sites()[0]), "gpu_layer_test.cc"));

  Machine broken({7, whole.sites()[0]});
  launch(&reverse, {{}, 128, sizeof(Ring), broken.stream()}, in.data(), out.data());
  EXPECT_TRUE(std::isnan(out[0]) || std::isnan(out[127]));  // What was never written is poison.
}

KVSIM_KERNEL diverge(int waiting_threads) {
  if (thread() < waiting_threads) sync_block();
}

KVSIM_KERNEL diverge_in_warp() {
  if (lane() < 8) shfl(1, 0);
}

TEST(Machine, SaysWhoWaitsWhere) {
  const std::string divergent = error_of([] { launch(&diverge, {{}, 64, 0, {}}, 32); });
  EXPECT_TRUE(says(divergent, "block (0,0,0)")) << divergent;
  EXPECT_TRUE(says(divergent, "32 of them (first 0) at gpu_layer_test.cc")) << divergent;
  EXPECT_TRUE(says(divergent, "(sync_block)")) << divergent;
  EXPECT_TRUE(says(divergent, "32 of them (first 32) at the end")) << divergent;
  EXPECT_TRUE(says(error_of([] {
                     launch(&diverge_in_warp, {{}, 32, 0, {}});
                   }),
                   "8 of them (first 0)"));
  EXPECT_TRUE(says(error_of([] {
                     launch(&diverge_in_warp, {{}, 48, 0, {}});
                   }),
                   "48 threads are not whole warps"));
  EXPECT_TRUE(says(error_of([] {
                     launch(&reverse, {{}, 32, 64, {}}, nullptr, nullptr);
                   }),
                   "less shared memory"));
  std::vector<int> out(32, -1);  // A machine that stopped leaves the next launch alone.
  launch(&number_threads, {{}, 32, 0, {}}, out.data());
  EXPECT_EQ(out[31], 31);
}

KVSIM_KERNEL count_blocks(std::uint32_t* counter, int* order) {
  if (thread() != 0) return;
  const std::uint32_t turn = atomic_wrap(counter, 4);
  order[turn] = block_x();
  atomic_add(order + 4, 1);
}

TEST(Machine, OrdersBlocksBySeed) {
  std::vector<int> first;
  bool shuffled = false;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    std::uint32_t counter = 0;
    std::vector<int> order(5, 0);
    Machine machine({seed, {}});
    launch(&count_blocks, {{4, 1, 1}, 32, 0, machine.stream()}, &counter, order.data());
    EXPECT_EQ(counter, 0u);  // Wrapped.
    EXPECT_EQ(order[4], 4);
    if (first.empty()) first = order;
    shuffled = shuffled || order != first;
  }
  EXPECT_EQ(first, (std::vector<int>{0, 1, 2, 3, 4}));
  EXPECT_TRUE(shuffled);
}

// ---- asynchronous copies ----

struct Slots {
  float early[4];
  float late[4];
  float zero[4];
};

KVSIM_KERNEL copy_in_groups(const float* in, float* out) {
  auto& slots = shared<Slots>();
  if (thread() == 0) {
    slots.late[0] = 5;
    cp_async16(slots.early, in);
    cp_async_commit();
    cp_async16(slots.late, in + 4);
    cp_async16(slots.zero, nullptr, false);
    cp_async_commit();
    cp_async_wait<1>();
    out[0] = slots.early[1];
    out[1] = slots.late[0];  // In flight: neither what was there nor what comes.
    cp_async_wait<0>();
    out[2] = slots.late[0];
    out[3] = slots.zero[3];
  }
}

TEST(CpAsync, LandsAtItsWaitAndSpoilsAtOnce) {
  alignas(16) const float in[8] = {0, 1, 2, 3, 4, 5, 6, 7};
  float out[4] = {};
  launch(&copy_in_groups, {{}, 32, sizeof(Slots), {}}, &in[0], &out[0]);
  EXPECT_EQ(out[0], 1);
  EXPECT_TRUE(std::isnan(out[1]));
  EXPECT_EQ(out[2], 4);
  EXPECT_EQ(out[3], 0);
  EXPECT_TRUE(says(error_of([&] {
                     launch(&copy_in_groups, {{}, 32, sizeof(Slots), {}}, &in[1], &out[0]);
                   }),
                   "not aligned"));
}

// ---- tensor cores ----

/// Rows x columns of exact small numbers, so that products are exact in any order.
template <class Element>
std::vector<Element> small_matrix(std::size_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<Element> values(count);
  for (Element& value : values)
    value = from_float<Element>(static_cast<float>(static_cast<int>(random() % 17) - 8));
  return values;
}

template <class Element>
struct Tiles {
  alignas(16) Element a[16 * 16];  // [m, k]
  alignas(16) Element b[8 * 16];   // [n, k]
  alignas(16) Element bt[16 * 8];  // [k, n]
};

/// d[0] = a b^T with b read by rows, d[1] the same with b transposed on the way.
template <class Element>
KVSIM_KERNEL multiply(const Element* a, const Element* b, const Element* bt, float* d) {
  auto& tiles = shared<Tiles<Element>>();
  cp_async16(tiles.a + lane() * 8, a + lane() * 8);
  if (lane() < 16) cp_async16(tiles.b + lane() * 8, b + lane() * 8);
  if (lane() < 16) cp_async16(tiles.bt + lane() * 8, bt + lane() * 8);
  cp_async_commit();
  cp_async_wait<0>();
  sync_warp();
  const int row = lane() % 8;
  const int matrix = lane() / 8;
  std::uint32_t fa[4];
  std::uint32_t fb[4];
  std::uint32_t fbt[4];
  ldmatrix_x4(fa, tiles.a + (row + matrix % 2 * 8) * 16 + matrix / 2 * 8);
  ldmatrix_x4(fb, tiles.b + row * 16 + matrix % 2 * 8);
  ldmatrix_x4_trans(fbt, tiles.bt + (row + matrix % 2 * 8) * 8);
  float sum[2][4] = {{1, 1, 1, 1}};
  mma_m16n8k16<Element>(sum[0], fa, {fb[0], fb[1]});
  mma_m16n8k16<Element>(sum[1], fa, {fbt[0], fbt[1]});
  for (int which = 0; which < 2; ++which)
    for (int i = 0; i < 4; ++i)
      d[which * 128 + (lane() / 4 + i / 2 * 8) * 8 + lane() % 4 * 2 + i % 2] = sum[which][i];
}

template <class Element>
void expect_product() {
  const auto a = small_matrix<Element>(16 * 16, 1);
  const auto b = small_matrix<Element>(8 * 16, 2);
  std::vector<Element> bt(16 * 8);
  for (std::size_t n = 0; n < 8; ++n)
    for (std::size_t k = 0; k < 16; ++k) bt[k * 8 + n] = b[n * 16 + k];
  std::vector<float> d(256, std::nanf(""));
  Machine machine({3, {}});
  launch(&multiply<Element>, {{}, 32, sizeof(Tiles<Element>), machine.stream()}, a.data(), b.data(),
         bt.data(), d.data());
  for (std::size_t m = 0; m < 16; ++m) {
    for (std::size_t n = 0; n < 8; ++n) {
      double sum = 0;
      for (std::size_t k = 0; k < 16; ++k)
        sum += static_cast<double>(to_float(a[m * 16 + k])) * to_float(b[n * 16 + k]);
      EXPECT_EQ(d[m * 8 + n], sum + 1);
      EXPECT_EQ(d[128 + m * 8 + n], sum);
    }
  }
  ASSERT_EQ(machine.sites().size(), 2u);  // The wait and the warp's barrier.
  Machine no_wait({3, machine.sites()[0]});
  launch(&multiply<Element>, {{}, 32, sizeof(Tiles<Element>), no_wait.stream()}, a.data(), b.data(),
         bt.data(), d.data());
  EXPECT_TRUE(std::isnan(d[0]));
  Machine no_barrier({3, machine.sites()[1]});
  EXPECT_TRUE(says(error_of([&] {
                     launch(&multiply<Element>,
                            {{}, 32, sizeof(Tiles<Element>), no_barrier.stream()}, a.data(),
                            b.data(), bt.data(), d.data());
                   }),
                   "passed no barrier since"));
}

TEST(TensorCore, MultipliesFragmentsOfThePtxLayout) {
  expect_product<Bf16>();
  expect_product<Fp16>();
}

}  // namespace
}  // namespace kvsim::gpu
