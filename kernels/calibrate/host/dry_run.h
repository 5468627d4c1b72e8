#pragma once
// What a calibration would do, without a GPU: its launches and the time they should take.

#include <string>
#include <vector>

#include "kernels/calibrate/host/cases.h"
#include "kernels/calibrate/host/options.h"

namespace kvsim::calibrate {

/// A line for each family; for those named by --only, each launch as well. Estimates are for an
/// H200. `memory`: bytes for KV.
[[nodiscard]] std::string dry_run_text(const Options& options, double memory);

/// Bytes for KV on a device with so many free: 45 GiB, or 60 % of a smaller device.
[[nodiscard]] double kv_memory(double free_bytes);

/// Every case that the options ask for, sentinels at the start, the middle and the end.
[[nodiscard]] std::vector<Case> planned_cases(const Options& options, double memory);

}  // namespace kvsim::calibrate
