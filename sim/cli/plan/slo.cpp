#include "sim/cli/plan/slo.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sim/core/spelling.h"

namespace kvsim {
namespace {

using Metric = SloGoal::Metric;

struct Latency {
  std::string_view name;
  Metric metric;
  std::string_view objective;  // of one request; empty: there is none
};
constexpr std::array kLatencies{
    Latency{"ttft", Metric::kTtft, "/slo/ttft_ms"}, Latency{"tpot", Metric::kTpot, "/slo/tpot_ms"},
    Latency{"itl", Metric::kItl, ""}, Latency{"e2e", Metric::kE2e, "/slo/e2e_ms"}};

struct Statistic {
  std::string_view name;
  std::optional<double> quantile;
};
// Those that every summary has.
constexpr std::array kStatistics{Statistic{"mean", std::nullopt}, Statistic{"p50", 0.50},
                                 Statistic{"p90", 0.90},          Statistic{"p95", 0.95},
                                 Statistic{"p99", 0.99},          Statistic{"max", 1.0}};

struct Unit {
  std::string_view name;
  double scale;
};
constexpr std::array kUnits{Unit{"us", 1e-3}, Unit{"ms", 1.0}, Unit{"s", 1e3}, Unit{"min", 6e4}};

[[noreturn]] void fail(std::string_view term, std::string_view problem) {
  throw InputError("--slo", term.empty() ? "''" : term, problem);
}

struct Quantity {
  double number = 0;
  std::string_view unit;
};

std::optional<Quantity> quantity(std::string_view text) {
  double number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || !(number > 0) || !std::isfinite(number)) return std::nullopt;
  return Quantity{number, text.substr(static_cast<std::size_t>(end - text.data()))};
}

double milliseconds_of(std::string_view term, std::string_view text) {
  const auto said = quantity(text);
  if (said)
    for (const Unit& unit : kUnits)
      if (unit.name == said->unit) return said->number * unit.scale;
  fail(term, fmt::format("expected a duration with its unit (us, ms, s, min), such as 2s or 50ms, "
                         "got '{}'",
                         text));
}

double share_of(std::string_view term, std::string_view text) {
  const auto said = quantity(text);
  const double share = !said ? 0 : said->unit == "%" ? said->number / 100 : said->number;
  if (!said || !(said->unit.empty() || said->unit == "%") || share > 1)
    fail(term, fmt::format("expected a share such as 0.95 or 95%, got '{}'", text));
  return share;
}

std::vector<std::string> known_names() {
  std::vector<std::string> names{"goodput"};
  for (const Latency& latency : kLatencies) {
    if (!latency.objective.empty()) names.emplace_back(latency.name);
    for (const Statistic& s : kStatistics)
      names.push_back(fmt::format("{}_{}", latency.name, s.name));
  }
  return names;
}

void add_term(std::string_view term, Slo& slo) {
  const std::size_t equals = term.find('=');
  if (equals == std::string_view::npos)
    fail(term, "expected NAME=LIMIT, such as ttft_p99=2s or goodput=0.95");
  const std::string name(term.substr(0, equals));
  const std::string_view limit = term.substr(equals + 1);
  if (name == "goodput") {
    slo.goals.push_back({name, Metric::kGoodput, std::nullopt, share_of(term, limit)});
    return;
  }
  for (const Latency& latency : kLatencies) {
    if (name == latency.name && !latency.objective.empty()) {
      slo.objectives.push_back({std::string(latency.objective), milliseconds_of(term, limit)});
      return;
    }
    for (const Statistic& s : kStatistics)
      if (name == fmt::format("{}_{}", latency.name, s.name)) {
        slo.goals.push_back({name, latency.metric, s.quantile, milliseconds_of(term, limit)});
        return;
      }
  }
  fail(term, fmt::format("no term named '{}'; known: goodput, and ttft, tpot, itl, e2e with _mean, "
                         "_p50, _p90, _p95, _p99 or _max{}",
                         name, did_you_mean(name, known_names())));
}

}  // namespace

double SloGoal::used_by(double value) const {
  if (!is_goodput()) return value / limit;
  // Where nothing may be bad, nothing bad is the limit itself.
  constexpr double kNothing = 1e-9;
  return (1 - value + kNothing) / (1 - limit + kNothing);
}

std::int64_t SloGoal::allowed_late(std::int64_t n) const {
  const double on_time = std::ceil(quantile.value_or(limit) * static_cast<double>(n));
  return n - std::max<std::int64_t>(static_cast<std::int64_t>(on_time), 1);
}

Slo parse_slo(std::string_view text) {
  Slo slo;
  std::vector<std::string_view> said;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view term = text.substr(0, comma);
    const std::string_view name = term.substr(0, term.find('='));
    if (std::find(said.begin(), said.end(), name) != said.end()) fail(term, "said twice");
    said.push_back(name);
    add_term(term, slo);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return slo;
}

void set_objectives(const Slo& slo, ConfigView& config) {
  for (const RequestObjective& objective : slo.objectives)
    config.set(objective.pointer, objective.ms, "--slo");
  const bool goodput = std::any_of(slo.goals.begin(), slo.goals.end(),
                                   [](const SloGoal& goal) { return goal.is_goodput(); });
  if (!slo.objectives.empty() && !goodput)
    throw InputError("--slo", "ttft, tpot, e2e",
                     "a limit for one request: say for how many, as in goodput=0.95, or give it a "
                     "statistic, as in ttft_p99=2s");
  const bool asked = std::any_of(kLatencies.begin(), kLatencies.end(), [&](const Latency& latency) {
    return !latency.objective.empty() && config.has(std::string(latency.objective));
  });
  if (goodput && !asked)
    throw InputError("--slo", "goodput",
                     "nothing to be good at: say what a request must meet, as in "
                     "ttft=2s,tpot=50ms,goodput=0.95");
}

}  // namespace kvsim
