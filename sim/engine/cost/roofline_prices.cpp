#include "sim/engine/cost/roofline_prices.h"

#include <utility>

#include <fmt/format.h>

#include "sim/core/config_schema.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    number_field("/roofline/decode_bandwidth", "null", "share of peak", 0.01, 1,
                 "Decode attention; null is the device's."),
    number_field("/roofline/gemm_bandwidth", "null", "share of peak", 0.01, 1,
                 "Reading weights for few rows; null is the device's."),
    number_field("/roofline/gemm_flops", "null", "share of peak", 0.01, 1,
                 "Linear layers over many rows; null is the device's."),
    number_field("/roofline/prefill_flops", "null", "share of peak", 0.01, 1,
                 "Causal attention over prompts; null is the device's."),
};

// Floors of a layer, whatever its size, from the H200 timings of NVIDIA aiconfigurator
// (Apache-2.0): decode attention over next to no KV takes 8.5 to 11.3 us; norms, activation and
// RoPE are three kernels of some 2 us.
constexpr double kAttentionFloor = 8.5e-6;
constexpr double kElementwiseFloor = 3 * 2e-6;
constexpr double kWide = 2;  // bytes of an activation
constexpr double kAllReducesPerLayer = 2;

double as_double(std::int64_t n) { return static_cast<double>(n); }
double as_double(Tokens n) { return static_cast<double>(n.value()); }

double share(const ConfigView& config, const std::string& pointer, double of_device) {
  return config.has(pointer) ? config.number(pointer) : of_device;
}

}  // namespace

RooflinePrices::RooflinePrices(PassWork work, const DeviceSpec& device, const ConfigView& c)
    : work_(std::move(work)), collectives_(device, c), ways_(collectives_.group(work_.ways)) {
  const DeviceEfficiency& e = device.efficiency;
  decode_.bandwidth = device.bandwidth * share(c, "/roofline/decode_bandwidth", e.decode_bandwidth);
  prefill_.bandwidth = decode_.bandwidth;
  prefill_.flops = device.bf16_flops * share(c, "/roofline/prefill_flops", e.prefill_flops);
  decode_.flops = prefill_.flops;
  gemm_.bandwidth = device.bandwidth * share(c, "/roofline/gemm_bandwidth", e.gemm_bandwidth);
  const double gemm_flops = share(c, "/roofline/gemm_flops", e.gemm_flops);
  gemm_.flops = device.flops(work_.weights) * gemm_flops;
  head_gemm_ = {gemm_.bandwidth, device.bf16_flops * gemm_flops};
  if (work_.experts) experts_.emplace(*work_.experts, work_.hidden, gemm_, collectives_, c);
}

double RooflinePrices::elementwise(double tokens) const {
  return work_.layers * (kElementwiseFloor +
                         tokens * (work_.residual_bytes + work_.inner_bytes) / decode_.bandwidth);
}

double RooflinePrices::linears(double tokens) const {
  return gemm_.seconds(work_.dense.bytes, tokens * work_.dense.flops) + elementwise(tokens);
}

double RooflinePrices::experts(double tokens) const {
  return experts_ ? experts_->seconds(tokens) : 0;
}

double RooflinePrices::decode_attention(const StepShape& s) const {
  if (s.decodes == 0) return 0;
  const double read = work_.full_layers * as_double(s.decode_context) +
                      work_.local_layers * as_double(s.local_decode_context);
  const double pairs = work_.full_layers * as_double(s.decode_pairs) +
                       work_.local_layers * as_double(s.local_decode_pairs);
  return (work_.full_layers + work_.local_layers) * kAttentionFloor +
         decode_.seconds(read * work_.heads.kv_token_bytes, pairs * work_.decode_pair_flops);
}

double RooflinePrices::prefill_attention(const StepShape& s) const {
  if (s.prefills == 0) return 0;
  const double read = work_.full_layers * as_double(s.prefill_context) +
                      work_.local_layers * as_double(s.local_prefill_context);
  const double pairs = work_.full_layers * as_double(s.prefill_pairs) +
                       work_.local_layers * as_double(s.local_prefill_pairs);
  return (work_.full_layers + work_.local_layers) * kAttentionFloor +
         prefill_.seconds(read * work_.heads.kv_token_bytes, pairs * work_.prefill_pair_flops);
}

double RooflinePrices::head(double samples) const {
  if (samples == 0) return 0;
  return head_gemm_.seconds(work_.head_work.bytes, samples * work_.head_work.flops);
}

double RooflinePrices::mamba(double sequences) const {
  return sequences * work_.state_bytes / decode_.bandwidth;
}

double RooflinePrices::all_reduce(double tokens) const {
  return kAllReducesPerLayer * work_.layers *
         collectives_.all_reduce(ways_, tokens * kWide * work_.hidden);
}

double RooflinePrices::exchange(double tokens) const {
  return experts_ ? experts_->exchange(tokens) : 0;
}

std::string RooflinePrices::speeds() const {
  return fmt::format(
      "{:.0f} GB/s decode, {:.0f} GB/s weights, {:.0f} TFLOP/s linear, {:.0f} TFLOP/s prefill",
      decode_.bandwidth * 1e-9, gemm_.bandwidth * 1e-9, gemm_.flops * 1e-12,
      prefill_.flops * 1e-12);
}

}  // namespace kvsim
