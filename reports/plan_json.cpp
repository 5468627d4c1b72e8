#include <cmath>

#include "reports/plan_report.h"
#include "reports/summary_json.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* word_of(PlanFleet::Fate fate) {
  switch (fate) {
    case PlanFleet::Fate::kMeets:
      return "meets";
    case PlanFleet::Fate::kMisses:
      return "misses";
    case PlanFleet::Fate::kImpossible:
      return "impossible";
    case PlanFleet::Fate::kTooDear:
      return "too_dear";
  }
  return "";
}

Json finite(double value) { return std::isinf(value) ? Json() : Json(six_decimals(value)); }

Json interval(const Interval& value) {
  return {{"mean", finite(value.mean)}, {"ci95", finite(value.half)}};
}

Json values_of(const PlanReport& plan, const PlanFleet& fleet) {
  Json values = Json::object();
  for (std::size_t g = 0; g < fleet.values.size(); ++g)
    values[plan.goals[g].name + (plan.goals[g].is_share ? "" : "_ms")] = interval(fleet.values[g]);
  return values;
}

void add_what_it_costs(const PlanReport& plan, const PlanFleet& f, Json& out) {
  out["replicas"] = f.replicas;
  out["gpus"] = f.gpus();
  if (!plan.currency.empty()) {
    out["per_hour"] = six_decimals(f.per_hour());
    out["per_million_output_tokens"] = six_decimals(per_million_output(f));
    out["per_million_tokens"] = six_decimals(per_million_tokens(f));
  }
  out["slo_used"] = six_decimals(f.slo_used);
  out["frontier"] = f.frontier;
  if (f.carries) out["carries_request_per_s"] = interval(*f.carries);
}

Json fleet_json(const PlanReport& plan, const PlanFleet& f, bool winner) {
  Json out = {
      {"label", f.label},          {"settings", f.settings.is_null() ? Json::object() : f.settings},
      {"device", f.device},        {"gpus_per_replica", f.gpus_per_replica},
      {"fate", word_of(f.fate)},   {"why", f.why},
      {"bound_replicas", f.bound}, {"refused_replicas", f.refused}};
  if (f.fate == PlanFleet::Fate::kMeets) add_what_it_costs(plan, f, out);
  if (!f.values.empty()) out["values"] = values_of(plan, f);
  if (winner) out["summary"] = summary_json(f.runs.front());
  return out;
}

Json what_ifs(const PlanReport& plan) {
  Json all = Json::array();
  for (const PlanWhatIf& w : plan.what_ifs)
    all.push_back({{"change", w.change}, {"replicas", w.replicas ? Json(*w.replicas) : Json()}});
  return all;
}

Json index_or_null(const std::optional<std::size_t>& index) {
  return index ? Json(*index) : Json();
}

}  // namespace

std::string plan_json(const PlanReport& plan) {
  Json out = {{"schema_version", 1},
              {"requests", plan.requests},
              {"request_per_s", six_decimals(plan.request_per_s)},
              {"speed", six_decimals(plan.speed)},
              {"seeds", plan.seeds},
              {"seeds_differ", plan.seeds_differ},
              {"max_gpus", plan.max_gpus},
              {"within", finite(plan.within)},
              {"currency", plan.currency.empty() ? Json() : Json(plan.currency)},
              {"price_sources", plan.price_sources}};
  out["goals"] = Json::array();
  for (const PlanGoal& goal : plan.goals)
    out["goals"].push_back({{"name", goal.name},
                            {"of", goal.detail},
                            {goal.is_share ? "at_least" : "at_most_ms", six_decimals(goal.limit)}});
  out["winner"] = index_or_null(plan.winner);
  out["nearest_miss"] = index_or_null(plan.nearest_miss);
  out["one_fewer"] =
      !plan.one_fewer ? Json()
                      : Json{{"replicas", plan.one_fewer->replicas}, {"why", plan.one_fewer->why}};
  out["what_if"] = what_ifs(plan);
  out["serve"] = plan.serve;
  out["runs"] = {{"to_the_end", plan.runs_to_the_end}, {"stopped", plan.runs_stopped}};
  out["fleets"] = Json::array();
  for (std::size_t i = 0; i < plan.fleets.size(); ++i)
    out["fleets"].push_back(fleet_json(plan, plan.fleets[i], plan.winner == i));
  return out.dump(2) + "\n";
}

}  // namespace kvsim
