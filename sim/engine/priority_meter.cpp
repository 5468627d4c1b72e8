#include "sim/engine/priority_meter.h"

namespace kvsim {

void PriorityMeter::on_arrival(Time /*now*/, const Request& r, ReplicaId /*where*/) {
  (void)level(r.priority);
}

void PriorityMeter::on_admit(Time /*now*/, const Sequence& s, Tokens hit, ReplicaId /*where*/) {
  if (s.admitted) return;  // again: what it finds of its own is no hit
  Level* const at = level(s.request.priority);
  if (at == nullptr) return;
  at->queries += s.request.prompt.value();
  at->hits += hit.value();
}

void PriorityMeter::on_finish(Time now, const Sequence& s, ReplicaId /*where*/) {
  Level* const at = level(s.request.priority);
  if (at == nullptr) return;
  ++at->completed;
  at->ttft.add(s.first_token_at - s.request.arrival);
  at->e2e.add(now - s.request.arrival);
  if (s.generated > Tokens(1)) at->tpot.add((now - s.first_token_at) / (s.generated.value() - 1));
}

std::vector<Report::Priority> PriorityMeter::result() const {
  std::vector<Report::Priority> rows;
  if (levels_.size() < 2) return rows;
  for (const auto& [priority, level] : levels_) {
    const double queries = static_cast<double>(level.queries);
    const double rate = level.queries > 0 ? static_cast<double>(level.hits) / queries : 0;
    rows.push_back({priority, level.completed, level.queries, level.hits, rate,
                    level.ttft.summary(), level.tpot.summary(), level.e2e.summary()});
  }
  return rows;
}

PriorityMeter::Level* PriorityMeter::level(std::int32_t priority) {
  if (too_many_) return nullptr;
  Level& found = levels_[priority];
  if (levels_.size() <= Report::kPriorityRows) return &found;
  too_many_ = true;
  levels_.clear();
  return nullptr;
}

}  // namespace kvsim
