#pragma once
// LruCurve: what LRU finds in a cache of any size, all sizes in one pass.
//
// LRU is a stack algorithm (Mattson, Gecsei, Slutz, Traiger, IBM Systems Journal 9(2), 1970): a
// cache of C blocks holds the first C of one list, whatever C, so a reference hits wherever C is at
// least its place in that list, its stack distance. Under `flat` the list is in order of last
// touch. Under `tree` it is in order of (last request, shallower first), and the rule's pinning
// changes nothing: a parent is never below its children, the blocks of the request being served
// come first, and of a path longer than the cache the first C blocks are both what the list begins
// with and what bypass lets in. (replay_tree with `lru` says the same: tests/engine/curve.)
//
// Blocks that one request touched last lie side by side, and are the tail of its path that no later
// request has repeated. So distances are found per run of such blocks, not per block, with one
// prefix sum over requests (Fenwick 1994).
// Cost: O(1) per reference and O(log requests) per run, of which a request has a few.

#include <cstdint>
#include <vector>

#include "sim/engine/curve/block_trace.h"
#include "sim/engine/curve/residents.h"

namespace kvsim {

class LruCurve {
 public:
  enum class Rule : std::uint8_t { kTree, kFlat };
  LruCurve(const BlockTrace& trace, Rule rule);
  /// O(1); squared_misses is not known. Requires capacity >= 1.
  [[nodiscard]] ReplayCounts at(std::int64_t capacity) const;

 private:
  struct Within {  // a cache of so many blocks, the index
    std::int64_t block_hits = 0, token_hits = 0;
    std::int64_t resident = 0;    // at their step, whether that is a hit or not (flat)
    std::int64_t insertable = 0;  // if all missed (tree: the paths cut to the cache's size)
  };
  void serve(std::size_t request);
  void sum_up();
  void move(std::int64_t blocks, std::size_t from, std::size_t to);
  void note(std::span<const std::uint32_t> run, std::int64_t above, std::int64_t alive);

  const BlockTrace& trace_;
  Rule rule_;
  std::vector<Within> within_;  // by distance, then summed up
  std::vector<std::uint32_t> last_;
  std::vector<std::int64_t> alive_;  // blocks that a request was the last to touch, so far
  std::vector<std::int64_t> sums_;   // Fenwick tree over alive_
  std::int64_t seen_ = 0;
  std::size_t deepest_ = 0;  // flat: the largest distance in the request so far
};

}  // namespace kvsim
