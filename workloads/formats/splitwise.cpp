// splitwise-sim traces (github.com/Mutinifni/splitwise-sim, MIT): seconds and lengths.
//
//     request_id,request_type,application_id,arrival_timestamp,batch_size,prompt_size,token_size

#include "workloads/lengths_csv.h"

namespace kvsim {
namespace {

const LengthsLayout kLayout{.at = "arrival_timestamp",
                            .clock = read_seconds,
                            .prompt = "prompt_size",
                            .output = "token_size",
                            .session = {}};

class Splitwise final : public TraceFormat {
 public:
  explicit Splitwise(const Setup& /*setup*/) {}
  bool recognises(std::string_view first_line) const override {
    return csv_has(first_line, {kLayout.at, kLayout.prompt, kLayout.output});
  }
  std::unique_ptr<TraceReader> reader(TextInput& input,
                                      const ReadOptions& /*options*/) const override {
    return std::make_unique<LengthsReader>(input, kLayout);
  }
};

const Registered<TraceFormat, Splitwise> kSplitwise{"splitwise",
                                                    "splitwise-sim csv: seconds and lengths."};

}  // namespace
}  // namespace kvsim
