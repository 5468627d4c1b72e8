#pragma once
// Replica: one serving instance. Its memory, its scheduler, its live sequences, and its steps under
// way: one, or as many as its pipeline has stages.

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "sim/engine/acceptance.h"
#include "sim/engine/contents_check.h"
#include "sim/engine/fleet/role.h"
#include "sim/engine/loads.h"
#include "sim/engine/observers.h"
#include "sim/engine/pipeline.h"
#include "sim/model/allocator.h"
#include "sim/model/cost_model.h"
#include "sim/model/kv_group.h"
#include "sim/model/lockstep.h"
#include "sim/model/router.h"
#include "sim/model/scheduler.h"

namespace kvsim {

class Replica {
 public:
  struct Setup {
    ReplicaId id;
    Tokens capacity;  ///< KV room in tokens, vLLM's null block included.
    Tokens block;
    Tokens max_model_len;
    LocalSpan local;  ///< What the model's local layers see.
    std::span<const KvGroup> groups;
    Tokens swap_space;  ///< Room in the host's memory, in tokens.
    const CostModel& cost;
    const ConfigView& config;  ///< Names the allocator and the batching policy.
    const Observers& observers;
    Future* future = nullptr;          ///< What will be asked for; null: nobody knows.
    double weight = 1;                 ///< Of ReplicaView.
    KvConnector* connector = nullptr;  ///< KV that can be brought from elsewhere; null: none.
    Role role = Role::kServe;
  };
  explicit Replica(const Setup& setup);

  /// Why `r` can never be served here, if so.
  [[nodiscard]] std::optional<Rejection> refuses(const Request& r) const;
  /// Takes `r` over (its storage is swapped for a used one). Requires !refuses(r).
  void enqueue(Request& r, Time now);
  /// Takes over `s`, which comes from elsewhere with nothing computed: it goes on after what it
  /// generated. Requires !refuses(s.request).
  void resume(Sequence& s, Time now);
  /// Loses its memory, its steps, its loads and all its sequences: those that had not finished, by
  /// request.
  [[nodiscard]] std::vector<Sequence> fail(Time now);
  /// From the next step on, steps take `factor` times as long as they should.
  void slow_down(double factor) { slowness_ = factor; }
  /// Is a step under way?
  [[nodiscard]] bool stepping() const { return steps_ > 0; }
  /// The oldest step under way ends at `now`.
  [[nodiscard]] bool step_ends(Time now) const {
    return stepping() && under_way_[oldest_].end == now;
  }
  /// Could a step begin?
  [[nodiscard]] bool ready(Time now) const {
    return steps_ < under_way_.size() && now >= pipeline_.entrance_free();
  }
  struct Started {
    Time done;  ///< When the step ends.
    Time next;  ///< When the next one may begin: before that in a pipeline, else then.
  };
  /// Plans a step and starts it, or does nothing if there is nothing to do. Requires ready().
  [[nodiscard]] std::optional<Started> begin_step(Time now);
  /// When the loads begun by the last begin_step() will be there, a step or not: for end_loads().
  [[nodiscard]] std::span<const Time> loads_begun() const { return loads_.ends(); }
  /// The last begin_step(), which began none, only preempted: try again from free memory.
  [[nodiscard]] bool plans_again() const { return !plan_.preempted.empty(); }
  /// Whoever waited for a load that is there by `now` can be planned.
  void end_loads(Time now);
  /// Something went down: whoever waited for a load from there can be planned, to compute what it
  /// was to bring. Were there any?
  [[nodiscard]] bool end_failed_loads(Time now);
  /// Ends the step that began first; requests that ended are appended to `ended` by id, still
  /// readable through request() until forget_ended().
  void end_step(Time now);
  [[nodiscard]] std::span<const SequenceId> ended() const { return ended_; }
  [[nodiscard]] const Request& request(SequenceId id) const { return sequences_[id].request; }
  /// Gives up the memory and the ids of sequences whose batch allows it.
  void forget_ended(Time now);

  /// Sequences that the last step has brought as far as this replica serves them; they hold their
  /// memory until let_go().
  [[nodiscard]] std::span<const SequenceId> handed_over() const { return handed_over_; }
  /// One of them, for another replica's resume().
  [[nodiscard]] Sequence hand_over(SequenceId id);
  /// How long the step took that ended last.
  [[nodiscard]] Duration last_step() const { return last_step_; }
  /// Gives up the memory that a handed over sequence held.
  void let_go(SequenceId id, Time now);

  [[nodiscard]] Role role() const { return setup_.role; }
  [[nodiscard]] ReplicaView view() const;
  [[nodiscard]] const Allocator& memory() const { return *memory_; }
  /// Of all the memories it had.
  [[nodiscard]] Allocator::Counters counters() const;

 private:
  /// A step under way. Whoever has been preempted since takes nothing from it.
  struct Underway {
    Time end{};
    StepPlan plan;
    std::vector<std::uint32_t> preemptions;  // of each of the plan's sequences, in a pipeline
  };

  void start_empty();
  void enter(SequenceId id, Time now);
  void plan(Time now);
  void start(Time end);
  [[nodiscard]] std::size_t waiting() const { return scheduler_->waiting() + late_.size(); }
  void verify() const;
  void verify_step();
  Loads::Begun begin_loads(Time now);
  void end_load(Sequence& s, Time now);
  void note_evictions(Time now);
  void note_admissions(Time now);
  void note_preemptions(Time now);
  void shape_step();
  void advance(const StepWork& work, Time now);
  Tokens accept(Sequence& s, const StepWork& work, Time now);
  void sample(Sequence& s, Time now);
  void advance_lockstep(Time now);
  void finish(const Sequence& s, Time now);

  Setup setup_;
  bool verify_books_;
  bool plans_ahead_;
  std::optional<ContentsCheck> contents_;
  Acceptance acceptance_;
  Sequences sequences_;
  std::unique_ptr<Allocator> memory_;
  std::optional<Lockstep> lockstep_;  // only where all that it leaves out is not looked at
  std::unique_ptr<Scheduler> scheduler_;
  Pipeline pipeline_;
  StepPlan plan_;
  std::vector<Underway> under_way_;  // a ring with room for a step in every stage ...
  std::size_t oldest_ = 0;           // ... which holds `steps_` from this one on
  std::size_t steps_ = 0;
  Loads loads_;
  std::vector<SequenceId> late_;   // came during the step under way, where steps are planned ahead
  std::vector<Eviction> evicted_;  // since the last plan; only if somebody watches
  StepShape shape_;
  double slowness_ = 1;
  Allocator::Counters lost_;  // of the memories that were lost
  Tokens outstanding_;
  std::vector<SequenceId> ended_;
  std::vector<SequenceId> handed_over_;
  std::size_t kept_ = 0;  // handed over, and still holding memory
  Duration last_step_{};
  std::vector<SequenceId> released_;
};

}  // namespace kvsim
