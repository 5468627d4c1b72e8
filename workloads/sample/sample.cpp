// The embedded sample: what kvsim runs if nobody gives it a workload.
//
// About five minutes of a small chat service: a few popular system prompts, conversations of some
// turns, three classes of users. It is small enough to run in no time and holds more reusable
// prefix than a pool of some tens of thousands of tokens can keep, so managers and policies differ.

#include "workloads/sample/sample.h"

namespace kvsim {
namespace {

constexpr std::uint64_t kSeed = 20;  // the sample is one fixed workload, whatever a run's seed
constexpr std::string_view kRecipe = R"({
  "workload": {
    "arrivals": {"process": "gamma", "rate": 1.0, "cv": 1.5},
    "generate": {
      "requests": 600,
      "prompt": {"law": "lognormal", "mean": 220, "cv": 1.2, "max": 3000},
      "output": {"law": "lognormal", "mean": 180, "cv": 0.9, "max": 1200},
      "turns": {"law": "geometric", "mean": 3.5, "max": 12},
      "think_s": {"law": "lognormal", "mean": 20, "cv": 1, "max": 120},
      "system_prompts": {
        "count": 8, "exponent": 1, "share": 0.9,
        "tokens": {"law": "uniform", "min": 300, "max": 2400}
      },
      "priorities": {"0": 0.2, "1": 0.5, "2": 0.3}
    }
  }
})";

class Sample final : public WorkloadSource {
 public:
  explicit Sample(const Setup& setup) : drawn_(sample_workload(setup.config)) {}
  std::optional<Time> upcoming() override { return drawn_.upcoming(); }
  void take(Request& out) override { drawn_.take(out); }
  void ended(const Request& r, Time now) override { drawn_.ended(r, now); }
  double progress() const override { return drawn_.progress(); }
  WorkloadIdentity identity() const override { return drawn_.identity(); }

 private:
  Generator drawn_;
};

const Registered<WorkloadSource, Sample> kSample{
    "sample", "The workload built into the program: a small chat service."};

}  // namespace

Generator sample_workload(const ConfigView& config) {
  return {{"sample", "sample", "", 0}, ConfigView::parse(kRecipe, "sample"), kSeed, config};
}

}  // namespace kvsim
