#include "sim/engine/miss_attribution.h"

#include <algorithm>

namespace kvsim {
namespace {

using Stage = PrefixHistory::Stage;

double rate(std::int64_t hits, std::int64_t queries) {
  return queries == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(queries);
}

std::int64_t positive(Tokens n) { return std::max<std::int64_t>(n.value(), 0); }

}  // namespace

void MissAttribution::on_admit(Time /*now*/, const Sequence& s, Tokens hit, ReplicaId where) {
  if (s.admitted) return;
  PrefixHistory& history = history_[where.index];
  const Request& r = s.request;
  attribute(r, hit, history.known(r, r.prompt, Stage::kStarted),
            history.known(r, r.prompt, Stage::kComputed));
  history.record(r, r.prompt, Stage::kStarted);
}

void MissAttribution::on_preempt(Time /*now*/, const Sequence& s, ReplicaId where) {
  history_[where.index].record(s.request, s.reached, Stage::kComputed);
}

void MissAttribution::on_prefilled(Time /*now*/, const Sequence& s, ReplicaId where) {
  if (s.computed >= s.request.prompt)
    history_[where.index].record(s.request, s.computed, Stage::kComputed);
}

void MissAttribution::on_finish(Time /*now*/, const Sequence& s, ReplicaId where) {
  history_[where.index].record(s.request, s.computed, Stage::kComputed);
}

// The prompt from front to back: hit | capacity | in_flight | last_token | granularity |
// first_seen. Each boundary is clamped to lie behind the one before it.
void MissAttribution::attribute(const Request& r, Tokens hit, Tokens started, Tokens computed) {
  const Tokens seen = std::max(started, hit);
  const Tokens whole = std::max(hit, block_ * (seen / block_));
  const Tokens allowed = std::max(hit, block_ * ((r.prompt - Tokens(1)) / block_));
  const Tokens reusable = std::max(hit, std::min(whole, allowed) - lost_);
  const Tokens there = std::clamp(computed, hit, reusable);
  sums_.query_tokens += r.prompt.value();
  sums_.hit_tokens += hit.value();
  count_turn(r, hit);
  sums_.miss.capacity += positive(there - hit);
  sums_.miss.in_flight += positive(reusable - there);
  sums_.miss.last_token += positive(whole - reusable);
  sums_.miss.granularity += positive(seen - whole);
  sums_.miss.first_seen += positive(r.prompt - seen);
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
