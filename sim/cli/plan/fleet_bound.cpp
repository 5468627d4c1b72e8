#include "sim/cli/plan/fleet_bound.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reports/text.h"
#include "sim/cli/plan/slo_watch.h"
#include "sim/engine/catalog.h"
#include "sim/engine/sizing.h"
#include "sim/model/decoding.h"
#include "sim/model/speculation.h"

namespace kvsim {
namespace {

using Metric = SloGoal::Metric;

/// The best that steps can do, in seconds. 0: nothing is known.
struct StepFloor {
  double step = 0;
  double token = 0;
  std::int64_t tokens_a_gap = 1;  // that one step can give a sequence
};

// Settings under which the bounds are proved. Any other that is made (a pipeline, say) turns them
// off, so that what is added to the simulator later cannot make them wrong unnoticed.
constexpr std::array<std::string_view, 22> kProvedFor{
    "/model",         "/device",       "/dtype",    "/tensor_parallel_size",
    "/max_model_len", "/replicas",     "/routing",  "/seed",
    "/verify",        "/runtime_gib",  "/cost",     "/mode",
    "/slo",           "/cost_profile", "/cache",    "/constant_cost",
    "/roofline",      "/host",         "/workload", "/scheduler",
    "/until_s",       "/speculative"};

bool proved_for(const ConfigView& config) {
  const nlohmann::ordered_json settings = config.identity();
  for (const auto& [pointer, value] : settings.items())
    if (std::find(kProvedFor.begin(), kProvedFor.end(), pointer.substr(0, pointer.find('/', 1))) ==
        kProvedFor.end())
      return false;
  return config.text("/scheduler/batching") == "vllm" && !decoding_of(config).beams();
}

// Over every number of tokens that a step may have.
StepFloor step_floor(const CostModel& cost, const ConfigView& config) {
  constexpr std::int64_t kMostTokens = 1 << 17;
  const std::int64_t budget = config.integer("/scheduler/max_num_batched_tokens");
  if (!proved_for(config) || budget > kMostTokens) return {};
  StepFloor floor{HUGE_VAL, HUGE_VAL, 1 + speculation_of(config).drafts.value()};
  for (std::int64_t n = 1; n <= budget; ++n) {
    const double took = seconds(cost.at_least(Tokens(n)));
    floor.step = std::min(floor.step, took);
    floor.token = std::min(floor.token, took / static_cast<double>(n));
  }
  return floor;
}

bool caches_prefixes(const ConfigView& config) {
  return config.boolean("/cache/enable_prefix_caching") &&
         config.text("/cache/allocator") != "contiguous";
}

std::int64_t sum_of_largest(std::vector<std::int64_t> values, std::int64_t count) {
  const auto end = values.begin() + std::min(count, std::ssize(values));
  std::partial_sort(values.begin(), end, values.end(), std::greater<>());
  std::int64_t sum = 0;
  for (auto at = values.begin(); at != end; ++at) sum += *at;
  return sum;
}

std::string in_words(double s) {
  return s < 1 ? grouped(s * 1e3, 1) + " ms" : grouped(s, 2) + " s";
}

class Bounds {
 public:
  Bounds(const ConfigView& config, const Slo& slo, const Demand& demand, const CostModel& cost,
         Tokens longest)
      : config_(config),
        slo_(slo),
        demand_(demand),
        floor_(step_floor(cost, config)),
        caches_(caches_prefixes(config)),
        ordered_(demand.open_loop && !config.has("/until_s")),
        longest_(longest) {}

  [[nodiscard]] FleetBound result() const {
    FleetBound bound;
    for (const SloGoal& goal : slo_.goals) {
      if (!bound.impossible) bound.impossible = too_long(goal);
      if (!bound.impossible) bound.impossible = too_slow(goal);
      if (!bound.impossible && ordered_) count(goal, bound);
    }
    return bound;
  }

 private:
  [[nodiscard]] std::optional<std::string> too_long(const SloGoal& goal) const {
    const std::int64_t lost = std::count_if(
        demand_.asks.begin(), demand_.asks.end(),
        [this](const Demand::Ask& ask) { return Tokens(ask.prompt + ask.output) > longest_; });
    const bool any_decide = !goal.is_goodput() && !goal.quantile;
    const std::int64_t allowed =
        any_decide ? 0 : goal.allowed_late(goal.metric == Metric::kItl ? gaps() : requests());
    if (config_.has("/until_s") || lost <= allowed) return std::nullopt;
    return fmt::format(
        "{} of {} requests are longer than max_model_len {} and turned away; {} "
        "allows {}",
        grouped(lost), grouped(requests()), grouped(longest_.value()), goal.name, grouped(allowed));
  }

  [[nodiscard]] std::optional<std::string> too_slow(const SloGoal& goal) const {
    if (config_.has("/until_s")) return std::nullopt;
    if (goal.is_goodput()) return too_few_good(goal);
    std::vector<double> floors;
    for (const Demand::Ask& ask : demand_.asks)
      if (ask.output > 1 || (goal.metric != Metric::kTpot && goal.metric != Metric::kItl))
        floors.push_back(best(goal.metric, ask));
    if (floors.empty()) return std::nullopt;
    const double best = statistic(goal, floors);
    if (!beyond(best, goal.limit)) return std::nullopt;
    return fmt::format("{} is at least {} on an idle replica: {}", goal.name, in_words(best),
                       goal.metric == Metric::kTtft || goal.metric == Metric::kE2e
                           ? fmt::format("{:.2f} us a token that no cache holds, {} a step",
                                         floor_.token * 1e6, in_words(floor_.step))
                           : fmt::format("no step is shorter than {}", in_words(floor_.step)));
  }

  [[nodiscard]] std::optional<std::string> too_few_good(const SloGoal& goal) const {
    const auto objective = [this](const char* pointer) {
      return config_.has(pointer) ? config_.number(pointer) : HUGE_VAL;
    };
    const double ttft = objective("/slo/ttft_ms");
    const double tpot = objective("/slo/tpot_ms");
    const double e2e = objective("/slo/e2e_ms");
    const std::int64_t bad =
        std::count_if(demand_.asks.begin(), demand_.asks.end(), [&](const Demand::Ask& ask) {
          return beyond(best(Metric::kTtft, ask), ttft) || beyond(best(Metric::kE2e, ask), e2e) ||
                 (ask.output > 1 && beyond(best(Metric::kTpot, ask), tpot));
        });
    if (bad <= goal.allowed_late(requests())) return std::nullopt;
    return fmt::format("{} of {} requests miss their limits even on an idle replica", grouped(bad),
                       grouped(requests()));
  }

  // Seconds that a request takes at least, on however many replicas.
  [[nodiscard]] double best(Metric metric, const Demand::Ask& ask) const {
    const std::int64_t steps = (ask.output - 1 + floor_.tokens_a_gap - 1) / floor_.tokens_a_gap;
    const std::int64_t fresh = !ordered_ ? 0 : caches_ ? ask.fresh : ask.prompt;
    const double first = std::max(floor_.step, static_cast<double>(fresh) * floor_.token);
    switch (metric) {
      case Metric::kTtft:
        return first;
      case Metric::kE2e:
        return first + static_cast<double>(steps) * floor_.step;
      case Metric::kTpot:
        return floor_.step / static_cast<double>(floor_.tokens_a_gap);
      default:
        return floor_.step;
    }
  }

  // Rounded to nanoseconds, and TPOT down.
  static bool beyond(double best_s, double limit_ms) {
    constexpr double kRounding = 2e-6;
    return best_s * 1e3 * (1 - 1e-9) - kRounding > limit_ms;
  }

  static double statistic(const SloGoal& goal, std::vector<double>& floors) {
    double sum = 0;
    for (const double floor : floors) sum += floor;
    if (!goal.quantile) return sum / static_cast<double>(floors.size());
    const auto at = floors.end() - 1 - goal.allowed_late(std::ssize(floors));
    std::nth_element(floors.begin(), at, floors.end());
    return *at;
  }

  void count(const SloGoal& goal, FleetBound& bound) const {
    if (!goal.is_goodput()) {
      // By Markov's inequality at most half of all take more than twice the mean.
      const bool mean = !goal.quantile;
      const std::int64_t late = mean ? requests() / 2 : goal.allowed_late(requests());
      raise(goal.metric, mean ? 2 * goal.limit : goal.limit, late, bound);
      return;
    }
    for (const auto& [pointer, metric] :
         {std::pair{"/slo/ttft_ms", Metric::kTtft}, {"/slo/e2e_ms", Metric::kE2e}})
      if (config_.has(pointer))
        raise(metric, config_.number(pointer), goal.allowed_late(requests()), bound);
  }

  // All but `late` requests are done `limit_ms` after they came, so all their work is done then.
  void raise(Metric metric, double limit_ms, std::int64_t late, FleetBound& bound) const {
    if (metric != Metric::kTtft && metric != Metric::kE2e) return;
    std::vector<std::int64_t> prompts;
    std::vector<std::int64_t> answers;
    for (const Demand::Ask& ask : demand_.asks) {
      prompts.push_back(ask.prompt);
      answers.push_back(ask.output - 1);  // the last token is sampled, never computed
    }
    const std::int64_t once =
        caches_ ? demand_.distinct_tokens - demand_.output_tokens() : demand_.prompt_tokens();
    std::int64_t tokens = std::max<std::int64_t>(once - sum_of_largest(prompts, late), 0);
    if (metric == Metric::kE2e)
      tokens += demand_.output_tokens() - requests() - sum_of_largest(answers, late);
    const double time = demand_.span_s / config_.number("/workload/rate_scale") + limit_ms * 1e-3;
    const double needed = static_cast<double>(tokens) * floor_.token / time;
    const auto replicas = static_cast<std::int64_t>(std::ceil(needed * (1 - 1e-9)));
    if (replicas <= bound.replicas) return;
    bound.replicas = replicas;
    bound.why = fmt::format("{} tokens that no cache can save, {:.2f} us each at best, in {}",
                            grouped(tokens), floor_.token * 1e6, in_words(time));
  }

  [[nodiscard]] std::int64_t requests() const { return demand_.requests(); }
  [[nodiscard]] std::int64_t gaps() const { return demand_.output_tokens() - requests(); }

  const ConfigView& config_;
  const Slo& slo_;
  const Demand& demand_;
  StepFloor floor_;
  bool caches_;
  bool ordered_;
  Tokens longest_;
};

}  // namespace

FleetBound bound_fleet(const ConfigView& config, const Slo& slo, const Demand& demand) {
  const ModelSpec model = load_model(config);
  const DeviceSpec device = load_device(config);
  try {
    (void)size_kv(model, device, config,
                  {config.integer("/scheduler/max_num_seqs"),
                   config.integer("/scheduler/max_num_batched_tokens")});
    const auto cost = load_cost_model(model, device, config);
    return Bounds(config, slo, demand, *cost, read_deployment(model, config).max_model_len)
        .result();
  } catch (const InputError& refusal) {
    return {refusal.what(), 1, ""};
  }
}

}  // namespace kvsim
