// orca: iteration-level scheduling with reservation up front (Orca, OSDI 2022, section 4).
//
// Sequences join and leave between iterations, first come first served. A sequence is admitted only
// when the memory for its whole life (prompt and output limit) can be set aside, so nothing is ever
// preempted. Prompts are computed whole, in one iteration with the others' decodes.
// Deviation: the output limit is the request's true output length, the tightest a client can set.

#include <algorithm>

#include "policies/batching/waiting_queue.h"
#include "policies/batching/whole_life.h"
#include "sim/core/check.h"
#include "sim/model/scheduler.h"

namespace kvsim {
namespace {

class Orca final : public Scheduler {
 public:
  explicit Orca(const Setup& setup)
      : sequences_(setup.sequences),
        memory_(setup.memory),
        max_running_(static_cast<std::size_t>(setup.config.integer("/scheduler/max_num_seqs"))),
        waiting_(sequences_, setup.config.text("/scheduler/policy") == "priority") {}

  void enqueue(SequenceId id) override { waiting_.push(id); }

  void plan(StepPlan& plan) override {
    for (const SequenceId id : running_) compute_rest(sequences_[id], plan);
    while (!waiting_.empty() && running_.size() < max_running_) {
      Sequence& s = sequences_[waiting_.front()];
      if (!admit_for_life(s, memory_, !running_.empty(), plan)) return;
      running_.push_back(s.id);
      waiting_.pop();
    }
  }

  void retire(SequenceId id, std::vector<SequenceId>& done) override {
    running_.erase(std::find(running_.begin(), running_.end(), id));
    done.push_back(id);
  }
  [[nodiscard]] bool reserves_whole_life() const override { return true; }
  [[nodiscard]] std::size_t waiting() const override { return waiting_.size(); }
  [[nodiscard]] std::vector<SequenceId> waiting_in_order() const override {
    return waiting_.in_order();
  }
  [[nodiscard]] std::size_t running() const override { return running_.size(); }

 private:
  void compute_rest(Sequence& s, StepPlan& plan) {
    const Tokens fresh = s.tokens() - s.computed;
    const bool room = memory_.grow(s, s.tokens());
    KVSIM_CHECK(room, "what was reserved at admission is there");
    plan.work.push_back({s.id, s.computed, fresh});
    s.computed += fresh;
  }

  Sequences& sequences_;
  Allocator& memory_;
  std::size_t max_running_;
  WaitingQueue waiting_;
  std::vector<SequenceId> running_;
};

const Registered<Scheduler, Orca> kOrca{
    "orca", "Iteration-level batching, memory reserved for the whole life, no preemption: Orca."};

}  // namespace
}  // namespace kvsim
