#include "kernels/calibrate/host/step_price.h"

#include <algorithm>

#include "kernels/calibrate/host/features.h"

namespace kvsim::calibrate {
namespace {

const KernelLaw* law_of(const std::vector<FittedLaws::Attention>& families, const Heads& heads) {
  const auto found = std::find_if(families.begin(), families.end(), [&heads](const auto& f) {
    return f.heads == heads && f.kv == "bf16";
  });
  return found == families.end() ? nullptr : &found->written.law;
}

class Sum {
 public:
  Sum(const FittedLaws& laws, int multiprocessors)
      : laws_(laws), multiprocessors_(multiprocessors) {}

  void add(double times, const KernelLaw* law, const What& what) {
    if (law == nullptr) {
      complete_ = false;
      return;
    }
    us_ += times * law->microseconds(features_of(what, multiprocessors_));
  }
  void add_stream(double times, const std::string& name, const What& what) {
    const auto found = laws_.streams.find(name);
    add(times, found == laws_.streams.end() ? nullptr : &found->second, what);
  }
  void add_gemm(double times, const GemmCase& c) {
    if (laws_.gemm.contains(c.dtype))
      us_ += times * laws_.gemm_us(c);
    else
      complete_ = false;
  }
  [[nodiscard]] std::optional<double> us() const {
    return complete_ ? std::optional(us_) : std::nullopt;
  }

 private:
  const FittedLaws& laws_;
  int multiprocessors_;
  double us_ = 0;
  bool complete_ = true;
};

}  // namespace

std::optional<double> step_us(const FittedLaws& laws, const ModelShape& model, const StepCase& step,
                              int multiprocessors) {
  Sum sum(laws, multiprocessors);
  const double layers = model.layers;
  int rows = static_cast<int>(step.lengths.size());
  const int samples = rows + static_cast<int>(step.chunks.size());
  if (!step.lengths.empty()) {
    DecodeCase decode;
    decode.heads = model.heads;
    decode.lengths = step.lengths;
    sum.add(layers, law_of(laws.decode, model.heads), decode);
  }
  for (const Chunk& chunk : step.chunks) {
    rows += chunk.fresh;
    PrefillCase prefill;
    prefill.heads = model.heads;
    prefill.fresh = chunk.fresh;
    prefill.prior = chunk.prior;
    sum.add(layers, law_of(laws.prefill, model.heads), prefill);
  }
  for (const GemmCase& gemm : layer_gemms(model, rows)) sum.add_gemm(layers, gemm);
  sum.add_gemm(1, {samples, model.vocabulary, model.hidden});
  sum.add_stream(layers, "append bf16", AppendCase{model.heads, "bf16", rows});
  sum.add_stream(2 * layers, "add_rms_norm", ElementwiseCase{"add_rms_norm", rows, model.hidden});
  sum.add_stream(layers, "silu_mul", ElementwiseCase{"silu_mul", rows, model.intermediate});
  sum.add_stream(1, "embed", ElementwiseCase{"embed", rows, model.hidden});
  sum.add_stream(1, "argmax", ElementwiseCase{"argmax", samples, model.vocabulary});
  return sum.us();
}

}  // namespace kvsim::calibrate
