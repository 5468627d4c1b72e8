#include "sim/engine/explain/scene_painter.h"

#include <utility>

#include "sim/model/allocator.h"

namespace kvsim {

void StepPainter::on_evict(Time /*now*/, const Eviction& gone, ReplicaId /*where*/) {
  evicted_.push_back(gone);
}

void StepPainter::on_preempt(Time /*now*/, const Sequence& s, ReplicaId /*where*/) {
  preempted_.push_back(s.request.id);
}

void StepPainter::on_step(const StepRecord& step) {
  const auto evicted = std::exchange(evicted_, {});
  const auto preempted = std::exchange(preempted_, {});
  if (next_++ != number_) return;
  StepScene scene;
  scene.number = number_;
  scene.replica = step.replica;
  scene.start = step.start;
  scene.took = step.took;
  scene.waiting = step.waiting;
  scene.running = step.running;
  scene.memory = step.memory;
  scene.map = step.cache->map();
  scene.block = step.cache->block();
  for (const StepWork& work : step.plan.work) {
    const Sequence& s = step.sequences[work.sequence];
    scene.work.push_back({s.request.id, work.context, work.compute, s.tokens(), s.request.prompt});
  }
  for (const Admission& admission : step.plan.admitted)
    scene.admitted.push_back({step.sequences[admission.sequence].request.id, admission.hit});
  scene.preempted = preempted;
  scene.evicted = evicted;
  scene_ = std::move(scene);
}

void LifePainter::note(Time at, Event event, ReplicaId where, Tokens amount, Tokens more) {
  life_.moments.push_back({at, event, where, amount.value(), more.value(), at});
}

// Entries go one by one: those between two other moments are one.
void LifePainter::add_up(Time at, Event event, ReplicaId where, std::uint32_t tokens) {
  if (!life_.moments.empty()) {
    RequestLife::Moment& last = life_.moments.back();
    if (last.event == event && last.replica == where) {
      last.amount += tokens;
      last.until = at;
      return;
    }
  }
  note(at, event, where, Tokens(tokens));
}

void LifePainter::on_arrival(Time now, const Request& r, ReplicaId where) {
  if (r.id != life_.request) return;
  life_.arrival = now;
  life_.prompt = r.prompt;
  life_.output = r.output;
  note(now, Event::kArrived, where, r.prompt, r.output);
}

void LifePainter::on_reject(Time now, const Request& r, Rejection why) {
  if (r.id != life_.request) return;
  life_.rejection = why;
  note(now, Event::kRejected, {});
}

void LifePainter::on_evict(Time now, const Eviction& gone, ReplicaId where) {
  if (gone.needed_by == life_.request) add_up(now, Event::kMadeRoom, where, gone.entry.tokens);
  if (gone.entry.writer == life_.request && !life_.moments.empty())
    add_up(now, Event::kLost, where, gone.entry.tokens);
}

void LifePainter::on_admit(Time now, const Sequence& s, Tokens hit, ReplicaId where) {
  if (!mine(s)) return;
  if (!s.admitted) life_.admitted_at = now;
  life_.admitted = true;
  note(now, Event::kAdmitted, where, hit);
}

void LifePainter::on_attributed(Time /*now*/, const Sequence& s, const PromptFate& fate,
                                ReplicaId /*where*/) {
  if (mine(s)) life_.fate = fate;
}

void LifePainter::on_fork(Time now, const Sequence& s, Tokens shared, ReplicaId where) {
  if (!mine(s)) return;
  if (!s.admitted) life_.admitted_at = now;
  life_.admitted = true;
  note(now, Event::kForked, where, shared);
}

void LifePainter::on_preempt(Time now, const Sequence& s, ReplicaId where) {
  if (mine(s)) note(now, Event::kPreempted, where, s.reached);
}

void LifePainter::on_prefilled(Time now, const Sequence& s, ReplicaId where) {
  if (mine(s)) note(now, Event::kPrefilled, where, s.computed);
}

void LifePainter::on_token(Time now, const Sequence& s) {
  if (!mine(s) || s.generated != Tokens(1)) return;
  life_.first_token_at = now;
  note(now, Event::kFirstToken, {});
}

void LifePainter::on_retry(Time now, const Sequence& s, ReplicaId where) {
  if (mine(s)) note(now, Event::kRetried, where, s.generated);
}

void LifePainter::on_lost(Time now, const Sequence& s, ReplicaId where) {
  if (mine(s)) note(now, Event::kReplicaLost, where, s.generated);
}

void LifePainter::on_route(Time now, const Request& r, ReplicaId where) {
  if (r.id == life_.request) note(now, Event::kRouted, where);
}

void LifePainter::on_finish(Time now, const Sequence& s, ReplicaId where) {
  if (!mine(s)) return;
  life_.finished = true;
  life_.finished_at = now;
  life_.preemptions = s.preemptions;
  life_.recomputed = s.recomputed;
  note(now, Event::kFinished, where, s.generated);
}

}  // namespace kvsim
