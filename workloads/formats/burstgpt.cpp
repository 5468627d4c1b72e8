// BurstGPT (github.com/HPMLL/BurstGPT, CC-BY 4.0): seconds and lengths; an answer of 0 tokens is a
// failure on record and no request.
//
//     Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type
//     5,ChatGPT,472,18,490,Conversation log
//
// Newer files add "Session ID" and "Elapsed time". Sessions are kept as labels: the file does not
// say what a turn repeats.

#include "workloads/lengths_csv.h"

namespace kvsim {
namespace {

const LengthsLayout kLayout{.at = "timestamp",
                            .clock = read_seconds,
                            .prompt = "request tokens",
                            .output = "response tokens",
                            .zero_output_failed = true,
                            .session = "session id"};

class BurstGpt final : public TraceFormat {
 public:
  explicit BurstGpt(const Setup& /*setup*/) {}
  bool recognises(std::string_view first_line) const override {
    return csv_has(first_line, {kLayout.at, kLayout.prompt, kLayout.output});
  }
  std::unique_ptr<TraceReader> reader(TextInput& input,
                                      const ReadOptions& /*options*/) const override {
    return std::make_unique<LengthsReader>(input, kLayout);
  }
};

const Registered<TraceFormat, BurstGpt> kBurstGpt{
    "burstgpt", "BurstGPT csv: seconds and lengths; failures are skipped."};

}  // namespace
}  // namespace kvsim
