#include "sim/engine/cost/expert_prices.h"

#include <algorithm>
#include <cmath>

#include <boost/math/distributions/normal.hpp>

#include "sim/core/config_schema.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    number_field("/moe/imbalance", "null", "", 1, 1024,
                 "Tokens of the GPU whose experts got most, over the mean (expert parallelism); "
                 "null: what choosing at random leads to."),
    word_field(
        "/all2all_backend", "allgather_reducescatter", "backend",
        [] {
          return std::vector<std::string>{"allgather_reducescatter", "deepep_high_throughput"};
        },
        "How tokens reach experts on other data-parallel ranks: all to all ranks, or each to its "
        "experts' GPUs."),
};

constexpr double kWide = 2;  // bytes of an activation

/// Of `places` that share the experts, those that have one of the `chosen` of a token.
double places_reached(double places, double chosen) {
  return places * (1 - std::pow(1 - 1 / places, chosen));
}

}  // namespace

double expected_imbalance(double tokens, double per_token, double experts, double gpus) {
  if (gpus == 1) return 1;
  const double mean = tokens * per_token / gpus;
  const double largest =
      boost::math::quantile(boost::math::normal(), (gpus - 0.375) / (gpus + 0.25));
  const double most = tokens * std::min(per_token, std::ceil(experts / gpus));
  return std::min(mean + largest * std::sqrt(mean * (1 - 1 / gpus)), most) / mean;
}

ExpertPrices::ExpertPrices(const RoutedExperts& experts, double hidden, const Speed& speed,
                           const Collectives& collectives, const ConfigView& config)
    : experts_(experts),
      token_bytes_(kWide * hidden),
      speed_(speed),
      collectives_(collectives),
      ranks_(collectives.group(experts.ranks, experts.gpus / experts.ranks)),
      everybody_(collectives.group(experts.gpus)),
      imbalance_(config.has("/moe/imbalance") ? config.number("/moe/imbalance") : 0),
      direct_(config.text("/all2all_backend") == "deepep_high_throughput") {}

double ExpertPrices::seconds(double tokens) const {
  const RoutedExperts& e = experts_;
  const double all = tokens * static_cast<double>(e.ranks);
  const double touched = 1 - std::pow(1 - e.per_token / e.count, all);
  const double imbalance =
      e.gpus > 1 && imbalance_ > 0
          ? imbalance_
          : expected_imbalance(all, e.per_token, e.count, static_cast<double>(e.gpus));
  return speed_.seconds(touched * e.work.bytes, all * e.work.flops * imbalance);
}

double ExpertPrices::exchange(double tokens) const {
  const RoutedExperts& e = experts_;
  if (e.ranks == 1) return 0;
  const double bytes = tokens * token_bytes_;
  if (direct_) {
    // The GPUs of a rank share the sending of its tokens.
    const auto gpus = static_cast<double>(e.gpus);
    const double share = bytes * static_cast<double>(e.ranks) / gpus;
    const auto nodes = static_cast<double>(everybody_.nodes);
    return e.layers * 2 *
           collectives_.all_to_all(everybody_, share * places_reached(gpus, e.per_token),
                                   share * places_reached(nodes, e.per_token));
  }
  const double all = bytes * static_cast<double>(e.ranks);
  return e.layers *
         (collectives_.all_gather(ranks_, all) + collectives_.reduce_scatter(ranks_, all));
}

}  // namespace kvsim
