#pragma once
// CostProfile: what timings of kernels say about a device, as configs/costs/*.json holds it.
//
// One schema for timings of our own kernels (`measured`, by kvsim-calibrate) and of others'
// (`imported`, kernels/import_published.py and kvsim-fit): families of attention launches that
// share heads and KV format, GEMMs over a grid of widths, all-reduces. configs/README.md describes
// the file.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/core/config_view.h"
#include "sim/model/attention/kernel_law.h"
#include "sim/model/dtype.h"

namespace kvsim {

enum class AttentionPhase : std::uint8_t { kDecode, kPrefill };

/// Launches of one kernel on one shape of heads, those of one GPU.
struct KernelFamily {
  AttentionPhase phase = AttentionPhase::kDecode;
  std::int64_t q_heads = 0, kv_heads = 0, head_dim = 0;
  DType kv = DType::kBf16;
  KernelLaw law;
  // How its launches are planned, where the law's form is planner.
  std::int32_t page_tokens = 0;
  DecodeDevice planner;
  double hull_tokens = 0;  ///< The most tokens of KV that were timed.
  /// (batch, length, microseconds) that the fit has not seen, of a few families.
  std::vector<std::array<double, 3>> holdout_rows;
};

/// C[m, n] = A[m, k] B[k, n]: a law for every knot of m, looked up by (n, k).
struct GemmTable {
  DType dtype = DType::kBf16;
  std::vector<double> m;
  std::vector<KernelLaw> laws;
};

/// Microseconds of an all-reduce: the lower of two lines over the bytes of a message.
struct AllReduceLines {
  std::int64_t gpus = 0;
  double floor_short = 0, per_byte_short = 0;
  double floor_long = 0, per_byte_long = 0;
  [[nodiscard]] double microseconds(double bytes) const;
};

struct CostProfile {
  std::string name;       ///< "h200-imported".
  std::string id;         ///< Digest of the file, 8 hex digits.
  bool measured = false;  ///< By our own calibrator; else imported.
  std::string origin;     ///< Whose timings, of which software.
  std::string device;
  double holdout_error = 0;  ///< Median over held-out decodes of much KV.
  std::vector<KernelFamily> families;
  std::vector<GemmTable> gemms;
  std::vector<AllReduceLines> all_reduces;  ///< By ascending number of GPUs.
};

/// Throws InputError("FILE: /key: ...") for what is no profile of this schema version.
[[nodiscard]] CostProfile parse_profile(std::string_view text, const std::string& file,
                                        std::string name);

/// There is a built-in profile of this device.
[[nodiscard]] bool builtin_profile_exists(const std::string& device, bool measured);

/// The built-in profile of a device, measured (`h200`) or imported (`h200-imported`), if there is.
[[nodiscard]] std::optional<CostProfile> builtin_profile(const std::string& device, bool measured);

}  // namespace kvsim
