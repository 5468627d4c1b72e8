// vidur traces (github.com/microsoft/vidur, MIT): lengths, with arrivals in seconds or without.
//
//     arrived_at,num_prefill_tokens,num_decode_tokens
//     num_prefill_tokens,num_decode_tokens,num_total_tokens,pd_ratio
//
// Without arrivals all requests arrive at time 0, unless /workload/arrivals names a process.

#include "workloads/lengths_csv.h"
#include "workloads/timestamp.h"

namespace kvsim {
namespace {

const LengthsLayout kLayout{.at = "arrived_at",
                            .at_optional = true,
                            .clock = read_seconds,
                            .prompt = "num_prefill_tokens",
                            .output = "num_decode_tokens",
                            .session = {}};

class VidurWriter final : public TraceWriter {
 public:
  std::string header() const override {
    return "arrived_at,num_prefill_tokens,num_decode_tokens\n";
  }
  std::string line(const Request& r, std::optional<Duration> /*delay*/) override {
    return fmt::format("{},{},{}\n",
                       decimal_text(r.arrival.time_since_epoch(), std::chrono::seconds(1)),
                       r.prompt.value(), r.output.value());
  }
};

class Vidur final : public TraceFormat {
 public:
  explicit Vidur(const Setup& /*setup*/) {}
  bool recognises(std::string_view first_line) const override {
    return csv_has(first_line, {kLayout.prompt, kLayout.output});
  }
  std::unique_ptr<TraceReader> reader(TextInput& input,
                                      const ReadOptions& /*options*/) const override {
    return std::make_unique<LengthsReader>(input, kLayout);
  }
  std::unique_ptr<TraceWriter> writer(const WriteOptions& /*options*/) const override {
    return std::make_unique<VidurWriter>();
  }
  std::string_view loses() const override {
    return "sessions, priorities and what prompts have in common";
  }
};

const Registered<TraceFormat, Vidur> kVidur{
    "vidur", "vidur csv: lengths, with arrivals in seconds or without."};

}  // namespace
}  // namespace kvsim
