#pragma once
// VllmSchedulerOps: the operations of vLLM's scheduler, one step at a time: the `vllm` batching
// policy over `paged` memory, driven the way a replica drives them, with a model whose every output
// is said by the operation.

#include <memory>
#include <set>

#include "policies/allocator/paged.h"
#include "sim/cli/ops/pool_record.h"
#include "sim/cli/ops/vllm_fields.h"
#include "sim/model/scheduler.h"

namespace kvsim {

class VllmSchedulerOps {
 public:
  using Json = OpsDialect::Json;
  /// `op` is the `sched_config` that everything after it refers to.
  explicit VllmSchedulerOps(const OpFields& op);

  /// Adds the answer to `record`. Throws OpError.
  void answer(const OpFields& op, Json& record);
  void describe(Json& record) { pool_->add_to(record, false); }
  void check_books() const { memory_->check_books(); }

 private:
  void add(const OpFields& op, Json& record);
  void abort(const OpFields& op);
  void drafts(const OpFields& op);
  void drafts_all(const OpFields& op);
  void step(const OpFields& op, Json& record);

  void propose(Sequence& s, std::vector<std::int64_t> tokens);
  void record_plan(Json& record);
  void record_after(Json& record);
  void run_model(const OpFields& op);
  void sample(Sequence& s, const StepWork& work, const OpFields& op);
  void emit(Sequence& s, std::int64_t token);
  void finish(Sequence& s);

  ConfigView config_;
  Tokens longest_;
  NamedSequences sequences_;
  std::unique_ptr<PagedAllocator> memory_;
  std::unique_ptr<PoolRecord> pool_;
  std::unique_ptr<Scheduler> scheduler_;
  StepPlan plan_;
  std::vector<SequenceId> running_;                           // in order of admission
  std::map<SequenceId, std::vector<std::int64_t>> proposed_;  // the drafts' tokens
  std::set<std::string> finished_;
};

}  // namespace kvsim
