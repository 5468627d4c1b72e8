// kvsim curve: references per second, by rule and policy; LRU gives all sizes in its one pass.
#include <fmt/format.h>

#include "sim/core/registry.h"
#include "sim/model/eviction_policy.h"
#include "tests/engine/curve/block_traces.h"
#include "tests/perf/bench.h"
#include "tests/support/public_traces.h"

namespace kvsim::perf {
namespace {

Figures replay(const BlockTrace& trace, const std::string& rule, const std::string& policy) {
  constexpr int kRounds = 5;
  constexpr std::int64_t kCapacity = 10'000;
  double fastest = 1e9;
  for (int i = 0; i < kRounds; ++i) {
    const Stopwatch watch;
    (void)cell(trace, rule, policy, kCapacity);
    fastest = std::min(fastest, watch.seconds());
  }
  return {{"", static_cast<double>(trace.refs()) / fastest / 1e6, "M references/s"}};
}

void all_policies(Bench& bench, const std::string& name, const BlockTrace& trace) {
  for (const std::string rule : {"tree", "flat"})
    for (const std::string& policy : Registry<EvictionPolicy>::names())
      bench.measure(fmt::format("{} {} {}", name, rule, policy),
                    [&] { return replay(trace, rule, policy); });
}

void curves(Bench& bench) {
  all_policies(bench, "random", random_blocks(1, 20'000, 32, 6));
  const std::string conversation = public_trace("mooncake_conversation.jsonl.gz");
  if (!conversation.empty())
    all_policies(bench, "mooncake_conversation", blocks_of_file(conversation, 512));
}

const Subject kSubject{"curve", curves};

}  // namespace
}  // namespace kvsim::perf
