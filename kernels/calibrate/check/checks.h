#pragma once
// Every kernel against a reference in double.
//
// Data are fresh random numbers of the seed, outputs are poisoned before each run, and whatever a
// kernel must not read (free pages, tokens beyond a sequence) is not a number. The same checks run
// on the CPU machine, in the tests, and on a GPU, in kvsim-calibrate --self-check.

#include <cstdint>
#include <vector>

#include "kernels/calibrate/check/report.h"

namespace kvsim::calibrate {

/// How much: lengths and heads that a CPU machine can do, or a GPU should.
enum class CheckSize { kSmall, kFull };

[[nodiscard]] std::vector<Check> decode_checks(CheckSize size, int multiprocessors,
                                               std::uint64_t seed);
[[nodiscard]] std::vector<Check> prefill_checks(CheckSize size, int multiprocessors,
                                                std::uint64_t seed);
[[nodiscard]] std::vector<Check> mla_checks(CheckSize size, int multiprocessors,
                                            std::uint64_t seed);
/// Decode over a shared prefix.
[[nodiscard]] std::vector<Check> cascade_checks(CheckSize size, int multiprocessors,
                                                std::uint64_t seed);
/// Appends that rotate queries and keys.
[[nodiscard]] std::vector<Check> rotation_checks(CheckSize size, std::uint64_t seed);
/// Out to host memory and in again, each way.
[[nodiscard]] std::vector<Check> swap_checks(CheckSize size, std::uint64_t seed);
/// Plain appends, copies, and the small kernels between matrices.
[[nodiscard]] std::vector<Check> memory_checks(CheckSize size, std::uint64_t seed);

/// Of all kernels.
[[nodiscard]] std::vector<Check> all_checks(CheckSize size, int multiprocessors,
                                            std::uint64_t seed);

}  // namespace kvsim::calibrate
