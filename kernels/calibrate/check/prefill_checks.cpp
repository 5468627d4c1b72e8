#include <cmath>

#include "kernels/calibrate/check/attention_reference.h"
#include "kernels/calibrate/check/checks.h"
#include "kernels/calibrate/check/decode_world.h"
#include "kernels/calibrate/host/text.h"
#include "kernels/mla/mla.h"
#include "kernels/prefill/prefill.h"

namespace kvsim::calibrate {
namespace {

// Products of bf16 summed over more rounded probabilities than decode's.
constexpr double kTolerance = 6e-3;

struct PrefillSetup {
  int q_heads = 8, kv_heads = 2, dim = 128;
  int page = 16;
  bool paged = true, shuffled = true;
  bool warpgroups = false;
  std::vector<PrefillChunk> chunks{};
  std::uint64_t seed = 1;
};

std::vector<std::int32_t> contexts(const PrefillSetup& s) {
  std::vector<std::int32_t> lengths;
  for (const PrefillChunk& c : s.chunks)
    lengths.push_back(static_cast<std::int32_t>(c.context_tokens));
  return lengths;
}

class PrefillWorld {
 public:
  explicit PrefillWorld(const PrefillSetup& setup)
      : setup_(setup),
        cache_({KvElement::kBf16, setup.kv_heads, setup.dim, setup.page, setup.paged,
                setup.shuffled, contexts(setup), 0, setup.seed}) {
    for (const PrefillChunk& c : setup.chunks)
      first_token_.push_back(first_token_.back() + static_cast<std::int32_t>(c.query_tokens));
    q_ = random_elements(KvElement::kBf16,
                         static_cast<std::size_t>(first_token_.back()) *
                             static_cast<std::size_t>(setup.q_heads * setup.dim),
                         1, setup.seed);
  }

  [[nodiscard]] std::vector<std::uint16_t> run(int multiprocessors) const {
    PrefillShape shape;
    shape.q_heads = setup_.q_heads;
    shape.kv_heads = setup_.kv_heads;
    shape.head_dim = setup_.dim;
    PrefillKernel kernel{KvElement::kBf16, setup_.dim, prefill_rows(shape, setup_.chunks),
                         setup_.paged};
    kernel.warpgroups = setup_.warpgroups;
    const PrefillPlan plan =
        plan_prefill(shape, prefill_tiling(kernel, multiprocessors), setup_.chunks);
    const PrefillWorkspace sizes = prefill_workspace(kernel, plan);
    const DeviceMemory q = DeviceMemory::with(q_);
    const DeviceMemory first_token = DeviceMemory::with(first_token_);
    const DeviceMemory context = DeviceMemory::with(contexts(setup_));
    const DeviceMemory items = DeviceMemory::with(plan.items);
    const DeviceMemory output = filled(sizes.output, sizeof(float), kPoisonByte);
    const DeviceMemory stats = filled(sizes.stats, sizeof(float), kPoisonByte);
    const DeviceMemory arrivals = filled(sizes.arrivals, sizeof(std::uint32_t), 0);
    const DeviceMemory out = filled(q_.size(), sizeof(std::uint16_t), kPoisonByte);
    PrefillArgs args;
    args.q = q.data();
    args.out = out.data();
    args.k = cache_.k_pool();
    args.v = cache_.v_pool();
    args.first_token = first_token.as<std::int32_t>();
    args.context = context.as<std::int32_t>();
    args.table = cache_.table();
    args.table_stride = cache_.stride();
    args.page_shift = cache_.page_shift();
    args.capacity = cache_.capacity();
    args.items = items.as<PrefillItem>();
    args.item_count = static_cast<std::int32_t>(plan.items.size());
    args.parts = {output.as<float>(), stats.as<float>()};
    args.arrivals = arrivals.as<std::uint32_t>();
    args.q_heads = setup_.q_heads;
    args.kv_heads = setup_.kv_heads;
    args.scale_log2 = static_cast<float>(scale() / std::log(2.0));
    launch_prefill(kernel, args, {});
    wait_for_device();
    return out.read<std::uint16_t>(q_.size());
  }

  /// Token j of a chunk of n, after c - n earlier ones, sees c - n + j + 1.
  [[nodiscard]] std::vector<double> reference() const {
    const std::vector<double> q = values_of(KvElement::kBf16, q_);
    std::vector<double> out;
    const int group = setup_.q_heads / setup_.kv_heads;
    auto next = q.begin();
    for (std::size_t s = 0; s < setup_.chunks.size(); ++s)
      for (std::int64_t j = 0; j < setup_.chunks[s].query_tokens; ++j)
        for (int head = 0; head < setup_.q_heads; ++head, next += setup_.dim) {
          const std::int64_t sees =
              setup_.chunks[s].context_tokens - setup_.chunks[s].query_tokens + j + 1;
          std::vector<const double*> k;
          std::vector<const double*> v;
          for (std::int32_t t = 0; t < sees; ++t) {
            k.push_back(cache_.k(s, static_cast<std::size_t>(head / group), t));
            v.push_back(cache_.v(s, static_cast<std::size_t>(head / group), t));
          }
          const std::vector<double> row = attend({next, next + setup_.dim}, k, v, scale());
          out.insert(out.end(), row.begin(), row.end());
        }
    return out;
  }

 private:
  [[nodiscard]] double scale() const { return 1 / std::sqrt(static_cast<double>(setup_.dim)); }

  PrefillSetup setup_;
  KvCache cache_;
  std::vector<std::int32_t> first_token_{0};
  std::vector<std::uint16_t> q_;
};

std::string name_of(const PrefillSetup& s) {
  return text("bf16 ", s.q_heads, '/', s.kv_heads, '/', s.dim,
              s.paged ? text(" page ", s.page) : " contiguous", s.warpgroups ? " wgmma" : "");
}

Check against_double(const PrefillSetup& setup, int multiprocessors) {
  return {"prefill", name_of(setup), kTolerance, [=] {
            const PrefillWorld world(setup);
            return relative_error(values_of(KvElement::kBf16, world.run(multiprocessors)),
                                  world.reference(), static_cast<std::size_t>(setup.dim));
          }};
}

Check bits_agree(PrefillSetup setup, int multiprocessors) {
  return {"prefill", text(name_of(setup), ", same bits wherever it lies"), 0, [=]() mutable {
            const auto shuffled = PrefillWorld(setup).run(multiprocessors);
            setup.shuffled = false;
            const auto in_sequence = PrefillWorld(setup).run(multiprocessors);
            setup.paged = false;
            const auto contiguous = PrefillWorld(setup).run(multiprocessors);
            return shuffled == in_sequence && shuffled == contiguous ? 0.0 : 1.0;
          }};
}

/// One row of 576 values is key and, its first 512, value of every head.
double mla_error(int heads, const std::vector<std::int32_t>& lengths, int multiprocessors,
                 std::uint64_t seed) {
  constexpr int kPage = 64;
  const KvCache cache({KvElement::kBf16, 1, kMlaRowDim, kPage, true, true, lengths, 0, seed});
  const std::size_t rows = lengths.size() * static_cast<std::size_t>(heads);
  const auto q_bits = random_elements(KvElement::kBf16, rows * kMlaRowDim, 1, seed);
  const DecodeShape shape = mla_shape(heads, kPage);
  const DecodePlan plan = plan_decode(shape, mla_device(multiprocessors), lengths);
  const DecodeWorkspace sizes = mla_workspace(shape, plan);
  const DeviceMemory q = DeviceMemory::with(q_bits);
  const DeviceMemory items = DeviceMemory::with(plan.items);
  const DeviceMemory partial_out = filled(sizes.partial_out, sizeof(float), kPoisonByte);
  const DeviceMemory partial_stats = filled(sizes.partial_stats, sizeof(float), kPoisonByte);
  const DeviceMemory arrivals = filled(sizes.arrivals, sizeof(std::uint32_t), 0);
  const DeviceMemory out = filled(rows * kMlaLatentDim, sizeof(std::uint16_t), kPoisonByte);
  const double scale = 1 / std::sqrt(static_cast<double>(kMlaRowDim));
  DecodeArgs args;
  args.q = q.data();
  args.out = out.data();
  args.k = cache.k_pool();
  args.table = cache.table();
  args.table_stride = cache.stride();
  args.page_shift = cache.page_shift();
  args.items = items.as<WorkItem>();
  args.item_count = static_cast<std::int32_t>(plan.items.size());
  args.partial_out = partial_out.as<float>();
  args.partial_stats = partial_stats.as<float>();
  args.arrivals = arrivals.as<std::uint32_t>();
  args.q_heads = heads;
  args.kv_heads = 1;
  args.head_groups = head_groups(heads, 1);
  args.scale_log2 = static_cast<float>(scale / std::log(2.0));
  launch_mla(args, {});
  wait_for_device();

  const std::vector<double> queries = values_of(KvElement::kBf16, q_bits);
  std::vector<double> expected;
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t s = row / static_cast<std::size_t>(heads);
    std::vector<const double*> k;
    k.reserve(static_cast<std::size_t>(lengths[s]));
    for (std::int32_t t = 0; t < lengths[s]; ++t) k.push_back(cache.k(s, 0, t));
    const auto first = queries.begin() + static_cast<std::ptrdiff_t>(row * kMlaRowDim);
    const std::vector<double> whole = attend({first, first + kMlaRowDim}, k, k, scale);
    expected.insert(expected.end(), whole.begin(), whole.begin() + kMlaLatentDim);
  }
  return relative_error(values_of(KvElement::kBf16, out.read<std::uint16_t>(rows * kMlaLatentDim)),
                        expected, kMlaLatentDim);
}

}  // namespace

std::vector<Check> prefill_checks(CheckSize size, int multiprocessors, std::uint64_t seed) {
  const bool full = size == CheckSize::kFull;
  // Nothing new, one token, a page's end, a chunk on top of earlier ones, a whole prompt.
  const std::vector<PrefillChunk> chunks =
      full ? std::vector<PrefillChunk>{{0, 40}, {1, 130}, {17, 17}, {64, 700}, {300, 300}}
           : std::vector<PrefillChunk>{{0, 20}, {1, 70}, {17, 17}, {20, 90}};
  std::vector<Check> checks;
  const auto add = [&](PrefillSetup setup) {
    setup.seed = ++seed;
    setup.chunks = chunks;
    checks.push_back(against_double(setup, multiprocessors));
  };
  for (const int dim : {64, 128, 256})
    if (full || dim == 64) add({.dim = dim});
  add({.dim = 64, .paged = false});
  if (full) {
    for (const int page : {8, 64, 256}) add({.page = page});
    add({.q_heads = 4, .kv_heads = 4});
    add({.q_heads = 16, .kv_heads = 1});
    for (const int page : {16, 64}) add({.page = page, .warpgroups = true});
  }
  checks.push_back(bits_agree({.dim = 64, .chunks = chunks, .seed = ++seed}, multiprocessors));
  return checks;
}

std::vector<Check> mla_checks(CheckSize size, int multiprocessors, std::uint64_t seed) {
  std::vector<Check> checks;
  for (const int heads : {16, 128}) {
    if (size == CheckSize::kSmall && heads > 16) continue;
    const std::vector<std::int32_t> lengths =
        size == CheckSize::kFull ? std::vector<std::int32_t>{0, 1, 63, 64, 65, 1500}
                                 : std::vector<std::int32_t>{0, 1, 65};
    checks.push_back({"mla", text(heads, " heads"), kTolerance,
                      [=] { return mla_error(heads, lengths, multiprocessors, seed); }});
  }
  return checks;
}

}  // namespace kvsim::calibrate
