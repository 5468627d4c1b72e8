#pragma once
// One session on the GPU: its memory, and how each kind of case is timed.

#include <optional>
#include <string>
#include <vector>

#include "kernels/calibrate/cuda/device.h"
#include "kernels/calibrate/cuda/kv_pool.h"
#include "kernels/calibrate/host/options.h"
#include "kernels/calibrate/host/profile.h"

namespace kvsim::calibrate {

class Session {
 public:
  /// Throws BadInput if there is no device, or too little memory on it.
  explicit Session(const Options& options);

  [[nodiscard]] const Device& device() const { return device_; }
  [[nodiscard]] const ModelShape& model() const { return model_; }
  [[nodiscard]] KvPool& pool() { return pool_; }
  /// Bytes that cases may use for KV.
  [[nodiscard]] double memory() const { return memory_; }

  /// Nothing, and a warning, for what has no kernel or does not fit.
  [[nodiscard]] std::optional<Sample> time(const Case& c);
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  [[nodiscard]] Spread time_launch(const What& what);

  Device device_;
  ModelShape model_;
  double memory_;
  KvPool pool_;
  std::vector<std::string> warnings_;
};

}  // namespace kvsim::calibrate
