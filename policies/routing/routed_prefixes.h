#pragma once
// RoutedPrefixes: which prefixes were lately sent to which replica: a guess at what its cache
// holds.
//
// A set of block hashes per replica, least recently sent out first, bounded in size and age. Nobody
// tells it of evictions. Cost: O(1) per block.
// Source: the LRU index of llm-d's approximate prefix scorer (31,250 blocks a server); entries age
// as in Dynamo's router without KV events (120 s).

#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "sim/core/units.h"

namespace kvsim {

class RoutedPrefixes {
 public:
  /// Leading blocks that were sent to `where` and are known still, none of them before `oldest`.
  [[nodiscard]] std::size_t match(ReplicaId where, std::span<const std::uint64_t> prefix,
                                  Time oldest) const;
  /// `prefix` is sent to `where`.
  void insert(ReplicaId where, std::span<const std::uint64_t> prefix, Time now);
  /// Forgets all but `most` blocks of every replica; of a prefix the end goes first.
  void shrink_to(std::size_t most);

 private:
  struct Block {
    std::uint64_t hash = 0;
    Time sent{};
  };
  struct Sent {
    std::list<Block> by_age;                                               // the oldest first
    std::unordered_map<std::uint64_t, std::list<Block>::iterator> blocks;  // never walked
  };
  std::vector<Sent> replicas_;
};

}  // namespace kvsim
