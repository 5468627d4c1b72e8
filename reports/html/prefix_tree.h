#pragma once
// The tree of cached prefixes, small enough to draw: chains become one stretch, and only the
// largest branches stay; what is left out is summed up where it was.

#include <cstdint>
#include <vector>

#include "reports/html/map_cells.h"
#include "sim/model/memory_map.h"

namespace kvsim {

struct PrefixTree {
  /// Tokens of prompts, one after the other, that one request computed and as many run on.
  struct Node {
    std::int64_t parent = -1;  ///< Index of a node before it.
    std::int64_t writer = -1;  ///< Request::id.
    std::int64_t depth = 0;    ///< Tokens before it.
    std::int64_t tokens = 0;
    std::int64_t users = 0;  ///< Running sequences.
    std::int64_t hits = 0;   ///< Of its most reused entry.
    std::int64_t age_ms = -1;
    std::int64_t more_nodes = 0, more_tokens = 0;  ///< Below it, and not among the nodes.
  };
  std::vector<Node> nodes;  ///< The first is the root: the empty prefix.
  std::int64_t all_nodes = 0, all_tokens = 0;
};

/// Keeps the root and at most `most` more nodes.
[[nodiscard]] PrefixTree prefix_tree(const std::vector<MemoryMap::Prefix>& prefixes,
                                     const AgeOf& age_of, std::size_t most);

}  // namespace kvsim
