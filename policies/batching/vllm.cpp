// vllm: continuous batching with chunked prefill, as vLLM V1 schedules (July 2026;
// vllm/v1/core/sched/scheduler.py schedule()).
//
// There is no prefill or decode phase: every sequence catches up from `computed` to tokens(), as
// far as the step's token budget goes. Running sequences come first, in order of admission; one
// that cannot grow preempts until it can, or is preempted itself. Then, unless somebody was
// preempted, the waiting queue is admitted from its head, and the first that does not fit blocks
// the rest. Preemption frees everything and recomputes later; what is cached meanwhile is hit.
// Drafts are tokens like others until they are rejected; they are never cached.
// What a KvConnector offers beyond a hit is loaded. A sequence that waits for its load holds its
// room and lets others pass; once it is there it comes first (vLLM's WAITING_FOR_REMOTE_KVS).
// Cost: O(1) per step for those who decode in lockstep (sim/model/lockstep.h), O(1) each for
// others.

#include <algorithm>

#include "policies/batching/waiting_queue.h"
#include "sim/core/check.h"
#include "sim/core/config_schema.h"
#include "sim/model/lockstep.h"
#include "sim/model/preemption_policy.h"
#include "sim/model/scheduler.h"
#include "sim/model/speculation.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    boolean_field("/scheduler/enable_chunked_prefill", "true",
                  "A prompt may be computed over several steps (vllm)."),
    integer_field("/scheduler/long_prefill_token_threshold", "0", "tokens", 0, 1 << 30,
                  "Longest chunk of a prompt in one step; 0: no limit of its own (vllm)."),
    boolean_field("/scheduler/scheduler_reserve_full_isl", "true",
                  "Admit only if the whole prompt fits, not just its first chunk (vllm)."),
};

class Vllm final : public Scheduler {
 public:
  explicit Vllm(const Setup& setup)
      : sequences_(setup.sequences),
        memory_(setup.memory),
        max_running_(static_cast<std::size_t>(setup.config.integer("/scheduler/max_num_seqs"))),
        step_budget_(setup.config.integer("/scheduler/max_num_batched_tokens")),
        longest_(setup.max_model_len),
        longest_chunk_(setup.config.integer("/scheduler/long_prefill_token_threshold")),
        drafts_(speculation_of(setup.config).drafts),
        own_head_(speculation_of(setup.config).own_head),
        alignment_(setup.memory.chunk_alignment()),
        chunked_(setup.config.boolean("/scheduler/enable_chunked_prefill")),
        whole_prompt_must_fit_(setup.config.boolean("/scheduler/scheduler_reserve_full_isl")),
        connector_(setup.connector),
        lockstep_(setup.lockstep),
        waiting_(sequences_, setup.config.text("/scheduler/policy") == "priority"),
        ready_(sequences_, setup.config.text("/scheduler/policy") == "priority"),
        victims_(Registry<PreemptionPolicy>::make(victim_word(setup.config), {setup.config})) {
    if (!chunked_ && step_budget_ < setup.max_model_len)
      setup.config.fail("/scheduler/max_num_batched_tokens",
                        fmt::format("expected at least max_model_len ({}) when "
                                    "enable_chunked_prefill is false, got {}",
                                    setup.max_model_len.value(), step_budget_.value()));
    const Tokens most =
        longest_chunk_ > Tokens(0) ? std::min(longest_chunk_, step_budget_) : step_budget_;
    if (most < alignment_)
      setup.config.fail("/scheduler/max_num_batched_tokens",
                        fmt::format("expected chunks of at least {} tokens, the block of the "
                                    "model's Mamba layers, got {}",
                                    alignment_.value(), most.value()));
  }

  void enqueue(SequenceId id) override { waiting_.push(id); }

  void plan(StepPlan& plan) override {
    budget_ = step_budget_;
    prefill_runs_ = false;
    plan_running(plan);
    if (plan.preempted.empty() && admit_ready(plan)) admit_waiting(plan);
  }

  void retire(SequenceId id, std::vector<SequenceId>& done) override {
    const auto at = std::find(running_.begin(), running_.end(), id);
    at == running_.end() ? waiting_.remove(id) : void(running_.erase(at));
    done.push_back(id);
  }
  [[nodiscard]] bool loads() const override { return true; }
  [[nodiscard]] bool loads_apart() const override { return true; }
  void loaded(SequenceId id) override {
    --loading_;
    ready_.push(id);
  }
  // Who is in a step on its way has nothing left to compute until it is over; of a prompt, the next
  // chunk may follow.
  [[nodiscard]] bool overlaps_steps() const override { return true; }
  [[nodiscard]] bool verifies_drafts() const override { return true; }
  [[nodiscard]] std::size_t waiting() const override {
    return waiting_.size() + loading_ + ready_.size();
  }
  [[nodiscard]] std::vector<SequenceId> waiting_in_order() const override {
    return waiting_.in_order();
  }
  [[nodiscard]] std::size_t running() const override { return running_.size(); }

 private:
  static std::string victim_word(const ConfigView& config) {
    if (config.has("/scheduler/preemption")) return config.text("/scheduler/preemption");
    return config.text("/scheduler/policy") == "priority" ? "priority" : "last";
  }

  void plan_running(StepPlan& plan) {
    at_ = plan_lockstep(plan);
    for (; at_ < running_.size() && budget_ > Tokens(0); ++at_) {
      Sequence& s = sequences_[running_[at_]];
      // The last token that fits the model is sampled, not computed.
      const Tokens room = longest_ - Tokens(1) - s.computed;
      const Tokens fresh =
          aligned(s, s.computed, std::min(chunk(s.tokens() + s.drafts - s.computed), room));
      if (fresh <= Tokens(0)) continue;
      if (!grow_or_preempt(s, s.computed + fresh, plan)) return;
      const Tokens drafts = std::max(s.computed + fresh - s.tokens(), Tokens(0));
      plan.work.push_back({s.id, s.computed, fresh, drafts});
      prefill_runs_ = prefill_runs_ || s.mid_prefill;
      s.drafts = Tokens(0);
      compute(s, fresh);
    }
  }

  // Those who decode, from the first on, get their token together. How many do.
  std::size_t plan_lockstep(StepPlan& plan) {
    if (lockstep_ == nullptr) return 0;
    for (auto next = static_cast<std::size_t>(lockstep_->size());
         next < running_.size() && lockstep_->takes(sequences_[running_[next]]); ++next)
      lockstep_->join(sequences_[running_[next]]);
    if (budget_ < Tokens(lockstep_->size())) lockstep_->dissolve(plan);
    const std::int64_t planned = lockstep_->size() > 0 ? lockstep_->plan(plan) : 0;
    budget_ -= Tokens(planned);
    return static_cast<std::size_t>(planned);
  }

  [[nodiscard]] Tokens chunk(Tokens wanted) const {
    if (longest_chunk_ > Tokens(0)) wanted = std::min(wanted, longest_chunk_);
    return std::min(wanted, budget_);
  }

  // Where layers keep a state per chunk, chunks end at block boundaries, so that the state at the
  // last one of the prompt is there to be found again (vLLM: _mamba_block_aligned_split).
  [[nodiscard]] Tokens aligned(const Sequence& s, Tokens computed, Tokens fresh) const {
    const Tokens block = alignment_;
    if (block == Tokens(1) || computed >= std::max(s.request.prompt, s.tokens() - Tokens(1)))
      return fresh;
    Tokens last = s.tokens() - s.tokens() % block;
    if (own_head_) last = std::max(last - block, Tokens(0));
    const Tokens end = computed + fresh;
    if (end < last) return fresh - fresh % block;
    return computed < last ? last - computed : fresh;
  }

  // False if `s` itself had to give way: then nobody after it gets anything either.
  bool grow_or_preempt(const Sequence& s, Tokens total, StepPlan& plan) {
    while (!memory_.grow(s, total)) {
      if (lockstep_ != nullptr) lockstep_->dissolve(plan);
      const std::size_t victim = victims_->victim(running_, sequences_);
      const SequenceId id = running_[victim];
      preempt(victim, plan);
      if (id == s.id) return false;
    }
    return true;
  }

  void preempt(std::size_t victim, StepPlan& plan) {
    const SequenceId id = running_[victim];
    if (victim < at_) {
      take_back(id, plan);
      --at_;
    }
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(victim));
    give_up(id, plan);
  }

  void give_up(SequenceId id, StepPlan& plan) {
    Sequence& s = sequences_[id];
    memory_.release(s, Release::kPreempted);
    s.computed = Tokens(0);
    s.drafts = Tokens(0);
    s.running = false;
    waiting_.push_preempted(id);
    plan.preempted.push_back(id);
  }

  // A victim that was already scheduled in this step gives its share of the budget back.
  void take_back(SequenceId id, StepPlan& plan) {
    const auto work = std::find_if(plan.work.begin(), plan.work.end(),
                                   [id](const StepWork& w) { return w.sequence == id; });
    if (work == plan.work.end()) return;
    budget_ += work->compute;
    plan.work.erase(work);
  }

  // Those whose load is over. False: somebody did not fit, and blocks who waits behind.
  bool admit_ready(StepPlan& plan) {
    while (!ready_.empty()) {
      if (budget_ == Tokens(0) || running_.size() >= max_running_) return false;
      Sequence& s = sequences_[ready_.front()];
      const Tokens rest = s.tokens() - s.computed;
      if (!chunked_ && rest > budget_) return false;
      const Tokens fresh = chunk(rest);
      if (!memory_.grow(s, s.computed + fresh)) {
        // Where nobody runs nobody makes room: the last of those who only hold theirs gives way.
        if (!running_.empty() || loading_ > 0 || ready_.size() == 1) return false;
        const SequenceId last = ready_.in_order().back();
        ready_.remove(last);
        give_up(last, plan);
        continue;
      }
      ready_.pop();
      start(s, s.computed - s.loaded, {s.id, s.computed, fresh}, plan);
    }
    return true;
  }

  void admit_waiting(StepPlan& plan) {
    while (!waiting_.empty() && budget_ > Tokens(0) && running_.size() < max_running_) {
      Sequence& s = sequences_[waiting_.front()];
      const Tokens hit = memory_.lookup(s);
      s.loaded = connector_ == nullptr ? Tokens(0) : connector_->offer(s, hit, plan.at);
      if (s.loaded > Tokens(0) && connector_->loads_apart(s)) {
        if (!load_apart(s, hit, plan)) return;
        continue;
      }
      const Tokens there = hit + s.loaded;
      Tokens fresh = s.tokens() - there;
      if (longest_chunk_ > Tokens(0)) fresh = std::min(fresh, longest_chunk_);
      const Tokens padding = joins_as_decode(fresh, plan) ? drafts_ : Tokens(0);
      fresh += padding;
      if (padding > Tokens(0) && (fresh > budget_ || there + fresh > longest_)) return;
      if (!chunked_ && fresh > budget_) return;
      fresh = aligned(s, there, std::min(fresh, budget_));
      if (fresh == Tokens(0)) return;
      if (!memory_.admit(s, hit, there + fresh, admit_rule())) return;
      waiting_.pop();
      if (s.loaded > Tokens(0)) plan.loads.push_back({s.id, hit, s.loaded});
      start(s, hit, {s.id, there, fresh, padding, padding}, plan);
    }
  }

  [[nodiscard]] AdmitRule admit_rule() const {
    return {whole_prompt_must_fit_, !running_.empty(), Tokens(0)};
  }

  // Gives `s` room for what it waits for. False if there is none.
  bool load_apart(Sequence& s, Tokens hit, StepPlan& plan) {
    AdmitRule rule = admit_rule();
    rule.filled_later = true;
    if (!memory_.admit(s, hit, hit + s.loaded, rule)) return false;
    waiting_.pop();
    ++loading_;
    plan.loads.push_back({s.id, hit, s.loaded});
    s.computed = hit + s.loaded;
    return true;
  }

  void start(Sequence& s, Tokens hit, const StepWork& work, StepPlan& plan) {
    running_.push_back(s.id);
    s.running = true;
    plan.admitted.push_back({s.id, hit, false, s.loaded});
    plan.work.push_back(work);
    s.computed = work.context;
    compute(s, work.compute);
  }

  // A sequence with one token to compute that joins a batch of nothing but decodes is given drafts
  // that cannot be right, so that all of the batch has one shape (July 2026).
  [[nodiscard]] bool joins_as_decode(Tokens fresh, const StepPlan& plan) const {
    const bool with_others = plan.work.size() > plan.admitted.size();
    return fresh == Tokens(1) && with_others && !prefill_runs_;
  }

  void compute(Sequence& s, Tokens fresh) {
    s.computed += fresh;
    s.mid_prefill = s.computed < s.tokens();
    budget_ -= fresh;
  }

  Sequences& sequences_;
  Allocator& memory_;
  std::size_t max_running_;
  Tokens step_budget_;
  Tokens longest_;  // sequence that the model takes
  Tokens longest_chunk_;
  Tokens drafts_;  // per decode
  bool own_head_;
  Tokens alignment_;  // of the ends of chunks
  bool chunked_;
  bool whole_prompt_must_fit_;
  KvConnector* connector_;
  Lockstep* lockstep_;
  WaitingQueue waiting_;
  WaitingQueue ready_;               // their loads are over
  std::size_t loading_ = 0;          // they wait for theirs
  std::vector<SequenceId> running_;  // in order of admission
  std::unique_ptr<PreemptionPolicy> victims_;
  Tokens budget_;              // left in the step being planned
  bool prefill_runs_ = false;  // somebody in it was still computing its prompt
  std::size_t at_ = 0;         // the running sequence being planned
};

const Registered<Scheduler, Vllm> kVllm{
    "vllm", "Continuous batching, running first, chunked prefill, recompute: vLLM V1."};

}  // namespace
}  // namespace kvsim
