#pragma once
// Times matrix products by cuBLASLt: C[m, n] = A[m, k] W[n, k]^T, as a linear layer has them.

#include <memory>

#include "kernels/calibrate/cuda/kv_pool.h"
#include "kernels/calibrate/host/cases.h"
#include "kernels/calibrate/host/statistics.h"
#include "kernels/gpu/launch.h"

namespace kvsim::calibrate {

/// One product, ready to be queued.
class Gemm {
 public:
  /// Picks the heuristic's first algorithm. Throws BadInput where cuBLASLt has none, or where this
  /// program was built without it.
  explicit Gemm(const GemmCase& c);
  ~Gemm();
  Gemm(Gemm&&) noexcept;
  Gemm(const Gemm&) = delete;
  Gemm& operator=(Gemm&&) = delete;
  Gemm& operator=(const Gemm&) = delete;

  /// `weights` [n, k], `input` [m, k], `output` [m, n] in bf16; device pointers, 16-byte aligned.
  void enqueue(const void* weights, const void* input, void* output, gpu::Stream stream) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Weights rotate through the pool.
[[nodiscard]] Spread time_gemm(const GemmCase& c, KvPool& pool);

}  // namespace kvsim::calibrate
