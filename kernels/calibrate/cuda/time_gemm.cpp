#include "kernels/calibrate/cuda/time_gemm.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "kernels/calibrate/cuda/replay.h"
#include "kernels/calibrate/host/options.h"
#include "kernels/calibrate/host/text.h"

#ifdef KVSIM_CUBLASLT
#include <cublasLt.h>
#endif

namespace kvsim::calibrate {

#ifdef KVSIM_CUBLASLT

namespace {

constexpr std::size_t kWorkspaceBytes = 64 << 20;

void check(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw std::runtime_error(text(what, ": ", cublasLtGetStatusString(status)));
}

cublasLtHandle_t handle() {
  static const cublasLtHandle_t shared = [] {
    cublasLtHandle_t made = nullptr;
    check(cublasLtCreate(&made), "cuBLASLt");
    return made;
  }();
  return shared;
}

void* workspace() {
  static const DeviceMemory shared(kWorkspaceBytes);
  return shared.data();
}

cudaDataType_t type_of(const GemmCase& c) {
  return c.dtype == "fp8" ? CUDA_R_8F_E4M3 : CUDA_R_16BF;
}

}  // namespace

// cuBLAS is column-major: C^T [n, m] = W^T(T) A^T, both inputs with k as their leading dimension.
struct Gemm::State {
  cublasLtMatmulDesc_t operation = nullptr;
  cublasLtMatrixLayout_t weights = nullptr, input = nullptr, output = nullptr;
  cublasLtMatmulAlgo_t algorithm{};

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (operation != nullptr) (void)cublasLtMatmulDescDestroy(operation);
    for (cublasLtMatrixLayout_t layout : {weights, input, output})
      if (layout != nullptr) (void)cublasLtMatrixLayoutDestroy(layout);
  }
};

Gemm::Gemm(const GemmCase& c) : state_(std::make_unique<State>()) {
  State& s = *state_;
  const auto m = static_cast<std::uint64_t>(c.m);
  const auto n = static_cast<std::uint64_t>(c.n);
  const auto k = static_cast<std::uint64_t>(c.k);
  check(cublasLtMatmulDescCreate(&s.operation, CUBLAS_COMPUTE_32F, CUDA_R_32F), "cuBLASLt");
  const cublasOperation_t transposed = CUBLAS_OP_T;
  check(cublasLtMatmulDescSetAttribute(s.operation, CUBLASLT_MATMUL_DESC_TRANSA, &transposed,
                                       sizeof transposed),
        "cuBLASLt");
  check(cublasLtMatrixLayoutCreate(&s.weights, type_of(c), k, n, c.k), "cuBLASLt");
  check(cublasLtMatrixLayoutCreate(&s.input, type_of(c), k, m, c.k), "cuBLASLt");
  check(cublasLtMatrixLayoutCreate(&s.output, CUDA_R_16BF, n, m, c.n), "cuBLASLt");
  cublasLtMatmulPreference_t preference = nullptr;
  check(cublasLtMatmulPreferenceCreate(&preference), "cuBLASLt");
  (void)cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                             &kWorkspaceBytes, sizeof kWorkspaceBytes);
  cublasLtMatmulHeuristicResult_t best{};
  int found = 0;
  const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
      handle(), s.operation, s.weights, s.input, s.output, s.output, preference, 1, &best, &found);
  (void)cublasLtMatmulPreferenceDestroy(preference);
  if (status != CUBLAS_STATUS_SUCCESS || found == 0)
    throw BadInput(
        text("cuBLASLt has no algorithm for ", c.dtype, " m ", c.m, ", n ", c.n, ", k ", c.k));
  s.algorithm = best.algo;
}

void Gemm::enqueue(const void* weights, const void* input, void* output, gpu::Stream stream) const {
  const float one = 1;
  const float zero = 0;
  const State& s = *state_;
  check(cublasLtMatmul(handle(), s.operation, &one, weights, s.weights, input, s.input, &zero,
                       output, s.output, output, s.output, &s.algorithm, workspace(),
                       kWorkspaceBytes, static_cast<cudaStream_t>(stream.handle)),
        "cuBLASLt");
}

#else

struct Gemm::State {};
Gemm::Gemm(const GemmCase& /*c*/) {
  throw BadInput("built without cuBLASLt: no matrices are timed");
}
void Gemm::enqueue(const void* /*weights*/, const void* /*input*/, void* /*output*/,
                   gpu::Stream /*stream*/) const {}

#endif

Gemm::~Gemm() = default;
Gemm::Gemm(Gemm&&) noexcept = default;

Spread time_gemm(const GemmCase& c, KvPool& pool) {
  const Gemm gemm(c);
  pool.hold(c.dtype == "fp8" ? RandomKind::kE4m3 : RandomKind::kBf16);
  const std::int64_t element = c.dtype == "fp8" ? 1 : 2;
  const std::int64_t weight_bytes = element * c.n * c.k;
  if (weight_bytes > pool.side_bytes() || element * c.m * c.k > pool.side_bytes())
    throw BadInput(text("a matrix of ", c.n, " x ", c.k, " does not fit the GPU"));
  const int sets = std::min(rotating_sets(static_cast<double>(weight_bytes)),
                            static_cast<int>(pool.side_bytes() / weight_bytes));
  const DeviceMemory output(static_cast<std::size_t>(c.m) * static_cast<std::size_t>(c.n) * 2);
  return time_replays(
      [&](gpu::Stream stream, int set) {
        gemm.enqueue(pool.k() + set * weight_bytes, pool.v(), output.data(), stream);
      },
      sets);
}

}  // namespace kvsim::calibrate
