#include "sim/cli/ops/dialect.h"

namespace kvsim {
namespace {

class VllmOps final : public OpsDialect {
 public:
  [[nodiscard]] Json answer(const Json& /*op*/, std::size_t /*line*/) override {
    throw OpError("the vllm dialect is not built yet");
  }
};

}  // namespace

std::unique_ptr<OpsDialect> make_vllm_ops() { return std::make_unique<VllmOps>(); }

}  // namespace kvsim
