#include "sim/engine/replica.h"

#include <algorithm>
#include <cmath>

#include "sim/core/check.h"
#include "sim/core/config_schema.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    word_field(
        "/verify", "none", "check",
        [] {
          return std::vector<std::string>{"books", "contents", "none"};
        },
        "Check on the simulator itself, slowly: books recounts all memory after every change; "
        "contents also checks that every sequence reads back what it wrote."),
    boolean_field("/scheduler/async_scheduling", "false",
                  "Plan a step while the one before runs, as vLLM does by default since 0.14: who "
                  "arrives during a step waits for the one after the next. A pipeline's steps are "
                  "planned as its first stage gets free, whatever this says."),
};

// The newest token alone, or with guesses after it.
bool decodes(const Sequence& s, const StepWork& work) {
  return s.generated > Tokens(0) && work.compute == Tokens(1) + work.drafts;
}

}  // namespace

Replica::Replica(const Setup& setup)
    : setup_(setup),
      verify_books_(setup.config.text("/verify") != "none"),
      plans_ahead_(setup.config.boolean("/scheduler/async_scheduling") && setup.cost.stages() == 1),
      acceptance_(setup.config),
      pipeline_(setup.cost),
      under_way_(pipeline_.stages()),
      loads_(setup.connector) {
  start_empty();
  if (scheduler_->reserves_whole_life() && memory_->chunk_alignment() > Tokens(1))
    setup.config.fail(
        "/cache/mamba_cache_mode",
        fmt::format("expected none under {} batching, which sets the memory of a whole "
                    "life aside: of states that come and go it cannot",
                    setup.config.text("/scheduler/batching")));
  if (pipeline_.stages() > 1 && !scheduler_->overlaps_steps())
    setup.config.fail(
        "/pipeline_parallel_size",
        fmt::format("{} batching keeps one step on its way, a pipeline has {}; use 1, "
                    "or vllm batching",
                    setup.config.text("/scheduler/batching"), pipeline_.stages()));
  if (acceptance_.any() && !scheduler_->verifies_drafts())
    setup.config.fail("/speculative/method",
                      fmt::format("{} batching verifies no drafts; use vllm batching, or none here",
                                  setup.config.text("/scheduler/batching")));
  if (setup_.role == Role::kDecode && !scheduler_->loads_apart())
    setup.config.fail("/scheduler/batching",
                      fmt::format("{} batching cannot wait for what prefill replicas computed; use "
                                  "vllm",
                                  setup.config.text("/scheduler/batching")));
  if (setup.connector != nullptr &&
      (!scheduler_->loads() || memory_->chunk_alignment() > Tokens(1)))
    setup.config.fail(
        "/scheduler/batching",
        fmt::format("{} batching cannot bring this model's KV from elsewhere; use vllm "
                    "batching and a model without Mamba layers",
                    setup.config.text("/scheduler/batching")));
}

void Replica::start_empty() {
  const ConfigView& config = setup_.config;
  memory_ = Registry<Allocator>::make(config.text("/cache/allocator"),
                                      {setup_.capacity, setup_.block, setup_.max_model_len, config,
                                       setup_.groups, setup_.swap_space, setup_.future});
  lockstep_.reset();
  if (!verify_books_ && !acceptance_.any() && under_way_.size() == 1)
    lockstep_.emplace(sequences_, *memory_, setup_.local);
  scheduler_ = Registry<Scheduler>::make(config.text("/scheduler/batching"),
                                         {sequences_, *memory_, setup_.max_model_len, config,
                                          setup_.connector, lockstep_ ? &*lockstep_ : nullptr});
  if (config.text("/verify") == "contents") contents_.emplace(*memory_);
  if (setup_.observers.watch_evictions() || loads_.watch_evictions())
    memory_->log_evictions(&evicted_);
}

std::optional<Rejection> Replica::refuses(const Request& r) const {
  if (r.prompt + r.output > setup_.max_model_len) return Rejection::kTooLong;
  if (!memory_->can_ever_fit(r, scheduler_->reserves_whole_life()) || scheduler_->refuses(r))
    return Rejection::kTooLarge;
  return std::nullopt;
}

void Replica::enqueue(Request& r, Time now) {
  const SequenceId id = sequences_.take();
  Sequence& s = sequences_[id];
  Request used = std::move(s.request);
  s = Sequence{};
  s.id = id;
  s.request = std::move(r);
  r = std::move(used);
  enter(id, now);
}

void Replica::resume(Sequence& s, Time now) {
  const SequenceId id = sequences_.take();
  s.id = id;
  sequences_[id] = std::move(s);
  enter(id, now);
}

void Replica::enter(SequenceId id, Time now) {
  outstanding_ += sequences_[id].request.prompt;
  loads_.queued(sequences_[id], now);
  plans_ahead_&& stepping() ? late_.push_back(id) : scheduler_->enqueue(id);
}

Sequence Replica::hand_over(SequenceId id) {
  Sequence& s = sequences_[id];
  s.running = false;
  released_.clear();
  scheduler_->retire(id, released_);
  KVSIM_CHECK(released_.size() == 1, "who is handed over leaves at once");
  outstanding_ -= s.request.prompt;
  ++kept_;
  Sequence moved = s;
  moved.computed = moved.drafts = moved.loaded = Tokens(0);
  s.request.output = s.generated;  // no more is asked of this replica
  return moved;
}

void Replica::let_go(SequenceId id, Time now) {
  memory_->release(sequences_[id], Release::kFinished);
  sequences_.give_back(id);
  --kept_;
  verify();
  setup_.observers.tell([&](Observer& o) { o.on_memory(now, setup_.id, memory_->memory()); });
}

std::vector<Sequence> Replica::fail(Time now) {
  if (lockstep_) lockstep_->dissolve(plan_);
  std::vector<Sequence> left;
  for (std::uint32_t i = 0; i < sequences_.size(); ++i) {
    Sequence& s = sequences_[SequenceId{i}];
    if (!s.id.valid() || s.finished()) continue;
    s.running = false;
    s.mid_prefill = false;
    s.computed = s.drafts = s.loaded = Tokens(0);
    left.push_back(std::move(s));
  }
  std::sort(left.begin(), left.end(),
            [](const Sequence& a, const Sequence& b) { return a.request.id < b.request.id; });
  lost_ = counters();
  loads_.abandon(now);
  plan_.clear();
  late_.clear();
  evicted_.clear();
  handed_over_.clear();
  steps_ = oldest_ = kept_ = 0;
  pipeline_.clear();
  outstanding_ = Tokens(0);
  scheduler_.reset();
  sequences_ = {};
  start_empty();
  return left;
}

Allocator::Counters Replica::counters() const {
  Allocator::Counters sum = lost_;
  const Allocator::Counters now = memory_->counters();
  sum.evictions += now.evictions;
  sum.evicted_tokens += now.evicted_tokens;
  sum.blocks_allocated += now.blocks_allocated;
  sum.copies += now.copies;
  sum.swaps += now.swaps;
  return sum;
}

// Who came during a step was not there when the next one was planned. Where that leaves nothing to
// do, nothing has been planned, and they come at once.
// Source: vLLM's batch queue of depth two (vllm/v1/engine/core.py, step_with_batch_queue). Of its
// effects this is the one on latency; memory of the finished is free at once here, a step later
// there.
void Replica::plan(Time now) {
  if (lockstep_) {
    const bool watched = setup_.observers.look_closely(now, setup_.id);
    lockstep_->open(!watched);
    if (watched) lockstep_->dissolve(plan_);
  }
  scheduler_->plan(plan_);
  if (late_.empty()) return;
  for (const SequenceId id : late_) scheduler_->enqueue(id);
  late_.clear();
  if (plan_.idle() && plan_.preempted.empty()) scheduler_->plan(plan_);
}

std::optional<Replica::Started> Replica::begin_step(Time now) {
  KVSIM_CHECK(ready(now), "no more steps at a time than stages");
  plan_.clear();
  plan_.at = now;
  memory_->step_starts();
  plan(now);
  verify();
  const Loads::Begun loads = begin_loads(now);
  note_evictions(now);
  note_preemptions(now);
  note_admissions(now);
  if (plan_.idle()) {
    // A preemption may have been all that happened; then the next plan starts from free memory.
    KVSIM_CHECK(scheduler_->running() > 0 || scheduler_->waiting() == 0 ||
                    !plan_.preempted.empty() || loads_.any_under_way() || kept_ > 0,
                "whoever waits for an empty replica can be admitted");
    if (!plan_.loads.empty())
      setup_.observers.tell([&](Observer& o) { o.on_memory(now, setup_.id, memory_->memory()); });
    return std::nullopt;
  }
  verify_step();
  shape_step();
  const Time done = pipeline_.pass(loads.step_may_start, shape_, slowness_, loads.step_lasts_until);
  setup_.observers.tell([&](Observer& o) {
    o.on_step({setup_.id, now, done - now, shape_, plan_, sequences_, memory_->memory(), waiting(),
               scheduler_->running(), memory_.get()});
  });
  start(done);
  return Started{done, pipeline_.entrance_free()};
}

void Replica::start(Time end) {
  Underway& step = under_way_[(oldest_ + steps_++) % under_way_.size()];
  step.end = end;
  std::swap(step.plan, plan_);
  step.preemptions.clear();
  if (under_way_.size() == 1) return;  // nobody plans, so nobody is preempted, before it is over
  for (const StepWork& work : step.plan.work)
    step.preemptions.push_back(sequences_[work.sequence].preemptions);
}

Loads::Begun Replica::begin_loads(Time now) {
  const Loads::Begun begun = loads_.begin(plan_, evicted_, sequences_);
  KVSIM_CHECK(begun.step_may_start >= now, "room is given up now or later");
  if (!contents_) return begun;
  for (const KvLoad& load : plan_.loads)
    if (const Sequence& s = sequences_[load.sequence]; !loads_.apart(s))
      contents_->restore(s, load.hit, load.hit + load.count);
  return begun;
}

void Replica::end_loads(Time now) {
  for (const SequenceId id : loads_.take_arrived(now)) {
    Sequence& s = sequences_[id];
    if (contents_) contents_->restore(s, s.computed - s.loaded, s.computed);
    end_load(s, now);
  }
  verify();
}

bool Replica::end_failed_loads(Time now) {
  const std::span<const SequenceId> failed = loads_.take_failed(sequences_);
  for (const SequenceId id : failed) {
    Sequence& s = sequences_[id];
    setup_.observers.tell([&](Observer& o) { o.on_load_failed(now, s, setup_.id); });
    s.computed -= s.loaded;
    s.loaded = Tokens(0);
    end_load(s, now);
  }
  verify();
  return !failed.empty();
}

void Replica::end_load(Sequence& s, Time now) {
  memory_->loaded(s);
  loads_.arrived(s, now);
  loads_.computed(s, now);
  scheduler_->loaded(s.id);
}

void Replica::note_admissions(Time now) {
  for (const Admission& admission : plan_.admitted) {
    Sequence& s = sequences_[admission.sequence];
    setup_.observers.tell([&](Observer& o) {
      admission.forked ? o.on_fork(now, s, admission.hit, setup_.id)
                       : o.on_admit(now, s, admission.hit, setup_.id);
    });
    // Found again after a preemption is not a hit, unless somebody got further than it had.
    if (admission.loaded == Tokens(0)) loads_.admitted(s, now);
    const Tokens there = admission.hit + admission.loaded;
    s.reused += s.admitted ? std::max(Tokens(0), there - s.reached) : there;
    if (!s.admitted) {
      s.admitted = true;
      s.admitted_at = now;
      s.first_hit = admission.forked ? Tokens(0) : admission.hit;
    }
    s.reached = std::max(s.reached, there);
  }
}

void Replica::note_evictions(Time now) {
  for (const Eviction& gone : evicted_)
    setup_.observers.tell([&](Observer& o) { o.on_evict(now, gone, setup_.id); });
  evicted_.clear();
}

void Replica::note_preemptions(Time now) {
  for (const SequenceId id : plan_.preempted) {
    Sequence& s = sequences_[id];
    ++s.preemptions;
    setup_.observers.tell([&](Observer& o) { o.on_preempt(now, s, setup_.id); });
  }
}

void Replica::shape_step() {
  shape_ = {};
  shape_.copied_blocks = std::ssize(memory_->copies());
  shape_.copied_tokens = setup_.block * shape_.copied_blocks;
  shape_.swapped_tokens = plan_.swapped;
  if (plan_.in_lockstep > 0) lockstep_->begin_step(shape_);
  for (const StepWork& work : plan_.work) {
    Sequence& s = sequences_[work.sequence];
    const Tokens until = work.context + work.compute;
    const Tokens known = until - work.drafts;
    if (known == s.tokens()) shape_.add_samples(until, 1 + work.drafts.value());
    if (work.compute == Tokens(0)) continue;
    if (decodes(s, work))
      shape_.add_decode(until, setup_.local, work.drafts);
    else
      shape_.add_prefill(work.context, work.compute, setup_.local);
    s.recomputed += std::max(Tokens(0), std::min(known, s.reached) - work.context);
    s.reached = std::max(s.reached, known);
  }
}

void Replica::end_step(Time now) {
  KVSIM_CHECK(stepping(), "only a step under way ends");
  handed_over_.clear();
  const Underway& step = under_way_[oldest_];
  if (lockstep_) advance_lockstep(now);
  for (std::size_t i = 0; i < step.plan.work.size(); ++i) {
    const StepWork& work = step.plan.work[i];
    const bool preempted =
        !step.preemptions.empty() && sequences_[work.sequence].preemptions != step.preemptions[i];
    if (!preempted) advance(work, now);
  }
  last_step_ = now - step.plan.at;
  oldest_ = (oldest_ + 1) % under_way_.size();
  --steps_;
}

void Replica::advance(const StepWork& work, Time now) {
  Sequence& s = sequences_[work.sequence];
  const bool prefilled = work.compute > Tokens(0) && !decodes(s, work);
  const Tokens accepted = accept(s, work, now);
  if (prefilled) {
    memory_->commit(s);
    loads_.computed(s, now);
    setup_.observers.tell([&](Observer& o) { o.on_prefilled(now, s, setup_.id); });
  }
  // Only the last chunk of a prompt samples; it may be on its way already.
  if (work.context + work.compute - work.drafts < s.tokens()) return;
  const Tokens before = s.tokens();
  for (Tokens n; n <= accepted && !s.finished(); n += Tokens(1)) sample(s, now);
  if (contents_ && accepted > Tokens(0)) contents_->accept(s, before, accepted);
  s.drafts = acceptance_.proposed(s);
  if (!s.finished()) {
    if (setup_.role == Role::kPrefill) handed_over_.push_back(s.id);
    return;
  }
  if (!prefilled) loads_.computed(s, now);
  finish(s, now);
}

void Replica::advance_lockstep(Time now) {
  const Lockstep::Ended ended = lockstep_->end_step(now);
  if (ended.tokens > 0)
    setup_.observers.tell(
        [&](Observer& o) { o.on_tokens(now, ended.tokens, ended.gap, setup_.id); });
  for (const SequenceId id : ended.finished) {
    loads_.computed(sequences_[id], now);
    finish(sequences_[id], now);
  }
}

void Replica::finish(const Sequence& s, Time now) {
  setup_.observers.tell([&](Observer& o) { o.on_finish(now, s, setup_.id); });
  outstanding_ -= s.request.prompt;
  ended_.push_back(s.id);
}

// How many of the step's guesses were right. The others count as not computed; their slots stay.
Tokens Replica::accept(Sequence& s, const StepWork& work, Time now) {
  if (work.drafts == Tokens(0)) return {};
  const Tokens drafted = work.drafts - work.padding;
  const Tokens accepted = acceptance_.accepted(s, drafted);
  s.computed -= work.drafts - accepted;
  s.reached = std::max(s.reached, s.computed);
  if (drafted > Tokens(0))
    setup_.observers.tell([&](Observer& o) { o.on_verified(now, s, drafted, accepted); });
  return accepted;
}

void Replica::sample(Sequence& s, Time now) {
  s.generated += Tokens(1);
  if (s.generated == Tokens(1)) s.first_token_at = now;
  setup_.observers.tell([&](Observer& o) { o.on_token(now, s); });
  s.last_token_at = now;
}

void Replica::forget_ended(Time now) {
  for (const SequenceId id : ended_) {
    sequences_[id].running = false;
    released_.clear();
    scheduler_->retire(id, released_);
    for (const SequenceId done : released_) {
      memory_->release(sequences_[done], Release::kFinished);
      sequences_[done].id = {};
      sequences_.give_back(done);
    }
  }
  verify();
  if (!ended_.empty())
    setup_.observers.tell([&](Observer& o) { o.on_memory(now, setup_.id, memory_->memory()); });
  ended_.clear();
}

void Replica::verify_step() {
  if (!contents_) return;
  for (const SequenceId id : plan_.swapped_in)
    contents_->restore(sequences_[id], Tokens(0), sequences_[id].computed);
  const auto problem = contents_->step(plan_, sequences_);
  KVSIM_CHECK(!problem, problem.value_or("").c_str());
}

void Replica::verify() const {
  if (verify_books_) memory_->check_books();
}

ReplicaView Replica::view() const {
  return {setup_.id,         waiting(),    scheduler_->running(), outstanding_,
          memory_->memory(), setup_.block, setup_.weight};
}

}  // namespace kvsim
