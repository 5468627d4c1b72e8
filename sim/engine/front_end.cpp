#include "sim/engine/front_end.h"

#include <utility>

#include "sim/core/config_schema.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    number_field("/host/request_us", "0", "us", 0, 1e9,
                 "Time from a request's arrival until the router hears of it: API server, "
                 "tokenizer, hand-over. Part of its time to first token, and of no step."),
};

class FrontEnd final : public WorkloadSource {
 public:
  FrontEnd(std::unique_ptr<WorkloadSource> source, Duration each)
      : source_(std::move(source)), each_(each) {}

  [[nodiscard]] std::optional<Time> upcoming() override {
    const std::optional<Time> arrival = source_->upcoming();
    if (!arrival) return std::nullopt;
    return *arrival + each_;
  }
  void take(Request& out) override { source_->take(out); }
  void ended(const Request& r, Time now) override { source_->ended(r, now); }
  [[nodiscard]] double progress() const override { return source_->progress(); }
  [[nodiscard]] WorkloadIdentity identity() const override { return source_->identity(); }

 private:
  std::unique_ptr<WorkloadSource> source_;
  Duration each_;
};

}  // namespace

std::unique_ptr<WorkloadSource> behind_front_end(std::unique_ptr<WorkloadSource> source,
                                                 const ConfigView& config) {
  const Duration each = round_to_ns(config.number("/host/request_us") * 1e-6);
  if (each == Duration(0)) return source;
  return std::make_unique<FrontEnd>(std::move(source), each);
}

}  // namespace kvsim
