#pragma once
// The command line of kvsim-calibrate.

#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace kvsim::calibrate {

/// Something the user gave is wrong: one line, exit code 2.
class BadInput : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

inline constexpr int kExitOk = 0, kExitBug = 1, kExitBadInput = 2;

struct Options {
  enum class Action { kCalibrate, kSelfCheck, kBench, kValidate, kHelp };
  Action action = Action::kCalibrate;
  std::string out;  ///< Empty: configs/costs/<device>.json.
  double budget = 480;
  std::vector<std::string> only;  ///< Families; empty: all.
  bool dry_run = false;
  std::string run_folder;                                  ///< Of --validate.
  std::string model = "configs/models/llama-3.1-8b.json";  ///< Whose whole steps are timed.
  std::uint64_t seed = 1;

  [[nodiscard]] bool wants(const std::string& family) const;
};

/// What can be timed, in the order of --help.
[[nodiscard]] std::span<const char* const> families();

/// Throws BadInput.
[[nodiscard]] Options parse_options(std::span<const char* const> arguments);

[[nodiscard]] std::string usage();

}  // namespace kvsim::calibrate
