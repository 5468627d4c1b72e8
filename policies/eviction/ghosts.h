#pragma once
// Ghosts: names of contents that were evicted, the latest so many. No contents, only names.
//
// A queue of names, and chains to find them by (hashing with separate chaining: Knuth, The Art of
// Computer Programming 3, 6.4), all in one array. O(1); nothing allocates after the start.

#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include "sim/core/index_list.h"

namespace kvsim {

class Ghosts {
 public:
  explicit Ghosts(std::size_t most)
      : order_(most), names_(most), chains_(std::bit_ceil(most + 1), kEnd) {
    for (std::size_t slot = most; slot-- > 0;) release(static_cast<std::uint32_t>(slot));
  }
  [[nodiscard]] std::size_t size() const { return order_.size(); }

  /// `content` is the latest ghost. Forgets the oldest if there are too many.
  void remember(std::uint64_t content) {
    (void)recall(content);
    if (free_ == kEnd) forget_oldest();
    const std::uint32_t slot = std::exchange(free_, names_[free_].chain);
    names_[slot] = {content, std::exchange(chain(content), slot)};
    order_.push_back(SlotId{slot});
  }
  /// Was `content` there? Then it is no more.
  [[nodiscard]] bool recall(std::uint64_t content) {
    std::uint32_t* link = &chain(content);
    while (*link != kEnd && names_[*link].content != content) link = &names_[*link].chain;
    if (*link == kEnd) return false;
    const std::uint32_t slot = std::exchange(*link, names_[*link].chain);
    order_.erase(SlotId{slot});
    release(slot);
    return true;
  }
  /// Requires size() > 0.
  void forget_oldest() { (void)recall(names_[order_.front().index].content); }

 private:
  using SlotId = Id<struct GhostTag>;
  static constexpr std::uint32_t kEnd = SlotId::kNoneIndex;
  struct Name {
    std::uint64_t content = 0;
    std::uint32_t chain = kEnd;  // the next in its chain, or the next free slot
  };
  // Contents are hashes, or count up: both spread over the chains as they are.
  std::uint32_t& chain(std::uint64_t content) { return chains_[content & (chains_.size() - 1)]; }
  void release(std::uint32_t slot) { names_[slot].chain = std::exchange(free_, slot); }

  IndexList<SlotId> order_;  // oldest first
  std::vector<Name> names_;
  std::vector<std::uint32_t> chains_;  // their first slots
  std::uint32_t free_ = kEnd;
};

}  // namespace kvsim
