#include "sim/engine/miss_attribution.h"

#include <algorithm>

namespace kvsim {
namespace {

using Stage = PrefixHistory::Stage;

double rate(std::int64_t hits, std::int64_t queries) {
  return queries == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(queries);
}

}  // namespace

void MissAttribution::on_admit(Time now, const Sequence& s, Tokens hit, ReplicaId where) {
  if (s.admitted) return;
  Cache& cache = caches_[where.index];
  PromptFate fate = fate_of(s.request, hit + s.loaded, cache);
  fate.hit = hit;
  fate.loaded = s.loaded;
  count(s.request, fate);
  for (Observer* watcher : watchers_) watcher->on_attributed(now, s, fate, where);
  cache.history.record(s.request, s.request.prompt, Stage::kStarted);
}

void MissAttribution::on_preempt(Time /*now*/, const Sequence& s, ReplicaId where) {
  caches_[where.index].history.record(s.request, s.reached, Stage::kComputed);
}

void MissAttribution::on_prefilled(Time /*now*/, const Sequence& s, ReplicaId where) {
  if (s.computed >= s.request.prompt)
    caches_[where.index].history.record(s.request, s.computed, Stage::kComputed);
}

void MissAttribution::on_finish(Time /*now*/, const Sequence& s, ReplicaId where) {
  caches_[where.index].history.record(s.request, s.computed, Stage::kComputed);
}

// Each boundary is clamped to lie behind the one before it.
PromptFate MissAttribution::fate_of(const Request& r, Tokens hit, const Cache& cache) {
  const Tokens started = cache.history.known(r, r.prompt, Stage::kStarted);
  const Tokens computed = cache.history.known(r, r.prompt, Stage::kComputed);
  const Tokens seen = std::max(started, hit);
  const Tokens whole = std::max(hit, cache.block * (seen / cache.block));
  const Tokens allowed = std::max(hit, cache.block * ((r.prompt - Tokens(1)) / cache.block));
  const Tokens reusable = std::max(hit, std::min(whole, allowed) - cache.lost);
  const Tokens there = std::clamp(computed, hit, reusable);
  return {hit,          Tokens(0),      there - hit, reusable - there, whole - reusable,
          seen - whole, r.prompt - seen};
}

void MissAttribution::count(const Request& r, const PromptFate& fate) {
  sums_.query_tokens += r.prompt.value();
  sums_.hit_tokens += fate.hit.value();
  if (fate.loaded > Tokens(0)) {
    if (!sums_.loaded) sums_.loaded.emplace();
    sums_.loaded->tokens += fate.loaded.value();
  }
  count_turn(r, fate.hit);
  sums_.miss.capacity += fate.capacity.value();
  sums_.miss.in_flight += fate.in_flight.value();
  sums_.miss.last_token += fate.last_token.value();
  sums_.miss.granularity += fate.granularity.value();
  sums_.miss.first_seen += fate.first_seen.value();
}

void MissAttribution::count_turn(const Request& r, Tokens hit) {
  auto& rows = sums_.by_turn;
  const std::size_t row = std::min<std::size_t>(r.turn, Report::PrefixCache::kTurnRows - 1);
  while (rows.size() <= row) rows.push_back({.turn = static_cast<std::int64_t>(rows.size())});
  ++rows[row].requests;
  rows[row].query_tokens += r.prompt.value();
  rows[row].hit_tokens += hit.value();
}

Report::PrefixCache MissAttribution::result() const {
  Report::PrefixCache result = sums_;
  result.hit_rate = rate(result.hit_tokens, result.query_tokens);
  for (Report::PrefixCache::Turn& row : result.by_turn)
    row.hit_rate = rate(row.hit_tokens, row.query_tokens);
  return result;
}

}  // namespace kvsim
