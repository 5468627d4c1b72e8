#include "sim/model/device_spec.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "sim/core/config_view.h"
#include "sim/model/json_fields.h"

namespace kvsim {
namespace {

constexpr double kGiga = 1e9;
constexpr double kTera = 1e12;
constexpr double kGib = 1024.0 * 1024.0 * 1024.0;

// Every figure is an object {"value": ..., "source": "..."}: no number without its origin.
double figure(const JsonFields& fields, const std::string& key, double low, double high) {
  const JsonFields entry = fields.object(key);
  (void)entry.text("source");
  return entry.number("value", low, high);
}

DeviceEfficiency read_efficiency(const JsonFields& fields) {
  constexpr double kLeast = 0.01;
  DeviceEfficiency e;
  e.decode_bandwidth = figure(fields, "decode_bandwidth", kLeast, 1);
  e.gemm_bandwidth = figure(fields, "gemm_bandwidth", kLeast, 1);
  e.gemm_flops = figure(fields, "gemm_flops", kLeast, 1);
  e.prefill_flops = figure(fields, "prefill_flops", kLeast, 1);
  return e;
}

DeviceLink read_link(const JsonFields& fields) {
  DeviceLink link;
  link.kind = fields.text("kind");
  if (link.kind != "nvlink" && link.kind != "pcie")
    fields.fail("kind", "no link named '" + link.kind + "'; known: nvlink, pcie");
  link.bandwidth = figure(fields, "peer_gbytes_per_s", 0.1, 1e5) * kGiga;
  link.latency = figure(fields, "allreduce_latency_us", 0, 1e6) * 1e-6;
  link.efficiency = figure(fields, "allreduce_efficiency", 0.001, 1);
  link.host_bandwidth = figure(fields, "host_gbytes_per_s", 0.1, 1e5) * kGiga;
  return link;
}

}  // namespace

double DeviceSpec::flops(DType weights) const {
  if (weights == DType::kFp8 && fp8_flops > 0) return fp8_flops;
  if (weights == DType::kInt8 && int8_ops > 0) return int8_ops;
  return bf16_flops;
}

DeviceSpec parse_device(std::string_view text, const std::string& file, std::string name) {
  const nlohmann::ordered_json document = parse_json(text, file);
  const JsonFields fields(document, file);
  DeviceSpec device;
  device.name = std::move(name);
  device.title = fields.text("name");
  device.memory = Bytes(std::llround(figure(fields, "memory_gib", 0.1, 1e4) * kGib));
  device.nominal = Bytes(std::llround(figure(fields, "nominal_gb", 0.1, 1e4) * kGiga));
  device.bandwidth = figure(fields, "bandwidth_gbytes_per_s", 1, 1e6) * kGiga;
  device.bf16_flops = figure(fields, "bf16_tflops", 0.1, 1e6) * kTera;
  device.fp8_flops = figure(fields, "fp8_tflops", 0, 1e6) * kTera;
  device.int8_ops = figure(fields, "int8_tops", 0, 1e6) * kTera;
  device.efficiency = read_efficiency(fields.object("efficiency"));
  device.link = read_link(fields.object("link"));
  return device;
}

}  // namespace kvsim
