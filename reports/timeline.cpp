#include "reports/timeline.h"

#include <array>

namespace kvsim {
namespace {

constexpr std::array kMemoryParts{&MemoryUse::capacity, &MemoryUse::used,     &MemoryUse::reserved,
                                  &MemoryUse::internal, &MemoryUse::external, &MemoryUse::cached,
                                  &MemoryUse::free};

}  // namespace

double Timeline::State::usage() const {
  if (memory.capacity == Tokens(0)) return 0;
  return static_cast<double>(memory.held().value()) / static_cast<double>(memory.capacity.value());
}

void Timeline::on_arrival(Time now, const Request& /*r*/, ReplicaId where) {
  change(now, where, [](Load& load) { ++load.waiting; });
  last_arrival_ = where;
}

void Timeline::on_reject(Time now, const Request& /*r*/, Rejection /*why*/) {
  change(now, last_arrival_, [](Load& load) { --load.waiting; });
}

void Timeline::on_admit(Time now, const Sequence& s, Tokens hit, ReplicaId /*where*/) {
  State& state = samples_.from(now);
  if (s.admitted) return;  // again, after a preemption: finding its own blocks is no hit
  state.queries += s.request.prompt.value();
  state.hits += hit.value();
}

void Timeline::on_hand_over(Time now, const Request& /*r*/, ReplicaId from, ReplicaId to) {
  change(now, from, [](Load& load) { --load.running; });
  change(now, to, [](Load& load) { ++load.waiting; });
}

void Timeline::on_preempt(Time now, const Sequence& /*s*/, ReplicaId /*where*/) {
  ++samples_.from(now).preemptions;
}

void Timeline::on_step(const StepRecord& step) {
  change(step.start, step.replica, [&step](Load& load) {
    load.running = static_cast<std::int64_t>(step.running);
    load.waiting = static_cast<std::int64_t>(step.waiting);
    load.memory = step.memory;
  });
}

void Timeline::on_finish(Time now, const Sequence& /*s*/, ReplicaId where) {
  change(now, where, [](Load& load) { --load.running; });
}

void Timeline::on_memory(Time now, ReplicaId where, const MemoryUse& memory) {
  change(now, where, [&memory](Load& load) { load.memory = memory; });
}

void Timeline::on_end(Time now) { samples_.end(now); }

template <class Change>
void Timeline::change(Time now, ReplicaId where, Change&& to) {
  if (where.index >= replicas_.size()) replicas_.resize(where.index + 1);
  Load& load = replicas_[where.index];
  const Load before = load;
  to(load);
  State& sum = samples_.from(now);
  sum.running += load.running - before.running;
  sum.waiting += load.waiting - before.waiting;
  for (const auto part : kMemoryParts) sum.memory.*part += load.memory.*part - before.memory.*part;
}

}  // namespace kvsim
