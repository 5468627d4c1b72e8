// A warmed-up run asks the heap for nothing: operator new is counted over the second half of a
// steady run, in which requests arrive, find prefixes, evict others, grow and end.
#include <gtest/gtest.h>

#include "tests/engine/allocations/counted_new.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

using tiny::ms;

constexpr std::uint64_t kRequests = 4'000;

/// A system prompt that others share, some own tokens, an answer. Lengths repeat themselves soon:
/// what is largest has been seen in the first half. Allocates nothing itself.
class Steady final : public WorkloadSource {
 public:
  explicit Steady(Duration gap) : gap_(gap) {}
  [[nodiscard]] std::optional<Time> upcoming() override {
    if (taken_ == kRequests) return std::nullopt;
    return Time(gap_ * static_cast<std::int64_t>(taken_));
  }
  void take(Request& r) override {
    r.arrival = *upcoming();
    r.id = taken_;
    r.content.clear();
    r.content.append({shared_content(taken_ % 6), 0, 100});
    const std::uint64_t own = kRequests + taken_;
    r.content.append({private_content(own), 0, 30 + static_cast<std::int64_t>(7 * taken_ % 40)});
    r.prompt = r.content.tokens();
    r.output = Tokens(10 + static_cast<std::int64_t>(11 * taken_ % 30));
    r.content.append({private_content(own + kRequests), 0, r.output.value()});
    ++taken_;
  }
  [[nodiscard]] WorkloadIdentity identity() const override { return {"steady", "test", "", 0}; }

 private:
  Duration gap_;
  std::uint64_t taken_ = 0;
};

/// Allocations from the arrival in the middle to the last one.
class SecondHalf final : public Observer {
 public:
  void on_arrival(Time, const Request& r, ReplicaId) override {
    if (r.id == kRequests / 2) before_ = allocations();
    if (r.id == kRequests - 1) counted_ = allocations() - before_;
  }
  [[nodiscard]] std::int64_t counted() const { return counted_; }

 private:
  std::int64_t before_ = 0, counted_ = -1;
};

struct Case {
  std::string allocator;
  Tokens capacity;  // of a replica: never enough for all that was asked, enough for the load
  std::int64_t replicas;
};

class SteadyRun : public testing::TestWithParam<Case> {};

TEST_P(SteadyRun, AllocatesNothing) {
  ConfigView config;
  config.set("/cache/allocator=" + GetParam().allocator);
  config.set("/cache/reserve=oracle");
  Steady workload(ms(23) / GetParam().replicas);
  const tiny::PriceList cost([](const StepShape&) { return ms(10); });
  SecondHalf watcher;
  std::vector<Observer*> watchers{&watcher};
  const Report report = simulate({config,
                                  workload,
                                  {{.config = config,
                                    .cost = cost,
                                    .capacity = GetParam().capacity,
                                    .block = Tokens(16),
                                    .max_model_len = Tokens(1'000),
                                    .local = {},
                                    .replicas = GetParam().replicas}}},
                                 watchers, {});
  EXPECT_EQ(report.requests.completed, kRequests);
  EXPECT_GT(report.batch.mean_running, 8) << "a load worth the name";
  if (GetParam().allocator != "contiguous") {
    EXPECT_GT(report.evictions, kRequests);
    EXPECT_GT(report.prefix_cache.hit_rate, 0.5);
  }
  EXPECT_EQ(watcher.counted(), 0);
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const std::int64_t replicas : {1, 4}) {
    all.push_back({"contiguous", Tokens(16 * 200), replicas});
    for (const std::string allocator : {"paged", "radix"})
      all.push_back({allocator, Tokens(16 * 101), replicas});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, SteadyRun, testing::ValuesIn(cases()), [](const auto& made) {
  return made.param.allocator + std::to_string(made.param.replicas);
});

}  // namespace
}  // namespace kvsim
