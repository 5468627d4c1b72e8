#pragma once
// From timed launches to a cost profile: the file that the simulator prices steps with
// (sim/engine/cost/profile.h reads it; configs/README.md describes it).

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kernels/calibrate/host/cases.h"
#include "kernels/calibrate/host/json.h"
#include "kernels/calibrate/host/model_shape.h"
#include "kernels/calibrate/host/statistics.h"
#include "sim/model/attention/kernel_law.h"

namespace kvsim::calibrate {

/// A launch that was timed.
struct Sample {
  Case launch;
  LaunchFeatures features;
  Spread us;
};

/// What a profile says besides its timings.
struct ProfileFacts {
  std::string created;  ///< UTC, "2026-11-21T16:00:00Z".
  Json device, build;
  Json conditions;  ///< Clocks, temperature, power, by time.
  Json all_reduce;  ///< Imported: one GPU cannot be asked.
  std::vector<std::string> warnings;
  int multiprocessors = 0;
  std::optional<ModelShape> model;  ///< Whose steps were timed.
};

/// A law as the file says it, digits rounded, with the axes of its ratios.
struct WrittenLaw {
  KernelLaw law;
  std::vector<double> u, v, permille;
};

/// The laws that the timings give, each fitted to what is not held out.
struct FittedLaws {
  struct Attention {
    Heads heads{};
    std::string kv;
    WrittenLaw written{};
    double hull_tokens = 0;
    std::vector<Sample> samples;
  };
  struct Gemm {
    KernelLaw physics;
    std::vector<double> m;
    std::vector<WrittenLaw> of_m;
    std::vector<Sample> samples;
  };
  std::vector<Attention> decode, prefill;
  std::map<std::string, Gemm> gemm;          ///< By dtype.
  std::map<std::string, KernelLaw> streams;  ///< "append fp8", "copy", ...: floor, bytes, pieces.

  /// Microseconds; linear in m between two knots. Requires a table of that dtype.
  [[nodiscard]] double gemm_us(const GemmCase& c) const;
};

[[nodiscard]] FittedLaws fit_laws(const std::vector<Sample>& samples);

/// Requires at least one sample.
[[nodiscard]] Json make_profile(const ProfileFacts& facts, const std::vector<Sample>& samples);

}  // namespace kvsim::calibrate
