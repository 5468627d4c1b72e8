#include "sim/engine/curve/replay.h"

namespace kvsim {
namespace {

std::size_t known_prefix(const Residents& cache, std::span<const std::uint32_t> path) {
  std::size_t known = 0;
  while (known < path.size() && cache.holds(path[known])) ++known;
  return known;
}

class TreeReplay {
 public:
  TreeReplay(const ReplaySetup& setup, bool bypass)
      : trace_(setup.trace),
        next_(setup.next),
        bypass_(bypass),
        cache_(setup),
        children_(setup.trace.blocks()) {}

  ReplayCounts run() {
    for (std::size_t i = 0; i < trace_.requests(); ++i) serve(i);
    return cache_.counts();
  }

 private:
  void serve(std::size_t request) {
    const auto path = trace_.path(request);
    const std::size_t start = trace_.start(request);
    const BlockTrace::Client who = trace_.client(request);
    // Only the last resident block of a path can be without a child.
    const std::size_t known = known_prefix(cache_, path);
    cache_.count(request, known);
    if (known > 0 && children_[path[known - 1]] == 0) cache_.withdraw(path[known - 1]);
    std::size_t at = 0;
    for (; at < known; ++at) cache_.touch(path[at], start + path.size() - at, start + at, who);
    for (; at < path.size() && make_room(path, start + at); ++at) {
      cache_.insert(path[at], start + path.size() - at, start + at, who);
      if (at > 0) ++children_[path[at - 1]];
    }
    if (at > 0 && children_[path[at - 1]] == 0) cache_.offer(path[at - 1]);
  }

  // For reference `newcomer` of the trace, which is on `path`.
  bool make_room(std::span<const std::uint32_t> path, std::size_t newcomer) {
    if (!cache_.full()) return true;
    if (!cache_.has_victim()) return false;
    const std::uint32_t victim = cache_.victim();
    if (bypass_ && next_[newcomer] >= cache_.next(victim)) return false;
    cache_.evict(victim);
    const std::uint32_t parent = trace_.block(victim).parent;
    if (parent != BlockTrace::kNone && --children_[parent] == 0 && !on(path, parent))
      cache_.offer(parent);
    return true;
  }

  [[nodiscard]] bool on(std::span<const std::uint32_t> path, std::uint32_t block) const {
    const std::size_t depth = trace_.block(block).depth;
    return depth < path.size() && path[depth] == block;
  }

  const BlockTrace& trace_;
  std::span<const std::uint32_t> next_;
  bool bypass_;
  Residents cache_;
  std::vector<std::uint32_t> children_;  // resident ones
};

}  // namespace

ReplayCounts replay_tree(const ReplaySetup& setup, bool bypass) {
  return TreeReplay(setup, bypass).run();
}

ReplayCounts replay_flat(const ReplaySetup& setup) {
  const BlockTrace& trace = setup.trace;
  Residents cache(setup);
  for (std::size_t i = 0; i < trace.requests(); ++i) {
    const auto path = trace.path(i);
    const BlockTrace::Client who = trace.client(i);
    cache.count(i, known_prefix(cache, path));
    for (std::size_t j = 0; j < path.size(); ++j) {
      const std::size_t at = trace.start(i) + j;
      if (cache.holds(path[j])) {
        cache.withdraw(path[j]);
        cache.touch(path[j], at + 1, at, who);
      } else {
        if (cache.full()) cache.evict(cache.victim());
        cache.insert(path[j], at + 1, at, who);
      }
      cache.offer(path[j]);
    }
  }
  return cache.counts();
}

}  // namespace kvsim
