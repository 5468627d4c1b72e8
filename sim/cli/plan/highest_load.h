#pragma once
// The highest load that a fleet carries: how many times as fast may its requests come?

#include <functional>

namespace kvsim {

/// The largest factor, at least 1, at which `meets` still holds, to within 2 % below it, taking it
/// to hold at 1 and, once it fails, to fail from there on; at most `kMostLoad`. Doubling, then
/// halving on a logarithmic scale.
inline constexpr double kMostLoad = 64;
inline constexpr double kLoadTolerance = 0.02;
[[nodiscard]] double highest_load(const std::function<bool(double factor)>& meets);

}  // namespace kvsim
