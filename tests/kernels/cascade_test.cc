// Cascade attention on the CPU machine: against double, and against plain decode on the same pages.
#include "kernels/cascade/cascade.h"

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/kernels/support/decode_world.h"

namespace kvsim {
namespace {

using gpu::Bf16;
using gpu::Fp16;

constexpr double kBf16Error = 4e-3;
constexpr double kFp16Error = 1e-3;

/// Runs a world's step in two phases; its sequences share `setup.shared_tokens`.
template <class Element>
std::vector<std::uint16_t> run_cascade(DecodeWorld<Element>& world, const DecodeSetup& setup,
                                       gpu::Machine& machine) {
  const auto sequences = static_cast<std::int32_t>(setup.lengths.size());
  const CascadePrefix prefix = cascade_prefix(world.shape(), sequences, setup.shared_tokens);
  const std::vector<PrefillChunk> chunks{prefix.chunk};
  const PrefillKernel kernel{setup.kernel.element, setup.kernel.head_dim,
                             prefill_rows(prefix.shape, chunks), true};
  const PrefillPlan plan =
      plan_prefill(prefix.shape, prefill_tiling(kernel, setup.multiprocessors), chunks);
  const PrefillWorkspace size = prefill_workspace(kernel, plan);
  const std::size_t rows = setup.lengths.size() * world.q_heads();
  const float nan = std::nanf("");
  std::vector<float> state(rows * world.dim(), nan);
  std::vector<float> state_stats(rows * 2, nan);
  std::vector<float> parts(size.output, nan);
  std::vector<float> part_stats(size.stats, nan);
  std::vector<std::uint32_t> arrivals(size.arrivals, 0);
  const std::vector<std::int32_t> first_token{0, sequences};
  const std::vector<std::int32_t> context{setup.shared_tokens};

  std::vector<std::int32_t> own = setup.lengths;
  for (std::int32_t& length : own) length -= setup.shared_tokens;
  const DecodePlan own_plan =
      plan_decode(world.shape(), decode_device(setup.kernel, setup.multiprocessors), own);
  return world.run(own_plan, machine, [&](DecodeArgs suffix, gpu::Stream stream) {
    PrefillArgs args;
    args.k = suffix.k;
    args.v = suffix.v;
    args.first_token = first_token.data();
    args.context = context.data();
    args.table = suffix.table;
    args.table_stride = suffix.table_stride;
    args.page_shift = suffix.page_shift;
    args.items = plan.items.data();
    args.item_count = static_cast<std::int32_t>(plan.items.size());
    args.state = {state.data(), state_stats.data()};
    args.parts = {parts.data(), part_stats.data()};
    args.arrivals = arrivals.data();
    suffix.table += setup.shared_tokens / setup.page_tokens;
    launch_cascade(kernel, args, setup.kernel, suffix, stream);
  });
}

template <class Element>
void expect_close(const DecodeSetup& setup, double limit) {
  SCOPED_TRACE(testing::Message() << "head_dim " << setup.kernel.head_dim << " group "
                                  << setup.kernel.group << " prefix " << setup.shared_tokens);
  DecodeWorld<Element> world(setup);
  gpu::Machine machine({1, {}});
  const auto cascade = run_cascade(world, setup, machine);
  const RelativeError error = relative_error<Element>(cascade, world.reference(), world.dim());
  EXPECT_LT(error.overall, limit);
  EXPECT_LT(error.worst_row, 2 * limit);
  std::vector<double> flat;
  for (const std::uint16_t bits : world.run(machine)) flat.push_back(gpu::to_float(Element{bits}));
  EXPECT_LT(relative_error<Element>(cascade, flat, world.dim()).overall, limit);
}

TEST(Cascade, AgreesWithDoubleAndWithPlainDecode) {
  DecodeSetup setup{{KvElement::kBf16, 128, 4, true}, 2, {170, 130, 128, 220}, 16};
  setup.shared_tokens = 128;
  expect_close<Bf16>(setup, kBf16Error);
  setup.kernel.element = KvElement::kFp16;
  expect_close<Fp16>(setup, kFp16Error);
  setup.multiprocessors = 1;  // Nothing is split.
  expect_close<Fp16>(setup, kFp16Error);
}

// A prefix off the edges of KV tiles; more rows than a tile; other head dimensions; many heads.
TEST(Cascade, AgreesInOtherShapes) {
  DecodeSetup setup{{KvElement::kBf16, 64, 8, true}, 1, {}, 8};
  setup.shared_tokens = 72;
  for (std::int32_t s = 0; s < 17; ++s) setup.lengths.push_back(72 + s);
  expect_close<Bf16>(setup, kBf16Error);
  setup.kernel = {KvElement::kBf16, 256, 2, true};
  setup.lengths = {72, 150};
  expect_close<Bf16>(setup, kBf16Error);
  setup.kernel = {KvElement::kBf16, 64, 32, true};
  expect_close<Bf16>(setup, kBf16Error);
}

// The prefix's part may dwarf the sequence's own and the other way round.
TEST(Cascade, SurvivesHugeScores) {
  DecodeSetup setup{{KvElement::kBf16, 64, 4, true}, 1, {100, 64, 300}, 16};
  setup.shared_tokens = 64;
  setup.query_size = 50;
  expect_close<Bf16>(setup, kBf16Error);
}

// With nothing shared it is decode, bit by bit.
TEST(Cascade, IsDecodeWithoutAPrefix) {
  const DecodeSetup setup{{KvElement::kBf16, 64, 4, true}, 1, {100, 0, 300}, 16};
  DecodeWorld<Bf16> world(setup);
  gpu::Machine machine({1, {}});
  EXPECT_EQ(run_cascade(world, setup, machine), world.run(machine));
}

TEST(Cascade, HasFixedBits) {
  DecodeSetup setup{{KvElement::kBf16, 64, 4, true}, 1, {400, 330}, 16};
  setup.shared_tokens = 320;
  DecodeWorld<Bf16> world(setup);
  gpu::Machine first({1, {}});
  const auto bits = run_cascade(world, setup, first);
  for (std::uint64_t seed = 2; seed < 5; ++seed) {
    gpu::Machine machine({seed, {}});
    EXPECT_EQ(run_cascade(world, setup, machine), bits);
  }
}

TEST(Cascade, RefusesAWindow) {
  DecodeArgs suffix;
  suffix.window = 100;
  EXPECT_THROW(launch_cascade({}, {}, {}, suffix, {}), std::invalid_argument);
}

}  // namespace
}  // namespace kvsim
