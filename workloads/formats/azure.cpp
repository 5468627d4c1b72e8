// Azure LLM inference traces (github.com/Azure/AzurePublicDataset, CC-BY 4.0): lengths only.
//
//     TIMESTAMP,ContextTokens,GeneratedTokens
//     2023-11-16 18:17:03.9799600,4808,10
//
// The 2024 files add an offset to the time ("+00:00").

#include "workloads/csv_table.h"
#include "workloads/timestamp.h"
#include "workloads/trace_format.h"

namespace kvsim {
namespace {

class AzureReader final : public TraceReader {
 public:
  explicit AzureReader(TextInput& input)
      : table_(input),
        at_(table_.column("timestamp")),
        prompt_(table_.column("contexttokens")),
        output_(table_.column("generatedtokens")) {}

  bool next(TraceRow& row) override {
    if (!table_.next()) return false;
    const FieldText at = table_.cell(at_);
    row.at = read_timestamp(at);
    row.at_column = at.column;
    row.prompt = read_length(table_.cell(prompt_));
    row.output = read_length(table_.cell(output_));
    return true;
  }

 private:
  CsvTable table_;
  std::size_t at_, prompt_, output_;
};

class AzureWriter final : public TraceWriter {
 public:
  std::string header() const override { return "TIMESTAMP,ContextTokens,GeneratedTokens\n"; }
  std::string line(const Request& r, std::optional<Duration> /*delay*/) override {
    return fmt::format("{},{},{}\n", timestamp_text(r.arrival.time_since_epoch()), r.prompt.value(),
                       r.output.value());
  }
};

class Azure final : public TraceFormat {
 public:
  explicit Azure(const Setup& /*setup*/) {}
  bool recognises(std::string_view first_line) const override {
    return csv_has(first_line, {"timestamp", "contexttokens", "generatedtokens"});
  }
  std::unique_ptr<TraceReader> reader(TextInput& input,
                                      const ReadOptions& /*options*/) const override {
    return std::make_unique<AzureReader>(input);
  }
  std::unique_ptr<TraceWriter> writer(std::int64_t /*block*/) const override {
    return std::make_unique<AzureWriter>();
  }
};

const Registered<TraceFormat, Azure> kAzure{
    "azure", "Azure LLM inference csv: dates and lengths, nothing shared."};

}  // namespace
}  // namespace kvsim
