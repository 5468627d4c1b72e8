#pragma once
// Tier: a store of KV behind the GPUs' pool, of bounded size: the host's memory, a disk, a store
// that several replicas share. It knows what it holds; moving it there and back is links' work.
//
// It keeps chunks: fixed runs of tokens, each named by the chained key of the whole prefix that it
// ends, as in LMCache (256 tokens by default there and here) and Mooncake Store.
// What is given up when it is full: leaves first, as in the pool. A chunk whose successor is here
// is not offered to the eviction policy, because nothing behind it could be found without it. (In
// LMCache the order of touching, last chunk first, has the same effect under LRU.) A chunk may be
// here while the one before it is not, if that is in another tier or was not stored; it stays until
// its turn comes.
// Costs: O(1) and the policy's.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "sim/core/flat_map.h"
#include "sim/core/slab.h"
#include "sim/core/units.h"
#include "sim/model/eviction_policy.h"

namespace kvsim {

/// A chunk and where it comes from.
struct TierChunk {
  Key128 key;
  Key128 parent;            ///< Of the chunk before; means nothing at depth 0.
  std::uint32_t depth = 0;  ///< Tokens before it.
  std::int32_t priority = 0;
  std::uint64_t writer = 0;  ///< Request::id of who brought it.
  std::uint32_t turn = 0;
  // Who brings it, as long as it is on its way:
  ReplicaId sender{};
  std::uint8_t from = 0;  ///< The sender's tiers that it is read from, a bit each; 0: its pool.
};

class Tier {
 public:
  struct Setup {
    std::int64_t chunks = 0;  ///< Room; at least 1.
    Tokens chunk;
    std::unique_ptr<EvictionPolicy> policy;  ///< Must take the ids 0 .. entries(chunks) - 1.
  };
  /// In tokens, over the whole run.
  struct Counters {
    Tokens queried;  ///< Looked for here, by each request once.
    Tokens found;    ///< Of them.
    Tokens loaded;   ///< Brought to the pool.
    Tokens stored;
    Tokens evicted;
    Tokens lost;
  };
  explicit Tier(Setup setup);

  /// How many ids a policy must take for a tier of so many chunks.
  [[nodiscard]] static std::size_t entries(std::int64_t chunks) {
    return 2 * static_cast<std::size_t>(chunks) + 2;
  }

  /// The chunk stored under `key`, or an invalid id. Reads only.
  [[nodiscard]] EntryId find(Key128 key) const;
  /// When it is, or was, all there. Of a stored chunk.
  [[nodiscard]] Time ready(EntryId id) const { return nodes_[id].ready; }
  [[nodiscard]] const TierChunk& chunk(EntryId id) const { return nodes_[id].chunk; }
  /// A request of this importance uses a stored chunk.
  void use(EntryId id, std::int32_t priority);
  struct Outcome {
    bool stored = false;
    std::optional<TierChunk> evicted;  ///< What had to go for it.
  };
  /// Makes room for a chunk that is not stored, which will be there at `ready`. Not stored, and
  /// nothing changes, if all that is here leads to it.
  Outcome store(const TierChunk& chunk, Time ready);
  /// Forgets what went down or will never arrive: all of which `gone` is true.
  /// Cost: O(entries).
  void lose(const std::function<bool(const TierChunk&, Time ready)>& gone);

  [[nodiscard]] Tokens capacity() const { return chunk_ * room_; }
  [[nodiscard]] std::int64_t size() const { return stored_; }
  [[nodiscard]] const Counters& counters() const { return counters_; }
  void count_query(Tokens queried, Tokens found) {
    counters_.queried += queried;
    counters_.found += found;
  }
  void count_load(Tokens loaded) { counters_.loaded += loaded; }
  /// Recounts everything and aborts on a contradiction.
  void check_books() const;

 private:
  // A chunk that is stored, or one that is not but leads to some that are.
  struct Node {
    TierChunk chunk;
    EntryId parent;
    std::uint32_t children = 0;  // stored
    std::uint32_t hits = 0;
    std::uint64_t created = 0;
    std::uint64_t last_used = 0;
    Time ready{};
    bool stored = false;
  };
  [[nodiscard]] bool evictable(EntryId id) const {
    return nodes_[id].stored && nodes_[id].children == 0;
  }
  [[nodiscard]] CacheEntry entry(EntryId id) const;
  [[nodiscard]] EntryId node_of(Key128 key);
  void add_child(EntryId id);
  void drop_child(EntryId id);
  void forget_if_unused(EntryId id);
  void offer(EntryId id);
  void withdraw(EntryId id);
  [[nodiscard]] TierChunk evict(EntryId id);
  void remove(EntryId id);
  [[nodiscard]] bool live(EntryId id) const { return by_key_.find(nodes_[id].chunk.key) == id; }

  std::int64_t room_;
  Tokens chunk_;
  std::unique_ptr<EvictionPolicy> policy_;
  Slab<Node, EntryId> nodes_;
  FlatMap<EntryId> by_key_;
  std::int64_t stored_ = 0;
  std::int64_t offered_ = 0;  // in the policy's hands
  std::uint64_t tick_ = 0;
  Counters counters_;
};

}  // namespace kvsim
