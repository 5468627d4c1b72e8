#include "reports/html/plan_page.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "reports/html/finding.h"
#include "reports/html/payload.h"
#include "reports/summary_json.h"
#include "reports/text.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;
using Fleets = std::vector<const PlanFleet*>;
using Value = std::function<double(const PlanFleet&)>;

struct Heading {
  std::string name, sentence, unit;
  bool lower_is_better = true;
  int decimals = 2;
};

Json column(const Heading& heading, const Fleets& fleets, const Value& value) {
  std::vector<double> values;
  for (const PlanFleet* fleet : fleets) values.push_back(value(*fleet));
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  const double best = heading.lower_is_better ? *least : *most;
  Json shown = Json::array();
  Json is_best = Json::array();
  for (const double x : values) {
    shown.push_back(six_decimals(x));
    is_best.push_back(x == best && *least != *most);
  }
  return {{"name", heading.name},         {"sentence", heading.sentence},
          {"unit", heading.unit},         {"better", heading.lower_is_better ? "lower" : "higher"},
          {"decimals", heading.decimals}, {"values", std::move(shown)},
          {"best", std::move(is_best)}};
}

Json columns(const PlanReport& plan, const Fleets& fleets) {
  constexpr double kPercent = 100;
  Json all = Json::array();
  if (plan.currency.empty()) {
    all.push_back(column({"gpus", "GPUs", "", true, 0}, fleets,
                         [](const PlanFleet& f) { return f.per_hour(); }));
  } else {
    all.push_back(column({"per_hour", "price of an hour", plan.currency}, fleets,
                         [](const PlanFleet& f) { return f.per_hour(); }));
    all.push_back(
        column({"per_million_output_tokens", "price of a million output tokens", plan.currency},
               fleets, per_million_output));
  }
  for (std::size_t g = 0; g < plan.goals.size(); ++g) {
    const PlanGoal& goal = plan.goals[g];
    all.push_back(column({goal.name + (goal.is_share ? "" : "_ms"), goal.name,
                          goal.is_share ? "%" : "ms", !goal.is_share, 1},
                         fleets, [&](const PlanFleet& f) {
                           return f.values[g].mean * (goal.is_share ? kPercent : 1);
                         }));
  }
  // Where the highest load was not looked for, the planned one is known to be carried.
  all.push_back(
      column({"carries_request_per_s", "load it is known to carry", "req/s", false}, fleets,
             [&](const PlanFleet& f) { return f.carries ? f.carries->mean : plan.request_per_s; }));
  all.push_back(column({"room", "room to the tightest goal", "%", false, 1}, fleets,
                       [](const PlanFleet& f) { return kPercent * (1 - f.slo_used); }));
  return all;
}

std::string title(const PlanReport& plan) {
  if (!plan.winner)
    return fmt::format("nothing of up to {} keeps {}", counted(plan.max_gpus, "GPU"),
                       goals_text(plan));
  const PlanFleet& f = plan.fleets[*plan.winner];
  return fmt::format("{} x {} is the cheapest that keeps {}: {}", f.replicas, f.label,
                     goals_text(plan),
                     plan.currency.empty()
                         ? counted(f.gpus(), "GPU")
                         : fmt::format("{} {} an hour", grouped(f.per_hour(), 2), plan.currency));
}

}  // namespace

Json plan_page(const PlanReport& plan) {
  Fleets fleets;
  for (const PlanFleet& fleet : plan.fleets)
    if (fleet.fate == PlanFleet::Fate::kMeets) fleets.push_back(&fleet);
  std::stable_sort(fleets.begin(), fleets.end(), [](const PlanFleet* a, const PlanFleet* b) {
    return std::pair(a->per_hour(), a->slo_used) < std::pair(b->per_hour(), b->slo_used);
  });
  Json runs = Json::array();
  for (const PlanFleet* f : fleets) {
    const Json settings = f->settings.is_null() ? Json::object() : f->settings;
    runs.push_back(run_payload(fmt::format("{} x {}", f->replicas, f->label), f->runs.front(),
                               settings, nullptr));
  }
  Json page = Json::object();
  page["report"] = 1;
  page["title"] = title(plan);
  page["subtitle"] = fleets.empty() ? "" : source_of(fleets.front()->runs.front());
  page["runs"] = std::move(runs);
  if (fleets.size() > 1) page["columns"] = columns(plan, fleets);
  return page;
}

}  // namespace kvsim
