#include "sim/cli/plan/smallest_fleet.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kvsim {
namespace {

// Trials made at once: more than a machine has cores would be guesses for nothing.
constexpr std::size_t kAtOnce = 8;

class Search {
 public:
  Search(const std::vector<FleetRange>& candidates, double within) : within_(within) {
    for (const FleetRange& range : candidates) lines_.push_back({range, range.first - 1, 1, {}});
  }

  /// The cheapest fleets still in line.
  [[nodiscard]] std::vector<FleetTrial> next() const {
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < lines_.size(); ++i)
      if (lines_[i].open() && lines_[i].cheapest() <= limit()) open.push_back(i);
    std::stable_sort(open.begin(), open.end(), [this](std::size_t a, std::size_t b) {
      return lines_[a].cheapest() < lines_[b].cheapest();
    });
    open.resize(std::min(open.size(), kAtOnce));
    std::vector<FleetTrial> trials;
    for (const std::size_t i : open) trials.push_back({i, lines_[i].replicas(limit())});
    return trials;
  }

  void learn(const FleetTrial& trial, bool met) {
    Line& line = lines_[trial.candidate];
    if (met) {
      line.met = trial.replicas;
      best_ = std::min(best_, line.range.price * static_cast<double>(trial.replicas));
      return;
    }
    line.refused = trial.replicas;
    line.stride *= 2;
  }

  [[nodiscard]] std::vector<SmallestFleet> result() const {
    std::vector<SmallestFleet> all;
    for (const Line& line : lines_)
      all.push_back({line.refused, line.open() ? std::nullopt : line.met, line.open()});
    return all;
  }

 private:
  struct Line {
    FleetRange range;
    std::int64_t refused;
    std::int64_t stride;
    std::optional<std::int64_t> met;

    [[nodiscard]] bool open() const { return refused + 1 < met.value_or(range.last + 1); }
    [[nodiscard]] double cheapest() const { return range.price * static_cast<double>(refused + 1); }
    /// To try next: halfway to what is enough, or a stride further, within what is wanted.
    [[nodiscard]] std::int64_t replicas(double limit) const {
      if (met) return refused + (*met - refused) / 2;
      const double affordable = std::min(limit / range.price, static_cast<double>(range.last));
      const auto most = static_cast<std::int64_t>(std::floor(affordable * (1 + 1e-9)));
      return std::clamp(refused + stride, refused + 1, std::max(most, refused + 1));
    }
  };

  // With room for rounding: what costs the same is looked at.
  [[nodiscard]] double limit() const { return best_ * within_ * (1 + 1e-9); }

  std::vector<Line> lines_;
  double within_;
  double best_ = std::numeric_limits<double>::infinity();
};

}  // namespace

std::vector<SmallestFleet> smallest_fleets(const std::vector<FleetRange>& candidates, double within,
                                           const TryFleets& attempt) {
  Search search(candidates, within);
  for (auto trials = search.next(); !trials.empty(); trials = search.next()) {
    const std::vector<bool> met = attempt(trials);
    for (std::size_t i = 0; i < trials.size(); ++i) search.learn(trials[i], met[i]);
  }
  return search.result();
}

}  // namespace kvsim
