// The vLLM dialect: the level is whichever configuration came last.

#include <memory>

#include "sim/cli/ops/dialect.h"
#include "sim/cli/ops/vllm_manager_ops.h"
#include "sim/cli/ops/vllm_scheduler_ops.h"

namespace kvsim {
namespace {

class VllmOps final : public OpsDialect {
 public:
  [[nodiscard]] Json answer(const Json& json, std::size_t line) override {
    const OpFields op(json);
    Json record = record_head(json, line);
    const std::string name = op.text("op");
    if (name == "config") {
      configure(manager_, op).describe(record);
      scheduler_.reset();
    } else if (name == "sched_config") {
      configure(scheduler_, op).describe(record);
      manager_.reset();
    } else if (manager_) {
      manager_->answer(op, record);
    } else if (scheduler_) {
      scheduler_->answer(op, record);
    } else {
      OpFields::fail("op", "a `config` or `sched_config` must come first");
    }
    return record;
  }
  void check_books() const override {
    if (manager_) manager_->check_books();
    if (scheduler_) scheduler_->check_books();
  }

 private:
  template <class Level>
  static Level& configure(std::unique_ptr<Level>& level, const OpFields& op) {
    level = std::make_unique<Level>(op);
    return *level;
  }

  std::unique_ptr<VllmManagerOps> manager_;
  std::unique_ptr<VllmSchedulerOps> scheduler_;
};

}  // namespace

std::unique_ptr<OpsDialect> make_vllm_ops() { return std::make_unique<VllmOps>(); }

}  // namespace kvsim
