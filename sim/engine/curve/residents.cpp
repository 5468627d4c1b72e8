#include "sim/engine/curve/residents.h"

#include <algorithm>

#include "sim/core/check.h"
#include "sim/core/registry.h"

namespace kvsim {

Residents::Residents(const ReplaySetup& setup)
    : trace_(setup.trace),
      next_of_ref_(setup.next),
      next_(setup.next.empty() ? 0 : setup.trace.blocks(), BlockTrace::kNone),
      states_(setup.trace.blocks()) {
  const auto slots = std::min(static_cast<std::size_t>(setup.capacity), setup.trace.blocks());
  in_slot_.resize(slots);
  for (std::size_t slot = slots; slot-- > 0;) free_.push_back(static_cast<std::uint32_t>(slot));
  policy_ = Registry<EvictionPolicy>::make(setup.policy, {slots, config_, this});
}

CacheEntry Residents::entry(std::uint32_t block) const {
  const State& state = states_[block];
  const BlockTrace::Block& b = trace_.block(block);
  return {.id = EntryId{state.slot},
          .depth = b.depth,
          .tokens = b.tokens,
          .hits = state.hits,
          .priority = -state.user.priority,
          .created = state.created,
          .last_used = state.last_used,
          .content = block,
          .turn = state.user.turn};
}

void Residents::count(std::size_t request, std::size_t hits) {
  now_ = request;
  const auto path = trace_.path(request);
  counts_.block_hits += static_cast<std::int64_t>(hits);
  for (const std::uint32_t block : path.first(hits))
    counts_.token_hits += trace_.block(block).tokens;
  for (const std::uint32_t block : path.subspan(hits)) ++states_[block].misses;
}

void Residents::touch(std::uint32_t block, std::uint64_t tick, std::size_t at,
                      BlockTrace::Client who) {
  State& state = states_[block];
  ++state.hits;
  state.last_used = tick;
  state.user = {std::min(state.user.priority, who.priority), who.turn};
  if (!next_.empty()) next_[block] = next_of_ref_[at];
}

void Residents::insert(std::uint32_t block, std::uint64_t tick, std::size_t at,
                       BlockTrace::Client who) {
  State& state = states_[block];
  state.slot = free_.back();
  free_.pop_back();
  in_slot_[state.slot] = block;
  state.created = static_cast<std::uint64_t>(++counts_.insertions);
  state.last_used = tick;
  state.hits = 0;
  state.user = who;
  if (!next_.empty()) next_[block] = next_of_ref_[at];
}

void Residents::offer(std::uint32_t block) {
  policy_->insert(entry(block));
  ++offered_;
}

void Residents::withdraw(std::uint32_t block) {
  policy_->erase(entry(block));
  --offered_;
}

void Residents::evict(std::uint32_t block) {
  withdraw(block);
  ++counts_.evictions;
  free_.push_back(states_[block].slot);
  states_[block].slot = BlockTrace::kNone;
}

ReplayCounts Residents::counts() const {
  ReplayCounts counts = counts_;
  for (const State& state : states_)
    counts.squared_misses += static_cast<double>(state.misses) * state.misses;
  return counts;
}

void Residents::foresee() {
  KVSIM_CHECK(!next_.empty() || trace_.blocks() == 0,
              "who knows the future is replayed with ReplaySetup::next");
}

std::uint64_t Residents::next_use(const CacheEntry& entry) {
  const std::uint32_t next = next_[entry.content];
  return next == BlockTrace::kNone ? kNever : next;
}

}  // namespace kvsim
