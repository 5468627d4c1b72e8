#pragma once
// Clocks, temperature and power as NVML reads them, where there is one. Reads only.

#include "kernels/calibrate/host/json.h"

namespace kvsim::calibrate {

class Sensors {
 public:
  /// Loads libnvidia-ml; without it every reading is empty.
  Sensors();
  ~Sensors();
  Sensors(const Sensors&) = delete;
  Sensors& operator=(const Sensors&) = delete;

  /// {"sm_mhz":..,"mem_mhz":..,"temp_c":..,"power_w":..}; what cannot be read is left out.
  [[nodiscard]] Json read() const;
  /// "580.159.04"; empty if it cannot be read.
  [[nodiscard]] std::string driver() const;

 private:
  template <class Function>
  [[nodiscard]] Function* find(const char* name) const;
  void* library_ = nullptr;
  void* device_ = nullptr;
};

}  // namespace kvsim::calibrate
