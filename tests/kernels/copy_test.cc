// Block copy: every byte that should move moves, and no other.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/copy/block_copy.h"
#include "kernels/copy/copy_plan.h"
#include "kernels/gpu/gpu.h"

namespace kvsim {
namespace {

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

struct alignas(16) Unit {
  std::uint8_t byte[16];
};
using Bytes = std::vector<Unit>;

Bytes random_bytes(std::int64_t count, std::mt19937_64& random) {
  Bytes bytes(index(count / 16));
  for (Unit& unit : bytes)
    for (std::uint8_t& byte : unit.byte) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

bool same(const Bytes& a, const Bytes& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * 16) == 0;
}

/// Distinct blocks, so that no block is read and written.
std::vector<BlockPair> random_pairs(int blocks, int count, std::mt19937_64& random) {
  std::vector<std::int32_t> order(index(blocks));
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), random);
  std::vector<BlockPair> pairs;
  for (int i = 0; i < count; ++i) pairs.push_back({order[index(2 * i)], order[index(2 * i + 1)]});
  return pairs;
}

/// Sizes around a unit of 16 KB: one vector, less, exactly, one vector more, several.
constexpr std::int64_t kBlockBytes[] = {16, 256, 4096, 16384, 16400, 40000};

TEST(BlockCopy, CopiesOnWriteInEveryPool) {
  constexpr int kBlocks = 12;
  for (const int max_blocks : {kAsManyAsFit, 3}) {
    std::mt19937_64 random(7);
    std::vector<Bytes> pools;
    std::vector<CopyPool> args;
    for (const std::int64_t bytes : kBlockBytes) {
      pools.push_back(random_bytes(bytes * kBlocks, random));
      args.push_back({pools.back().data(), pools.back().data(), bytes, bytes, bytes});
    }
    auto pairs = random_pairs(kBlocks, 4, random);
    pairs.back().from = pairs.front().from;  // A block may have several copies.
    check_block_pairs(pairs, true);
    auto expected = pools;
    for (std::size_t i = 0; i < pools.size(); ++i) {
      auto* bytes = reinterpret_cast<std::byte*>(expected[i].data());
      for (const BlockPair& pair : pairs)
        std::memcpy(bytes + pair.to * kBlockBytes[i], bytes + pair.from * kBlockBytes[i],
                    index(kBlockBytes[i]));
    }
    gpu::Machine machine({5, {}});
    launch_block_copy({args.data(), pairs.data(), static_cast<int>(args.size()),
                       static_cast<int>(pairs.size()), 40000},
                      max_blocks, machine.stream());
    for (std::size_t i = 0; i < pools.size(); ++i) EXPECT_TRUE(same(pools[i], expected[i])) << i;
  }
}

TEST(BlockCopy, NothingToDoIsNoLaunch) {
  launch_block_copy({}, kAsManyAsFit, {});
  const CopyPool pool;
  launch_block_copy({&pool, nullptr, 1, 0, 16}, kAsManyAsFit, {});
}

std::string error_of(const std::vector<BlockPair>& pairs, bool same_pool) {
  try {
    check_block_pairs(pairs, same_pool);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(BlockCopy, RefusesWhatDependsOnOrder) {
  EXPECT_EQ(error_of({{1, 5}, {2, 5}}, false), "block copy: block 5 is written twice");
  EXPECT_EQ(error_of({{1, 5}, {5, 6}}, true), "block copy: block 5 is read and written");
  EXPECT_EQ(error_of({{1, 5}, {5, 6}}, false), "");  // Two sides: other memory.
  EXPECT_EQ(error_of({{1, 5}, {1, 6}}, true), "");
}

}  // namespace
}  // namespace kvsim
