#include "sim/engine/curve/lru_curve.h"

#include <algorithm>

namespace kvsim {
namespace {

std::size_t lowest_bit(std::size_t n) { return n & (~n + 1); }

void add(std::vector<std::int64_t>& sums, std::size_t at, std::int64_t change) {
  for (++at; at <= sums.size(); at += lowest_bit(at)) sums[at - 1] += change;
}

/// Of the first `count`.
std::int64_t sum(const std::vector<std::int64_t>& sums, std::size_t count) {
  std::int64_t total = 0;
  for (; count > 0; count -= lowest_bit(count)) total += sums[count - 1];
  return total;
}

}  // namespace

LruCurve::LruCurve(const BlockTrace& trace, Rule rule)
    : trace_(trace),
      rule_(rule),
      within_(trace.blocks() + 1),
      last_(trace.blocks(), BlockTrace::kNone),
      alive_(trace.requests()),
      sums_(trace.requests()) {
  for (std::size_t i = 0; i < trace.requests(); ++i) serve(i);
  sum_up();
}

void LruCurve::serve(std::size_t request) {
  const auto path = trace_.path(request);
  deepest_ = 0;
  std::size_t at = 0;
  while (at < path.size() && last_[path[at]] != BlockTrace::kNone) {
    const std::uint32_t toucher = last_[path[at]];
    const std::size_t begin = at;
    for (; at < path.size() && last_[path[at]] == toucher; ++at)
      last_[path[at]] = static_cast<std::uint32_t>(request);
    const auto run = path.subspan(begin, at - begin);
    note(run, seen_ - sum(sums_, toucher + 1), alive_[toucher]);
    // What this moves to the front was above the path's later runs before, and still is.
    move(std::ssize(run), toucher, request);
  }
  const auto fresh = path.subspan(at);
  for (const std::uint32_t block : fresh) last_[block] = static_cast<std::uint32_t>(request);
  alive_[request] += std::ssize(fresh);
  add(sums_, request, std::ssize(fresh));
  seen_ += std::ssize(fresh);
  ++within_[path.size()].insertable;
}

void LruCurve::move(std::int64_t blocks, std::size_t from, std::size_t to) {
  alive_[from] -= blocks;
  alive_[to] += blocks;
  add(sums_, from, -blocks);
  add(sums_, to, blocks);
}

// `above` blocks were touched by later requests than the run; of its own request's `alive` blocks
// it is the shallow part.
void LruCurve::note(std::span<const std::uint32_t> run, std::int64_t above, std::int64_t alive) {
  auto distance = static_cast<std::size_t>(above);
  if (rule_ == Rule::kFlat) {
    // Touched in path order, the run's first block lies deepest. At a block's own step those before
    // it have come to the front, so all of the run are then as deep as the first.
    distance += static_cast<std::size_t>(alive);
    within_[distance].resident += std::ssize(run);
    deepest_ = std::max(deepest_, distance);
  }
  for (const std::uint32_t block : run) {
    Within& here = within_[rule_ == Rule::kFlat ? deepest_ : ++distance];
    ++here.block_hits;
    here.token_hits += trace_.block(block).tokens;
  }
}

void LruCurve::sum_up() {
  for (std::size_t c = within_.size() - 1; c-- > 0;)
    within_[c].insertable += within_[c + 1].insertable;
  within_[0].insertable = 0;
  for (std::size_t c = 1; c < within_.size(); ++c) {
    within_[c].block_hits += within_[c - 1].block_hits;
    within_[c].token_hits += within_[c - 1].token_hits;
    within_[c].resident += within_[c - 1].resident;
    within_[c].insertable += within_[c - 1].insertable;
  }
}

ReplayCounts LruCurve::at(std::int64_t capacity) const {
  const std::int64_t held = std::min(capacity, std::ssize(within_) - 1);
  const Within& here = within_[static_cast<std::size_t>(held)];
  ReplayCounts counts;
  counts.block_hits = here.block_hits;
  counts.token_hits = here.token_hits;
  counts.insertions = rule_ == Rule::kTree
                          ? here.insertable - here.block_hits
                          : static_cast<std::int64_t>(trace_.refs()) - here.resident;
  counts.evictions = counts.insertions - held;  // it ends full, or with all there is
  return counts;
}

}  // namespace kvsim
