#include "reports/plan_report.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "reports/text.h"

namespace kvsim {
namespace {

constexpr double kSecondsPerHour = 3600;
constexpr double kMillion = 1e6;

double per_million(const PlanFleet& fleet, double tokens_per_s) {
  return fleet.per_hour() / (tokens_per_s * kSecondsPerHour) * kMillion;
}

// As good in everything, and better in something.
bool beats(const PlanFleet& a, const PlanFleet& b) {
  const auto load = [](const PlanFleet& f) { return f.carries ? f.carries->mean : 0; };
  const bool as_good =
      a.per_hour() <= b.per_hour() && a.slo_used <= b.slo_used && load(a) >= load(b);
  return as_good && (a.per_hour() < b.per_hour() || a.slo_used < b.slo_used || load(a) > load(b));
}

}  // namespace

std::string goal_value(const PlanGoal& goal, double value) {
  constexpr double kFine = 100;
  if (std::isinf(value)) return "never";
  if (goal.is_share) return grouped(100 * value, 2) + " %";
  return grouped(value, value < kFine ? 2 : 1) + " ms";
}

std::string goal_text(const PlanGoal& goal) {
  const std::string detail = goal.detail.empty() ? "" : " (" + goal.detail + ")";
  return fmt::format("{} {} {}{}", goal.name,
                     goal.is_share ? ">=" : "<=", goal_value(goal, goal.limit), detail);
}

std::string goals_text(const PlanReport& plan) {
  std::string text;
  for (const PlanGoal& goal : plan.goals) text += (text.empty() ? "" : ", ") + goal_text(goal);
  return text;
}

double per_million_output(const PlanFleet& fleet) {
  return per_million(fleet, fleet.runs.front().throughput.output_tok_per_s);
}

double per_million_tokens(const PlanFleet& fleet) {
  return per_million(fleet, fleet.runs.front().throughput.total_tok_per_s);
}

void mark_frontier(std::vector<PlanFleet>& fleets) {
  const auto meets = [](const PlanFleet& f) { return f.fate == PlanFleet::Fate::kMeets; };
  for (PlanFleet& fleet : fleets)
    fleet.frontier =
        meets(fleet) && std::none_of(fleets.begin(), fleets.end(), [&](const PlanFleet& other) {
          return meets(other) && beats(other, fleet);
        });
}

}  // namespace kvsim
