#pragma once
// The smallest fleet that meets an SLO, for many candidates at once, in as few runs as may be.
//
// Best first: of every candidate the cheapest fleet that has not been refused stands in line, and
// the cheapest of all are tried next. Steps double while a candidate's fleets are refused, then
// halve, so that n replicas take O(log n) runs. Where one fleet is enough, more are taken to be.
// The search ends when everything left costs more than `within` times the best found. Which fleets
// are tried depends on the answers alone, so any number of threads finds the same.

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace kvsim {

struct FleetRange {
  std::int64_t first = 1;  ///< Fewer replicas are known not to do.
  std::int64_t last = 1;   ///< More are not wanted. Less than `first`: nothing to try.
  double price = 1;        ///< Of a replica.
};

struct FleetTrial {
  std::size_t candidate = 0;
  std::int64_t replicas = 0;
};

struct SmallestFleet {
  std::int64_t refused = 0;              ///< So many replicas do not do.
  std::optional<std::int64_t> smallest;  ///< Found, and one fewer is refused.
  bool given_up = false;                 ///< Whatever it turned out to be, it would cost too much.
};

/// Which of the trials meet the SLO; they may be made in any order, at once.
using TryFleets = std::function<std::vector<bool>(const std::vector<FleetTrial>&)>;

/// Requires within >= 1; infinite: every candidate's smallest fleet is found.
[[nodiscard]] std::vector<SmallestFleet> smallest_fleets(const std::vector<FleetRange>& candidates,
                                                         double within, const TryFleets& attempt);

}  // namespace kvsim
