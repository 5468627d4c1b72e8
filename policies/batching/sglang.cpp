// sglang: batches are prefills or decodes, as SGLang schedules (April 2026;
// python/sglang/srt/managers/scheduler.py get_next_batch_to_run).
//
// Whenever somebody can be admitted a prefill batch runs and the decodes wait. Admission looks
// ahead: beside the prompt it wants room for the output that everybody is expected to produce, a
// share (NewTokenRatio) of what they may. When a decode finds no room after all, sequences are
// retracted (by default `least-progress`) and come back at the end of the queue. A batch that could
// not take the next one is full, and nobody is looked at again until it shrinks. With mixed chunks
// the decodes ride along with the prefills. Deviations: the output limit is the request's true
// output length, as for orca. Memory is taken request by request, so what the prefill batch evicts
// is asked for one by one. Who could never pass the look-ahead is admitted to an empty replica
// (SGLang caps such a request's output at its door), and the last one running is retracted, not
// aborted. Cost: O(running + admitted) per step, and the order of the queue.

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "policies/batching/new_token_ratio.h"
#include "policies/batching/prefill_budget.h"
#include "policies/batching/sglang_order.h"
#include "sim/core/check.h"
#include "sim/core/config_schema.h"
#include "sim/model/preemption_policy.h"
#include "sim/model/scheduler.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    word_field(
        "/scheduler/schedule_policy", "fcfs", "policy", SglangOrder::words,
        "Order of the waiting queue (sglang): arrival, longest output, longest cached prefix "
        "or by branches of the cached prefixes."),
    number_field("/scheduler/schedule_conservativeness", "1.0", "", 0, 100,
                 "Scales the share of the output to come that admission wants room for (sglang)."),
    integer_field(
        "/scheduler/chunked_prefill_size", "null", "tokens", -1, 1 << 30,
        "Tokens of prompts in one step; longer prompts are cut; -1: no limit; null: 8192, "
        "in whole blocks (sglang)."),
    integer_field("/scheduler/max_prefill_tokens", "16384", "tokens", 1, 1 << 30,
                  "Prompt tokens at which a prefill batch takes nobody else (sglang)."),
    boolean_field("/scheduler/enable_mixed_chunk", "false",
                  "Run decodes and prefills in one batch (sglang)."),
};

class Sglang final : public Scheduler {
 public:
  explicit Sglang(const Setup& setup)
      : sequences_(setup.sequences),
        memory_(setup.memory),
        connector_(setup.connector),
        max_running_(static_cast<std::size_t>(setup.config.integer("/scheduler/max_num_seqs"))),
        max_input_(setup.config.integer("/scheduler/max_prefill_tokens")),
        mixed_(setup.config.boolean("/scheduler/enable_mixed_chunk")),
        ratio_(setup.config.number("/scheduler/schedule_conservativeness")),
        order_(setup.config.text("/scheduler/schedule_policy"), by_priority(setup.config),
               setup.sequences, setup.memory),
        chunk_size_(chunk_size(setup)),
        victims_(Registry<PreemptionPolicy>::make(victim_word(setup.config), {setup.config})) {}

  void enqueue(SequenceId id) override {
    waiting_.push_back(id);
    ++fresh_;
  }

  void plan(StepPlan& plan) override {
    if (running_.empty() || chunked_.valid()) full_ = false;
    const std::size_t decodes = running_.size();
    prefill(plan);
    prefilled_ = !plan.work.empty();
    if (prefilled_ && mixed_) decode(decodes - std::min(decodes, plan.preempted.size()), plan);
    if (!prefilled_ && !running_.empty()) decode_all(plan);
    if (plan.work.empty() && plan.preempted.empty()) ratio_.restart();  // idle
  }

  void retire(SequenceId id, std::vector<SequenceId>& done) override {
    running_.erase(std::find(running_.begin(), running_.end(), id));
    done.push_back(id);
    // A prefill batch is sifted before the next admission, a decode batch only after it.
    if (prefilled_)
      full_ = false;
    else
      unsifted_ = true;
  }
  [[nodiscard]] bool loads() const override { return true; }
  [[nodiscard]] std::size_t waiting() const override { return waiting_.size(); }
  [[nodiscard]] std::vector<SequenceId> waiting_in_order() const override {
    return {waiting_.begin(), waiting_.end()};
  }
  [[nodiscard]] std::size_t running() const override {
    return running_.size() + (chunked_.valid() ? 1 : 0);
  }

 private:
  enum class Verdict { kAdmitted, kNoMemory, kNoInput };

  static bool by_priority(const ConfigView& config) {
    const bool wanted = config.text("/scheduler/policy") == "priority";
    const std::string order = config.text("/scheduler/schedule_policy");
    if (wanted && order != "fcfs" && order != "lof")
      config.fail("/scheduler/schedule_policy",
                  "expected fcfs or lof when /scheduler/policy is priority, got '" + order + "'");
    return wanted;
  }
  static std::string victim_word(const ConfigView& config) {
    if (config.has("/scheduler/preemption")) return config.text("/scheduler/preemption");
    return "least-progress";
  }
  static std::optional<Tokens> chunk_size(const Setup& setup) {
    const std::string field = "/scheduler/chunked_prefill_size";
    constexpr Tokens kUsual(8192);
    const Tokens block = setup.memory.block();
    if (!setup.config.has(field)) return std::max(block, kUsual - kUsual % block);
    const Tokens size(setup.config.integer(field));
    if (size <= Tokens(0)) return std::nullopt;
    if (size % block != Tokens(0))
      setup.config.fail(field, fmt::format("expected a multiple of the block size ({}), got {}",
                                           block.value(), size.value()));
    return size;
  }

  // ---- Prefill ----------------------------------------------------------------------------------

  void prefill(StepPlan& plan) {
    if (!chunked_.valid() && (full_ || waiting_.empty())) return;
    const std::size_t room = max_running_ - std::min(max_running_, running_.size());
    if (room == 0 && !chunked_.valid()) {
      full_ = true;
      return;
    }
    order_.sort(waiting_, std::exchange(fresh_, 0));
    PrefillBudget budget(limits());
    if (chunked_.valid()) go_on(budget, plan);
    if (plan.preempted.empty()) admit_waiting(room, budget, plan);
  }

  [[nodiscard]] PrefillBudget::Limits limits() const {
    double set_aside = 0;
    for (const SequenceId id : running_)
      set_aside += static_cast<double>(expected(sequences_[id]).value()) * ratio_.value();
    const Tokens decodes(mixed_ ? std::ssize(running_) : 0);
    return {memory_.block(), max_input_, chunk_size_, decodes, set_aside};
  }
  [[nodiscard]] static Tokens expected(const Sequence& s) {
    return PrefillBudget::expected_output(s.request.output - s.generated);
  }
  // What is reserved has been set aside by whoever reserves: the budget counts it too.
  [[nodiscard]] Tokens obtainable() const {
    const MemoryUse use = memory_.memory();
    return use.free + use.cached + use.reserved;
  }

  // The next chunk of the prompt that the last batch left unfinished.
  void go_on(PrefillBudget& budget, StepPlan& plan) {
    Sequence& s = sequences_[chunked_];
    const Tokens rest = s.tokens() - s.computed;
    const Tokens fresh = budget.next_chunk(rest, obtainable());
    while (!memory_.grow(s, s.computed + fresh)) {
      if (running_.empty()) {
        give_up(s, plan);
        chunked_ = {};
        return;
      }
      retract(first_to_go(running_.size()), running_.size() - 1, plan);
    }
    const bool last = fresh == rest;
    budget.charge(fresh, last ? PrefillBudget::expected_output(s.request.output) : Tokens(0));
    compute(s, fresh, plan);
    if (!last) return;
    running_.push_back(s.id);
    chunked_ = {};
  }

  void admit_waiting(std::size_t room, PrefillBudget& budget, StepPlan& plan) {
    while (!waiting_.empty()) {
      if (budget.members() >= room) {
        full_ = true;
        return;
      }
      const Verdict verdict = admit(sequences_[waiting_.front()], budget, plan);
      if (verdict == Verdict::kAdmitted) waiting_.pop_front();
      const bool memory_left = verdict != Verdict::kNoMemory && budget.memory_left(obtainable());
      if (!memory_left) full_ = true;
      if (!memory_left || verdict != Verdict::kAdmitted || !budget.input_left()) return;
    }
  }

  // Admits `s`, or the first chunk of it, if the budget allows. The second look at memory is for
  // its prefix: once held, that can no longer be evicted.
  Verdict admit(Sequence& s, PrefillBudget& budget, StepPlan& plan) {
    const bool alone = running_.empty() && !chunked_.valid();
    const Tokens hit = memory_.lookup(s);
    s.loaded = connector_ == nullptr ? Tokens(0) : connector_->offer(s, hit, plan.at);
    const Tokens there = hit + s.loaded;
    const Tokens rest = s.tokens() - there;
    const Tokens need = s.loaded + rest + expected(s);
    if (!alone && !budget.fits(need, obtainable())) return Verdict::kNoMemory;
    if (!budget.input_fits(rest)) return Verdict::kNoInput;
    if (!alone && !budget.fits(need, obtainable() - memory_.idle_hit(s, hit)))
      return Verdict::kNoMemory;
    const bool cut = budget.must_cut(rest);
    const Tokens fresh = cut ? budget.cut() : rest;
    if (cut && (fresh == Tokens(0) || chunked_.valid())) return Verdict::kNoInput;
    if (!memory_.admit(s, hit, there + fresh, {false, !alone, Tokens(0)}))
      return Verdict::kNoMemory;
    if (s.loaded > Tokens(0)) begin_load(s, hit, plan);
    budget.charge(fresh, cut ? Tokens(0) : PrefillBudget::expected_output(s.request.output));
    plan.admitted.push_back({s.id, hit, false, s.loaded});
    s.running = true;
    s.computed = there;
    compute(s, fresh, plan);
    if (cut)
      chunked_ = s.id;
    else
      running_.push_back(s.id);
    return Verdict::kAdmitted;
  }

  // A prefill batch waits for what it loads, layer by layer (HiCache's load-back).
  void begin_load(const Sequence& s, Tokens hit, StepPlan& plan) const {
    KVSIM_CHECK(!connector_->loads_apart(s), "sglang batching loads with the step");
    plan.loads.push_back({s.id, hit, s.loaded});
  }

  static void compute(Sequence& s, Tokens fresh, StepPlan& plan) {
    plan.work.push_back({s.id, s.computed, fresh});
    s.computed += fresh;
  }

  // ---- Decode -----------------------------------------------------------------------------------

  void decode_all(StepPlan& plan) {
    if (unsifted_) full_ = false;
    unsifted_ = false;
    decode(running_.size(), plan);
    if (plan.preempted.empty()) return ratio_.decay();
    Tokens sampled;
    Tokens at_most;
    for (const SequenceId id : running_) {
      sampled += sequences_[id].generated;
      at_most += sequences_[id].request.output;
    }
    ratio_.retracted(sampled, at_most, std::ssize(running_));
  }

  // One token for each of the first `count` running; who must, gives way.
  void decode(std::size_t count, StepPlan& plan) {
    ask_ahead(count);
    for (std::size_t i = 0; i < count;) {
      const Sequence& s = sequences_[running_[i]];
      if (memory_.grow(s, s.tokens())) {
        ++i;
        continue;
      }
      const std::size_t victim = first_to_go(count);
      retract(victim, --count, plan);
      if (victim < i) --i;
    }
    for (std::size_t i = 0; i < count; ++i) {
      Sequence& s = sequences_[running_[i]];
      compute(s, s.tokens() - s.computed, plan);
    }
  }

  // Before a decode SGLang evicts for all new pages together, then again as if every sequence
  // needed one (schedule_batch.py check_decode_mem, mem_cache/common.py alloc_for_decode).
  void ask_ahead(std::size_t count) {
    const Tokens page = memory_.block();
    const auto starts_page = [&](SequenceId id) {
      return sequences_[id].computed % page == Tokens(0);
    };
    const auto end = running_.begin() + static_cast<std::ptrdiff_t>(count);
    memory_.make_room(page * std::count_if(running_.begin(), end, starts_page));
    memory_.make_room(page * static_cast<std::int64_t>(count));
  }

  // Of the first `count` running.
  [[nodiscard]] std::size_t first_to_go(std::size_t count) const {
    return victims_->victim(std::span(running_).first(count), sequences_);
  }

  void retract(std::size_t victim, std::size_t remaining, StepPlan& plan) {
    Sequence& s = sequences_[running_[victim]];
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(victim));
    give_up(s, plan);
    full_ = false;
    memory_.make_room(Tokens(NewTokenRatio::kRetractSteps * static_cast<std::int64_t>(remaining)));
  }

  void give_up(Sequence& s, StepPlan& plan) {
    memory_.release(s, Release::kPreempted);
    s.computed = Tokens(0);
    s.running = false;
    enqueue(s.id);
    plan.preempted.push_back(s.id);
  }

  Sequences& sequences_;
  Allocator& memory_;
  KvConnector* connector_;
  std::size_t max_running_;
  Tokens max_input_;
  bool mixed_;
  NewTokenRatio ratio_;
  SglangOrder order_;
  std::optional<Tokens> chunk_size_;
  std::unique_ptr<PreemptionPolicy> victims_;
  std::deque<SequenceId> waiting_;
  std::size_t fresh_ = 0;            // of waiting_, not in order yet
  std::vector<SequenceId> running_;  // whole prompts, in order of admission
  SequenceId chunked_;               // the one prompt that is part computed, if any
  bool full_ = false;                // nobody is admitted until the batch shrinks
  bool prefilled_ = false;           // the last step was a prefill batch
  bool unsifted_ = false;            // somebody finished in a decode since the last one
};

const Registered<Scheduler, Sglang> kSglang{
    "sglang", "Prefill batches before decodes, look-ahead admission, retraction: SGLang."};

}  // namespace
}  // namespace kvsim
