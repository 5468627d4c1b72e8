#include "kernels/calibrate/host/dry_run.h"

#include <algorithm>
#include <cstdio>

namespace kvsim::calibrate {
namespace {

std::string seconds_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", seconds);
  return text;
}

std::string line(const std::string& name, std::size_t count, double seconds) {
  char text[96];
  std::snprintf(text, sizeof text, "%-12s %6zu launches %10s\n", name.c_str(), count,
                seconds_text(seconds).c_str());
  return text;
}

double total(const std::vector<Case>& cases) {
  double seconds = 0;
  for (const Case& c : cases) seconds += c.seconds;
  return seconds;
}

}  // namespace

double kv_memory(double free_bytes) {
  constexpr double kMost = 45.0 * (1 << 30);
  constexpr double kShare = 0.6;
  return std::min(kMost, kShare * free_bytes);
}

std::vector<Case> planned_cases(const Options& options, double memory) {
  std::vector<std::vector<Case>> wanted;
  std::vector<Case> ceilings;  // first: everything else is compared with them
  for (const char* family : families()) {
    if (!options.wants(family)) continue;
    std::vector<Case> cases = cases_of(family, memory, options.seed);
    if (std::string(family) == "ceilings")
      ceilings = std::move(cases);
    else
      wanted.push_back(std::move(cases));
  }
  std::vector<Case> watch;
  if (options.wants("decode")) watch = sentinels();
  const std::vector<Case> mixed = interleaved(wanted);
  const auto middle = mixed.begin() + std::ssize(mixed) / 2;
  std::vector<Case> all = watch;
  all.insert(all.end(), ceilings.begin(), ceilings.end());
  all.insert(all.end(), mixed.begin(), middle);
  all.insert(all.end(), watch.begin(), watch.end());
  all.insert(all.end(), middle, mixed.end());
  all.insert(all.end(), watch.begin(), watch.end());
  return all;
}

std::string dry_run_text(const Options& options, double memory) {
  std::string text;
  for (const char* family : families()) {
    if (!options.wants(family)) continue;
    const std::vector<Case> cases = cases_of(family, memory, options.seed);
    text += line(family, cases.size(), total(cases));
    if (options.only.empty()) continue;
    for (const Case& c : cases)
      text += "  " + c.label + (c.law.empty() ? "" : ", " + c.law) +
              (c.held_out ? ", held out" : "") + "\n";
  }
  const std::vector<Case> all = planned_cases(options, memory);
  text += line("all", all.size(), total(all));
  const double budget = options.budget;
  if (total(all) > budget)
    text +=
        "more than the " + seconds_text(budget) + " of --budget-s: the rest would be left out\n";
  return text;
}

}  // namespace kvsim::calibrate
