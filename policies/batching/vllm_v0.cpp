// vllm-v0: prefill first, sequence groups that fork, and preemption by swapping or recomputing, as
// vLLM scheduled until its V0 core was removed in September 2025 (core/scheduler.py
// _schedule_default, core/block_manager.py; the PagedAttention paper, SOSP 2023, section 4).
//
// A step either computes whole prompts or one token of everybody who runs. Prompts are admitted
// while 1 % of the blocks stays free (the watermark); decodes ignore it, but ask for a free block
// for every sequence of a group, whether it needs one or not. The last group gives way: its memory
// is recomputed later if it is one sequence, else swapped to the host (/scheduler/preemption_mode
// says otherwise). Who is swapped out comes back before any new prompt is computed.
//
// The siblings of a group share their prompt, the half full last block included, and copy on write
// (sequence_groups.h); beams are pruned and forked between steps (sim/model/beam_search.h). Over an
// allocator that cannot fork every sibling is a group by itself, and one that cannot swap, or whose
// host pool is full, recomputes. /scheduler/preemption is not asked: it is always the last.
//
// Deviations: a prompt longer than max_num_batched_tokens has a step for itself (V0 refuses it);
// alone, a group may use the watermark too (V0 refuses requests that need it); a host pool that is
// full makes groups recompute (V0 stops with an error), each sibling its own output behind the
// prompt that they share again. Prefixes are cached as the allocator does, not by V0's evictor.
// Cost: O(running) per step.

#include <deque>

#include "policies/batching/sequence_groups.h"
#include "policies/batching/waiting_queue.h"
#include "sim/core/config_schema.h"
#include "sim/model/decoding.h"
#include "sim/model/scheduler.h"

namespace kvsim {
namespace {

constexpr std::int64_t kWatermarkDivisor = 100;

const DeclaredFields kFields{
    word_field(
        "/scheduler/preemption_mode", "auto", "mode",
        [] {
          return std::vector<std::string>{"auto", "recompute", "swap"};
        },
        "What becomes of a preempted group's KV (vllm-v0): computed again, kept in the host's "
        "memory, or (auto) the first for single sequences and the second for families."),
};

class VllmV0 final : public Scheduler {
 public:
  explicit VllmV0(const Setup& setup)
      : sequences_(setup.sequences),
        memory_(setup.memory),
        block_(setup.memory.block()),
        max_running_(static_cast<std::size_t>(setup.config.integer("/scheduler/max_num_seqs"))),
        step_budget_(setup.config.integer("/scheduler/max_num_batched_tokens")),
        mode_(setup.config.text("/scheduler/preemption_mode")),
        decoding_(decoding_of(setup.config)),
        seed_(static_cast<std::uint64_t>(setup.config.integer("/seed"))),
        groups_(setup.memory.can_fork()),
        waiting_(sequences_, setup.config.text("/scheduler/policy") == "priority") {}

  void enqueue(SequenceId id) override {
    const Sequence& s = sequences_[id];
    ++waiting_sequences_;
    const auto group = groups_.join(s);
    if (!group) return;
    waiting_.push(id);
    if (s.request.beam && memory_.can_fork())
      groups_[*group].beams.emplace(s.request.samples, decoding_.beam_peak, seed_,
                                    s.request.family);
  }

  void plan(StepPlan& plan) override {
    for (const GroupId id : running_) prune(groups_[id]);
    if (swapped_.empty()) prefill(plan);
    if (!plan.work.empty()) return;
    decode(plan);
    if (plan.preempted.empty()) swap_in(plan);
  }

  void retire(SequenceId id, std::vector<SequenceId>& done) override {
    const GroupId group = groups_.of(id);
    if (groups_.leave(id)) running_.erase(std::find(running_.begin(), running_.end(), group));
    --running_sequences_;
    done.push_back(id);
  }

  // Every sibling has the worst to fear: nothing shared but whole blocks of the prompt.
  [[nodiscard]] bool refuses(const Request& r) const override {
    if (r.samples == 1 || !memory_.can_fork()) return false;
    const std::int64_t shared = r.prompt / block_;
    const std::int64_t whole = blocks_for(r.prompt + r.output - Tokens(1), block_).value();
    const std::int64_t blocks = shared + 1 + r.samples * (whole - shared);
    return block_ * blocks * groups_of_layers() > memory_.memory().capacity;
  }
  [[nodiscard]] std::size_t waiting() const override { return waiting_sequences_; }
  [[nodiscard]] std::vector<SequenceId> waiting_in_order() const override {
    std::vector<SequenceId> all;
    const auto add = [&](GroupId id) {
      all.insert(all.end(), groups_[id].members.begin(), groups_[id].members.end());
    };
    for (const GroupId id : swapped_) add(id);
    for (const SequenceId first : waiting_.in_order()) add(groups_.of(first));
    return all;
  }
  [[nodiscard]] std::size_t running() const override { return running_sequences_; }

 private:
  // ---- Prompts ------------------------------------------------------------------------------

  void prefill(StepPlan& plan) {
    Tokens budget = step_budget_;
    while (!waiting_.empty()) {
      const GroupId id = groups_.of(waiting_.front());
      SequenceGroup& group = groups_[id];
      if (!has_places(group) || !admit(group, budget, plan)) return;
      waiting_.pop();
      starts_running(id);
    }
  }

  [[nodiscard]] bool has_places(const SequenceGroup& group) const {
    return running_.empty() || running_sequences_ + group.members.size() <= max_running_;
  }

  // The first computes the prompt for all. A group that comes back after a preemption computes what
  // each said since as well.
  bool admit(SequenceGroup& group, Tokens& budget, StepPlan& plan) {
    Sequence& first = sequences_[group.members[0]];
    const bool family = group.members.size() > 1;
    const Tokens said = family ? first.generated : Tokens(0);
    first.generated -= said;  // what the siblings share ends with the prompt
    const Tokens shared = first.tokens();
    const Tokens hit = memory_.lookup(first);
    const Tokens fresh = shared - hit + said * std::ssize(group.members);
    AdmitRule rule = beside_others();
    rule.spare += room_for_outputs(group, said);
    const bool room =
        (fresh <= budget || plan.work.empty()) && memory_.admit(first, hit, shared, rule);
    first.generated += said;
    if (!room) return false;
    budget -= fresh;
    first.computed = shared;
    plan.admitted.push_back({first.id, hit});
    plan.work.push_back({first.id, hit, shared - hit});
    fork_siblings(group, said, plan);
    return true;
  }

  // A sibling without output of its own samples from the prompt that the first computes. One with
  // output computes it, and what stands before it in its block: a copy would be made before the
  // prompt is there.
  void fork_siblings(const SequenceGroup& group, Tokens said, StepPlan& plan) {
    Sequence& first = sequences_[group.members[0]];
    const Tokens prompt = first.computed;
    const std::size_t work_of_first = plan.work.size() - 1;
    for (std::size_t i = 1; i < group.members.size(); ++i) {
      Sequence& s = sequences_[group.members[i]];
      memory_.fork(first, s);
      s.computed = said > Tokens(0) ? block_ * (prompt / block_) : prompt;
      plan.admitted.push_back({s.id, s.computed, true});
      plan.work.push_back({s.id, s.computed, Tokens(0)});
      if (said > Tokens(0)) plan.work.back().compute = catch_up(s);
    }
    if (said > Tokens(0)) plan.work[work_of_first].compute += catch_up(first);
  }

  Tokens catch_up(Sequence& s) {
    const Tokens fresh = s.tokens() - s.computed;
    const bool room = memory_.grow(s, s.tokens());
    KVSIM_CHECK(room, "the room for every sibling's output was left free");
    s.computed = s.tokens();
    return fresh;
  }

  [[nodiscard]] Tokens room_for_outputs(const SequenceGroup& group, Tokens said) const {
    if (said == Tokens(0)) return said;
    const Tokens prompt = sequences_[group.members[0]].request.prompt;
    const std::int64_t own = blocks_for(prompt + said, block_).value() - prompt / block_;
    return block_ * (own * std::ssize(group.members) * groups_of_layers());
  }

  // ---- Decodes ------------------------------------------------------------------------------

  void decode(StepPlan& plan) {
    for (std::size_t at = 0; at < running_.size(); ++at) {
      const GroupId id = running_[at];
      while (!can_append(groups_[id]) || !append(groups_[id], plan)) {
        const GroupId victim = running_.back();
        preempt(victim, plan);
        if (victim == id) return;
      }
    }
  }

  // V0 counts a touched block for every sequence, full or not.
  [[nodiscard]] bool can_append(const SequenceGroup& group) const {
    if (running_.size() == 1 || !memory_.can_fork()) return true;
    const MemoryUse use = memory_.memory();
    return (use.free + use.cached) / block_ >= std::ssize(group.members) * groups_of_layers();
  }

  // False only for a single sequence that finds no room: all or nothing.
  bool append(const SequenceGroup& group, StepPlan& plan) {
    for (const SequenceId id : group.members) {
      Sequence& s = sequences_[id];
      const Tokens fresh = s.tokens() - s.computed;
      const bool room = memory_.grow(s, s.tokens());
      KVSIM_CHECK(room || group.members.size() == 1, "a block for each was free");
      if (!room) return false;
      plan.work.push_back({id, s.computed, fresh});
      s.computed = s.tokens();
    }
    return true;
  }

  // ---- Beams --------------------------------------------------------------------------------

  void prune(SequenceGroup& group) {
    if (!group.beams) return;
    const Tokens generated = sequences_[group.members[0]].generated;
    if (generated.value() == group.beams->steps()) return;
    group.beams->step();
    if (generated == Tokens(1)) return;  // all of them continue the prompt, which they share
    for (std::uint32_t i = 0; i < group.members.size(); ++i) {
      const std::uint32_t parent = group.beams->parents()[i];
      if (parent == i) continue;
      replace(sequences_[group.members[i]], sequences_[group.members[parent]],
              group.beams->branch(i));
    }
  }

  // The text of `dead` is given up; it becomes that of `parent`, with another last token.
  void replace(Sequence& dead, const Sequence& parent, ContentId branch) {
    memory_.release(dead, Release::kPreempted);
    const Tokens kept = parent.tokens() - Tokens(1);
    Content text;
    text.append_slice(parent.request.content, Tokens(0), kept);
    text.append({branch, 0, (dead.request.prompt + dead.request.output - kept).value()});
    dead.request.content = std::move(text);
    memory_.fork(parent, dead);
  }

  // ---- Giving way ---------------------------------------------------------------------------

  // Requires that `id` is the last of the running.
  void preempt(GroupId id, StepPlan& plan) {
    const SequenceGroup& group = groups_[id];
    running_.pop_back();
    running_sequences_ -= group.members.size();
    waiting_sequences_ += group.members.size();
    for (const SequenceId member : group.members) {
      sequences_[member].running = false;
      plan.preempted.push_back(member);
    }
    if (wants_swap(group) && memory_.can_swap_out(family_of(group))) {
      plan.swapped += memory_.swap_out(family_of(group));
      swapped_.push_back(id);
      return;
    }
    for (const SequenceId member : group.members) {
      memory_.release(sequences_[member], Release::kPreempted);
      sequences_[member].computed = Tokens(0);
    }
    waiting_.push_preempted(group.members[0]);
  }

  [[nodiscard]] bool wants_swap(const SequenceGroup& group) const {
    return mode_ == "swap" || (mode_ == "auto" && group.members.size() > 1);
  }

  void swap_in(StepPlan& plan) {
    while (!swapped_.empty()) {
      const GroupId id = swapped_.front();
      const SequenceGroup& group = groups_[id];
      const auto family = family_of(group);
      if (!has_places(group) || !memory_.can_swap_in(family, beside_others())) return;
      plan.swapped += memory_.swap_in(family);
      plan.swapped_in.insert(plan.swapped_in.end(), group.members.begin(), group.members.end());
      swapped_.pop_front();
      starts_running(id);
      const bool room = append(group, plan);
      KVSIM_CHECK(room, "who is swapped in has room for a token more");
    }
  }

  void starts_running(GroupId id) {
    running_.push_back(id);
    for (const SequenceId member : groups_[id].members) sequences_[member].running = true;
    running_sequences_ += groups_[id].members.size();
    waiting_sequences_ -= groups_[id].members.size();
  }

  [[nodiscard]] AdmitRule beside_others() const {
    const bool others = !running_.empty();
    const Tokens watermark(memory_.memory().capacity.value() / kWatermarkDivisor);
    return {true, others, Tokens(0), others ? watermark : Tokens(0)};
  }
  // Valid until the next call.
  [[nodiscard]] std::span<const Sequence* const> family_of(const SequenceGroup& group) {
    family_.clear();
    for (const SequenceId id : group.members) family_.push_back(&sequences_[id]);
    return family_;
  }
  [[nodiscard]] std::int64_t groups_of_layers() const {
    return static_cast<std::int64_t>(memory_.groups());
  }

  Sequences& sequences_;
  Allocator& memory_;
  Tokens block_;
  std::size_t max_running_;
  Tokens step_budget_;
  std::string mode_;
  Decoding decoding_;
  std::uint64_t seed_;
  SequenceGroups groups_;
  WaitingQueue waiting_;          // the first of each group that waits for its prompt
  std::deque<GroupId> swapped_;   // in order of leaving
  std::vector<GroupId> running_;  // in order of admission
  std::size_t running_sequences_ = 0;
  std::size_t waiting_sequences_ = 0;  // the swapped out among them
  std::vector<const Sequence*> family_;
};

const Registered<Scheduler, VllmV0> kVllmV0{
    "vllm-v0", "Prefill first, forking sequence groups, swap or recompute: vLLM V0."};

}  // namespace
}  // namespace kvsim
