#pragma once
// What lies where in a replica's KV memory, and what was given up of it: for pictures and
// explanations. Made on demand; nothing that a run decides depends on it.

#include <cstdint>
#include <vector>

#include "sim/core/units.h"
#include "sim/model/eviction_policy.h"

namespace kvsim {

/// In place of a Request::id.
inline constexpr std::uint64_t kNoRequest = ~std::uint64_t{0};

/// A cached entry that was given up to make room.
struct Eviction {
  CacheEntry entry;  ///< As the eviction policy knew it. Ids are reused: they do not name contents.
  /// Request::id of whose admission or growth needed the room; kNoRequest: a whole batch did.
  std::uint64_t needed_by = kNoRequest;
  bool followed = false;   ///< Not chosen by the policy: without what was, nothing leads to it.
  std::uint8_t group = 0;  ///< The KvGroup it served.
};

struct MemoryMap {
  enum class Spent : std::uint8_t { kFree, kUsed, kCached, kReserved, kInternal, kExternal };

  /// Neighbouring slots with one story: a block, a page, or a part of a contiguous range.
  struct Patch {
    std::int64_t first_slot = 0;
    Tokens slots;
    Tokens filled;  ///< Those that hold a token; the rest of a used block is reserved or rounding.
    Spent spent = Spent::kFree;
    std::uint64_t owner = kNoRequest;  ///< Request::id of whose tokens they are, or for whom kept.
    std::uint32_t users = 0;           ///< Running sequences that hold it.
    std::uint32_t hits = 0;            ///< Times a later request reused it.
    std::uint64_t last_used = 0;       ///< Tick; 0: never cached.
    Tokens depth;                      ///< Of its first token in the owner's prompt and output.
    std::uint8_t group = 0;            ///< The KvGroup it serves.
  };
  /// A node of the tree of cached prefixes, in use or not: parents come before their children.
  struct Prefix {
    static constexpr std::uint32_t kRoot = ~std::uint32_t{0};
    std::uint32_t parent = kRoot;       ///< Index into `prefixes`.
    std::uint64_t writer = kNoRequest;  ///< Request::id of who computed it.
    Tokens depth;                       ///< Tokens before it.
    Tokens tokens;
    std::uint32_t users = 0;
    std::uint32_t hits = 0;
    std::uint64_t last_used = 0;  ///< Tick.
    std::uint8_t group = 0;
  };
  /// Where the tokens of a sequence lie, in table order. Slots of a block run from
  /// block * Allocator::slots_per_block() on; an invalid id stands for what is kept no more.
  struct Table {
    std::uint64_t request = kNoRequest;
    std::uint8_t group = 0;
    std::vector<BlockId> blocks;
  };

  std::vector<Patch> patches;  ///< Of all memory, in order of slots.
  std::vector<Prefix> prefixes;
  std::vector<Table> tables;        ///< In order of request ids.
  std::vector<BlockId> free_queue;  ///< Free and cached blocks, next to be reused first (paged).
  std::uint64_t clock = 0;          ///< The tick now.
};

}  // namespace kvsim
