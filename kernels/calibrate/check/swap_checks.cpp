#include <algorithm>
#include <random>

#include "kernels/calibrate/check/checks.h"
#include "kernels/calibrate/check/decode_world.h"
#include "kernels/calibrate/host/text.h"
#include "kernels/copy/copy_plan.h"
#include "kernels/copy/swap.h"

namespace kvsim::calibrate {
namespace {

using Pairs = std::vector<BlockPair>;
using Pools = std::vector<CopyPool>;
using Swap = void(const Pairs&, const Pools&, bool out);

/// Pairs and pools as the kernel reads them.
struct OnDevice {
  DeviceMemory pairs, pools;
  BlockCopyArgs args;
  OnDevice(const Pairs& of_pairs, const Pools& of_pools)
      : pairs(DeviceMemory::with(of_pairs)), pools(DeviceMemory::with(of_pools)) {
    args = {pools.as<CopyPool>(), pairs.as<BlockPair>(), static_cast<std::int32_t>(of_pools.size()),
            static_cast<std::int32_t>(of_pairs.size()), 0};
    for (const CopyPool& pool : of_pools)
      args.largest_block_bytes = std::max(args.largest_block_bytes, pool.block_bytes);
  }
};

void by_batch(const Pairs& pairs, const Pools& pools, bool /*out*/) {
  on_own_stream([&](gpu::Stream s) { swap_by_batch(copy_pieces(pairs, pools), s); });
}

void by_gather(const Pairs& pairs, const Pools& pools, bool /*out*/) {
  const OnDevice work(pairs, pools);
  on_own_stream([&](gpu::Stream s) { launch_block_copy(work.args, kSwapBlocks, s); });
}

void staged(const Pairs& pairs, const Pools& pools, bool out) {
  std::size_t bytes = 0;
  for (const CopyPool& pool : pools)
    bytes += pairs.size() * static_cast<std::size_t>(pool.block_bytes);
  const DeviceMemory near = filled(bytes, 1, kPoisonByte);
  const PinnedMemory far(bytes);
  // The far end of the large copy is host memory, from or into which the host's blocks are copied.
  const auto copy_on_host = [](const StagedCopy& copy) {
    for (const CopyPiece& piece : copy_pieces(copy.pairs, copy.pools))
      std::copy_n(piece.from, piece.bytes, piece.to);
  };
  const StagingBuffers staging{near.data(), far.data(), bytes};
  if (out) {
    const StagedCopy pack = pack_blocks(pairs, pools, near.data());
    const OnDevice work(pack.pairs, pack.pools);
    on_own_stream([&](gpu::Stream s) { swap_out_staged(work.args, staging, s); });
    copy_on_host(unpack_blocks(pairs, pools, far.data()));
  } else {
    copy_on_host(pack_blocks(pairs, pools, far.data()));
    const StagedCopy unpack = unpack_blocks(pairs, pools, near.data());
    const OnDevice work(unpack.pairs, unpack.pools);
    on_own_stream([&](gpu::Stream s) { swap_in_staged(work.args, staging, s); });
  }
}

/// Runs of neighbours on both sides, as allocators hand out, in random order.
Pairs random_pairs(std::int32_t count, std::mt19937_64& random) {
  Pairs pairs;
  for (std::int32_t i = 0; i < count; ++i) pairs.push_back({i + i / 3, i + i / 5});
  std::shuffle(pairs.begin(), pairs.end(), random);
  return pairs;
}

/// Blocks go out; every byte of host memory is looked at. The device forgets them; they come in
/// again, and every byte of its memory is looked at.
double swap_error(Swap* swap, std::int32_t count, const std::vector<std::int64_t>& block_bytes,
                  std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const Pairs pairs = random_pairs(count, random);
  check_block_pairs(pairs, false);
  Pairs back = pairs;
  for (BlockPair& pair : back) std::swap(pair.from, pair.to);
  const std::int64_t blocks = 2ll * count;
  std::int64_t bytes = 0;
  for (const std::int64_t b : block_bytes) bytes += b * blocks;
  const auto size = static_cast<std::size_t>(bytes);
  std::vector<std::uint8_t> content(size);
  for (std::uint8_t& byte : content) byte = static_cast<std::uint8_t>(random());
  DeviceMemory device = DeviceMemory::with(content);
  const PinnedMemory host(size);
  std::fill_n(host.data(), size, std::byte{kPoisonByte});

  Pools out;
  Pools in;
  std::vector<std::uint8_t> on_host(size, kPoisonByte);
  std::vector<std::uint8_t> on_device(size, kPoisonByte);
  std::int64_t base = 0;
  for (const std::int64_t b : block_bytes) {
    std::byte* here = device.as<std::byte>() + base;
    std::byte* there = host.data() + base;
    out.push_back({here, there, b, b, b});
    in.push_back({there, here, b, b, b});
    for (const BlockPair& pair : pairs) {
      const auto from = content.begin() + base + pair.from * b;
      std::copy_n(from, b, on_host.begin() + base + pair.to * b);
      std::copy_n(from, b, on_device.begin() + base + pair.from * b);
    }
    base += b * blocks;
  }

  swap(pairs, out, true);
  const auto* said = reinterpret_cast<const std::uint8_t*>(host.data());
  const bool went = std::equal(on_host.begin(), on_host.end(), said) &&
                    device.read<std::uint8_t>(size) == content;
  device.fill(kPoisonByte);
  swap(back, in, false);
  return went && device.read<std::uint8_t>(size) == on_device ? 0 : 1;
}

}  // namespace

std::vector<Check> swap_checks(CheckSize size, std::uint64_t seed) {
  const bool full = size == CheckSize::kFull;
  // Keys and values of some layers, and token scales.
  const std::vector<std::int64_t> block_bytes =
      full ? std::vector<std::int64_t>{65536, 65536, 65536, 65536, 256, 256}
           : std::vector<std::int64_t>{64, 64, 16, 32};
  constexpr std::pair<Swap*, const char*> kWays[] = {
      {by_batch, "batch"}, {by_gather, "gather"}, {staged, "staged"}};
  std::vector<Check> checks;
  for (const auto& [way, word] : kWays)
    checks.push_back({"swap", text(word, ", out and in again"), 0, [=, way = way] {
                        return swap_error(way, full ? 300 : 11, block_bytes, seed);
                      }});
  return checks;
}

}  // namespace kvsim::calibrate
