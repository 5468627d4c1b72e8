#pragma once
// Requests that a real server served, with what it took: a workload, and the truth to hold a
// simulation against.
//
//     arrival_s,prompt_tokens,output_tokens,ttft_ms,e2e_ms[,tpot_ms][,prompt_id][,status]
//
// Each column goes by any of several names that load generators use (kAt ... in measured.cpp).
// Prompts with equal prompt_id say the same; without that column every prompt is its own. A row
// whose status is not ok (or whose has_error is not 0) is a failure on record and no request.

#include <optional>
#include <string_view>
#include <unordered_map>

#include "workloads/csv_table.h"
#include "workloads/trace_format.h"

namespace kvsim {

/// What the server took for one request.
struct MeasuredTimes {
  Duration ttft{};
  Duration e2e{};
  std::optional<Duration> tpot;  ///< None: (e2e - ttft) / (output - 1).
};

class MeasuredReader final : public TraceReader {
 public:
  /// Is this the header of such a file?
  [[nodiscard]] static bool recognises(std::string_view header);

  explicit MeasuredReader(TextInput& input);
  [[nodiscard]] bool next(TraceRow& row) override;
  [[nodiscard]] std::int64_t skipped() const override { return skipped_; }
  /// Of the row that next() gave last.
  [[nodiscard]] const MeasuredTimes& times() const { return times_; }

 private:
  [[nodiscard]] bool failed() const;

  CsvTable table_;
  std::size_t at_ = 0, prompt_ = 0, output_ = 0, ttft_ = 0, e2e_ = 0;
  Duration clock_{};  ///< Unit of the arrivals.
  std::optional<std::size_t> tpot_, prompt_id_, status_, error_;
  std::unordered_map<std::string, std::uint64_t> prompts_;  ///< By id; never iterated.
  MeasuredTimes times_;
  std::int64_t skipped_ = 0;
};

}  // namespace kvsim
