#include "kernels/calibrate/cuda/decode_launch.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "kernels/calibrate/cuda/replay.h"
#include "kernels/calibrate/host/features.h"
#include "kernels/calibrate/host/options.h"
#include "kernels/calibrate/host/text.h"

namespace kvsim::calibrate {
namespace {

constexpr std::size_t kMostTableBytes = 256 << 20;

RandomKind random_kind(const std::string& kv) {
  if (kv == "bf16") return RandomKind::kBf16;
  if (kv == "fp16") return RandomKind::kFp16;
  return kv == "fp8" ? RandomKind::kE4m3 : RandomKind::kBytes;
}

/// Bytes of K (or V) of one token of one head, without its scale.
int row_bytes(const DecodeCase& c) {
  if (c.kv == "bf16" || c.kv == "fp16") return 2 * c.heads.dim;
  return c.kv == "int4" ? c.heads.dim / 2 : c.heads.dim;
}

/// How one batch lies in the pool, and how many times it does without sharing a page.
struct Layout {
  std::int64_t page_bytes = 0;
  std::int32_t stride = 0;    ///< Of a sequence's row of the table; contiguous: capacity in tokens.
  std::int64_t pages = 0;     ///< Of one set.
  std::int64_t set_rows = 0;  ///< Contiguous: rows of one set.
  int sets = 1;
};

Layout layout_of(const DecodeCase& c, const KvPool& pool, int sets) {
  constexpr std::int32_t kCapacityUnit = 8;
  Layout l;
  const std::int32_t longest = *std::max_element(c.lengths.begin(), c.lengths.end());
  const auto sequences = static_cast<std::int64_t>(c.lengths.size());
  std::int64_t fit = 0;
  if (c.page == 0) {
    l.stride = (longest + kCapacityUnit - 1) / kCapacityUnit * kCapacityUnit;
    l.set_rows = sequences * c.heads.kv * l.stride;
    fit = pool.side_bytes() / (l.set_rows * row_bytes(c));
  } else {
    l.page_bytes = static_cast<std::int64_t>(c.page) * c.heads.kv * row_bytes(c);
    l.stride = (longest + c.page - 1) / c.page;
    for (const std::int32_t length : c.lengths) l.pages += (length + c.page - 1) / c.page;
    fit = pool.pages(l.page_bytes) / std::max<std::int64_t>(1, l.pages);
    const std::size_t table_bytes = c.lengths.size() * static_cast<std::size_t>(l.stride) * 4;
    fit = std::min<std::int64_t>(fit, static_cast<std::int64_t>(kMostTableBytes / table_bytes) + 1);
  }
  if (fit < 1) throw BadInput(text(kv_bytes(c) * 1e-9, " GB of KV do not fit the GPU"));
  l.sets = static_cast<int>(std::min<std::int64_t>(fit, sets));
  return l;
}

/// Pages up to the last that a table names.
std::int64_t pages_named(const BlockTables& tables) {
  std::int32_t last = 0;
  for (const std::vector<std::int32_t>& blocks : tables)
    for (const std::int32_t block : blocks) last = std::max(last, block);
  return last + 1;
}

/// [sets, sequences, stride]
std::vector<std::int32_t> make_tables(const DecodeCase& c, const Layout& l, KvPool& pool,
                                      const BlockTables& given) {
  const auto stride = static_cast<std::size_t>(l.stride);
  const std::size_t tables = given.empty() ? static_cast<std::size_t>(l.sets) : 1;
  std::vector<std::int32_t> table(tables * c.lengths.size() * stride);
  const std::vector<std::int32_t> drawn =
      given.empty() ? pool.draw_pages(l.page_bytes, l.sets * l.pages) : std::vector<std::int32_t>();
  std::size_t next = 0;
  for (std::size_t row = 0; row < table.size() / stride; ++row) {
    const std::size_t s = row % c.lengths.size();
    const auto pages = static_cast<std::size_t>((c.lengths[s] + c.page - 1) / c.page);
    for (std::size_t i = 0; i < pages; ++i)
      table[row * stride + i] = given.empty() ? drawn[next++] : given[s].at(i);
  }
  return table;
}

DeviceMemory cleared(std::size_t count, std::size_t element) {
  DeviceMemory memory(std::max<std::size_t>(1, count) * element);
  memory.fill(0);
  return memory;
}

}  // namespace

DecodeLaunch::DecodeLaunch(const DecodeCase& c, KvPool& pool, int multiprocessors, int sets,
                           const BlockTables& tables)
    : kernel_(decode_kernel_of(c)) {
  const DecodeShape shape = decode_shape_of(c);
  const DecodePlan plan = plan_decode(shape, decode_device(kernel_, multiprocessors), c.lengths);
  const DecodeWorkspace sizes = decode_workspace(kernel_, plan, shape);
  Layout layout = layout_of(c, pool, sets);
  if (!tables.empty()) {
    set_bytes_ = pages_named(tables) * layout.page_bytes;
    layout.sets = static_cast<int>(std::min<std::int64_t>(sets, pool.side_bytes() / set_bytes_));
    if (layout.sets < 1) throw BadInput("the simulation's blocks do not fit the GPU");
  }
  pool.hold(random_kind(c.kv));
  sets_ = layout.sets;
  if (tables.empty()) set_entries_ = c.lengths.size() * static_cast<std::size_t>(layout.stride);
  if (c.page == 0) set_bytes_ = layout.set_rows * row_bytes(c);

  constexpr std::size_t kVector = 16;
  const auto values = c.lengths.size() * static_cast<std::size_t>(c.heads.q * c.heads.dim);
  q_ = DeviceMemory((values * 2 + kVector - 1) / kVector * kVector);
  fill_random(c.kv == "fp16" ? RandomKind::kFp16 : RandomKind::kBf16, q_.data(),
              static_cast<std::int64_t>(q_.size()), 1);
  out_ = DeviceMemory(values * 2);
  items_ = DeviceMemory::with(plan.items);
  partial_out_ = cleared(sizes.partial_out, sizeof(float));
  partial_stats_ = cleared(sizes.partial_stats, sizeof(float));
  arrivals_ = cleared(sizes.arrivals, sizeof(std::uint32_t));

  args_.q = q_.data();
  args_.out = out_.data();
  args_.k = pool.k();
  args_.v = pool.v();
  args_.k_scales = pool.k_scales();
  args_.v_scales = pool.v_scales();
  if (c.page > 0) {
    table_ = DeviceMemory::with(make_tables(c, layout, pool, tables));
    args_.table = table_.as<std::int32_t>();
    args_.table_stride = layout.stride;
    args_.page_shift = std::countr_zero(static_cast<unsigned>(c.page));
  } else {
    args_.capacity = layout.stride;
  }
  args_.items = items_.as<WorkItem>();
  args_.item_count = static_cast<std::int32_t>(plan.items.size());
  args_.partial_out = partial_out_.as<float>();
  args_.partial_stats = partial_stats_.as<float>();
  args_.arrivals = arrivals_.as<std::uint32_t>();
  args_.q_heads = c.heads.q;
  args_.kv_heads = c.heads.kv;
  args_.head_groups = head_groups(c.heads.q, c.heads.kv);
  args_.window = c.window;
  args_.sinks = c.sinks;
  args_.scale_log2 =
      static_cast<float>(1 / std::sqrt(static_cast<double>(c.heads.dim)) / std::log(2.0));
}

DecodeArgs DecodeLaunch::args_of(int set) const {
  DecodeArgs args = args_;
  if (args.table != nullptr) args.table += static_cast<std::size_t>(set) * set_entries_;
  args.k = static_cast<const std::byte*>(args.k) + set * set_bytes_;
  args.v = static_cast<const std::byte*>(args.v) + set * set_bytes_;
  return args;
}

void DecodeLaunch::enqueue(gpu::Stream stream, int set) const {
  launch_decode(kernel_, args_of(set), stream);
}

Spread time_decode(const DecodeCase& c, KvPool& pool, int multiprocessors) {
  const DecodeLaunch launch(c, pool, multiprocessors, rotating_sets(kv_bytes(c)));
  return time_replays([&](gpu::Stream stream, int set) { launch.enqueue(stream, set); },
                      launch.sets());
}

}  // namespace kvsim::calibrate
