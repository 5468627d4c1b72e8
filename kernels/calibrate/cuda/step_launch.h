#pragma once
// A whole forward pass with our kernels: every layer's matrices, attention and small kernels, on
// KV and weights of its own, as one graph.

#include "kernels/calibrate/cuda/decode_launch.h"
#include "kernels/calibrate/host/model_shape.h"

namespace kvsim::calibrate {

/// Where the sequences of a step lie; all empty: anywhere.
struct StepPlaces {
  int page = 16;
  BlockTables decodes{}, chunks{};
};

/// Microseconds of the pass. Throws BadInput for what has no kernel or does not fit.
[[nodiscard]] Spread time_step(const ModelShape& model, const StepCase& step, KvPool& pool,
                               int multiprocessors, const StepPlaces& places = {});

}  // namespace kvsim::calibrate
