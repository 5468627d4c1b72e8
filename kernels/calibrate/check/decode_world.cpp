#include "kernels/calibrate/check/decode_world.h"

#include <algorithm>
#include <cmath>

#include "kernels/calibrate/check/attention_reference.h"
#include "sim/model/attention/visible_tiles.h"

namespace kvsim::calibrate {

DeviceMemory filled(std::size_t count, std::size_t bytes, std::uint8_t byte) {
  DeviceMemory memory(std::max<std::size_t>(1, count) * bytes);
  memory.fill(byte);
  return memory;
}

DecodeWorld::DecodeWorld(const DecodeWorldSetup& setup)
    : setup_(setup),
      query_(is_quantised(setup.kernel.element) ? KvElement::kBf16 : setup.kernel.element),
      cache_({setup.kernel.element, setup.kv_heads, setup.kernel.head_dim, setup.page,
              setup.kernel.paged, setup.shuffled, setup.lengths, setup.shared, setup.seed}),
      q_(random_elements(query_,
                         setup.lengths.size() * head_dim() *
                             static_cast<std::size_t>(setup.kv_heads * setup.kernel.group),
                         setup.query_size, setup.seed)) {}

DecodeShape DecodeWorld::shape() const {
  const int row_bytes = setup_.kernel.head_dim * bits_of(setup_.kernel.element) / 8;
  const int scale_bytes = is_quantised(setup_.kernel.element) ? 2 : 0;
  return {setup_.kv_heads * setup_.kernel.group,
          setup_.kv_heads,
          setup_.kernel.head_dim,
          2 * (row_bytes + scale_bytes),
          setup_.kernel.paged ? setup_.page : 0,
          setup_.window,
          setup_.sinks};
}

std::vector<std::uint16_t> DecodeWorld::run(int multiprocessors) const {
  const DecodePlan plan =
      plan_decode(shape(), decode_device(setup_.kernel, multiprocessors), setup_.lengths);
  return run(plan, [&](const DecodeArgs& args) { launch_decode(setup_.kernel, args, {}); });
}

std::vector<std::uint16_t> DecodeWorld::run(const DecodePlan& plan, const Launch& launch) const {
  const DecodeWorkspace sizes = decode_workspace(setup_.kernel, plan, shape());
  const DeviceMemory q = DeviceMemory::with(q_);
  const DeviceMemory items = DeviceMemory::with(plan.items);
  const DeviceMemory partial_out = filled(sizes.partial_out, sizeof(float), kPoisonByte);
  const DeviceMemory partial_stats = filled(sizes.partial_stats, sizeof(float), kPoisonByte);
  const DeviceMemory arrivals = filled(sizes.arrivals, sizeof(std::uint32_t), 0);
  const DeviceMemory out = filled(q_.size(), sizeof(std::uint16_t), kPoisonByte);
  DecodeArgs args;
  args.q = q.data();
  args.out = out.data();
  args.k = cache_.k_pool();
  args.v = cache_.v_pool();
  args.k_scales = cache_.k_scales();
  args.v_scales = cache_.v_scales();
  args.table = cache_.table();
  args.table_stride = cache_.stride();
  args.page_shift = cache_.page_shift();
  args.capacity = cache_.capacity();
  args.items = items.as<WorkItem>();
  args.item_count = static_cast<std::int32_t>(plan.items.size());
  args.partial_out = partial_out.as<float>();
  args.partial_stats = partial_stats.as<float>();
  args.arrivals = arrivals.as<std::uint32_t>();
  args.q_heads = shape().q_heads;
  args.kv_heads = shape().kv_heads;
  args.head_groups = head_groups(args.q_heads, args.kv_heads);
  args.window = setup_.window;
  args.sinks = setup_.sinks;
  args.scale_log2 =
      static_cast<float>(1 / std::sqrt(static_cast<double>(head_dim())) / std::log(2.0));
  launch(args);
  wait_for_device();
  return out.read<std::uint16_t>(q_.size());
}

std::vector<double> DecodeWorld::reference() const {
  const std::vector<double> q = values_of(query_, q_);
  const auto group = static_cast<std::size_t>(setup_.kernel.group);
  const auto heads = static_cast<std::size_t>(setup_.kv_heads) * group;
  const double scale = 1 / std::sqrt(static_cast<double>(head_dim()));
  std::vector<double> out;
  out.reserve(q.size());
  for (std::size_t s = 0; s < setup_.lengths.size(); ++s)
    for (std::size_t head = 0; head < heads; ++head) {
      const auto first = q.begin() + static_cast<std::ptrdiff_t>((s * heads + head) * head_dim());
      std::vector<const double*> k;
      std::vector<const double*> v;
      for (std::int32_t t = 0; t < setup_.lengths[s]; ++t) {
        if (!is_visible(t, setup_.lengths[s], setup_.window, setup_.sinks)) continue;
        k.push_back(cache_.k(s, head / group, t));
        v.push_back(cache_.v(s, head / group, t));
      }
      const std::vector<double> row =
          attend({first, first + static_cast<std::ptrdiff_t>(head_dim())}, k, v, scale);
      out.insert(out.end(), row.begin(), row.end());
    }
  return out;
}

}  // namespace kvsim::calibrate
