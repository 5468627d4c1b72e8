// Devices: every figure has a source, and peaks depend on what the chip can multiply.
#include "sim/model/device_spec.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sim/core/config_view.h"
#include "sim/model/builtin_configs.h"

namespace kvsim {
namespace {

DeviceSpec device(const std::string& name) {
  return parse_device(builtin_config("devices", name).value(), name + ".json", name);
}

TEST(DeviceSpec, ReadsEveryBuiltInDevice) {
  EXPECT_EQ(builtin_config_names("devices"),
            (std::vector<std::string>{"a10", "a100-40gb", "a100-80gb", "b200", "h100", "h200", "l4",
                                      "l40s", "rtx-4090"}));
  for (const std::string& name : builtin_config_names("devices")) {
    const DeviceSpec d = device(name);
    // A GiB is 7 % more than a GB; drivers keep up to 4 % of what the box says.
    EXPECT_GT(static_cast<double>(d.memory.value()), 0.96 * static_cast<double>(d.nominal.value()));
    EXPECT_LT(static_cast<double>(d.memory.value()),
              1.074 * static_cast<double>(d.nominal.value()));
  }
  EXPECT_EQ(device("h100").nominal, Bytes(80'000'000'000));
}

TEST(DeviceSpec, WidensWhatTheChipCannotMultiply) {
  EXPECT_EQ(device("h100").flops(DType::kFp8), 1978.9e12);
  EXPECT_EQ(device("h100").flops(DType::kInt4), 989.4e12);
  EXPECT_EQ(device("a100-80gb").flops(DType::kFp8), 312e12);
  EXPECT_EQ(device("a100-80gb").flops(DType::kInt8), 624e12);
}

std::string error_with(const std::string& pointer, const nlohmann::ordered_json& value) {
  auto json = parse_json(builtin_config("devices", "h100").value(), "h100.json");
  json[nlohmann::ordered_json::json_pointer(pointer)] = value;
  try {
    (void)parse_device(json.dump(), "my.json", "my");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(DeviceSpec, WantsEveryFigureWithItsSource) {
  EXPECT_EQ(error_with("/memory_gib", 80), "my.json: /memory_gib: expected an object, got 80");
  EXPECT_EQ(error_with("/memory_gib", {{"value", 80}}), "my.json: /memory_gib/source: missing");
  EXPECT_EQ(error_with("/link/kind", "infiniband"),
            "my.json: /link/kind: no link named 'infiniband'; known: nvlink, pcie");
  EXPECT_EQ(error_with("/efficiency/gemm_flops/value", 1.5),
            "my.json: /efficiency/gemm_flops/value: expected 0.01 to 1, got 1.5");
}

}  // namespace
}  // namespace kvsim
