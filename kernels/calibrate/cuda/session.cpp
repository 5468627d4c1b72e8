#include "kernels/calibrate/cuda/session.h"

#include <algorithm>

#include "kernels/calibrate/cuda/decode_launch.h"
#include "kernels/calibrate/cuda/mla_launch.h"
#include "kernels/calibrate/cuda/prefill_launch.h"
#include "kernels/calibrate/cuda/step_launch.h"
#include "kernels/calibrate/cuda/time_ceiling.h"
#include "kernels/calibrate/cuda/time_elementwise.h"
#include "kernels/calibrate/cuda/time_gemm.h"
#include "kernels/calibrate/cuda/time_memory.h"
#include "kernels/calibrate/host/dry_run.h"
#include "kernels/calibrate/host/features.h"
#include "kernels/calibrate/host/text.h"

namespace kvsim::calibrate {
namespace {

constexpr double kLeastMemory = 8e9;  // the smallest device whose timings would say something

double checked_memory(const Device& device) {
  if (device.free_bytes < kLeastMemory)
    throw BadInput(text(device.name, ": too little free memory: ", device.free_bytes * 1e-9,
                        " GB, needs ", kLeastMemory * 1e-9, " GB; stop other programs on it"));
  return kv_memory(device.free_bytes);
}

struct Timer {
  KvPool& pool;
  int multiprocessors;
  const ModelShape& model;

  Spread operator()(const DecodeCase& c) const { return time_decode(c, pool, multiprocessors); }
  Spread operator()(const PrefillCase& c) const { return time_prefill(c, pool, multiprocessors); }
  Spread operator()(const CascadeCase& c) const { return time_cascade(c, pool, multiprocessors); }
  Spread operator()(const AppendCase& c) const { return time_append(c, pool); }
  Spread operator()(const CopyCase& c) const { return time_copy(c, pool); }
  Spread operator()(const SwapCase& c) const { return time_swap(c, pool); }
  Spread operator()(const MlaCase& c) const { return time_mla(c, pool, multiprocessors); }
  Spread operator()(const StepCase& c) const { return time_step(model, c, pool, multiprocessors); }
  Spread operator()(const ElementwiseCase& c) const { return time_elementwise(c, pool); }
  Spread operator()(const GemmCase& c) const { return time_gemm(c, pool); }
  Spread operator()(const CeilingCase& c) const { return time_ceiling(c, pool, multiprocessors); }
};

}  // namespace

Session::Session(const Options& options)
    : device_(find_device()),
      model_(read_model(options.model)),
      memory_(checked_memory(device_)),
      pool_(memory_, options.seed) {}

Spread Session::time_launch(const What& what) {
  return std::visit(Timer{pool_, device_.multiprocessors, model_}, what);
}

std::optional<Sample> Session::time(const Case& c) {
  try {
    return Sample{c, features_of(c.what, device_.multiprocessors), time_launch(c.what)};
  } catch (const BadInput& problem) {
    const std::string warning = text(c.family, ": not timed: ", problem.what());
    if (std::find(warnings_.begin(), warnings_.end(), warning) == warnings_.end())
      warnings_.push_back(warning);
    return std::nullopt;
  }
}

}  // namespace kvsim::calibrate
