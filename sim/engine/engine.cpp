#include "sim/engine/engine.h"

#include "sim/core/check.h"

namespace kvsim {

Engine::Outcome Engine::run() {
  constexpr std::int64_t kHeartbeat = 4096;
  Outcome outcome;
  plan_is_due_.assign(parts_.replicas.size(), false);
  announce_memory();
  await_arrival();
  await_fleet();
  while (!queue_.empty() && !fleet_.over()) {
    if (parts_.until && queue_.next_at() > *parts_.until) break;
    const Event event = queue_.pop();
    fingerprint_.add(event);
    switch (event.kind()) {
      case EventKind::kStepDone:
        step_done(event.replica);
        break;
      case EventKind::kFleet:
        fleet_acts();
        break;
      case EventKind::kLoaded:
        loaded(event.replica);
        break;
      case EventKind::kArrival:
        arrivals();
        break;
      case EventKind::kPlan:
        plan(event.replica);
        break;
    }
    if (++outcome.events % kHeartbeat == 0 && parts_.heartbeat) parts_.heartbeat();
  }
  outcome.fingerprint = fingerprint_.value();
  outcome.end = queue_.now();
  parts_.observers.tell([&](Observer& o) { o.on_end(queue_.now()); });
  return outcome;
}

// Observers know every replica's (empty) memory from the start.
void Engine::announce_memory() {
  for (std::uint32_t i = 0; i < parts_.replicas.size(); ++i)
    parts_.observers.tell([&](Observer& o) {
      o.on_memory(queue_.now(), ReplicaId{i}, parts_.replicas[i].memory().memory());
    });
}

// Keeps one arrival event in the queue, for the earliest request known. A completion may make an
// earlier one known (closed loops); the later event then finds nothing due and does no harm.
void Engine::await_arrival() {
  const std::optional<Time> next = parts_.workload.upcoming();
  if (!next || (awaited_ && *awaited_ <= *next)) return;
  awaited_ = next;
  queue_.schedule(*next, EventKind::kArrival);
}

void Engine::arrivals() {
  awaited_.reset();
  for (auto next = parts_.workload.upcoming(); next && *next <= queue_.now();
       next = parts_.workload.upcoming()) {
    parts_.workload.take(incoming_);
    fleet_.arrive(queue_.now(), incoming_);
  }
  plan_sent();
  await_arrival();
}

// Keeps one event in the queue for what the fleet does next.
void Engine::await_fleet() {
  const std::optional<Time> next = fleet_.due();
  if (!next || (fleet_due_ && *fleet_due_ <= *next)) return;
  fleet_due_ = next;
  queue_.schedule(*next, EventKind::kFleet);
}

void Engine::fleet_acts() {
  fleet_due_.reset();
  fleet_.act(queue_.now());
  plan_sent();
  await_arrival();
  await_fleet();
}

void Engine::plan_sent() {
  for (const ReplicaId where : fleet_.take_sent())
    if (parts_.replicas[where.index].ready(queue_.now())) plan_soon(where);
}

void Engine::step_done(ReplicaId id) {
  Replica& replica = parts_.replicas[id.index];
  if (!replica.step_ends(queue_.now())) return;  // its step was lost with its memory
  replica.end_step(queue_.now());
  for (const SequenceId ended : replica.ended()) fleet_.ended(queue_.now(), replica.request(ended));
  replica.forget_ended(queue_.now());
  for (const SequenceId moving : replica.handed_over())
    fleet_.hand_over(queue_.now(), {id, moving});
  fleet_.relieve(queue_.now());
  plan_sent();
  await_arrival();
  plan_soon(id);
}

void Engine::loaded(ReplicaId id) {
  Replica& replica = parts_.replicas[id.index];
  replica.end_loads(queue_.now());
  fleet_.let_go(queue_.now());
  plan_sent();
  if (replica.ready(queue_.now())) plan_soon(id);
}

void Engine::plan_at(Time when, ReplicaId id) {
  if (plan_is_due_[id.index]) return;
  plan_is_due_[id.index] = true;
  queue_.schedule(when, EventKind::kPlan, id);
}

void Engine::plan(ReplicaId id) {
  plan_is_due_[id.index] = false;
  Replica& replica = parts_.replicas[id.index];
  if (!replica.ready(queue_.now())) return;
  if (const auto step = replica.begin_step(queue_.now())) {
    queue_.schedule(step->done, EventKind::kStepDone, id);
    if (step->next < step->done) plan_at(step->next, id);
  } else if (replica.plans_again()) {
    plan_soon(id);  // Everybody was preempted; they are admitted again from free memory.
  }
  fleet_.let_go(queue_.now());
  plan_sent();
  for (const Time end : replica.loads_begun()) queue_.schedule(end, EventKind::kLoaded, id);
}

}  // namespace kvsim
