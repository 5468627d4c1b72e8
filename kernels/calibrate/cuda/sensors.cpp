#include "kernels/calibrate/cuda/sensors.h"

#include <array>
#include <dlfcn.h>

namespace kvsim::calibrate {
namespace {

// From the NVML API reference: every function returns 0 on success; a device is an opaque pointer.
using Status = int;
constexpr Status kOk = 0;
constexpr unsigned kClockSm = 1, kClockMemory = 2;
constexpr unsigned kTemperatureGpu = 0;

}  // namespace

template <class Function>
Function* Sensors::find(const char* name) const {
  return library_ == nullptr ? nullptr : reinterpret_cast<Function*>(dlsym(library_, name));
}

Sensors::Sensors() : library_(dlopen("libnvidia-ml.so.1", RTLD_NOW)) {
  auto* init = find<Status()>("nvmlInit_v2");
  auto* by_index = find<Status(unsigned, void**)>("nvmlDeviceGetHandleByIndex_v2");
  if (init == nullptr || by_index == nullptr || init() != kOk) return;
  if (by_index(0, &device_) != kOk) device_ = nullptr;
}

Sensors::~Sensors() {
  if (library_ == nullptr) return;
  if (auto* shutdown = find<Status()>("nvmlShutdown")) (void)shutdown();
  (void)dlclose(library_);
}

Json Sensors::read() const {
  Json readings = Json::object();
  if (device_ == nullptr) return readings;
  unsigned value = 0;
  auto* clock = find<Status(void*, unsigned, unsigned*)>("nvmlDeviceGetClockInfo");
  if (clock != nullptr && clock(device_, kClockSm, &value) == kOk)
    readings["sm_mhz"] = static_cast<double>(value);
  if (clock != nullptr && clock(device_, kClockMemory, &value) == kOk)
    readings["mem_mhz"] = static_cast<double>(value);
  auto* temperature = find<Status(void*, unsigned, unsigned*)>("nvmlDeviceGetTemperature");
  if (temperature != nullptr && temperature(device_, kTemperatureGpu, &value) == kOk)
    readings["temp_c"] = static_cast<double>(value);
  auto* power = find<Status(void*, unsigned*)>("nvmlDeviceGetPowerUsage");
  constexpr double kMilliwatts = 1e-3;
  if (power != nullptr && power(device_, &value) == kOk) readings["power_w"] = kMilliwatts * value;
  return readings;
}

std::string Sensors::driver() const {
  std::array<char, 81> text{};
  auto* version = find<Status(char*, unsigned)>("nvmlSystemGetDriverVersion");
  if (version == nullptr || version(text.data(), static_cast<unsigned>(text.size() - 1)) != kOk)
    return "";
  return text.data();
}

}  // namespace kvsim::calibrate
