#include "kernels/calibrate/check/checks.h"
#include "kernels/calibrate/check/decode_world.h"
#include "kernels/calibrate/host/text.h"
#include "kernels/cascade/cascade.h"

namespace kvsim::calibrate {
namespace {

constexpr double kBf16Tolerance = 4e-3, kFp16Tolerance = 1e-3;  // Decode's.

/// The world's step in two phases; lengths and table are whole, as plain decode has them.
std::vector<std::uint16_t> run_cascade(const DecodeWorldSetup& setup, const DecodeWorld& world,
                                       int multiprocessors) {
  const DecodeShape shape = world.shape();
  const auto sequences = static_cast<std::int32_t>(setup.lengths.size());
  const CascadePrefix prefix = cascade_prefix(shape, sequences, setup.shared);
  const std::vector<PrefillChunk> chunks{prefix.chunk};
  const PrefillKernel kernel{setup.kernel.element, setup.kernel.head_dim,
                             prefill_rows(prefix.shape, chunks), true};
  const PrefillPlan plan =
      plan_prefill(prefix.shape, prefill_tiling(kernel, multiprocessors), chunks);
  const PrefillWorkspace sizes = prefill_workspace(kernel, plan);
  const std::size_t rows = setup.lengths.size() * static_cast<std::size_t>(shape.q_heads);
  const DeviceMemory state = filled(rows * world.head_dim(), sizeof(float), kPoisonByte);
  const DeviceMemory state_stats = filled(rows * 2, sizeof(float), kPoisonByte);
  const DeviceMemory output = filled(sizes.output, sizeof(float), kPoisonByte);
  const DeviceMemory stats = filled(sizes.stats, sizeof(float), kPoisonByte);
  const DeviceMemory arrivals = filled(sizes.arrivals, sizeof(std::uint32_t), 0);
  const DeviceMemory items = DeviceMemory::with(plan.items);
  const DeviceMemory first_token = DeviceMemory::with(std::vector<std::int32_t>{0, sequences});
  const DeviceMemory context = DeviceMemory::with(std::vector<std::int32_t>{setup.shared});

  std::vector<std::int32_t> own = setup.lengths;
  for (std::int32_t& length : own) length -= setup.shared;
  const DecodePlan own_plan = plan_decode(shape, decode_device(setup.kernel, multiprocessors), own);
  return world.run(own_plan, [&](DecodeArgs suffix) {
    PrefillArgs args;
    args.k = suffix.k;
    args.v = suffix.v;
    args.first_token = first_token.as<std::int32_t>();
    args.context = context.as<std::int32_t>();
    args.table = suffix.table;
    args.table_stride = suffix.table_stride;
    args.page_shift = suffix.page_shift;
    args.items = items.as<PrefillItem>();
    args.item_count = static_cast<std::int32_t>(plan.items.size());
    args.state = {state.as<float>(), state_stats.as<float>()};
    args.parts = {output.as<float>(), stats.as<float>()};
    args.arrivals = arrivals.as<std::uint32_t>();
    suffix.table += setup.shared / setup.page;
    launch_cascade(kernel, args, setup.kernel, suffix, {});
  });
}

std::string name_of(const DecodeWorldSetup& s) {
  return text(s.kernel.element == KvElement::kBf16 ? "bf16 " : "fp16 ", s.kernel.head_dim,
              " group ", s.kernel.group, " page ", s.page, " prefix ", s.shared,
              s.query_size > 1 ? " huge scores" : "");
}

Check against_double(const DecodeWorldSetup& setup, int multiprocessors) {
  const double tolerance =
      setup.kernel.element == KvElement::kBf16 ? kBf16Tolerance : kFp16Tolerance;
  return {"cascade", name_of(setup), tolerance, [=] {
            const DecodeWorld world(setup);
            return relative_error(world.numbers(run_cascade(setup, world, multiprocessors)),
                                  world.reference(), world.head_dim());
          }};
}

/// With nothing shared it is decode, bit by bit.
Check is_decode_without_prefix(const DecodeWorldSetup& setup, int multiprocessors) {
  return {"cascade", text(name_of(setup), ", decode's bits"), 0, [=] {
            const DecodeWorld world(setup);
            return run_cascade(setup, world, multiprocessors) == world.run(multiprocessors) ? 0.0
                                                                                            : 1.0;
          }};
}

/// Nothing of their own, one token, both sides of a page's end, more; `sequences` times.
std::vector<std::int32_t> lengths_after(std::int32_t shared, int page, int sequences) {
  std::vector<std::int32_t> lengths;
  for (int i = 0; i < sequences; ++i)
    for (const std::int32_t own : {0, 1, page, page + 1, 100}) lengths.push_back(shared + own);
  return lengths;
}

}  // namespace

std::vector<Check> cascade_checks(CheckSize size, int multiprocessors, std::uint64_t seed) {
  const bool full = size == CheckSize::kFull;
  std::vector<Check> checks;
  const auto add = [&](DecodeWorldSetup setup) {
    setup.seed = ++seed;
    setup.lengths = lengths_after(setup.shared, setup.page, full ? 5 : 1);
    checks.push_back(setup.shared > 0 ? against_double(setup, multiprocessors)
                                      : is_decode_without_prefix(setup, multiprocessors));
  };
  // A prefix of whole KV tiles, then ends inside of one.
  for (const KvElement element : {KvElement::kBf16, KvElement::kFp16})
    for (const int dim : {64, 128, 256})
      if (full || dim == 128) add({.kernel = {element, dim, 4, true}, .shared = full ? 2048 : 128});
  for (const int page : {8, 64})
    if (full || page == 8)
      add({.kernel = {KvElement::kBf16, 64, 8, true}, .page = page, .shared = page * 9});
  if (full) add({.kernel = {KvElement::kBf16, 128, 16, true}, .shared = 4000});
  add({.kernel = {KvElement::kBf16, 64, 4, true}, .shared = 80, .query_size = 50});
  add({.kernel = {KvElement::kBf16, 64, 4, true}, .shared = 0});
  return checks;
}

}  // namespace kvsim::calibrate
