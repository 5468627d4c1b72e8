// What a real server served, and how fast: kvsim validate holds a simulation against it.

#include "workloads/measured.h"

namespace kvsim {
namespace {

class Measured final : public TraceFormat {
 public:
  explicit Measured(const Setup& /*setup*/) {}
  bool recognises(std::string_view first_line) const override {
    return MeasuredReader::recognises(first_line);
  }
  std::unique_ptr<TraceReader> reader(TextInput& input,
                                      const ReadOptions& /*options*/) const override {
    return std::make_unique<MeasuredReader>(input);
  }
};

const Registered<TraceFormat, Measured> kMeasured{
    "measured", "A measured server run: arrivals, lengths, ttft_ms, e2e_ms (kvsim validate)."};

}  // namespace
}  // namespace kvsim
