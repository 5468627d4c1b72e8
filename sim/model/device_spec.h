#pragma once
// DeviceSpec: what one GPU can hold and how fast it could be, by its data sheet; and how much of
// that real kernels get out of it.

#include <string>
#include <string_view>

#include "sim/core/units.h"
#include "sim/model/dtype.h"

namespace kvsim {

/// Shares of the data sheet that published kernels reach, 0 to 1.
struct DeviceEfficiency {
  double decode_bandwidth = 0;  ///< Attention over long KV.
  double gemm_bandwidth = 0;    ///< Weights of a linear layer over few rows.
  double gemm_flops = 0;        ///< Linear layers over many rows.
  double prefill_flops = 0;     ///< Causal attention over a long prompt.
};

/// An all-reduce of b bytes over n GPUs takes latency + b * 2(n-1)/n / bandwidth.
struct DeviceLink {
  std::string kind;           ///< "nvlink" or "pcie".
  double bandwidth = 0;       ///< Bytes/s a GPU sends to its peers, one direction.
  double latency = 0;         ///< Seconds of an empty all-reduce.
  double efficiency = 0;      ///< Share of `bandwidth` all-reduces of some MB reach.
  double host_bandwidth = 0;  ///< Bytes/s to the host's memory, one direction.
};

struct DeviceSpec {
  std::string name;
  std::string title;     ///< "NVIDIA H200 SXM 141 GB".
  Bytes memory;          ///< Total as CUDA reports it to a process (cudaMemGetInfo).
  Bytes nominal;         ///< What the box says, decimal GB.
  double bandwidth = 0;  ///< Bytes/s.
  // Dense (no sparsity) FLOP/s or OP/s; 0 where the chip has no such unit.
  double bf16_flops = 0;
  double fp8_flops = 0;
  double int8_ops = 0;
  DeviceEfficiency efficiency;
  DeviceLink link;

  /// Peak of matrix products on weights of this type: what has no unit of its own (int4, or fp8 on
  /// older chips) is widened to bf16 first.
  [[nodiscard]] double flops(DType weights) const;
};

/// Throws InputError("FILE: /key: ..."). `name` becomes the device's.
[[nodiscard]] DeviceSpec parse_device(std::string_view text, const std::string& file,
                                      std::string name);

}  // namespace kvsim
