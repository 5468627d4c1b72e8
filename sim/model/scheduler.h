#pragma once
// Batching: who runs in the next step, who waits, who is preempted.

#include <vector>

#include "sim/core/config_view.h"
#include "sim/core/registry.h"
#include "sim/model/allocator.h"
#include "sim/model/kv_connector.h"
#include "sim/model/step.h"

namespace kvsim {

class Lockstep;

class Scheduler {
 public:
  struct Setup {
    Sequences& sequences;
    Allocator& memory;
    Tokens max_model_len;
    const ConfigView& config;
    KvConnector* connector = nullptr;  ///< KV that can be brought; null: none.
    Lockstep* lockstep = nullptr;      ///< Who decodes may join; null: nobody. May be left unused.
  };
  virtual ~Scheduler() = default;

  /// A new sequence joins the waiting queue.
  virtual void enqueue(SequenceId id) = 0;
  /// Decides the next step: takes memory for it, moves Sequence::computed and ::running on, fills
  /// `plan` (which comes cleared). No work means idle until something arrives.
  virtual void plan(StepPlan& plan) = 0;
  /// `id` finished, or was given up before (vllm): it runs and waits no more. Appends to `done` the
  /// finished sequences whose memory and id can be given up now: at once, or (static batching) when
  /// the whole batch has finished.
  virtual void retire(SequenceId id, std::vector<SequenceId>& done) = 0;

  /// Could `r` never be served for what its siblings need beside it?
  [[nodiscard]] virtual bool refuses(const Request& /*r*/) const { return false; }
  /// Is the memory of a sequence's whole life set aside when it is admitted?
  [[nodiscard]] virtual bool reserves_whole_life() const { return false; }
  /// Does it ask a KvConnector for what is not in the pool?
  [[nodiscard]] virtual bool loads() const { return false; }
  /// Can a sequence wait for its load while others run?
  [[nodiscard]] virtual bool loads_apart() const { return false; }
  /// The load of `id`, which was to arrive apart from a step (KvConnector::loads_apart), is over.
  virtual void loaded(SequenceId /*id*/) { KVSIM_CHECK(false, "only who loads is loaded"); }
  /// Can it plan a step while earlier ones are on their way, from whoever is in none of them?
  [[nodiscard]] virtual bool overlaps_steps() const { return false; }
  /// Does it schedule Sequence::drafts to be verified?
  [[nodiscard]] virtual bool verifies_drafts() const { return false; }
  [[nodiscard]] virtual std::size_t waiting() const = 0;
  /// Who waits, the next to be admitted first. O(waiting log waiting), for records.
  [[nodiscard]] virtual std::vector<SequenceId> waiting_in_order() const = 0;
  [[nodiscard]] virtual std::size_t running() const = 0;
};

}  // namespace kvsim
