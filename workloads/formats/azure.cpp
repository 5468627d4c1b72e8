// Azure LLM inference traces (github.com/Azure/AzurePublicDataset, CC-BY 4.0): lengths only.
//
//     TIMESTAMP,ContextTokens,GeneratedTokens
//     2023-11-16 18:17:03.9799600,4808,10
//
// The 2024 files add an offset to the time ("+00:00").

#include "workloads/lengths_csv.h"
#include "workloads/timestamp.h"

namespace kvsim {
namespace {

const LengthsLayout kLayout{.at = "timestamp",
                            .clock = read_timestamp,
                            .prompt = "contexttokens",
                            .output = "generatedtokens",
                            .session = {}};

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
    return csv_has(first_line, {kLayout.at, kLayout.prompt, kLayout.output});
  }
  std::unique_ptr<TraceReader> reader(TextInput& input,
                                      const ReadOptions& /*options*/) const override {
    return std::make_unique<LengthsReader>(input, kLayout);
  }
  std::unique_ptr<TraceWriter> writer(const WriteOptions& /*options*/) const override {
    return std::make_unique<AzureWriter>();
  }
  std::string_view loses() const override {
    return "sessions, priorities and what prompts have in common";
  }
};

const Registered<TraceFormat, Azure> kAzure{
    "azure", "Azure LLM inference csv: dates and lengths, nothing shared."};

}  // namespace
}  // namespace kvsim
