#include "kernels/calibrate/cuda/mla_launch.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "kernels/calibrate/cuda/replay.h"
#include "kernels/calibrate/host/options.h"
#include "kernels/mla/mla.h"

namespace kvsim::calibrate {

Spread time_mla(const MlaCase& c, KvPool& pool, int multiprocessors) {
  constexpr int kPage = 64;
  constexpr std::int64_t kElement = 2;
  pool.hold(RandomKind::kBf16);
  const std::vector<std::int32_t> lengths(static_cast<std::size_t>(c.sequences), c.length);
  const DecodeShape shape = mla_shape(c.heads, kPage);
  const DecodePlan plan = plan_decode(shape, mla_device(multiprocessors), lengths);
  const DecodeWorkspace sizes = mla_workspace(shape, plan);
  const std::int64_t page_bytes = kPage * kMlaRowDim * kElement;
  const std::int64_t stride = (c.length + kPage - 1) / kPage;
  const std::int64_t pages = c.sequences * stride;
  const int sets = static_cast<int>(std::min<std::int64_t>(
      rotating_sets(static_cast<double>(pages * page_bytes)), pool.pages(page_bytes) / pages));
  if (sets < 1) throw BadInput("the batch does not fit the GPU");

  const auto rows = static_cast<std::size_t>(c.sequences) * static_cast<std::size_t>(c.heads);
  const DeviceMemory q(rows * kMlaRowDim * kElement);
  fill_random(RandomKind::kBf16, q.data(), static_cast<std::int64_t>(q.size()), 1);
  const DeviceMemory out(rows * kMlaLatentDim * kElement);
  const DeviceMemory items = DeviceMemory::with(plan.items);
  const DeviceMemory table = DeviceMemory::with(pool.draw_pages(page_bytes, sets * pages));
  const DeviceMemory partial_out((sizes.partial_out + 1) * sizeof(float));
  const DeviceMemory partial_stats((sizes.partial_stats + 1) * sizeof(float));
  DeviceMemory arrivals((sizes.arrivals + 1) * sizeof(std::uint32_t));
  arrivals.fill(0);

  DecodeArgs args;
  args.q = q.data();
  args.out = out.data();
  args.k = pool.k();
  args.table_stride = static_cast<std::int32_t>(stride);
  args.page_shift = std::countr_zero(static_cast<unsigned>(kPage));
  args.items = items.as<WorkItem>();
  args.item_count = static_cast<std::int32_t>(plan.items.size());
  args.partial_out = partial_out.as<float>();
  args.partial_stats = partial_stats.as<float>();
  args.arrivals = arrivals.as<std::uint32_t>();
  args.q_heads = c.heads;
  args.kv_heads = 1;
  args.head_groups = head_groups(c.heads, 1);
  // DeepSeek scales by the width of a head before absorption: 128 + 64.
  args.scale_log2 = static_cast<float>(1 / std::sqrt(192.0) / std::log(2.0));
  return time_replays(
      [&](gpu::Stream stream, int set) {
        DecodeArgs of_set = args;
        of_set.table = table.as<std::int32_t>() + set * pages;
        launch_mla(of_set, stream);
      },
      sets);
}

}  // namespace kvsim::calibrate
