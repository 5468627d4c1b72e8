#include "sim/model/lockstep.h"

#include <algorithm>
#include <bit>

namespace kvsim {

// Whoever joins goes on as everybody here does: one token per step, each with the step that ended
// before. Some slack shows that most of its tokens will only be counted.
bool Lockstep::takes(const Sequence& s) const {
  return open_ && s.generated > Tokens(0) && s.computed + Tokens(1) == s.tokens() &&
         s.drafts == Tokens(0) && s.reached == s.computed && s.last_token_at == last_end_ &&
         memory_.slack(s) > Tokens(0);
}

void Lockstep::join(const Sequence& s) {
  if (s.id.index >= members_.size()) members_.resize(s.id.index + 1);
  member(s.id) = {.since = planned_, .order = joined_ever_++};
  in_order_.push_back(s.id);
  wait(s.id, planned_, 1, memory_.slack(s));
}

std::int64_t Lockstep::plan(StepPlan& plan) {
  const std::int64_t tick = planned_ + 1;
  std::vector<SequenceId>& due = due_at(tick);
  sort_due(due, tick);
  context_ += Tokens(size());
  local_context_ += Tokens(widening_);
  std::int64_t grown = 0;
  for (const SequenceId id : due) {
    Sequence& s = sequences_[id];
    Member& m = member(id);
    catch_up(s, m);
    Tokens slack = m.slack;
    if (slack == Tokens(0)) {
      if (!memory_.grow(s, s.computed + Tokens(1)))
        return fall_short(plan, static_cast<std::int64_t>(place_of(m)), grown);
      ++grown;
      slack = memory_.slack(s);
    } else {
      slack -= Tokens(1);
    }
    count(m, s.computed + Tokens(1));
    const std::int64_t steps = steps_alike(s, slack);
    if (steps == 0)
      finishing_.push_back(id);
    else
      wait(id, tick, steps, slack);
  }
  due.clear();
  memory_.grow_in_slack(size() - grown);
  planned_ = tick;
  plan.in_lockstep = size();
  return size();
}

// Steps until it has to be looked at again; none if the one being planned samples its last token.
std::int64_t Lockstep::steps_alike(const Sequence& s, Tokens slack) const {
  const Tokens context = s.computed + Tokens(1);
  const auto size = static_cast<std::uint64_t>(context.value());
  const auto next_bucket = static_cast<std::int64_t>(std::bit_ceil(size + 1) - size);
  return std::min({slack.value() + 1, next_bucket, local_.steps_to_bend(context),
                   (s.request.output - s.generated).value() - 1, kCalendar - 1});
}

void Lockstep::dissolve(StepPlan& plan) {
  const std::int64_t planned = planned_ - ended_;
  for (const SequenceId id : in_order_) catch_up(sequences_[id], member(id));
  if (planned > 0) {
    plan.work.insert(plan.work.begin(), in_order_.size(), {});
    for (std::size_t i = 0; i < in_order_.size(); ++i)
      plan.work[i] = {in_order_[i], sequences_[in_order_[i]].computed - Tokens(1), Tokens(1)};
  }
  plan.in_lockstep = 0;
  forget_all();
}

// The member at place `served` is the first without memory; of those before it, `grown` asked.
std::int64_t Lockstep::fall_short(StepPlan& plan, std::int64_t served, std::int64_t grown) {
  memory_.grow_in_slack(served - grown);
  for (std::int64_t i = 0; i < size(); ++i) {
    Sequence& s = sequences_[in_order_[static_cast<std::size_t>(i)]];
    catch_up(s, member(s.id));
    if (i >= served) continue;
    plan.work.push_back({s.id, s.computed, Tokens(1)});
    s.computed += Tokens(1);
    memory_.settle(s, s.computed);
  }
  forget_all();
  return served;
}

void Lockstep::forget_all() {
  for (const SequenceId id : in_order_) member(id).due = kNever;
  in_order_.clear();
  finishing_.clear();
  planned_ = begun_ = ended_;
  context_ = local_context_ = Tokens(0);
  widening_ = 0;
  contexts_ = {};
}

void Lockstep::begin_step(StepShape& shape) {
  begun_ = planned_;
  shape.decodes += size();
  shape.decode_context += context_;
  shape.decode_pairs += context_.value();  // each reads what it sees, once
  shape.local_decode_context += local_context_;
  shape.local_decode_pairs += local_context_.value();
  shape.samples += size();
  shape.sampling += size();
  shape.sampling_context += context_;
  for (std::size_t i = 0; i < contexts_.size(); ++i) shape.decode_contexts[i] += contexts_[i];
}

Lockstep::Ended Lockstep::end_step(Time now) {
  const Duration gap = now - last_end_;
  last_end_ = now;
  if (planned_ == ended_) return {};
  const std::int64_t tokens = size();
  ended_ = planned_;
  finished_.clear();
  std::swap(finished_, finishing_);
  for (const SequenceId id : finished_) {
    Sequence& s = sequences_[id];
    Member& m = member(id);
    catch_up(s, m);
    uncount(m, s.computed);
    m.due = kNever;
    in_order_.erase(in_order_.begin() + static_cast<std::ptrdiff_t>(place_of(m)));
  }
  return {tokens, gap, finished_};
}

// To what it is after `planned_` steps were planned, `begun_` of them begun, `ended_` over.
void Lockstep::catch_up(Sequence& s, Member& m) const {
  const Tokens sampled(ended_ - m.since);
  s.computed += Tokens(planned_ - m.since);
  s.generated += sampled;
  s.reached += Tokens(begun_ - m.since);
  if (sampled > Tokens(0)) s.last_token_at = last_end_;
  m.since = planned_;
  memory_.settle(s, s.computed);
}

// `context` tokens are read by the step being planned, its own included. All sums have moved on as
// if nothing were due.
void Lockstep::count(Member& m, Tokens context) {
  const Tokens before = context - Tokens(1);
  const Tokens visible = local_.visible(context);
  if (m.counted) {
    local_context_ += visible - local_.visible(before) - Tokens(m.widens);
    --contexts_[StepShape::bucket_of(before)];
    widening_ -= m.widens;
  } else {
    context_ += before;
    local_context_ += visible;
  }
  ++contexts_[StepShape::bucket_of(context)];
  m.counted = true;
  m.widens = local_.visible(context + Tokens(1)) == visible + Tokens(1);
  widening_ += m.widens;
}

void Lockstep::uncount(const Member& m, Tokens context) {
  context_ -= context;
  local_context_ -= local_.visible(context);
  widening_ -= m.widens;
  --contexts_[StepShape::bucket_of(context)];
}

// `slack`: after the token of `tick`. The steps before the last take a token of it each.
void Lockstep::wait(SequenceId id, std::int64_t tick, std::int64_t steps, Tokens slack) {
  member(id).due = tick + steps;
  member(id).slack = slack - Tokens(steps - 1);
  due_at(tick + steps).push_back(id);
}

// Some may have left since, and even have joined again.
void Lockstep::sort_due(std::vector<SequenceId>& due, std::int64_t tick) {
  std::erase_if(due, [&](SequenceId id) { return member(id).due != tick; });
  std::sort(due.begin(), due.end(),
            [&](SequenceId a, SequenceId b) { return member(a).order < member(b).order; });
  due.erase(std::unique(due.begin(), due.end()), due.end());
}

std::size_t Lockstep::place_of(const Member& m) const {
  const auto at = std::partition_point(in_order_.begin(), in_order_.end(), [&](SequenceId id) {
    return members_[id.index].order < m.order;
  });
  return static_cast<std::size_t>(at - in_order_.begin());
}

}  // namespace kvsim
