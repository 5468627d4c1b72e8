// --slo: its grammar, and how a run's samples are held to it.
#include <cmath>

#include <gtest/gtest.h>

#include "sim/cli/plan/slo_watch.h"
#include "sim/engine/experiment.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

using tiny::lonely;
using tiny::World;

std::string refusal(const std::string& text) {
  try {
    ConfigView config;
    set_objectives(parse_slo(text), config);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(Slo, ReadsTermsWithTheirUnits) {
  const Slo slo = parse_slo("ttft_p99=2s,tpot_mean=50ms,itl_max=300us,e2e_p50=1.5min");
  ASSERT_EQ(slo.goals.size(), 4U);
  EXPECT_EQ(slo.goals[0].name, "ttft_p99");
  EXPECT_EQ(slo.goals[0].quantile, 0.99);
  EXPECT_EQ(slo.goals[0].limit, 2000);
  EXPECT_EQ(slo.goals[1].quantile, std::nullopt);
  EXPECT_EQ(slo.goals[1].limit, 50);
  EXPECT_EQ(slo.goals[2].quantile, 1);
  EXPECT_EQ(slo.goals[2].limit, 0.3);
  EXPECT_EQ(slo.goals[3].limit, 90'000);
}

TEST(Slo, GoodputIsAboutWhatOneRequestMustMeet) {
  ConfigView config;
  const Slo slo = parse_slo("ttft=2s,tpot=50ms,goodput=95%");
  set_objectives(slo, config);
  EXPECT_EQ(config.number("/slo/ttft_ms"), 2000);
  EXPECT_EQ(config.number("/slo/tpot_ms"), 50);
  ASSERT_EQ(slo.goals.size(), 1U);
  EXPECT_TRUE(slo.goals[0].is_goodput());
  EXPECT_EQ(slo.goals[0].limit, 0.95);
}

TEST(Slo, RefusesInOneLine) {
  EXPECT_EQ(refusal("ttft_p99=2"),
            "--slo: ttft_p99=2: expected a duration with its unit (us, ms, s, min), such as 2s or "
            "50ms, got '2'");
  EXPECT_EQ(refusal("ttft_p98=2s"),
            "--slo: ttft_p98=2s: no term named 'ttft_p98'; known: goodput, and ttft, tpot, itl, "
            "e2e with _mean, _p50, _p90, _p95, _p99 or _max (did you mean 'ttft_p90'?)");
  EXPECT_EQ(refusal("ttft_p99"),
            "--slo: ttft_p99: expected NAME=LIMIT, such as ttft_p99=2s or goodput=0.95");
  EXPECT_EQ(refusal("goodput=2"),
            "--slo: goodput=2: expected a share such as 0.95 or 95%, got '2'");
  EXPECT_EQ(refusal("ttft_p99=1s,ttft_p99=2s"), "--slo: ttft_p99=2s: said twice");
  EXPECT_EQ(refusal("ttft=1s"),
            "--slo: ttft, tpot, e2e: a limit for one request: say for how many, as in "
            "goodput=0.95, or give it a statistic, as in ttft_p99=2s");
  EXPECT_EQ(refusal("goodput=0.9"),
            "--slo: goodput: nothing to be good at: say what a request must meet, as in "
            "ttft=2s,tpot=50ms,goodput=0.95");
  for (const char* broken : {"", ",", "=", "ttft_p99=-1s", "ttft_p99=nans", "ttft_p99=1e999s",
                             "ttft_p99=1s,", "itl=3s", "goodput=0%"})
    EXPECT_TRUE(refusal(broken).starts_with("--slo: ")) << broken << ": " << refusal(broken);
}

// Of 100 samples one may be later than the p99, of 99 none; any is later than the maximum allows.
TEST(Slo, AllowsAsManyLateOnesAsThePercentileLeavesOut) {
  const SloGoal p99 = parse_slo("ttft_p99=1s").goals[0];
  EXPECT_EQ(p99.allowed_late(100), 1);
  EXPECT_EQ(p99.allowed_late(99), 0);
  EXPECT_EQ(p99.allowed_late(1), 0);
  EXPECT_EQ(parse_slo("ttft_max=1s").goals[0].allowed_late(1000), 0);
  EXPECT_EQ(parse_slo("ttft_p50=1s").goals[0].allowed_late(10), 5);
}

// Ten requests at once, steps of 10 ms: prompts of one block each, one token each, one sequence at
// a time: first tokens after 10, 20 ... 100 ms.
World queue_of_ten() {
  World world;
  world.config.set("/scheduler/max_num_seqs=1");
  for (int i = 0; i < 10; ++i) world.requests.push_back(lonely(0, 16, 1));
  return world;
}

std::vector<double> values(const World& world, const std::string& text, ConfigView config = {}) {
  const Slo slo = parse_slo(text);
  set_objectives(slo, config);
  SloWatch watch(slo, config, {});
  (void)world.run({&watch});
  return watch.values();
}

TEST(SloWatch, MeasuresWhatTheReportSays) {
  EXPECT_EQ(values(queue_of_ten(), "ttft_p50=1s,ttft_p90=1s,ttft_mean=1s,e2e_max=1s"),
            (std::vector<double>{50, 90, 55, 100}));
  EXPECT_EQ(values(queue_of_ten(), "ttft=70ms,goodput=0.5"), std::vector<double>{0.7});
}

TEST(SloWatch, WhoIsTurnedAwayIsLateForEver) {
  World world = queue_of_ten();
  world.max_model_len = Tokens(100);
  world.requests.push_back(lonely(0, 200, 1));
  const std::vector<double> seen = values(world, "ttft_p90=1s,ttft_mean=1s,ttft_max=1s");
  EXPECT_EQ(seen[0], 100) << "the tenth of eleven";
  EXPECT_TRUE(std::isinf(seen[1]));
  EXPECT_TRUE(std::isinf(seen[2]));
}

// Known to be missed at the first sample too many, and not before.
TEST(SloWatch, KnowsWhenAllIsLost) {
  const Slo slo = parse_slo("ttft_p50=35ms,e2e_max=1s");
  SloWatch watch(slo, {}, {10, 0});
  struct Teller final : Observer {
    explicit Teller(const SloWatch& seen) : watch(seen) {}
    void on_finish(Time now, const Sequence&, ReplicaId) override {
      if (watch.missed() && !since) since = now;
    }
    const SloWatch& watch;
    std::optional<Time> since;
  } teller(watch);
  (void)queue_of_ten().run({&watch, &teller});
  // 40 ... 100 ms are late; half of ten may be: the sixth late one comes at 90 ms.
  EXPECT_EQ(teller.since, tiny::at_ms(90));
  EXPECT_EQ(watch.missed(), 0U);
}

}  // namespace
}  // namespace kvsim
