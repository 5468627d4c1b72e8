// The invariants of sim/README.md, held over random workloads for every allocator, eviction,
// batching and preemption policy that is registered. A new policy is tested here unasked.
#include <gtest/gtest.h>

#include "sim/model/allocator.h"
#include "sim/model/eviction_policy.h"
#include "sim/model/preemption_policy.h"
#include "sim/model/scheduler.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

// Watches every step of a run and checks what must hold at each.
class Auditor final : public Observer {
 public:
  void on_arrival(Time now, const Request& /*r*/, ReplicaId /*where*/) override { tick(now); }
  void on_reject(Time now, const Request& /*r*/, Rejection /*why*/) override {
    tick(now);
    ++ended_;
  }
  void on_admit(Time now, const Sequence& s, Tokens hit, ReplicaId /*where*/) override {
    tick(now);
    EXPECT_LT(hit, s.tokens()) << "the last token is always computed";
  }
  void on_step(const StepRecord& step) override {
    tick(step.start);
    const MemoryUse& m = step.memory;
    EXPECT_TRUE(m.adds_up());
    for (const Tokens part : {m.used, m.reserved, m.internal, m.external, m.cached, m.free})
      EXPECT_GE(part, Tokens(0));
    Tokens work;
    for (const StepWork& w : step.plan.work) {
      EXPECT_GT(w.compute, Tokens(0));
      work += w.compute;
      const Sequence& s = step.sequences[w.sequence];
      EXPECT_EQ(w.context + w.compute, s.computed);
      EXPECT_LE(s.computed, s.tokens());
    }
    EXPECT_EQ(work, step.shape.tokens());
    computed_ += work;
  }
  void on_finish(Time now, const Sequence& s, ReplicaId /*where*/) override {
    tick(now);
    ++ended_;
    EXPECT_EQ(s.generated, s.request.output);
    EXPECT_LE(s.request.arrival, s.admitted_at);
    EXPECT_LT(s.admitted_at, s.first_token_at);
    EXPECT_LE(s.first_token_at, now);
    // Tokens computed = tokens needed + tokens recomputed.
    needed_ += s.request.prompt + s.request.output - Tokens(1) - s.reused + s.recomputed;
  }
  [[nodiscard]] bool watches_evictions() const override { return true; }
  void on_evict(Time now, const Eviction& gone, ReplicaId /*where*/) override {
    tick(now);
    evicted_ += Tokens(gone.entry.tokens);
  }
  std::int64_t ended_ = 0;
  Tokens computed_, needed_, evicted_;

 private:
  void tick(Time now) {
    EXPECT_GE(now, last_) << "time never goes back";
    last_ = now;
  }
  Time last_{};
};

struct Case {
  std::string allocator, eviction, batching, preemption, order;
};

std::vector<Case> every_case() {
  std::vector<Case> all;
  for (const std::string& allocator : Registry<Allocator>::names())
    for (const std::string& eviction : Registry<EvictionPolicy>::names())
      all.push_back({allocator, eviction, "vllm", "last", "fcfs"});
  for (const std::string& allocator : Registry<Allocator>::names()) {
    for (const std::string& batching : Registry<Scheduler>::names())
      all.push_back({allocator, "fifo", batching, "last", "priority"});
    for (const std::string& preemption : Registry<PreemptionPolicy>::names())
      all.push_back({allocator, "lru", "vllm", preemption, "priority"});
  }
  return all;
}

tiny::World world_of(const Case& c, std::uint64_t seed) {
  tiny::World world;
  for (const auto& [pointer, word] : {std::pair{"/cache/allocator", c.allocator},
                                      {"/cache/eviction", c.eviction},
                                      {"/cache/reserve", seed % 2 == 0 ? "pow2" : "oracle"},
                                      {"/cache/fit", seed % 3 == 0   ? "buddy"
                                                     : seed % 3 == 1 ? "best"
                                                                     : "first"},
                                      {"/scheduler/batching", c.batching},
                                      {"/scheduler/preemption", c.preemption},
                                      {"/scheduler/policy", c.order}})
    world.config.set(pointer, word, "test");
  world.config.set("/verify", "contents", "test");
  world.config.set("/scheduler/async_scheduling", seed % 4 == 3, "test");
  world.config.set("/scheduler/max_num_batched_tokens", 64 + 32 * (seed % 8), "test");
  world.config.set("/scheduler/max_num_seqs", 4 + seed % 9, "test");
  world.block = Tokens(seed % 2 == 0 ? 16 : 8);
  world.capacity = world.block * static_cast<std::int64_t>(60 + seed % 40);
  world.price = [](const StepShape& shape) {
    return Duration(1'000'000 + 3'000 * shape.tokens().value() + 10 * shape.decode_context.value());
  };
  world.requests = tiny::random_requests(seed, 120, 6);
  return world;
}

class EveryPolicy : public testing::TestWithParam<Case> {};

TEST_P(EveryPolicy, ObeysTheLaws) {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    const tiny::World world = world_of(GetParam(), seed);
    Auditor auditor;
    const Report report = world.run({&auditor});
    EXPECT_EQ(report.requests.total, std::ssize(world.requests));
    EXPECT_EQ(report.requests.total, report.requests.completed + report.requests.rejected);
    EXPECT_EQ(report.requests.unfinished, 0);
    EXPECT_EQ(auditor.ended_, report.requests.total) << "nothing is lost or counted twice";
    EXPECT_EQ(auditor.computed_, auditor.needed_);
    EXPECT_EQ(report.computed_tokens, auditor.computed_.value());
    EXPECT_EQ(report.evictions, auditor.evicted_ / world.block) << "each is told of";
    const Report::PrefixCache& cache = report.prefix_cache;
    EXPECT_EQ(cache.query_tokens, cache.hit_tokens + cache.miss.first_seen + cache.miss.capacity +
                                      cache.miss.granularity + cache.miss.last_token +
                                      cache.miss.in_flight);
    EXPECT_NEAR(report.kv.utilization.mean + report.kv.waste.reserved + report.kv.waste.internal +
                    report.kv.waste.external,
                1, 1e-9);
    if (seed == 0) {
      EXPECT_EQ(world.run().provenance.fingerprint, report.provenance.fingerprint);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Registered, EveryPolicy, testing::ValuesIn(every_case()),
                         [](const auto& test) {
                           const Case& c = test.param;
                           std::string name = c.allocator + "_" + c.eviction + "_" + c.batching +
                                              "_" + c.preemption + "_" + c.order;
                           for (char& letter : name)
                             if (std::isalnum(static_cast<unsigned char>(letter)) == 0)
                               letter = '_';
                           return name;
                         });

}  // namespace
}  // namespace kvsim
