// Swap: pieces cover what the pairs say, are as few as can be, and a swap out and in again, by any
// way that runs without a GPU, brings back every byte.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <numeric>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/copy/block_copy.h"
#include "kernels/copy/copy_plan.h"
#include "kernels/gpu/gpu.h"

namespace kvsim {
namespace {

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

struct alignas(16) Unit {
  std::uint8_t byte[16] = {};
  friend bool operator==(const Unit& a, const Unit& b) {
    return std::memcmp(a.byte, b.byte, sizeof a.byte) == 0;
  }
};
using Memory = std::vector<Unit>;

Memory random_memory(std::int64_t bytes, std::mt19937_64& random) {
  Memory memory(index(bytes / 16));
  for (Unit& unit : memory)
    for (std::uint8_t& byte : unit.byte) byte = static_cast<std::uint8_t>(random());
  return memory;
}

std::byte* bytes_of(Memory& memory) { return reinterpret_cast<std::byte*>(memory.data()); }

/// Some layers' pools of `blocks` blocks on both sides: by layer on the GPU, and on the host by
/// layer as well or by block (all layers of a block together).
struct Sides {
  std::vector<std::int64_t> block_bytes{64, 64, 16, 32};
  std::int64_t blocks = 20;
  Memory device, host;
  bool host_by_block = false;

  [[nodiscard]] std::int64_t all_bytes() const {
    return std::accumulate(block_bytes.begin(), block_bytes.end(), std::int64_t{0});
  }
  std::vector<CopyPool> pools(bool out) {
    std::vector<CopyPool> result;
    std::int64_t before = 0;
    for (const std::int64_t bytes : block_bytes) {
      std::byte* on_device = bytes_of(device) + before * blocks;
      std::byte* on_host = bytes_of(host) + (host_by_block ? before : before * blocks);
      const std::int64_t stride = host_by_block ? all_bytes() : bytes;
      result.push_back(out ? CopyPool{on_device, on_host, bytes, bytes, stride}
                           : CopyPool{on_host, on_device, bytes, stride, bytes});
      before += bytes;
    }
    return result;
  }
};

Sides random_sides(bool host_by_block, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Sides sides;
  sides.host_by_block = host_by_block;
  sides.device = random_memory(sides.all_bytes() * sides.blocks, random);
  sides.host = random_memory(sides.all_bytes() * sides.blocks, random);
  return sides;
}

/// Runs of neighbours of random lengths, in random order: what an allocator hands out.
std::vector<BlockPair> random_pairs(std::int64_t blocks, std::mt19937_64& random) {
  std::vector<BlockPair> pairs;
  std::int32_t to = static_cast<std::int32_t>(random() % 3);
  for (std::int32_t from = 0; from < blocks && to < blocks; ++from) {
    if (random() % 4 == 0) continue;
    pairs.push_back({from, to});
    to += random() % 4 == 0 ? 2 : 1;
  }
  std::shuffle(pairs.begin(), pairs.end(), random);
  return pairs;
}

std::vector<BlockPair> reversed(std::vector<BlockPair> pairs) {
  for (BlockPair& pair : pairs) std::swap(pair.from, pair.to);
  return pairs;
}

void copy_by_pieces(const std::vector<BlockPair>& pairs, const std::vector<CopyPool>& pools) {
  for (const CopyPiece& piece : copy_pieces(pairs, pools))
    std::memcpy(piece.to, piece.from, piece.bytes);
}

void copy_by_kernel(const std::vector<BlockPair>& pairs, const std::vector<CopyPool>& pools) {
  std::int64_t largest = 0;
  for (const CopyPool& pool : pools) largest = std::max(largest, pool.block_bytes);
  gpu::Machine machine({3, {}});
  launch_block_copy({pools.data(), pairs.data(), static_cast<int>(pools.size()),
                     static_cast<int>(pairs.size()), largest},
                    5, machine.stream());
}

/// Pack on one side, one large copy, unpack on the other.
void copy_staged(const std::vector<BlockPair>& pairs, const std::vector<CopyPool>& pools) {
  std::int64_t bytes = 0;
  for (const CopyPool& pool : pools) bytes += pool.block_bytes;
  Memory near(index(bytes / 16) * pairs.size());
  const StagedCopy pack = pack_blocks(pairs, pools, near.data());
  EXPECT_EQ(pack.bytes, near.size() * 16);
  copy_by_kernel(pack.pairs, pack.pools);
  const Memory far = near;
  const StagedCopy unpack = unpack_blocks(pairs, pools, far.data());
  copy_by_kernel(unpack.pairs, unpack.pools);
}

/// Where every 16 bytes go, by the definition of pairs and strides.
std::map<const std::byte*, std::byte*> moves(const std::vector<BlockPair>& pairs,
                                             const std::vector<CopyPool>& pools) {
  std::map<const std::byte*, std::byte*> result;
  for (const BlockPair& pair : pairs)
    for (const CopyPool& pool : pools)
      for (std::int64_t at = 0; at < pool.block_bytes; at += 16)
        result[static_cast<const std::byte*>(pool.from) + pair.from * pool.from_stride + at] =
            static_cast<std::byte*>(pool.to) + pair.to * pool.to_stride + at;
  return result;
}

TEST(CopyPieces, CoverThePairsWithoutMergeableNeighbours) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    std::mt19937_64 random(seed);
    Sides sides = random_sides(seed % 2 == 1, seed);
    const auto pairs = random_pairs(sides.blocks, random);
    const auto pools = sides.pools(true);
    const auto pieces = copy_pieces(pairs, pools);
    std::map<const std::byte*, std::byte*> covered;
    for (const CopyPiece& piece : pieces)
      for (std::size_t at = 0; at < piece.bytes; at += 16)
        EXPECT_TRUE(covered.emplace(piece.from + at, piece.to + at).second);
    EXPECT_EQ(covered, moves(pairs, pools));
    for (const CopyPiece& a : pieces)
      for (const CopyPiece& b : pieces)
        EXPECT_FALSE(a.from + a.bytes == b.from && a.to + a.bytes == b.to);
  }
}

TEST(CopyPieces, WorkedExample) {
  // Blocks 4 5 6 go to 0 1 2 and 8 to 3: two stretches in each of two pools, whatever the order.
  Memory from(200), to(200);
  const std::vector<CopyPool> pools{{bytes_of(from), bytes_of(to), 32, 32, 32},
                                    {bytes_of(from) + 1600, bytes_of(to) + 1600, 16, 16, 16}};
  const std::vector<BlockPair> pairs{{8, 3}, {5, 1}, {4, 0}, {6, 2}};
  const auto pieces = copy_pieces(pairs, pools);
  ASSERT_EQ(pieces.size(), 4u);
  EXPECT_EQ(pieces[0].from, bytes_of(from) + 4 * 32);
  EXPECT_EQ(pieces[0].to, bytes_of(to));
  EXPECT_EQ(pieces[0].bytes, 3u * 32);
  EXPECT_EQ(pieces[3].from, bytes_of(from) + 1600 + 8 * 16);
  EXPECT_EQ(pieces[3].bytes, 16u);
}

TEST(Swap, ByAnyWayOutAndInAgain) {
  for (const auto way : {&copy_by_pieces, &copy_by_kernel, &copy_staged}) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      std::mt19937_64 random(seed);
      Sides sides = random_sides(seed % 2 == 1, seed);
      const Sides before = sides;
      const auto pairs = random_pairs(sides.blocks, random);
      check_block_pairs(pairs, false);
      Memory host = sides.host;
      way(pairs, sides.pools(true));
      EXPECT_EQ(sides.device, before.device);
      for (const auto& [from, to] : moves(pairs, sides.pools(true)))
        std::memcpy(bytes_of(host) + (to - bytes_of(sides.host)), from, 16);
      EXPECT_EQ(sides.host, host);  // What should move has moved, and nothing else.

      Memory wrong = random_memory(static_cast<std::int64_t>(before.device.size() * 16), random);
      for (const auto& [from, to] : moves(pairs, sides.pools(true))) {
        const auto at = from - bytes_of(sides.device);
        std::memcpy(bytes_of(sides.device) + at, bytes_of(wrong) + at, 16);
      }
      way(reversed(pairs), sides.pools(false));
      EXPECT_EQ(sides.device, before.device);
    }
  }
}

}  // namespace
}  // namespace kvsim
