#include "sim/engine/fleet/admission_control.h"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "sim/core/config_schema.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

const std::string kRates = "/admission/rates";

const DeclaredFields kFields{
    integer_field("/admission/max_waiting", "null", "requests", 0, 1e9,
                  "A replica with so many waiting is sent no more; who finds all so is rejected. "
                  "Where requests wait at the router, it keeps so many for each replica."),
    integer_field("/admission/max_outstanding_tokens", "null", "tokens", 1, 1e15,
                  "A replica is sent no more than so many prompt tokens at once, or one request; "
                  "who finds all so is rejected."),
    tree_field(kRates, "{}",
               "Most requests per second by priority, {\"1\": {\"rate\": 5, \"burst\": 10}}: more "
               "are rejected, but a burst of so many at once is not (default 1)."),
};

std::int32_t priority_of(const ConfigView& config, const std::string& key) {
  std::int32_t priority = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), priority);
  if (error != std::errc() || end != key.data() + key.size())
    config.fail(kRates, "/" + key, "expected a priority, an integer, as name");
  return priority;
}

double number_of(const ConfigView& config, const Json& rate, const std::string& key,
                 const std::string& name, double low, double fallback) {
  if (!rate.contains(name) && fallback > 0) return fallback;
  constexpr double kMost = 1e9;
  const Json value = rate.value(name, Json(nullptr));
  if (!value.is_number() || !(value >= low && value <= kMost))
    config.fail(kRates, fmt::format("/{}/{}", key, name),
                fmt::format("expected a number from {} to {}, got {}", low, kMost, shown(value)));
  return value.get<double>();
}

}  // namespace

AdmissionControl::AdmissionControl(const ConfigView& config) {
  if (config.has("/admission/max_waiting"))
    max_waiting_ = static_cast<std::size_t>(config.integer("/admission/max_waiting"));
  if (config.has("/admission/max_outstanding_tokens"))
    max_tokens_ = Tokens(config.integer("/admission/max_outstanding_tokens"));
  read_rates(config);
}

void AdmissionControl::read_rates(const ConfigView& config) {
  const Json rates = config.tree(kRates);
  if (!rates.is_object())
    config.fail(kRates, "expected an object of priority: rate, got " + shown(rates));
  for (const auto& [key, rate] : rates.items()) {
    if (!rate.is_object())
      config.fail(kRates, "/" + key, "expected {\"rate\": R, \"burst\": N}, got " + shown(rate));
    for (const auto& [name, value] : rate.items())
      if (name != "rate" && name != "burst")
        config.fail(kRates, fmt::format("/{}/{}", key, name),
                    "unknown field; known here: burst, rate");
    const double interval = 1 / number_of(config, rate, key, "rate", 1e-6, 0);
    const double burst = number_of(config, rate, key, "burst", 1, 1);
    rates_[priority_of(config, key)] = {round_to_ns(interval), round_to_ns(interval * (burst - 1)),
                                        Time{}};
  }
}

bool AdmissionControl::within_rate(Time now, std::int32_t priority) {
  const auto found = rates_.find(priority);
  if (found == rates_.end()) return true;
  Rate& rate = found->second;
  if (now < rate.expected - rate.slack) return false;
  rate.expected = std::max(now, rate.expected) + rate.interval;
  return true;
}

std::optional<Rejection> AdmissionControl::full(const ReplicaView& replica, Tokens prompt) const {
  if (max_waiting_ && replica.waiting >= *max_waiting_) return Rejection::kQueueFull;
  if (max_tokens_ && replica.outstanding > Tokens(0) && replica.outstanding + prompt > *max_tokens_)
    return Rejection::kTokensFull;
  return std::nullopt;
}

bool AdmissionControl::queue_full(std::size_t waiting, std::size_t replicas) const {
  return max_waiting_ && waiting >= *max_waiting_ * replicas;
}

}  // namespace kvsim
