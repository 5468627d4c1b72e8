#include "workloads/law.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numbers>

#include <nlohmann/json.hpp>

#include "sim/core/check.h"

namespace kvsim {
namespace {

constexpr std::array kNames{"constant",  "uniform", "exponential", "geometric",
                            "lognormal", "zipf",    "empirical"};
constexpr double kLongestTable = 1 << 20;

// Turns weights into the running share of their sum.
void accumulate(std::vector<double>& weights) {
  double sum = 0;
  for (double& weight : weights) weight = sum += weight;
  for (double& weight : weights) weight /= sum;
}

double number_from(const std::string& text) {
  double value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : -1;
}

}  // namespace

std::vector<std::string> law_names() { return {kNames.begin(), kNames.end()}; }

Law::Kind Law::kind_of(const std::string& name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  KVSIM_CHECK(found != kNames.end(), "the config was validated against the names");
  return static_cast<Kind>(found - kNames.begin());
}

Law::Law(const ConfigView& config, const std::string& prefix)
    : kind_(kind_of(config.text(prefix + "/law"))),
      mean_(config.number(prefix + "/mean")),
      cv_(config.number(prefix + "/cv")),
      low_(config.number(prefix + "/min")),
      high_(config.number(prefix + "/max")) {
  if (low_ > high_) config.fail(prefix + "/min", fmt::format("above max ({})", high_));
  // Mean m and coefficient of variation c: sigma^2 = ln(1 + c^2), mu = ln m - sigma^2 / 2.
  const double variance = std::log1p(cv_ * cv_);
  sigma_ = std::sqrt(variance);
  mu_ = std::log(std::max(mean_, 1e-300)) - variance / 2;
  if (kind_ == Kind::kZipf) {
    if (high_ - low_ >= kLongestTable)
      config.fail(prefix + "/max", fmt::format("zipf counts from min to max: at most {} values",
                                               static_cast<std::int64_t>(kLongestTable)));
    cumulative_ =
        zipf_table(static_cast<std::size_t>(high_ - low_) + 1, config.number(prefix + "/exponent"));
    for (std::size_t i = 0; i < cumulative_.size(); ++i)
      values_.push_back(low_ + static_cast<double>(i));
  }
  if (kind_ == Kind::kEmpirical) read_table(config, prefix);
}

// {"45": 0.01, "128": 0.2}: value -> weight. An array counts each value once.
void Law::read_table(const ConfigView& config, const std::string& prefix) {
  const std::string pointer = prefix + "/values";
  const nlohmann::ordered_json table = config.tree(pointer);
  for (const auto& [key, item] : table.items()) {
    const double value =
        table.is_array() ? (item.is_number() ? item.get<double>() : -1) : number_from(key);
    const double weight = table.is_array() ? 1 : (item.is_number() ? item.get<double>() : -1);
    if (!(value >= low_ && value <= high_))
      config.fail(pointer, "/" + key, fmt::format("expected a value of {} to {}", low_, high_));
    if (!(weight > 0 && weight < 1e300))
      config.fail(pointer, "/" + key, "expected a weight above 0");
    values_.push_back(value);
    cumulative_.push_back(weight);
  }
  if (values_.empty()) config.fail(pointer, "empirical: expected {\"VALUE\": WEIGHT, ...}");
  accumulate(cumulative_);
}

double Law::draw(Rng& rng) const {
  const double u = rng.uniform();
  const double v = rng.uniform();
  return std::clamp(sample(u, v), low_, high_);
}

std::int64_t Law::draw_whole(Rng& rng) const { return std::llround(draw(rng)); }

bool Law::always(double value) const { return kind_ == Kind::kConstant && mean_ == value; }

double Law::sample(double u, double v) const {
  switch (kind_) {
    case Kind::kConstant:
      return mean_;
    case Kind::kUniform:
      return low_ + u * (high_ - low_);
    case Kind::kExponential:
      return -mean_ * std::log1p(-u);
    case Kind::kGeometric:  // 1, 2, 3, ...: so many trials until the first success
      return mean_ <= 1 ? 1 : 1 + std::floor(std::log1p(-u) / std::log1p(-1 / mean_));
    case Kind::kLognormal:  // Box and Muller, 1958
      return std::exp(mu_ +
                      sigma_ * std::sqrt(-2 * std::log1p(-u)) * std::cos(2 * std::numbers::pi * v));
    case Kind::kZipf:
    case Kind::kEmpirical:
      return values_[pick(cumulative_, u)];
  }
  return mean_;
}

std::vector<double> zipf_table(std::size_t n, double exponent) {
  std::vector<double> weights(n);
  for (std::size_t i = 0; i < n; ++i) weights[i] = std::pow(static_cast<double>(i + 1), -exponent);
  accumulate(weights);
  return weights;
}

std::size_t pick(const std::vector<double>& cumulative, double u) {
  const auto found = std::upper_bound(cumulative.begin(), cumulative.end(), u);
  // Rounding may leave the last sum a hair below 1.
  return std::min(static_cast<std::size_t>(found - cumulative.begin()), cumulative.size() - 1);
}

DeclaredFields law_fields(const std::string& prefix, const std::string& unit,
                          const std::string& what, const LawDefaults& d) {
  const std::string low = fmt::format("{}", d.low);
  return {
      word_field(prefix + "/law", d.law, "law", law_names, what),
      number_field(prefix + "/mean", d.mean, unit, d.low, d.high,
                   "constant: the value; exponential, geometric, lognormal: the mean before min "
                   "and max cut it."),
      number_field(prefix + "/cv", "1", "", 0, 100, "lognormal: standard deviation over mean."),
      number_field(prefix + "/min", low, unit, d.low, d.high, "No draw is smaller."),
      number_field(prefix + "/max", d.max, unit, d.low, d.high, "No draw is larger."),
      number_field(prefix + "/exponent", "1", "", 0, 10,
                   "zipf: min has rank 1; rank r has weight 1/r^exponent."),
      tree_field(prefix + "/values", "{}", "empirical: {\"VALUE\": WEIGHT, ...} or [VALUE, ...]."),
  };
}

}  // namespace kvsim
