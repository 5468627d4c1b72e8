// TieredStore, the way from the pool to the tiers: what is stored, where, and what goes for it.

#include <algorithm>

#include "sim/engine/transfer/tiered_store.h"

namespace kvsim {

void TieredStore::computed(const Sequence& s, Time now) { keep(s, s.computed, now, std::nullopt); }

// Tells the tiers of the chunks of `s` that lie in the pool, each once; brought: as in enter().
void TieredStore::keep(const Sequence& s, Tokens until, Time now, std::optional<Brought> brought) {
  std::size_t& kept = names_.of(s).kept;
  for (const auto end = static_cast<std::size_t>(until / plan_.chunk); kept < end; ++kept) {
    const TierChunk chunk = names_.chunk(s, kept);
    if (plan_.store == TierPlan::Store::kOnEvict) residents_.note(s, chunk);
    if (brought || wanted(chunk, now)) enter(chunk, now, brought);
  }
}

// Is a chunk in the pool stored, or in a tier already and so used there?
bool TieredStore::wanted(const TierChunk& chunk, Time now) {
  if (plan_.store == TierPlan::Store::kWriteThrough || level_of(chunk.key, now) < levels_.size())
    return true;
  if (plan_.store == TierPlan::Store::kOnEvict) return false;
  EntryId id = uses_of_.find(chunk.key);
  if (!id.valid()) {
    id = EntryId{static_cast<std::uint32_t>(uses_.size())};
    uses_.push_back(0);
    uses_of_.insert(chunk.key, id);
  }
  if (++uses_[id.index] < plan_.threshold) return false;
  return !plan_.closed || chunk.depth == 0 || level_of(chunk.parent, now) < levels_.size();
}

Time TieredStore::evicted(std::span<const Eviction> gone, Time now) {
  if (plan_.store != TierPlan::Store::kOnEvict) return now;
  Time read = now;
  for (const Eviction& eviction : gone)
    if (const auto chunk = residents_.take(eviction))
      read = std::max(read, enter(*chunk, now, std::nullopt));
  return read;
}

// Uses `chunk` where it is, and stores it in the first tier and in those written through after it.
// Its bytes have been brought to the host's memory, or else are in the pool: then the answer is
// when the pool's room has been read.
Time TieredStore::enter(TierChunk chunk, Time now, std::optional<Brought> brought) {
  Time read = now;
  chunk.sender = replica_;
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    const Level& level = levels_[i];
    if (!level.up()) continue;
    const EntryId here = level.tier->find(chunk.key);
    if (i > 0 && !level.written_through && !here.valid()) continue;
    if (here.valid()) {
      level.tier->use(here, chunk.priority);
      if (level.way == nullptr)
        brought = Brought{level.tier->ready(here), coming_from(*level.tier, here, now)};
      continue;
    }
    Time ready = brought ? brought->at : host_out_.arrival(now, gpu_bytes(plan_.chunk));
    if (level.way != nullptr)
      ready = std::max(ready, level.way->out.arrival(now, all_bytes(plan_.chunk)));
    chunk.from = brought ? brought->from : std::uint8_t{0};
    const Tier::Outcome outcome = level.tier->store(chunk, ready);
    if (!outcome.stored) continue;
    if (!brought) {
      read = host_out_.send(now, gpu_bytes(plan_.chunk));
      brought = Brought{read};
    }
    if (level.way != nullptr) level.way->out.send(now, all_bytes(plan_.chunk));
    if (outcome.evicted) spill(i, *outcome.evicted, now);
  }
  return read;
}

// Tier `level` has given `chunk` up. It is read while the room is still its own.
void TieredStore::spill(std::size_t level, const TierChunk& chunk, Time now) {
  const std::size_t next = level + 1;
  if (next == levels_.size() || levels_[next].written_through || !levels_[next].up()) return;
  if (levels_[next].tier->find(chunk.key).valid()) return;
  LinkedTier* const from = levels_[level].way;
  LinkedTier& to = *levels_[next].way;
  const Bytes bytes = all_bytes(plan_.chunk);
  const Time read = from == nullptr ? now : from->in.arrival(now, bytes);
  TierChunk moved = chunk;
  if (from != nullptr) moved.from = bit(level);
  const Tier::Outcome outcome = to.tier.store(moved, std::max(read, to.out.arrival(now, bytes)));
  if (!outcome.stored) return;
  if (from != nullptr) from->in.send(now, bytes);
  to.out.send(now, bytes);
  if (outcome.evicted) spill(next, *outcome.evicted, now);
}

}  // namespace kvsim
