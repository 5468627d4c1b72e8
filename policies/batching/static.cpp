// static: a batch is formed when the last one has finished entirely; nobody joins it later.
//
// The baseline of the continuous-batching papers (FasterTransformer's way). Short outputs wait for
// the longest of their batch: their memory stays taken until then, which is what it costs. Their
// idle rows are not priced, so step times are a lower bound.

#include <algorithm>

#include "policies/batching/waiting_queue.h"
#include "policies/batching/whole_life.h"
#include "sim/core/check.h"
#include "sim/model/scheduler.h"

namespace kvsim {
namespace {

class Static final : public Scheduler {
 public:
  explicit Static(const Setup& setup)
      : sequences_(setup.sequences),
        memory_(setup.memory),
        max_running_(static_cast<std::size_t>(setup.config.integer("/scheduler/max_num_seqs"))),
        waiting_(sequences_, setup.config.text("/scheduler/policy") == "priority") {}

  void enqueue(SequenceId id) override { waiting_.push(id); }

  void plan(StepPlan& plan) override {
    if (running_.empty()) return form_batch(plan);
    for (const SequenceId id : running_) {
      Sequence& s = sequences_[id];
      const bool room = memory_.grow(s, s.tokens());
      KVSIM_CHECK(room, "what was reserved when the batch was formed is there");
      plan.work.push_back({id, s.computed, s.tokens() - s.computed});
      s.computed = s.tokens();
    }
  }

  void retire(SequenceId id, std::vector<SequenceId>& done) override {
    running_.erase(std::find(running_.begin(), running_.end(), id));
    finished_.push_back(id);
    if (!running_.empty()) return;
    done.insert(done.end(), finished_.begin(), finished_.end());
    finished_.clear();
  }
  [[nodiscard]] bool reserves_whole_life() const override { return true; }
  [[nodiscard]] std::size_t waiting() const override { return waiting_.size(); }
  [[nodiscard]] std::vector<SequenceId> waiting_in_order() const override {
    return waiting_.in_order();
  }
  [[nodiscard]] std::size_t running() const override { return running_.size(); }

 private:
  void form_batch(StepPlan& plan) {
    while (!waiting_.empty() && running_.size() < max_running_) {
      Sequence& s = sequences_[waiting_.front()];
      if (!admit_for_life(s, memory_, !running_.empty(), plan)) return;
      running_.push_back(s.id);
      waiting_.pop();
    }
  }

  Sequences& sequences_;
  Allocator& memory_;
  std::size_t max_running_;
  WaitingQueue waiting_;
  std::vector<SequenceId> running_;
  std::vector<SequenceId> finished_;  // of the batch under way: they still hold their memory
};

const Registered<Scheduler, Static> kStatic{
    "static", "A batch runs until its last sequence ends; then the next is formed."};

}  // namespace
}  // namespace kvsim
