#include "sim/engine/explain/explainer.h"

#include <algorithm>
#include <array>

#include "sim/model/allocator.h"

namespace kvsim {
namespace {

double length_s(Duration d) { return std::chrono::duration<double>(d).count(); }
double at_s(Time t) { return length_s(t.time_since_epoch()); }

// The costliest first; equals in the order they happened.
template <class Item, class Cost>
void keep_worst(std::vector<Item>& items, std::size_t count, Cost cost) {
  std::stable_sort(items.begin(), items.end(),
                   [&](const Item& a, const Item& b) { return cost(a) > cost(b); });
  if (items.size() > count) items.resize(count);
}

// Blocks of one sequence that go for one request go from the back: as a reader sees it, one piece.
bool continues(const Explanation::Evicted& run, const Explanation::Evicted& next) {
  return run.writer == next.writer && run.needed_by == next.needed_by && run.at_s == next.at_s &&
         run.followed == next.followed && next.depth + next.tokens == run.depth;
}

std::vector<Explanation::Evicted> runs_of(const std::vector<Explanation::Evicted>& entries) {
  std::vector<Explanation::Evicted> runs;
  for (const Explanation::Evicted& entry : entries) {
    if (runs.empty() || !continues(runs.back(), entry)) {
      runs.push_back(entry);
      continue;
    }
    Explanation::Evicted& run = runs.back();
    run.depth = entry.depth;
    run.tokens += entry.tokens;
    run.hits = std::max(run.hits, entry.hits);
    run.wanted.tokens += entry.wanted.tokens;
    run.wanted.seconds += entry.wanted.seconds;
  }
  return runs;
}

// Pieces that follow each other in the same prompts are one: a trace may name every 512 tokens.
std::vector<Explanation::Piece> merged(std::vector<Explanation::Piece> pieces) {
  std::sort(pieces.begin(), pieces.end(), [](const auto& a, const auto& b) {
    return std::pair(a.request, a.first) < std::pair(b.request, b.first);
  });
  std::vector<Explanation::Piece> whole;
  for (const Explanation::Piece& piece : pieces) {
    if (whole.empty() || whole.back().request != piece.request ||
        whole.back().asked != piece.asked ||
        whole.back().first + whole.back().tokens != piece.first) {
      whole.push_back(piece);
      continue;
    }
    whole.back().tokens += piece.tokens;
    whole.back().evictions += piece.evictions;
    whole.back().wanted.tokens += piece.wanted.tokens;
    whole.back().wanted.seconds += piece.wanted.seconds;
  }
  return whole;
}

void add(Explanation::Work& work, Tokens tokens, double seconds_per_token) {
  work.tokens += tokens.value();
  work.seconds += static_cast<double>(tokens.value()) * seconds_per_token;
}

}  // namespace

void Explainer::on_evict(Time now, const Eviction& gone, ReplicaId where) {
  const CacheEntry& entry = gone.entry;
  ++sums_.evictions;
  sums_.evicted_tokens += entry.tokens;
  const auto number = static_cast<std::uint32_t>(evicted_.size());
  evicted_.push_back({.at_s = at_s(now),
                      .writer = entry.writer,
                      .depth = entry.depth,
                      .tokens = entry.tokens,
                      .hits = entry.hits,
                      .idle_s = idle_s(now, entry.last_used, where),
                      .needed_by = gone.needed_by,
                      .followed = gone.followed,
                      .wanted = {}});
  // Prefixes are found by the first group of layers.
  if (gone.group != 0) return;
  const Tokens from(entry.depth);
  book_.evicted(known_.at(entry.writer), from, from + Tokens(entry.tokens), where, number);
}

void Explainer::on_arrival(Time /*now*/, const Request& r, ReplicaId /*where*/) {
  known_.emplace(r.id, r);
}

void Explainer::on_admit(Time now, const Sequence& s, Tokens hit, ReplicaId /*where*/) {
  if (!s.admitted) return;
  Account& account = running_[s.request.id];
  account.reached = std::max(account.reached, hit);
  if (account.preemptions.empty()) return;
  Explanation::Preempted& last = preempted_[account.preemptions.back()];
  last.waited_s = at_s(now) - last.at_s;
}

void Explainer::on_attributed(Time /*now*/, const Sequence& s, const PromptFate& fate,
                              ReplicaId where) {
  sums_.queries += s.request.prompt.value();
  sums_.hits += fate.hit.value();
  sums_.loaded += fate.loaded.value();
  sums_.capacity.tokens += fate.capacity.value();
  sums_.in_flight.tokens += fate.in_flight.value();
  sums_.last_token.tokens += fate.last_token.value();
  sums_.granularity.tokens += fate.granularity.value();
  sums_.first_seen.tokens += fate.first_seen.value();
  Account& account = running_[s.request.id];
  account.fate = fate;
  const Tokens there = fate.hit + fate.loaded;
  account.reached = there;
  account.claims = book_.claims(s.request, there, there + fate.capacity, where);
  for (const ReuseBook::Claim& claim : account.claims) {
    const std::int64_t tokens = claim.to - claim.from;
    evicted_[claim.eviction].wanted.tokens += tokens;
    if (wanted_of_page_.size() < book_.size()) wanted_of_page_.resize(book_.size());
    wanted_of_page_[claim.page.index].tokens += tokens;
  }
  book_.asked(s.request);
}

void Explainer::on_preempt(Time now, const Sequence& s, ReplicaId /*where*/) {
  ++sums_.preemptions;
  running_[s.request.id].preemptions.push_back(preempted_.size());
  preempted_.push_back(
      {.at_s = at_s(now), .request = s.request.id, .reached = s.reached.value(), .recomputed = {}});
}

void Explainer::on_step(const StepRecord& step) {
  const double took = length_s(step.took);
  sums_.step_seconds += took;
  if (clocks_.size() <= step.replica.index) clocks_.resize(step.replica.index + std::size_t{1});
  clocks_[step.replica.index].push_back({step.cache->ticks(), step.start + step.took});
  const Tokens tokens = step.shape.tokens();
  if (tokens == Tokens(0)) return;
  const double each = took / static_cast<double>(tokens.value());
  for (const StepWork& work : step.plan.work)
    charge(running_[step.sequences[work.sequence].request.id], work.context,
           work.context + work.compute, each);
}

void Explainer::on_finish(Time /*now*/, const Sequence& s, ReplicaId /*where*/) {
  running_.erase(s.request.id);
}

void Explainer::on_lost(Time /*now*/, const Sequence& s, ReplicaId /*where*/) {
  running_.erase(s.request.id);
}

// Below `reached` it is work done again; what is new in the prompt has its reasons.
void Explainer::charge(Account& account, Tokens from, Tokens to, double seconds_per_token) {
  const Tokens again = std::min(to, account.reached);
  if (again > from && !account.preemptions.empty()) {
    add(sums_.recomputed, again - from, seconds_per_token);
    add(preempted_[account.preemptions.back()].recomputed, again - from, seconds_per_token);
  }
  const Tokens fresh = std::max(from, account.reached);
  account.reached = std::max(account.reached, to);
  if (fresh >= to) return;
  charge_reasons(account.fate, fresh, to, seconds_per_token);
  for (const ReuseBook::Claim& claim : account.claims) {
    const std::int64_t overlap =
        std::min(to.value(), claim.to) - std::max(fresh.value(), claim.from);
    if (overlap <= 0) continue;
    const double share = static_cast<double>(overlap) * seconds_per_token;
    evicted_[claim.eviction].wanted.seconds += share;
    wanted_of_page_[claim.page.index].seconds += share;
  }
}

void Explainer::charge_reasons(const PromptFate& fate, Tokens from, Tokens to,
                               double seconds_per_token) {
  const std::array reasons{std::pair(fate.capacity, &sums_.capacity),
                           std::pair(fate.in_flight, &sums_.in_flight),
                           std::pair(fate.last_token, &sums_.last_token),
                           std::pair(fate.granularity, &sums_.granularity),
                           std::pair(fate.first_seen, &sums_.first_seen)};
  Tokens start = fate.hit + fate.loaded;
  for (const auto& [length, work] : reasons) {
    const Tokens overlap = std::min(to, start + length) - std::max(from, start);
    if (overlap > Tokens(0))
      work->seconds += static_cast<double>(overlap.value()) * seconds_per_token;
    start += length;
  }
}

// Entries tell their last use by the cache's clock, steps what it showed when they began. What was
// used since then was let go of when the step ended.
double Explainer::idle_s(Time now, std::uint64_t last_used, ReplicaId where) const {
  if (clocks_.size() <= where.index) return 0;
  const std::vector<Tick>& clock = clocks_[where.index];
  const auto at = std::lower_bound(clock.begin(), clock.end(), last_used,
                                   [](const Tick& tick, std::uint64_t t) { return tick.tick < t; });
  return at == clock.begin() ? 0 : length_s(now - std::prev(at)->end);
}

Explanation Explainer::result() const {
  Explanation result = sums_;
  for (const Explanation::Evicted& gone : evicted_) {
    result.regretted += gone.wanted.tokens > 0;
    result.regret.tokens += gone.wanted.tokens;
    result.regret.seconds += gone.wanted.seconds;
  }
  const auto cost = [](const auto& item) {
    return std::pair(item.wanted.seconds, item.wanted.tokens);
  };
  result.worst_evictions = runs_of(evicted_);
  std::erase_if(result.worst_evictions, [](const auto& gone) { return gone.wanted.tokens == 0; });
  keep_worst(result.worst_evictions, worst_, cost);
  for (std::uint32_t i = 0; i < wanted_of_page_.size(); ++i) {
    if (wanted_of_page_[i].tokens == 0) continue;
    const ReuseBook::Page& page = book_[ReuseBook::Trie::NodeId{i}];
    result.worst_pieces.push_back({page.first_asked_by, page.first, page.length, page.asked,
                                   page.evictions, wanted_of_page_[i]});
  }
  result.worst_pieces = merged(std::move(result.worst_pieces));
  keep_worst(result.worst_pieces, worst_, cost);
  result.worst_preemptions = preempted_;
  keep_worst(result.worst_preemptions, worst_,
             [](const auto& lost) { return std::pair(lost.recomputed.seconds, lost.waited_s); });
  return result;
}

}  // namespace kvsim
