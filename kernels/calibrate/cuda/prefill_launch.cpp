#include "kernels/calibrate/cuda/prefill_launch.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "kernels/calibrate/cuda/replay.h"
#include "kernels/calibrate/host/options.h"
#include "kernels/calibrate/host/text.h"
#include "kernels/cascade/cascade.h"

namespace kvsim::calibrate {
namespace {

constexpr std::int64_t kElement = 2;  // bytes of bf16
constexpr std::int64_t kCapacityUnit = 8;

DeviceMemory cleared(std::size_t bytes) {
  DeviceMemory memory(std::max<std::size_t>(16, bytes));
  memory.fill(0);
  return memory;
}

DeviceMemory random_bf16(std::size_t values) {
  constexpr std::size_t kVector = 16;
  DeviceMemory memory((values * kElement + kVector - 1) / kVector * kVector);
  fill_random(RandomKind::kBf16, memory.data(), static_cast<std::int64_t>(memory.size()), 1);
  return memory;
}

double kv_bytes(const PrefillCase& c) {
  return 2.0 * c.sequences * (c.prior + c.fresh) * c.heads.kv * c.heads.dim * kElement;
}

}  // namespace

/// Chunks over KV that lies in pages (or contiguous: page 0); a cascade's is one for all.
struct PrefillLaunch::Batch {
  PrefillShape shape;
  std::vector<PrefillChunk> chunks;
  int page = 16;
  bool partial = false;  ///< The result stays in the state.
  bool warpgroups = false;
  BlockTables tables = {};
};

PrefillLaunch::PrefillLaunch(const Heads& heads, const std::vector<Chunk>& chunks, int page,
                             KvPool& pool, int multiprocessors, int sets, const BlockTables& tables)
    : PrefillLaunch(Batch{{.q_heads = heads.q, .kv_heads = heads.kv, .head_dim = heads.dim},
                          [&chunks] {
                            std::vector<PrefillChunk> pieces;
                            pieces.reserve(chunks.size());
                            for (const Chunk& c : chunks)
                              pieces.push_back({c.fresh, c.prior + c.fresh});
                            return pieces;
                          }(),
                          page,
                          false,
                          false,
                          tables},
                    pool, multiprocessors, sets) {}

PrefillLaunch::PrefillLaunch(const PrefillCase& c, KvPool& pool, int multiprocessors, int sets)
    : PrefillLaunch(Batch{{.q_heads = c.heads.q, .kv_heads = c.heads.kv, .head_dim = c.heads.dim},
                          std::vector<PrefillChunk>(static_cast<std::size_t>(c.sequences),
                                                    {c.fresh, c.prior + c.fresh}),
                          c.page,
                          false,
                          c.warpgroups},
                    pool, multiprocessors, sets) {}

PrefillLaunch::PrefillLaunch(const CascadeCase& c, KvPool& pool, int multiprocessors, int sets)
    : PrefillLaunch(Batch{{.q_heads = c.heads.q,
                           .kv_heads = c.heads.kv,
                           .head_dim = c.heads.dim,
                           .causal = false},
                          {{c.sequences, c.prefix}},
                          c.page,
                          true},
                    pool, multiprocessors, sets) {}

PrefillLaunch::PrefillLaunch(const Batch& batch, KvPool& pool, int multiprocessors, int sets) {
  const PrefillShape& shape = batch.shape;
  kernel_.head_dim = shape.head_dim;
  kernel_.rows = prefill_rows(shape, batch.chunks);
  kernel_.paged = batch.page > 0;
  kernel_.warpgroups = batch.warpgroups;
  const PrefillPlan plan =
      plan_prefill(shape, prefill_tiling(kernel_, multiprocessors), batch.chunks);
  const PrefillWorkspace sizes = prefill_workspace(kernel_, plan);
  pool.hold(RandomKind::kBf16);

  std::vector<std::int32_t> first_token{0};
  std::vector<std::int32_t> context;
  std::int64_t longest = 0;
  for (const PrefillChunk& chunk : batch.chunks) {
    first_token.push_back(first_token.back() + static_cast<std::int32_t>(chunk.query_tokens));
    context.push_back(static_cast<std::int32_t>(chunk.context_tokens));
    longest = std::max(longest, chunk.context_tokens);
  }
  const auto sequences = static_cast<std::int64_t>(batch.chunks.size());
  const std::int64_t row_bytes = kElement * shape.head_dim;
  if (batch.page > 0) {
    const std::int64_t page_bytes = batch.page * shape.kv_heads * row_bytes;
    const std::int64_t stride = (longest + batch.page - 1) / batch.page;
    const std::int64_t pages = sequences * stride;
    if (pages > pool.pages(page_bytes)) throw BadInput("the prompt does not fit the GPU");
    if (batch.tables.empty()) {
      sets_ = static_cast<int>(std::min<std::int64_t>(sets, pool.pages(page_bytes) / pages));
      table_ = DeviceMemory::with(pool.draw_pages(page_bytes, sets_ * pages));
      set_entries_ = static_cast<std::size_t>(pages);
    } else {
      std::vector<std::int32_t> table(static_cast<std::size_t>(pages));
      std::int32_t last = 0;
      for (std::size_t s = 0; s < batch.tables.size(); ++s)
        for (std::size_t i = 0; i < batch.tables[s].size(); ++i) {
          table[s * static_cast<std::size_t>(stride) + i] = batch.tables[s][i];
          last = std::max(last, batch.tables[s][i]);
        }
      table_ = DeviceMemory::with(table);
      set_bytes_ = (last + 1) * page_bytes;
      sets_ = static_cast<int>(std::min<std::int64_t>(sets, pool.side_bytes() / set_bytes_));
      if (sets_ < 1) throw BadInput("the simulation's blocks do not fit the GPU");
    }
    args_.table = table_.as<std::int32_t>();
    args_.table_stride = static_cast<std::int32_t>(stride);
    args_.page_shift = std::countr_zero(static_cast<unsigned>(batch.page));
  } else {
    const std::int64_t capacity = (longest + kCapacityUnit - 1) / kCapacityUnit * kCapacityUnit;
    set_bytes_ = sequences * shape.kv_heads * capacity * row_bytes;
    if (set_bytes_ > pool.side_bytes()) throw BadInput("the prompt does not fit the GPU");
    sets_ = static_cast<int>(std::min<std::int64_t>(sets, pool.side_bytes() / set_bytes_));
    args_.capacity = static_cast<std::int32_t>(capacity);
  }

  const auto rows =
      static_cast<std::size_t>(first_token.back()) * static_cast<std::size_t>(shape.q_heads);
  const std::size_t values = rows * static_cast<std::size_t>(shape.head_dim);
  q_ = random_bf16(values);
  first_token_ = DeviceMemory::with(first_token);
  context_ = DeviceMemory::with(context);
  items_ = DeviceMemory::with(plan.items);
  part_output_ = cleared(sizes.output * sizeof(float));
  part_stats_ = cleared(sizes.stats * sizeof(float));
  arrivals_ = cleared(sizes.arrivals * sizeof(std::uint32_t));
  if (batch.partial) {
    state_output_ = cleared(values * sizeof(float));
    state_stats_ = cleared(rows * 2 * sizeof(float));
    args_.state = {state_output_.as<float>(), state_stats_.as<float>()};
  } else {
    out_ = DeviceMemory(values * kElement);
    args_.out = out_.data();
  }
  args_.q = q_.data();
  args_.k = pool.k();
  args_.v = pool.v();
  args_.first_token = first_token_.as<std::int32_t>();
  args_.context = context_.as<std::int32_t>();
  args_.items = items_.as<PrefillItem>();
  args_.item_count = static_cast<std::int32_t>(plan.items.size());
  args_.parts = {part_output_.as<float>(), part_stats_.as<float>()};
  args_.arrivals = arrivals_.as<std::uint32_t>();
  args_.q_heads = shape.q_heads;
  args_.kv_heads = shape.kv_heads;
  args_.causal = shape.causal ? 1 : 0;
  args_.scale_log2 =
      static_cast<float>(1 / std::sqrt(static_cast<double>(shape.head_dim)) / std::log(2.0));
}

PrefillArgs PrefillLaunch::args_of(int set) const {
  PrefillArgs args = args_;
  if (args.table != nullptr) args.table += static_cast<std::size_t>(set) * set_entries_;
  args.k = static_cast<const std::byte*>(args.k) + set * set_bytes_;
  args.v = static_cast<const std::byte*>(args.v) + set * set_bytes_;
  return args;
}

void PrefillLaunch::enqueue(gpu::Stream stream, int set) const {
  launch_prefill(kernel_, args_of(set), stream);
}

Spread time_prefill(const PrefillCase& c, KvPool& pool, int multiprocessors) {
  const PrefillLaunch launch(c, pool, multiprocessors, rotating_sets(kv_bytes(c)));
  return time_replays([&](gpu::Stream stream, int set) { launch.enqueue(stream, set); },
                      launch.sets());
}

Spread time_cascade(const CascadeCase& c, KvPool& pool, int multiprocessors) {
  DecodeCase decode;
  decode.heads = c.heads;
  decode.page = c.page;
  const int length = c.shared ? c.suffix : c.prefix + c.suffix;
  decode.lengths.assign(static_cast<std::size_t>(c.sequences), length);
  if (!c.shared) return time_decode(decode, pool, multiprocessors);
  const int sets = rotating_sets(calibrate::kv_bytes(decode));
  const DecodeLaunch suffix(decode, pool, multiprocessors, sets);
  const PrefillLaunch prefix(c, pool, multiprocessors, suffix.sets());
  return time_replays(
      [&](gpu::Stream stream, int set) {
        launch_cascade(prefix.kernel(), prefix.args_of(set), suffix.kernel(), suffix.args_of(set),
                       stream);
      },
      std::min(suffix.sets(), prefix.sets()));
}

}  // namespace kvsim::calibrate
