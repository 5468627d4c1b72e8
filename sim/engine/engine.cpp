#include "sim/engine/engine.h"

#include "sim/core/check.h"

namespace kvsim {

Engine::Outcome Engine::run() {
  constexpr std::int64_t kHeartbeat = 4096;
  Outcome outcome;
  plan_is_due_.assign(parts_.replicas.size(), false);
  announce_memory();
  await_arrival();
  while (!queue_.empty()) {
    if (parts_.until && queue_.next_at() > *parts_.until) break;
    const Event event = queue_.pop();
    fingerprint_.add(event);
    switch (event.kind()) {
      case EventKind::kStepDone:
        step_done(event.replica);
        break;
      case EventKind::kLoaded:
        loaded(event.replica);
        break;
      case EventKind::kFleet:
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
    arrive(incoming_);
  }
  await_arrival();
}

void Engine::arrive(Request& r) {
  const ReplicaId where = dispatcher_.route(queue_.now(), r);
  fingerprint_.add(r.id, where);
  parts_.observers.tell([&](Observer& o) { o.on_arrival(queue_.now(), r, where); });
  Replica& replica = parts_.replicas[where.index];
  if (const auto why = refusal(replica, r)) {
    parts_.observers.tell([&](Observer& o) { o.on_reject(queue_.now(), r, *why); });
    parts_.workload.ended(r, queue_.now());
    return;
  }
  replica.enqueue(r, queue_.now());
  if (replica.ready(queue_.now())) plan_soon(where);
}

std::optional<Rejection> Engine::refusal(const Replica& replica, const Request& r) const {
  if (const auto why = replica.refuses(r)) return why;
  if (replica.role() != Role::kPrefill) return std::nullopt;
  return Handoffs::refuses(parts_.replicas, r);
}

void Engine::step_done(ReplicaId id) {
  Replica& replica = parts_.replicas[id.index];
  replica.end_step(queue_.now());
  for (const SequenceId ended : replica.ended())
    parts_.workload.ended(replica.request(ended), queue_.now());
  replica.forget_ended(queue_.now());
  hand_over(id);
  await_arrival();
  plan_soon(id);
}

void Engine::loaded(ReplicaId id) {
  Replica& replica = parts_.replicas[id.index];
  replica.end_loads(queue_.now());
  let_go();
  if (replica.ready(queue_.now())) plan_soon(id);
}

// What a prefill replica has begun goes on elsewhere, ...
void Engine::hand_over(ReplicaId from) {
  for (const SequenceId id : parts_.replicas[from.index].handed_over()) {
    const Request& r = parts_.replicas[from.index].request(id);
    const ReplicaId to = parts_.handoffs->hand_over(parts_.replicas, {from, id}, queue_.now());
    fingerprint_.add(r.id, to);
    parts_.observers.tell([&](Observer& o) { o.on_hand_over(queue_.now(), r, from, to); });
    if (parts_.replicas[to.index].ready(queue_.now())) plan_soon(to);
  }
}

// ... and holds memory until its KV is there.
void Engine::let_go() {
  if (parts_.handoffs == nullptr) return;
  for (const Handoffs::Kept& kept : parts_.handoffs->take_arrived()) {
    Replica& replica = parts_.replicas[kept.where.index];
    replica.let_go(kept.sequence, queue_.now());
    if (replica.ready(queue_.now())) plan_soon(kept.where);
  }
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
  let_go();
  for (const Time end : replica.loads_begun()) queue_.schedule(end, EventKind::kLoaded, id);
}

}  // namespace kvsim
