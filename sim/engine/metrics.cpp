#include "sim/engine/metrics.h"

#include <algorithm>

namespace kvsim {
namespace {

double ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

double amount(Tokens n) { return static_cast<double>(n.value()); }

}  // namespace

void MemoryMeter::change(Time now, ReplicaId where, const MemoryUse& use) {
  Last& last = last_[where.index];
  close(last, now);
  last = {now, use, true};
  peak_used_ = std::max(peak_used_, use.used);
  peak_held_ = std::max(peak_held_, use.held());
}

void MemoryMeter::end(Time now) {
  for (Last& last : last_) {
    close(last, now);
    last.since = now;
    held_at_end_ += last.use.held();
  }
}

void MemoryMeter::close(Last& last, Time now) {
  if (!last.known || now == last.since) return;
  const Duration lasted = now - last.since;
  const double s = seconds(lasted);
  const MemoryUse& use = last.use;
  used_ += amount(use.used) * s;
  reserved_ += amount(use.reserved) * s;
  internal_ += amount(use.internal) * s;
  external_ += amount(use.external) * s;
  cached_ += amount(use.cached) * s;
  capacity_ += amount(use.capacity) * s;
  if (use.held() > Tokens(0)) utilization_.add(amount(use.used) / amount(use.held()), lasted);
  usage_.add(ratio(amount(use.held()), amount(use.capacity)), lasted);
}

void MemoryMeter::summarise(Report::Kv& kv) const {
  const double held = used_ + reserved_ + internal_ + external_;
  kv.peak_used_tokens = peak_used_.value();
  kv.peak_held_tokens = peak_held_.value();
  kv.held_at_end_tokens = held_at_end_.value();
  kv.utilization = utilization_.summary();
  // The mean weighs every token-second alike, as Fig. 2 of the PagedAttention paper does: a nearly
  // empty replica says little about its allocator.
  kv.utilization.mean = ratio(used_, held);
  kv.usage = usage_.summary();
  kv.usage.mean = ratio(held, capacity_);
  kv.waste = {ratio(reserved_, held), ratio(internal_, held), ratio(external_, held)};
  kv.cached = ratio(cached_, capacity_);
}

SloMeter::SloMeter(const Objectives& objectives) : objectives_(objectives) {
  const auto term = [](const std::optional<Duration>& limit) -> std::optional<SloTerm> {
    if (!limit) return std::nullopt;
    return SloTerm{milliseconds(*limit), 0};
  };
  counts_ = {term(objectives.ttft), term(objectives.tpot), term(objectives.e2e), 0};
}

void SloMeter::add(Duration ttft, Duration tpot, Duration e2e) {
  const auto meets = [](Duration value, const std::optional<Duration>& limit,
                        std::optional<SloTerm>& term) {
    const bool met = !limit || value <= *limit;
    if (!met) ++term->missed;
    return met;
  };
  const bool first = meets(ttft, objectives_.ttft, counts_.ttft);
  const bool each = meets(tpot, objectives_.tpot, counts_.tpot);
  const bool whole = meets(e2e, objectives_.e2e, counts_.e2e);
  counts_.good += first && each && whole;
}

std::optional<SloReport> SloMeter::summary() const {
  if (!counts_.ttft && !counts_.tpot && !counts_.e2e) return std::nullopt;
  return counts_;
}

void Metrics::on_arrival(Time now, const Request& /*r*/, ReplicaId /*where*/) {
  ++requests_.total;
  if (!first_arrival_) first_arrival_ = now;
}

void Metrics::on_reject(Time /*now*/, const Request& /*r*/, Rejection why) {
  ++requests_.rejected;
  ++rejected_[static_cast<std::size_t>(why)];
}

void Metrics::on_retry(Time /*now*/, const Sequence& /*s*/, ReplicaId /*where*/) { ++retries_; }

void Metrics::on_lost(Time /*now*/, const Sequence& /*s*/, ReplicaId /*where*/) { ++lost_; }

void Metrics::on_load_failed(Time /*now*/, const Sequence& s, ReplicaId /*where*/) {
  ++failed_loads_.loads;
  failed_loads_.tokens += s.loaded.value();
}

void Metrics::on_admit(Time now, const Sequence& s, Tokens /*hit*/, ReplicaId /*where*/) {
  if (!s.admitted) queue_.add(now - s.request.arrival);
}

void Metrics::on_fork(Time now, const Sequence& s, Tokens /*shared*/, ReplicaId /*where*/) {
  if (!s.admitted) queue_.add(now - s.request.arrival);
}

void Metrics::on_preempt(Time /*now*/, const Sequence& /*s*/, ReplicaId /*where*/) {
  ++preemptions_;
}

void Metrics::on_step(const StepRecord& step) {
  ++steps_;
  computed_ += step.shape.tokens().value();
  max_running_ = std::max(max_running_, static_cast<std::int64_t>(step.running));
  max_waiting_ = std::max(max_waiting_, static_cast<std::int64_t>(step.waiting));
  running_seconds_ += static_cast<double>(step.running) * seconds(step.took);
  busy_seconds_ += seconds(step.took);
  memory_.change(step.start, step.replica, step.memory);
}

void Metrics::on_token(Time now, const Sequence& s) {
  if (s.generated == Tokens(1))
    ttft_.add(now - s.request.arrival);
  else if (now > s.last_token_at)  // vLLM's way: tokens of one step are one delivery
    itl_.add(now - s.last_token_at);
}

void Metrics::on_tokens(Time /*now*/, std::int64_t count, Duration gap, ReplicaId /*where*/) {
  itl_.add(gap, count);
}

void Metrics::on_finish(Time now, const Sequence& s, ReplicaId /*where*/) {
  ++requests_.completed;
  prompt_tokens_ += s.request.prompt.value();
  output_tokens_ += s.generated.value();
  recomputed_ += s.recomputed.value();
  const Duration ttft = s.first_token_at - s.request.arrival;
  const Duration e2e = now - s.request.arrival;
  e2e_.add(e2e);
  Duration tpot{};
  if (s.generated > Tokens(1)) {
    tpot = (now - s.first_token_at) / (s.generated.value() - 1);
    tpot_.add(tpot);
  }
  slo_.add(ttft, tpot, e2e);
}

void Metrics::on_memory(Time now, ReplicaId where, const MemoryUse& memory) {
  memory_.change(now, where, memory);
}

void Metrics::on_end(Time now) {
  memory_.end(now);
  end_ = now;
  requests_.unfinished = requests_.total - requests_.completed - requests_.rejected - lost_;
}

void Metrics::summarise(Report& report) const {
  const std::int64_t skipped = report.requests.skipped_rows;
  report.requests = requests_;
  report.requests.skipped_rows = skipped;
  const auto rejected = [this](Rejection why) { return rejected_[static_cast<std::size_t>(why)]; };
  report.requests.rejected_too_long = rejected(Rejection::kTooLong);
  report.requests.rejected_too_large = rejected(Rejection::kTooLarge);
  report.requests.rejected_queue_full = rejected(Rejection::kQueueFull);
  report.requests.rejected_tokens_full = rejected(Rejection::kTokensFull);
  report.requests.rejected_over_rate = rejected(Rejection::kOverItsRate);
  report.requests.lost = lost_;
  report.requests.retries = retries_;
  report.failed_loads = failed_loads_;
  report.duration_s = first_arrival_ ? seconds(end_ - *first_arrival_) : 0;
  const auto per_second = [&](std::int64_t n) {
    return ratio(static_cast<double>(n), report.duration_s);
  };
  report.throughput = {per_second(requests_.completed), per_second(output_tokens_),
                       per_second(prompt_tokens_ + output_tokens_), per_second(slo_.good())};
  report.slo = slo_.summary();
  report.ttft_ms = ttft_.summary();
  report.tpot_ms = tpot_.summary();
  report.itl_ms = itl_.summary();
  report.e2e_ms = e2e_.summary();
  report.queue_ms = queue_.summary();
  memory_.summarise(report.kv);
  report.batch.steps = steps_;
  report.batch.mean_running = ratio(running_seconds_, busy_seconds_);
  report.batch.max_running = max_running_;
  report.batch.max_waiting = max_waiting_;
  report.batch.mean_tokens = ratio(static_cast<double>(computed_), static_cast<double>(steps_));
  report.preemptions = preemptions_;
  report.recomputed_tokens = recomputed_;
  report.computed_tokens = computed_;
  report.prompt_tokens = prompt_tokens_;
  report.output_tokens = output_tokens_;
}

}  // namespace kvsim
