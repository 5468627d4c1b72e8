#pragma once
// Which cached entry is given up when memory is short?
//
// The pool (or tree) owns the entries and keeps them correct; a policy only orders the *evictable*
// ones: cached, reusable, used by no running sequence. Two ways to write one:
//   - RankedEviction: say how much an entry is worth; the lowest rank goes first.  O(log n)
//   - EvictionPolicy: keep your own order in three verbs.                          O(1)

#include <cstdint>

#include "sim/core/config_view.h"
#include "sim/core/registry.h"
#include "sim/core/units.h"
#include "sim/model/future.h"

namespace kvsim {

/// What a policy may know of an entry: a block of the pool or a leaf of the tree. Plain data.
/// Ticks count cache operations, not time: they never tie, so "older" is always decided.
struct CacheEntry {
  EntryId id;
  std::uint32_t depth = 0;      ///< Tokens between the start of its prompt and this entry's start.
  std::uint32_t tokens = 0;     ///< Tokens it holds.
  std::uint32_t hits = 0;       ///< Times a later request reused it.
  std::int32_t priority = 0;    ///< Importance: the highest (-Request::priority) of all its users.
  std::uint64_t created = 0;    ///< Tick of its birth.
  std::uint64_t last_used = 0;  ///< Tick of its last use: for a block, when its last user let go.
  std::uint64_t writer = 0;     ///< Request::id of who computed it: its tokens are that request's.
  /// Names the prefix that it ends (a block) or whose next page it starts with (a node of the
  /// tree): computed again after an eviction, it has the same name again. A 64-bit hash.
  std::uint64_t content = 0;
  std::uint32_t turn = 0;  ///< Turn of its conversation in which it was computed, from 0.
};

class EvictionPolicy {
 public:
  struct Setup {
    std::size_t entries = 0;  ///< Ids run 0 .. entries-1.
    const ConfigView& config;
    Future* future = nullptr;  ///< Null: nobody knows it.
    /// For policies that cannot do without. Throws InputError where it is not known.
    [[nodiscard]] Future& known_future() const;
  };
  virtual ~EvictionPolicy() = default;

  /// `entry` became evictable. A finished sequence inserts its blocks deepest first.
  virtual void insert(const CacheEntry& entry) = 0;
  /// `entry` is evictable no more: reused, or evicted. Same values as at its insert.
  virtual void erase(const CacheEntry& entry) = 0;
  /// The entry to give up next; the pool then erases it. Requires at least one inserted entry.
  /// Ties must not depend on addresses or hashing.
  [[nodiscard]] virtual EntryId victim() = 0;
  /// Whom victim() names after `entry` if nothing changes until then, where that is quickly told;
  /// an invalid id says nothing. A hint of what to fetch from memory: it may be wrong.
  [[nodiscard]] virtual EntryId after(EntryId /*entry*/) const { return {}; }
};

}  // namespace kvsim
