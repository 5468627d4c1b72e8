#pragma once
// results/ID.json: the outcome of a point (reports/schema/sweep_result.schema.json).
//
// It says what it was made from (config, inputs, version of the program), and counts only where
// that is what the manifest asks for. Nothing in it depends on who made it, where or when.

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "sim/cli/sweep/sweep_folder.h"
#include "sim/model/report.h"

namespace kvsim {

struct PointResult {
  enum class State : std::uint8_t {
    kMissing,
    kStale,   ///< There, but not of this point: `problem` says why. As good as missing.
    kDone,    ///< `summary` is what the run had to say.
    kFailed,  ///< The config cannot run: `problem` says why. Trying again would not help.
  };
  State state = State::kMissing;
  std::string problem;
  nlohmann::ordered_json summary;

  /// Nothing is left to do for the point.
  [[nodiscard]] bool settled() const { return state == State::kDone || state == State::kFailed; }
};

[[nodiscard]] PointResult read_result(const SweepFolder& sweep, const SweepPoint& point);

// `problem` must read the same wherever the folder lies (SweepFolder::without_path).
// Each writes aside and renames, and throws InputError if that fails.
void write_done(const SweepFolder& sweep, const SweepPoint& point, const Report& report);
void write_failed(const SweepFolder& sweep, const SweepPoint& point, const std::string& problem);

}  // namespace kvsim
