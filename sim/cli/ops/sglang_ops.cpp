#include "sim/cli/ops/dialect.h"

namespace kvsim {
namespace {

class SglangOps final : public OpsDialect {
 public:
  [[nodiscard]] Json answer(const Json& /*op*/, std::size_t /*line*/) override {
    throw OpError("the sglang dialect is not built yet");
  }
};

}  // namespace

std::unique_ptr<OpsDialect> make_sglang_ops() { return std::make_unique<SglangOps>(); }

}  // namespace kvsim
