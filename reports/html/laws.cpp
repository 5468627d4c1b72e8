#include "reports/html/laws.h"

#include <cmath>

namespace kvsim {
namespace {

Invariant once(std::string text, bool holds) { return {std::move(text), 1, holds ? 0 : 1}; }

bool all_held_is_accounted(const Report::Kv& kv) {
  const double sum =
      kv.utilization.mean + kv.waste.reserved + kv.waste.internal + kv.waste.external;
  return std::abs(sum - 1) < 1e-5;  // four numbers of six decimals
}

std::int64_t missed(const Report::PrefixCache::Miss& m) {
  return m.first_seen + m.capacity + m.granularity + m.last_token + m.in_flight;
}

}  // namespace

void Laws::on_arrival(Time now, const Request& /*r*/, ReplicaId /*where*/) {
  time_is(now);
  ++arrived_;
}

void Laws::on_reject(Time now, const Request& /*r*/, Rejection /*why*/) {
  time_is(now);
  ++rejected_;
}

void Laws::on_step(const StepRecord& step) {
  time_is(step.start);
  memory_is(step.memory);
  ++steps_;
  computed_ += step.shape.tokens();
}

void Laws::on_verified(Time now, const Sequence& /*s*/, Tokens /*drafted*/, Tokens /*accepted*/) {
  time_is(now);
  guesses_ = true;
}

void Laws::on_finish(Time now, const Sequence& s, ReplicaId /*where*/) {
  time_is(now);
  ++finished_;
  needed_ += s.request.prompt + s.request.output - Tokens(1) - s.reused + s.recomputed;
}

void Laws::on_lost(Time now, const Sequence& /*s*/, ReplicaId /*where*/) {
  time_is(now);
  ++lost_;
}

void Laws::on_memory(Time now, ReplicaId /*where*/, const MemoryUse& memory) {
  time_is(now);
  memory_is(memory);
}

void Laws::time_is(Time now) {
  ++times_;
  times_back_ += now < last_ ? 1 : 0;
  last_ = now;
}

void Laws::memory_is(const MemoryUse& memory) {
  ++memories_;
  memories_off_ += memory.adds_up() ? 0 : 1;
}

std::vector<Invariant> Laws::judged(const Report& report, const std::string& verify) const {
  // Nothing to watch where each request is served alone, outside of time.
  if (times_ == 0) return laws_of_summary(report);
  std::vector<Invariant> laws;
  laws.push_back({"used + reserved + internal + external + cached + free = capacity", memories_,
                  memories_off_});
  laws.push_back({"time never goes back", times_, times_back_});
  const Report::Requests& r = report.requests;
  laws.push_back(once(
      "every request that came was served, rejected, lost or is counted as unfinished",
      arrived_ == r.total && finished_ == r.completed && rejected_ == r.rejected &&
          lost_ == r.lost.value_or(0) && arrived_ == finished_ + rejected_ + lost_ + r.unfinished));
  if (r.unfinished == 0 && lost_ == 0 && !guesses_)
    laws.push_back(
        once("tokens computed = tokens needed + tokens recomputed", computed_ == needed_));
  for (Invariant& law : laws_of_summary(report)) laws.push_back(std::move(law));
  // A recount that fails ends the run: who reads this has passed.
  laws.push_back({"every block and reference recounted after every step (/verify)",
                  verify == "none" ? 0 : steps_, 0});
  laws.push_back({"every sequence reads back what it wrote (/verify = contents)",
                  verify == "contents" ? steps_ : 0, 0});
  return laws;
}

std::vector<Invariant> laws_of_summary(const Report& report) {
  std::vector<Invariant> laws;
  const Report::Requests& r = report.requests;
  laws.push_back(once("requests = completed + rejected + lost + unfinished",
                      r.total == r.completed + r.rejected + r.lost.value_or(0) + r.unfinished));
  const Report::PrefixCache& cache = report.prefix_cache;
  if (cache.query_tokens > 0)
    laws.push_back(once("prompt tokens asked for = found + missed, by reason",
                        cache.query_tokens == cache.hit_tokens + missed(cache.miss) +
                                                  (cache.loaded ? cache.loaded->tokens : 0)));
  if (report.kv.utilization.count > 0)
    laws.push_back(once("what sequences were given = used + reserved + internal + external",
                        all_held_is_accounted(report.kv)));
  return laws;
}

}  // namespace kvsim
