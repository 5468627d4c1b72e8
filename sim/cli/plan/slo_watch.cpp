#include "sim/cli/plan/slo_watch.h"

#include <cmath>

namespace kvsim {
namespace {

using Metric = SloGoal::Metric;

// Longer than any run: for ever.
constexpr Duration kNever{std::int64_t{1} << 62};

std::optional<Duration> objective(const ConfigView& config, const std::string& pointer) {
  if (!config.has(pointer)) return std::nullopt;
  return round_to_ns(config.number(pointer) * 1e-3);
}

constexpr std::size_t index_of(Metric metric) { return static_cast<std::size_t>(metric); }

bool within(Duration value, const std::optional<Duration>& limit) {
  return !limit || value <= *limit;
}

}  // namespace

SloWatch::SloWatch(const Slo& slo, const ConfigView& config, MostSamples most)
    : ttft_(objective(config, "/slo/ttft_ms")),
      tpot_(objective(config, "/slo/tpot_ms")),
      e2e_(objective(config, "/slo/e2e_ms")) {
  for (const SloGoal& goal : slo.goals) {
    const std::int64_t n = goal.metric == Metric::kItl ? most.gaps : most.requests;
    const bool known = n != MostSamples::kUnknown;
    Goal watched{goal};
    watched.allowed_late = known ? goal.allowed_late(n) : n;
    watched.most_sum_ms = known ? goal.limit * static_cast<double>(n) : HUGE_VAL;
    goals_.push_back(std::move(watched));
  }
}

void SloWatch::sample(Metric metric, Duration value, std::int64_t times) {
  samples_[index_of(metric)].add(value, times);
  for (std::size_t i = 0; i < goals_.size(); ++i) {
    Goal& g = goals_[i];
    if (g.goal.metric != metric) continue;
    g.sum_ns += static_cast<decltype(g.sum_ns)>(value.count()) * times;
    if (milliseconds(value) > g.goal.limit) g.late += times;
    judge(i);
  }
}

void SloWatch::judge(std::size_t goal) {
  const Goal& g = goals_[goal];
  const bool mean = !g.goal.is_goodput() && !g.goal.quantile;
  if (!missed_ &&
      (mean ? static_cast<double>(g.sum_ns) * 1e-6 > g.most_sum_ms : g.late > g.allowed_late))
    missed_ = goal;
}

void SloWatch::judge_request(bool good) {
  ++ended_;
  if (good) ++good_;
  for (std::size_t i = 0; i < goals_.size(); ++i) {
    if (!goals_[i].goal.is_goodput() || good) continue;
    ++goals_[i].late;
    judge(i);
  }
}

void SloWatch::lose() {
  for (const Metric metric : {Metric::kTpot, Metric::kItl, Metric::kE2e}) sample(metric, kNever);
  judge_request(false);
}

void SloWatch::on_arrival(Time /*now*/, const Request& /*r*/, ReplicaId /*where*/) { ++arrived_; }

void SloWatch::on_reject(Time /*now*/, const Request& /*r*/, Rejection /*why*/) {
  sample(Metric::kTtft, kNever);
  lose();
}

void SloWatch::on_token(Time now, const Sequence& s) {
  if (s.generated == Tokens(1))
    sample(Metric::kTtft, now - s.request.arrival);
  else if (now > s.last_token_at)  // as vLLM counts: tokens of one step come together
    sample(Metric::kItl, now - s.last_token_at);
}

void SloWatch::on_tokens(Time /*now*/, std::int64_t count, Duration gap, ReplicaId /*where*/) {
  sample(Metric::kItl, gap, count);
}

void SloWatch::on_finish(Time now, const Sequence& s, ReplicaId /*where*/) {
  const Duration ttft = s.first_token_at - s.request.arrival;
  const Duration e2e = now - s.request.arrival;
  Duration tpot{};
  if (s.generated > Tokens(1)) {
    tpot = (now - s.first_token_at) / (s.generated.value() - 1);
    sample(Metric::kTpot, tpot);
  }
  sample(Metric::kE2e, e2e);
  judge_request(within(ttft, ttft_) && within(tpot, tpot_) && within(e2e, e2e_));
}

// Who is still waiting or running; some of them may have had a first token.
void SloWatch::on_end(Time /*now*/) {
  const std::int64_t silent = arrived_ - samples_[index_of(Metric::kTtft)].count();
  if (silent > 0) sample(Metric::kTtft, kNever, silent);
  while (ended_ < arrived_) lose();
}

double SloWatch::value(const SloGoal& goal) const {
  if (goal.is_goodput())
    return arrived_ == 0 ? 1 : static_cast<double>(good_) / static_cast<double>(arrived_);
  const Quantiles q = samples_[index_of(goal.metric)].summary();
  const double ms = !goal.quantile           ? q.mean
                    : *goal.quantile == 0.50 ? q.p50
                    : *goal.quantile == 0.90 ? q.p90
                    : *goal.quantile == 0.95 ? q.p95
                    : *goal.quantile == 0.99 ? q.p99
                                             : q.max;
  const bool never = (goal.quantile ? ms : q.max) >= milliseconds(kNever);
  return never ? HUGE_VAL : ms;
}

std::vector<double> SloWatch::values() const {
  std::vector<double> all;
  for (const Goal& g : goals_) all.push_back(value(g.goal));
  return all;
}

}  // namespace kvsim
