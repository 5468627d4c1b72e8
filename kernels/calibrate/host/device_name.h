#pragma once
// What a device that CUDA names is called in configs/devices.

#include <string>

namespace kvsim::calibrate {

/// "NVIDIA H100 80GB HBM3" is "h100", "NVIDIA A100-SXM4-80GB" "a100-80gb", "NVIDIA GeForce RTX
/// 4090" "rtx-4090".
[[nodiscard]] std::string short_device_name(const std::string& name);

}  // namespace kvsim::calibrate
