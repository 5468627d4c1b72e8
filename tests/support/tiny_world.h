#pragma once
// TinyWorld: a whole simulation in a few lines, for tests. A list of requests, a price per step,
// a small pool; everything else is the real thing.

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "sim/core/check.h"
#include "sim/core/rng.h"
#include "sim/engine/simulation.h"

namespace kvsim::tiny {

inline Duration ms(double n) { return round_to_ns(n * 1e-3); }
inline Time at_ms(double n) { return Time(ms(n)); }

/// A request whose prompt is `content`'s first tokens; the output is its own.
inline Request request(double arrival_ms, const std::vector<Span>& prompt, std::int64_t output,
                       std::int32_t priority = 0) {
  static std::uint64_t next_private = 1'000'000;
  Request r;
  r.arrival = at_ms(arrival_ms);
  for (const Span& span : prompt) r.content.append(span);
  r.prompt = r.content.tokens();
  r.output = Tokens(output);
  r.content.append({private_content(next_private++), 0, output});
  r.priority = priority;
  return r;
}
/// One whose prompt nobody shares.
inline Request lonely(double arrival_ms, std::int64_t prompt, std::int64_t output,
                      std::int32_t priority = 0) {
  static std::uint64_t next = 1;
  return request(arrival_ms, {{private_content(next++), 0, prompt}}, output, priority);
}

/// Requests from a list, in order.
class Listed final : public WorkloadSource {
 public:
  explicit Listed(std::vector<Request> requests) : requests_(std::move(requests)) {}
  [[nodiscard]] std::optional<Time> upcoming() override {
    if (next_ == requests_.size()) return std::nullopt;
    return requests_[next_].arrival;
  }
  void take(Request& out) override {
    out = requests_[next_];
    out.id = next_++;
  }
  [[nodiscard]] WorkloadIdentity identity() const override { return {"listed", "test", "", 0}; }

 private:
  std::vector<Request> requests_;
  std::size_t next_ = 0;
};

/// Every step takes as long as `price` says.
class PriceList final : public CostModel {
 public:
  explicit PriceList(std::function<Duration(const StepShape&)> price) : price_(std::move(price)) {}
  [[nodiscard]] Duration price(const StepShape& shape) const override { return price_(shape); }
  [[nodiscard]] CostProvenance provenance() const override { return {"exact", "test", -1}; }

 private:
  std::function<Duration(const StepShape&)> price_;
};

/// As they are taken: by number.
inline std::vector<Request> numbered(std::vector<Request> requests) {
  for (std::size_t i = 0; i < requests.size(); ++i) requests[i].id = i;
  return requests;
}

struct World {
  ConfigView config;
  std::vector<Request> requests;
  std::function<Duration(const StepShape&)> price = [](const StepShape&) { return ms(10); };
  Tokens capacity{16 * 101};  ///< 100 usable blocks of 16 when paged.
  Tokens block{16};
  Tokens max_model_len{100'000};
  Tokens swap_space{};
  std::vector<KvGroup> groups;                ///< None: every layer keeps every token.
  std::vector<KvConnector*> connectors = {};  ///< By replica; none: no KV from elsewhere.
  RunTiers* tiers = nullptr;                  ///< What they lead to, if it may fail.

  Report run(std::vector<Observer*> watchers = {}) const {
    Listed listed(requests);
    const PriceList cost(price);
    RequestFuture future([this] { return numbered(requests); }, block);
    return simulate({config,
                     listed,
                     {{config,
                       cost,
                       capacity,
                       block,
                       max_model_len,
                       {},
                       groups,
                       swap_space,
                       config.integer("/replicas")}},
                     &future,
                     connectors,
                     tiers},
                    watchers, {});
  }
};

/// A random workload that shares prefixes in a tree: `count` requests of a few hundred tokens.
inline std::vector<Request> random_requests(std::uint64_t seed, std::size_t count,
                                            double mean_gap_ms, std::int64_t longest_output = 60) {
  Rng rng(seed, "random_requests");
  std::vector<Request> all;
  double now = 0;
  for (std::size_t i = 0; i < count; ++i) {
    now += 2 * mean_gap_ms * rng.uniform();
    std::vector<Span> prompt{
        {shared_content(rng.below(3)), 0, static_cast<std::int64_t>(20 + 10 * rng.below(8))}};
    for (std::uint64_t depth = rng.below(4); depth > 0; --depth)
      prompt.push_back(
          {shared_content(10 + rng.below(3)), 0, static_cast<std::int64_t>(1 + rng.below(50))});
    if (rng.below(2) == 0)
      prompt.push_back({private_content(i), 0, static_cast<std::int64_t>(1 + rng.below(120))});
    all.push_back(request(
        now, prompt,
        1 + static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(longest_output))),
        static_cast<std::int32_t>(rng.below(3)) - 1));
  }
  return all;
}

}  // namespace kvsim::tiny
