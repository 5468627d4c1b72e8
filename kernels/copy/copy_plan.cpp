#include "kernels/copy/copy_plan.h"

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string>

namespace kvsim {
namespace {

[[noreturn]] void refuse(std::int32_t block, const char* why) {
  throw std::invalid_argument(std::string("block copy: block ") + std::to_string(block) + " " +
                              why);
}

std::int64_t bytes_of_all(std::span<const CopyPool> pools) {
  std::int64_t bytes = 0;
  for (const CopyPool& pool : pools) bytes += pool.block_bytes;
  return bytes;
}

std::size_t staging_bytes(std::span<const BlockPair> pairs, std::span<const CopyPool> pools) {
  return pairs.size() * static_cast<std::size_t>(bytes_of_all(pools));
}

}  // namespace

void check_block_pairs(std::span<const BlockPair> pairs, bool same_pool) {
  std::vector<std::int32_t> written;
  written.reserve(pairs.size());
  for (const BlockPair& pair : pairs) written.push_back(pair.to);
  std::sort(written.begin(), written.end());
  const auto twice = std::adjacent_find(written.begin(), written.end());
  if (twice != written.end()) refuse(*twice, "is written twice");
  if (!same_pool) return;
  for (const BlockPair& pair : pairs)
    if (std::binary_search(written.begin(), written.end(), pair.from))
      refuse(pair.from, "is read and written");
}

std::vector<CopyPiece> copy_pieces(std::span<const BlockPair> pairs,
                                   std::span<const CopyPool> pools) {
  std::vector<CopyPiece> all;
  all.reserve(pairs.size() * pools.size());
  for (const CopyPool& pool : pools)
    for (const BlockPair& pair : pairs)
      all.push_back({static_cast<const std::byte*>(pool.from) + pair.from * pool.from_stride,
                     static_cast<std::byte*>(pool.to) + pair.to * pool.to_stride,
                     static_cast<std::size_t>(pool.block_bytes)});
  std::sort(all.begin(), all.end(), [](const CopyPiece& a, const CopyPiece& b) {
    return a.from != b.from ? std::less<>()(a.from, b.from) : std::less<>()(a.to, b.to);
  });
  std::vector<CopyPiece> merged;
  for (const CopyPiece& piece : all) {
    CopyPiece* last = merged.empty() ? nullptr : &merged.back();
    if (last != nullptr && piece.from == last->from + last->bytes &&
        piece.to == last->to + last->bytes) {
      last->bytes += piece.bytes;
    } else {
      merged.push_back(piece);
    }
  }
  return merged;
}

StagedCopy pack_blocks(std::span<const BlockPair> pairs, std::span<const CopyPool> pools,
                       void* staging) {
  StagedCopy copy{{pools.begin(), pools.end()}, {}, staging_bytes(pairs, pools)};
  auto* part = static_cast<std::byte*>(staging);
  for (CopyPool& pool : copy.pools) {
    pool.to = part;
    pool.to_stride = bytes_of_all(pools);
    part += pool.block_bytes;
  }
  for (const BlockPair& pair : pairs)
    copy.pairs.push_back({pair.from, static_cast<std::int32_t>(copy.pairs.size())});
  return copy;
}

StagedCopy unpack_blocks(std::span<const BlockPair> pairs, std::span<const CopyPool> pools,
                         const void* staging) {
  StagedCopy copy{{pools.begin(), pools.end()}, {}, staging_bytes(pairs, pools)};
  const auto* part = static_cast<const std::byte*>(staging);
  for (CopyPool& pool : copy.pools) {
    pool.from = part;
    pool.from_stride = bytes_of_all(pools);
    part += pool.block_bytes;
  }
  for (const BlockPair& pair : pairs)
    copy.pairs.push_back({static_cast<std::int32_t>(copy.pairs.size()), pair.to});
  return copy;
}

}  // namespace kvsim
