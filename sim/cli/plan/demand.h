#pragma once
// Demand: what a workload asks for, whoever serves it and however well.

#include <cstdint>
#include <vector>

#include "sim/core/config_view.h"

namespace kvsim {

struct Demand {
  struct Ask {
    std::int64_t prompt = 0, output = 0;  ///< Tokens.
    std::int64_t fresh = 0;  ///< Of the prompt, what nobody who arrived earlier said or was told.
  };
  std::vector<Ask> asks;  ///< In order of arrival.
  double span_s = 0;      ///< First to last arrival.
  /// Arrivals are the same whoever serves. Else turns wait for answers, and what is said here holds
  /// for an infinitely fast server.
  bool open_loop = true;
  /// Tokens of all prompts and answers, every prefix counted once.
  std::int64_t distinct_tokens = 0;

  [[nodiscard]] std::int64_t requests() const { return static_cast<std::int64_t>(asks.size()); }
  [[nodiscard]] std::int64_t prompt_tokens() const;
  [[nodiscard]] std::int64_t output_tokens() const;
  /// 0 if all arrive at once.
  [[nodiscard]] double requests_per_s() const;
};

/// Reads the workload of `config` from beginning to end. Throws InputError.
[[nodiscard]] Demand read_demand(const ConfigView& config);

}  // namespace kvsim
