// A front end delays every request by as much, and nothing else.
#include "sim/engine/front_end.h"

#include <map>

#include <gtest/gtest.h>

#include "sim/engine/experiment.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

struct FirstTokens final : Observer {
  void on_token(Time now, const Sequence& s) override {
    if (s.generated == Tokens(1)) ttft[s.request.id] = now - s.request.arrival;
  }
  std::map<std::uint64_t, Duration> ttft;
};

// Every request the same time later: the same queues, batches and hits, so that each first token is
// later by just that. Steps cost whole microseconds, so nothing is rounded.
TEST(FrontEnd, DelaysEveryFirstTokenByTheSame) {
  const auto first_tokens = [](const char* request_us) {
    ConfigView config = ConfigView::parse(
        R"({"cost": "constant", "workload": {"generate": {"requests": 200}}})", "a.json");
    config.set(fmt::format("/host/request_us={}", request_us));
    FirstTokens watch;
    const std::array<Observer*, 1> watchers{&watch};
    const Report report = run_experiment(config, watchers);
    EXPECT_GT(report.requests.completed, 100);
    return watch.ttft;
  };
  const auto without = first_tokens("0");
  const auto with = first_tokens("7250");
  ASSERT_EQ(without.size(), with.size());
  for (const auto& [id, ttft] : without) ASSERT_EQ(with.at(id), ttft + tiny::ms(7.25)) << id;
}

}  // namespace
}  // namespace kvsim
