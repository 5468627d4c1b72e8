#include "kernels/calibrate/cuda/time_memory.h"

#include <algorithm>

#include "kernels/append/append.h"
#include "kernels/calibrate/check/memory.h"
#include "kernels/calibrate/cuda/replay.h"
#include "kernels/calibrate/host/features.h"
#include "kernels/calibrate/host/options.h"
#include "kernels/calibrate/host/text.h"
#include "kernels/copy/copy_plan.h"
#include "kernels/copy/swap.h"

namespace kvsim::calibrate {
namespace {

constexpr int kPageShift = 4;
constexpr std::int64_t kPage = 1 << kPageShift;

DeviceMemory random_bf16(std::int64_t values) {
  constexpr std::int64_t kVector = 16;
  const std::int64_t bytes = (2 * values + kVector - 1) / kVector * kVector;
  DeviceMemory memory(static_cast<std::size_t>(bytes));
  fill_random(RandomKind::kBf16, memory.data(), bytes, 1);
  return memory;
}

/// Slots of tokens in pages drawn at random, one token after another in a page, as chunks are.
std::vector<std::int32_t> draw_slots(const AppendCase& c, KvPool& pool, int sets) {
  const std::int64_t page_bytes = kPage * c.heads.kv * 2 * c.heads.dim;
  const std::int64_t pages = (c.tokens + kPage - 1) / kPage;
  const auto drawn = pool.draw_pages(page_bytes, sets * pages);
  std::vector<std::int32_t> slots;
  for (int set = 0; set < sets; ++set)
    for (std::int64_t t = 0; t < c.tokens; ++t)
      slots.push_back(static_cast<std::int32_t>(
          drawn[static_cast<std::size_t>(set * pages + t / kPage)] * kPage + t % kPage));
  return slots;
}

/// `blocks` pairs of different blocks of a pool of so many bytes.
std::vector<BlockPair> draw_pairs(KvPool& pool, std::int64_t block_bytes, int blocks) {
  const auto drawn = pool.draw_pages(block_bytes, 2ll * blocks);
  std::vector<BlockPair> pairs;
  for (std::size_t i = 0; i < drawn.size(); i += 2) pairs.push_back({drawn[i], drawn[i + 1]});
  return pairs;
}

}  // namespace

Spread time_append(const AppendCase& c, KvPool& pool) {
  const std::int64_t set_bytes = 4ll * c.tokens * c.heads.kv * c.heads.dim;
  const int sets = rotating_sets(static_cast<double>(set_bytes));
  const std::int64_t stride = (c.heads.q + 2ll * c.heads.kv) * c.heads.dim;
  const DeviceMemory rows = random_bf16(c.tokens * stride);
  const DeviceMemory slots = DeviceMemory::with(draw_slots(c, pool, sets));
  const AppendKernel kernel{KvElement::kBf16, element_of(c.kv)};
  AppendArgs args;
  args.key = rows.as<std::byte>() + 2ll * c.heads.q * c.heads.dim;
  args.value = rows.as<std::byte>() + 2ll * (c.heads.q + c.heads.kv) * c.heads.dim;
  args.token_stride = stride;
  args.k = pool.write_k();
  args.v = pool.write_v();
  args.k_scales = pool.write_k_scales();
  args.v_scales = pool.write_v_scales();
  args.kv_heads = c.heads.kv;
  args.head_dim = c.heads.dim;
  args.page_shift = kPageShift;
  return time_replays(
      [&](gpu::Stream stream, int set) {
        AppendArgs of_set = args;
        of_set.slots = slots.as<std::int32_t>() + static_cast<std::int64_t>(set) * c.tokens;
        launch_append(kernel, of_set, c.tokens, stream);
      },
      sets);
}

Spread time_copy(const CopyCase& c, KvPool& pool) {
  const std::int64_t all = pool.pages(c.block_bytes);
  if (2ll * c.blocks > all) throw BadInput(text(c.blocks, " blocks do not fit the GPU"));
  const double set_bytes = 2.0 * c.blocks * static_cast<double>(c.block_bytes);
  const int sets =
      static_cast<int>(std::min<std::int64_t>(rotating_sets(set_bytes), all / (2ll * c.blocks)));
  const DeviceMemory pairs = DeviceMemory::with(draw_pairs(pool, c.block_bytes, sets * c.blocks));
  const std::byte* k = pool.k();
  const DeviceMemory pools = DeviceMemory::with(
      std::vector<CopyPool>{{k, pool.write_k(), c.block_bytes, c.block_bytes, c.block_bytes}});
  BlockCopyArgs args;
  args.pools = pools.as<CopyPool>();
  args.pool_count = 1;
  args.pair_count = c.blocks;
  args.largest_block_bytes = c.block_bytes;
  return time_replays(
      [&](gpu::Stream stream, int set) {
        BlockCopyArgs of_set = args;
        of_set.pairs = pairs.as<BlockPair>() + static_cast<std::int64_t>(set) * c.blocks;
        launch_block_copy(of_set, kAsManyAsFit, stream);
      },
      sets);
}

Spread time_swap(const SwapCase& c, KvPool& pool) {
  using Direction = SwapCase::Direction;
  const auto bytes = static_cast<std::size_t>(c.pieces) * static_cast<std::size_t>(c.piece_bytes);
  const PinnedMemory host(2 * bytes);  // one half for each direction
  const std::vector<BlockPair> drawn = draw_pairs(pool, c.piece_bytes, c.pieces);
  // Blocks anywhere on the device, one after another on the host.
  std::vector<BlockPair> out;
  std::vector<BlockPair> in;
  for (std::int32_t i = 0; i < c.pieces; ++i) {
    out.push_back({drawn[static_cast<std::size_t>(i)].from, i});
    in.push_back({i, drawn[static_cast<std::size_t>(i)].to});
  }
  const std::byte* k = pool.k();
  const CopyPool to_host{k, host.data(), c.piece_bytes, c.piece_bytes, c.piece_bytes};
  const CopyPool to_device{host.data() + bytes, pool.write_k(), c.piece_bytes, c.piece_bytes,
                           c.piece_bytes};
  const bool outward = c.direction != Direction::kToDevice;
  const bool inward = c.direction != Direction::kToHost;
  if (!c.by_kernel) {
    const auto out_pieces = copy_pieces(out, std::span(&to_host, 1));
    const auto in_pieces = copy_pieces(in, std::span(&to_device, 1));
    return time_launches(
        [&](gpu::Stream stream, int) {
          if (outward) swap_by_batch(out_pieces, stream);
          if (inward) swap_by_batch(in_pieces, stream);
        },
        1);
  }
  const DeviceMemory pairs_out = DeviceMemory::with(out);
  const DeviceMemory pairs_in = DeviceMemory::with(in);
  const DeviceMemory pool_out = DeviceMemory::with(std::vector<CopyPool>{to_host});
  const DeviceMemory pool_in = DeviceMemory::with(std::vector<CopyPool>{to_device});
  const auto launch = [&](const DeviceMemory& pools, const DeviceMemory& pairs,
                          gpu::Stream stream) {
    launch_block_copy({pools.as<CopyPool>(), pairs.as<BlockPair>(), 1, c.pieces, c.piece_bytes},
                      kSwapBlocks, stream);
  };
  return time_launches(
      [&](gpu::Stream stream, int) {
        if (outward) launch(pool_out, pairs_out, stream);
        if (inward) launch(pool_in, pairs_in, stream);
      },
      1);
}

}  // namespace kvsim::calibrate
