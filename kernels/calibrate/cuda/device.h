#pragma once
// The GPU as the calibrator finds it. Reads only: clocks and settings stay as they are.

#include <cstdint>
#include <string>

#include "kernels/calibrate/host/json.h"

namespace kvsim::calibrate {

struct Device {
  std::string name;        ///< "NVIDIA H200"
  std::string short_name;  ///< "h200": as in configs/devices
  int multiprocessors = 0;
  double free_bytes = 0;
  Json facts;  ///< For the profile.
};

/// The first device. Throws BadInput, in one line, if there is none or it is older than sm_80.
[[nodiscard]] Device find_device();

}  // namespace kvsim::calibrate
