#include "sim/engine/transfer/tiered_store.h"

#include <algorithm>

#include "sim/core/check.h"
#include "sim/core/registry.h"

namespace kvsim {
namespace {

Tier make_tier(const TierPlan& plan, const TierPlan::Room& room, const ConfigView& config) {
  return Tier(
      {room.chunks, plan.chunk,
       Registry<EvictionPolicy>::make(room.eviction, {Tier::entries(room.chunks), config})});
}

}  // namespace

LinkedTier::LinkedTier(const TierPlan& plan, const TierPlan::Room& room, const ConfigView& config)
    : tier(make_tier(plan, room, config)), in(room.link), out(room.link) {}

TieredStore::TieredStore(const Setup& setup)
    : plan_(setup.plan),
      replica_(setup.replica),
      async_(setup.async),
      cost_(setup.cost),
      local_(setup.local),
      host_in_(plan_.host_link),
      host_out_(plan_.host_link),
      names_(plan_.chunk),
      residents_(plan_.chunk, plan_.block) {
  if (plan_.host) {
    host_.emplace(make_tier(plan_, *plan_.host, setup.config));
    levels_.push_back({&*host_, nullptr, false});
  }
  if (plan_.disk) {
    disk_.emplace(plan_, *plan_.disk, setup.config);
    levels_.push_back({&disk_->tier, &*disk_, plan_.disk->written_through});
  }
  if (setup.remote != nullptr)
    levels_.push_back({&setup.remote->tier, setup.remote, plan_.remote->written_through});
}

Tokens TieredStore::offer(const Sequence& s, Tokens hit, Time now) {
  const Tokens last = s.tokens() - Tokens(1);
  const Tokens limit = std::max(hit, last - last % plan_.block);
  find_runs(s, hit, limit - hit, now);
  count_look_up(s, limit - hit);
  Tokens found;
  for (const TierRun& run : names_.of(s).runs) found += run.count;
  if (plan_.load == TierPlan::Load::kNever || found < plan_.least_load) return {};
  return plan_.load == TierPlan::Load::kAlways ? found : cheapest(s, hit, now);
}

// What tiers have of the `count` tokens after the first `hit`, as far as it goes.
void TieredStore::find_runs(const Sequence& s, Tokens hit, Tokens count, Time now) {
  std::vector<TierRun>& runs = names_.of(s).runs;
  runs.clear();
  const Tokens end = hit + count;
  for (Tokens at = hit; at < end;) {
    const std::int64_t chunk = at / plan_.chunk;
    const Tokens chunk_end = plan_.chunk * (chunk + 1);
    if (chunk_end > s.tokens()) return;
    const Key128 key = names_.key(s, static_cast<std::size_t>(chunk));
    const std::size_t level = level_of(key, now);
    if (level == levels_.size()) return;
    if (runs.empty() || runs.back().level != level) runs.push_back({level, {}, {}, bit(level)});
    const Tokens until = std::min(chunk_end, end);
    const Tier& tier = *levels_[level].tier;
    const EntryId here = tier.find(key);
    TierRun& run = runs.back();
    run.count += until - at;
    run.ready = std::max(run.ready, tier.ready(here));
    run.from |= coming_from(tier, here, now);
    at = until;
  }
}

// What others are still sending is not there yet.
bool TieredStore::has(const Level& level, Key128 key, Time now) const {
  if (!level.up()) return false;
  const Tier& tier = *level.tier;
  const EntryId here = tier.find(key);
  return here.valid() && (tier.ready(here) <= now || tier.chunk(here).sender == replica_);
}

// The tiers that a chunk of ours still comes from: none once it is there.
std::uint8_t TieredStore::coming_from(const Tier& tier, EntryId id, Time now) {
  return tier.ready(id) > now ? tier.chunk(id).from : std::uint8_t{0};
}

std::size_t TieredStore::level_of(Key128 key, Time now) const {
  std::size_t level = 0;
  while (level < levels_.size() && !has(levels_[level], key, now)) ++level;
  return level;
}

void TieredStore::count_look_up(const Sequence& s, Tokens wanted) {
  ChunkNames::Track& track = names_.of(s);
  if (track.looked_up) return;
  track.looked_up = true;
  Amounts found{};
  for (const TierRun& run : track.runs) found[run.level] += run.count;
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    levels_[i].tier->count_query(wanted, found[i]);
    wanted -= found[i];
  }
}

// Where to stop: at the end of a tier's run, or before all. An earlier load is a shorter wait, a
// later one leaves less to compute; the sooner the prompt is done the better, then the longer.
Tokens TieredStore::cheapest(const Sequence& s, Tokens hit, Time now) {
  Tokens best;
  Duration least = computing(s, hit);
  Amounts amounts{};
  Tokens count;
  Time ready = now;
  for (const TierRun& run : names_.of(s).runs) {
    amounts[run.level] += run.count;
    count += run.count;
    ready = std::max(ready, run.ready);
    const Duration loading = std::max(arrival(amounts, now), ready) - now;
    const Duration rest = computing(s, hit + count);
    const Duration whole = async_ ? loading + rest : std::max(loading, rest);
    if (whole > least) continue;
    least = whole;
    best = count;
  }
  return best;
}

Time TieredStore::arrival(const Amounts& amounts, Time now) const {
  Tokens all;
  Time end = now;
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    all += amounts[i];
    if (levels_[i].way != nullptr)
      end = std::max(end, levels_[i].way->in.arrival(now, all_bytes(amounts[i])));
  }
  return std::max(end, host_in_.arrival(now, gpu_bytes(all)));
}

// What the rest of the prompt takes, in a step of its own.
Duration TieredStore::computing(const Sequence& s, Tokens context) const {
  StepShape shape;
  shape.add_prefill(context, s.tokens() - context, local_);
  shape.add_samples(s.tokens(), 1);
  return cost_.price(shape);
}

// From where it was found when it was offered, whatever the tiers have given up since: no time has
// passed, and what is read at once can be read.
Time TieredStore::load(const Sequence& s, Tokens hit, Tokens count, Time now) {
  Time end = host_in_.send(now, gpu_bytes(count));
  Tokens left = count;
  ChunkNames::Track& track = names_.of(s);
  track.loads_from = 0;
  for (const TierRun& run : track.runs) {
    const Tokens part = std::min(run.count, left);
    if (part == Tokens(0)) break;
    const Level& level = levels_[run.level];
    level.tier->count_load(part);
    if (level.way != nullptr) end = std::max(end, level.way->in.send(now, all_bytes(part)));
    end = std::max(end, run.ready);
    track.loads_from |= run.from;
    left -= part;
  }
  KVSIM_CHECK(left == Tokens(0), "what is loaded was offered");
  keep(s, hit, now, std::nullopt);
  // What is loaded is used wherever it is, and passes the host's memory. Its last chunk is whole
  // there, however much of it was asked for.
  const std::int64_t chunks = blocks_for(hit + count, plan_.chunk).value();
  keep(s, plan_.chunk * chunks, now, Brought{end, track.loads_from});
  return end;
}

void TieredStore::queued(const Sequence& s, Time now) {
  if (!plan_.prefetch) return;
  const std::int64_t chunks = (s.tokens() - Tokens(1)) / plan_.chunk;
  for (std::int64_t i = 0; i < chunks; ++i) {
    const TierChunk chunk = names_.chunk(s, static_cast<std::size_t>(i));
    const std::size_t level = level_of(chunk.key, now);
    if (level == levels_.size()) return;
    LinkedTier* const way = levels_[level].way;
    if (way == nullptr) continue;
    const EntryId here = way->tier.find(chunk.key);
    const auto from = static_cast<std::uint8_t>(bit(level) | coming_from(way->tier, here, now));
    const Time sent = way->in.send(now, all_bytes(plan_.chunk));
    enter(chunk, now, Brought{std::max(sent, way->tier.ready(here)), from});
  }
}

void TieredStore::check_books() const {
  for (const Level& level : levels_) level.tier->check_books();
}

}  // namespace kvsim
