// The plan as a page for a terminal.
#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "reports/plan_report.h"
#include "reports/run_table.h"
#include "reports/text.h"

namespace kvsim {
namespace {

using Fate = PlanFleet::Fate;

std::string with_noise(const Interval& value, std::string text, int decimals) {
  if (value.half > 0) text += fmt::format(" +-{}", grouped(value.half, decimals));
  return text;
}

std::vector<std::size_t> in_order(const PlanReport& plan, Fate fate) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < plan.fleets.size(); ++i)
    if (plan.fleets[i].fate == fate) found.push_back(i);
  std::stable_sort(found.begin(), found.end(), [&](std::size_t a, std::size_t b) {
    const auto worth = [](const PlanFleet& f) { return std::pair(f.per_hour(), f.slo_used); };
    return worth(plan.fleets[a]) < worth(plan.fleets[b]);
  });
  return found;
}

class Page {
 public:
  explicit Page(const PlanReport& plan) : plan_(plan) {}

  std::string text() {
    head();
    plan_.winner ? fleets() : no_fleet();
    losers();
    if (plan_.winner) winner();
    return text_;
  }

 private:
  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    text_ += fmt::format(format, std::forward<Args>(args)...) + "\n";
  }

  void head() {
    const std::string speed =
        plan_.speed == 1 ? "" : fmt::format(", {:.3g} times as fast as recorded", plan_.speed);
    line("{} requests, {:.2f} a second{}: {}", grouped(plan_.requests), plan_.request_per_s, speed,
         goals_text(plan_));
    line("");
  }

  [[nodiscard]] std::string money(double amount) const {
    return plan_.currency.empty() ? fmt::format("{:.0f}", amount) : grouped(amount, 2);
  }

  void fleets() {
    Cells rows{{"fleet", "replicas", "GPUs"}};
    if (!plan_.currency.empty())
      for (const char* per : {"/h", "/M out", "/M all"}) rows[0].push_back(plan_.currency + per);
    for (const PlanGoal& goal : plan_.goals) rows[0].push_back(goal.name);
    for (const char* heading : {"room", "carries/s"}) rows[0].emplace_back(heading);
    for (const std::size_t i : in_order(plan_, Fate::kMeets)) rows.push_back(row(plan_.fleets[i]));
    text_ += aligned(rows);
    line("\n* on the frontier: nothing else here is as cheap, with as much room, for as much load");
  }

  [[nodiscard]] std::vector<std::string> row(const PlanFleet& f) const {
    std::vector<std::string> cells{f.label + (f.frontier ? " *" : ""), grouped(f.replicas),
                                   grouped(f.gpus())};
    if (!plan_.currency.empty())
      for (const double amount : {f.per_hour(), per_million_output(f), per_million_tokens(f)})
        cells.push_back(money(amount));
    for (std::size_t g = 0; g < plan_.goals.size(); ++g)
      cells.push_back(with_noise(f.values[g], goal_value(plan_.goals[g], f.values[g].mean), 1));
    cells.push_back(percent(1 - f.slo_used));
    cells.push_back(f.carries ? with_noise(*f.carries, grouped(f.carries->mean, 2), 2) : "-");
    return cells;
  }

  void no_fleet() {
    line("nothing of up to {} GPUs meets this.", plan_.max_gpus);
    if (!plan_.nearest_miss) return;
    const PlanFleet& f = plan_.fleets[*plan_.nearest_miss];
    std::vector<std::string> missed;
    for (std::size_t g = 0; g < plan_.goals.size(); ++g) {
      const PlanGoal& goal = plan_.goals[g];
      const double value = f.values[g].mean;
      if (goal.is_share ? value < goal.limit : value > goal.limit)
        missed.push_back(fmt::format("{} is {}", goal_text(goal), goal_value(goal, value)));
    }
    line("nearest: {} x {}: {}", f.refused, f.label, fmt::join(missed, ", "));
  }

  // Equal reasons are told once.
  void losers() {
    reasons(Fate::kImpossible,
            "never simulated, for no run could meet it:", [](const PlanFleet& f) { return f.why; });
    reasons(Fate::kMisses, "missed with the most GPUs allowed:", [](const PlanFleet& f) {
      return fmt::format("{} GPUs are too few", f.refused * f.gpus_per_replica);
    });
    reasons(Fate::kTooDear,
            fmt::format("not looked into, for they cost more than {:g} times the cheapest (a "
                        "frontier point may be among them; --within inf looks):",
                        plan_.within),
            [](const PlanFleet& f) {
              return fmt::format("at least {} GPUs", (f.refused + 1) * f.gpus_per_replica);
            });
  }

  template <class Reason>
  void reasons(Fate fate, const std::string& heading, Reason reason) {
    std::vector<std::pair<std::string, std::vector<std::string>>> told;
    for (const PlanFleet& f : plan_.fleets) {
      if (f.fate != fate) continue;
      const std::string why = reason(f);
      const auto same = std::find_if(told.begin(), told.end(),
                                     [&](const auto& each) { return each.first == why; });
      if (same == told.end())
        told.push_back({why, {f.label}});
      else
        same->second.push_back(f.label);
    }
    if (told.empty()) return;
    line("\n{}", heading);
    for (const auto& [why, labels] : told) line("  {}: {}", fmt::join(labels, "; "), why);
  }

  void winner() {
    const PlanFleet& f = plan_.fleets[*plan_.winner];
    const Report& run = f.runs.front();
    const std::string price =
        plan_.currency.empty()
            ? ""
            : fmt::format(", {} {} an hour, {} per million output tokens", money(f.per_hour()),
                          plan_.currency, money(per_million_output(f)));
    line("\nwinner: {} x {}: {}{}", f.replicas, f.label, counted(f.gpus(), "GPU"), price);
    line("confirmed by a full run: {} of {} requests completed, fingerprint {}",
         grouped(run.requests.completed), grouped(run.requests.total), run.provenance.fingerprint);
    if (plan_.one_fewer) line("with {}: {}", plan_.one_fewer->replicas, plan_.one_fewer->why);
    if (f.carries)
      line("it carries {:.2f} requests/s, {:.2f} times as many", f.carries->mean,
           f.carries->mean / plan_.request_per_s);
    for (const PlanWhatIf& w : plan_.what_ifs) line("  {:<20} -> {}", w.change, outcome(w, f));
    line("how sure: {}", how_sure());
    line("times: {}", times_of(run.provenance));
    line("prices: {}", plan_.currency.empty()
                           ? "none given (--prices): GPUs are counted, whatever their kind"
                           : fmt::format("{}", fmt::join(plan_.price_sources, "; ")));
    line("{} runs to the end, {} stopped when the outcome was certain", plan_.runs_to_the_end,
         plan_.runs_stopped);
    for (const std::string& command : plan_.serve) line("\n{}", command);
  }

  [[nodiscard]] std::string outcome(const PlanWhatIf& w, const PlanFleet& f) const {
    if (!w.replicas) return fmt::format("more than {} GPUs", plan_.max_gpus);
    const std::int64_t more = *w.replicas - f.replicas;
    if (more == 0) return "the same fleet";
    const std::int64_t gpus = more * f.gpus_per_replica;
    const std::string price =
        plan_.currency.empty()
            ? ""
            : fmt::format(", +{} {}/h", money(f.price_per_gpu * static_cast<double>(gpus)),
                          plan_.currency);
    return fmt::format("+{}{}", counted(gpus, "GPU"), price);
  }

  [[nodiscard]] std::string how_sure() const {
    if (plan_.seeds == 1) return "one seed; --seeds N tells chance apart, another trace the rest";
    if (!plan_.seeds_differ)
      return fmt::format("{} seeds, all alike: this workload leaves nothing to chance",
                         plan_.seeds);
    return fmt::format("met on each of {} seeds; +- is half the 95 % interval of the mean",
                       plan_.seeds);
  }

  const PlanReport& plan_;
  std::string text_;
};

}  // namespace

std::string plan_text(const PlanReport& plan) { return Page(plan).text(); }

}  // namespace kvsim
