#pragma once
// What kvsim-calibrate can do on a GPU. Each returns the exit code, and throws BadInput.

#include "kernels/calibrate/host/options.h"

namespace kvsim::calibrate {

/// Times everything, or what fits the budget, and writes a profile.
[[nodiscard]] int calibrate(const Options& options);
/// Compares every kernel with its reference; a table on stdout.
[[nodiscard]] int self_check(const Options& options);
/// The table against published times on stdout.
[[nodiscard]] int bench(const Options& options);
/// Replays steps of a finished simulation; predicted against measured on stdout.
[[nodiscard]] int validate(const Options& options);

}  // namespace kvsim::calibrate
