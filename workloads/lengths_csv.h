#pragma once
// The common reader of csv traces that tell when and how long, and nothing else.

#include <string>
#include <unordered_map>

#include "workloads/csv_table.h"
#include "workloads/trace_format.h"

namespace kvsim {

/// Which columns (lower case) say what.
struct LengthsLayout {
  std::string at;  ///< May be absent from a file if at_optional.
  bool at_optional = false;
  Duration (*clock)(const FieldText&) = nullptr;  ///< Reads `at`.
  std::string prompt;
  std::string output;
  bool zero_output_failed = false;  ///< An answer of 0 tokens is a failure on record: no request.
  std::string session;              ///< Empty, or a column that a file may have.
};

class LengthsReader final : public TraceReader {
 public:
  LengthsReader(TextInput& input, const LengthsLayout& layout);
  [[nodiscard]] bool next(TraceRow& row) override;
  [[nodiscard]] std::int64_t skipped() const override { return skipped_; }

 private:
  struct Session {
    std::uint64_t number;
    std::uint32_t turns;
  };
  void read_session(TraceRow& row);

  LengthsLayout layout_;
  CsvTable table_;
  bool has_at_, has_session_;
  std::size_t prompt_, output_;
  std::size_t at_ = 0, session_ = 0;  ///< Only if there is such a column.
  std::int64_t skipped_ = 0;
  std::unordered_map<std::string, Session> sessions_;  ///< By name; never iterated.
};

/// A decimal number of seconds.
[[nodiscard]] Duration read_seconds(const FieldText& field);

}  // namespace kvsim
