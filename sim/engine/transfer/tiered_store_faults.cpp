// TieredStore, when things go down: what is lost with its replica, or with a store it leads to.

#include <algorithm>

#include "sim/engine/transfer/tiered_store.h"

namespace kvsim {

void LinkedTier::go_down(Time now, bool forgets) {
  ++outages;
  abandon(now);
  tier.lose([&](const TierChunk& /*chunk*/, Time ready) { return forgets || ready > now; });
}

void LinkedTier::abandon(Time now) {
  in.abandon(now);
  out.abandon(now);
}

bool TieredStore::failed(const Sequence& s) const {
  const std::uint8_t from = names_.known(s).loads_from;
  for (std::size_t i = 0; i < levels_.size(); ++i)
    if ((from & bit(i)) != 0 && !levels_[i].up()) return true;
  return false;
}

// Of what failed to load the tiers have been told too early.
void TieredStore::arrived(const Sequence& s, Time /*now*/) {
  if (s.loaded > Tokens(0)) return;
  std::size_t& kept = names_.of(s).kept;
  kept = std::min(kept, static_cast<std::size_t>(s.computed / plan_.chunk));
}

void TieredStore::lost(Time now) {
  host_in_.abandon(now);
  host_out_.abandon(now);
  if (disk_) disk_->abandon(now);
  for (const Level& level : levels_) {
    const bool own = level.way == nullptr || level.way == disk();
    level.tier->lose([&](const TierChunk& chunk, Time ready) {
      return own || (ready > now && chunk.sender == replica_);
    });
  }
  names_ = ChunkNames(plan_.chunk);
  residents_ = ResidentChunks(plan_.chunk, plan_.block);
  uses_of_ = {};
  uses_.clear();
}

void TieredStore::cut_off(const LinkedTier& store, Time now) {
  const auto gone = std::find_if(levels_.begin(), levels_.end(),
                                 [&](const Level& level) { return level.way == &store; });
  if (gone == levels_.end()) return;
  const std::uint8_t from = bit(static_cast<std::size_t>(gone - levels_.begin()));
  for (const Level& level : levels_)
    level.tier->lose([&](const TierChunk& chunk, Time ready) {
      return ready > now && chunk.sender == replica_ && (chunk.from & from) != 0;
    });
}

}  // namespace kvsim
