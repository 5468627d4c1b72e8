#include "kernels/calibrate/cuda/step_launch.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <optional>

#include "kernels/append/append.h"
#include "kernels/calibrate/cuda/prefill_launch.h"
#include "kernels/calibrate/cuda/replay.h"
#include "kernels/calibrate/cuda/time_gemm.h"
#include "kernels/calibrate/host/options.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/gpu/number.h"

namespace kvsim::calibrate {
namespace {

constexpr std::int64_t kElement = 2;  // bytes of bf16
constexpr float kEpsilon = 1e-5f;

DeviceMemory activations(int rows, int width) {
  constexpr std::int64_t kVector = 16;
  const std::int64_t bytes = (kElement * rows * width + kVector - 1) / kVector * kVector;
  DeviceMemory memory(static_cast<std::size_t>(bytes));
  fill_random(RandomKind::kBf16, memory.data(), bytes, 1);
  return memory;
}

/// Weights of the layers one after another in the pool, from its start again where it ends.
class Weights {
 public:
  explicit Weights(const KvPool& pool) : pool_(pool) {}
  const std::byte* take(std::int64_t bytes) {
    if (bytes > pool_.side_bytes()) throw BadInput("the model's weights do not fit the GPU");
    if (next_ + bytes > pool_.side_bytes()) next_ = 0;
    const std::byte* weights = pool_.k() + next_;
    next_ += bytes;
    return weights;
  }

 private:
  const KvPool& pool_;
  std::int64_t next_ = 0;
};

class Pass {
 public:
  Pass(const ModelShape& model, const StepCase& step, KvPool& pool, int multiprocessors,
       const StepPlaces& places)
      : model_(model), rows_(static_cast<int>(step.lengths.size())), pool_(pool) {
    for (const Chunk& chunk : step.chunks) rows_ += chunk.fresh;
    samples_ = static_cast<int>(step.lengths.size() + step.chunks.size());
    if (!step.lengths.empty()) {
      DecodeCase decode;
      decode.heads = model.heads;
      decode.page = places.page;
      decode.lengths = step.lengths;
      decode_.emplace(decode, pool, multiprocessors, model.layers, places.decodes);
    }
    if (!step.chunks.empty())
      prefill_.emplace(model.heads, step.chunks, places.page, pool, multiprocessors, model.layers,
                       places.chunks);
    for (const GemmCase& gemm : layer_gemms(model, rows_)) layer_.emplace_back(gemm);
    head_.emplace(GemmCase{samples_, model.vocabulary, model.hidden});
    hidden_ = activations(rows_, model.hidden);
    residual_ = activations(rows_, model.hidden);
    qkv_ = activations(rows_, model.qkv());
    gate_up_ = activations(rows_, 2 * model.intermediate);
    inner_ = activations(rows_, std::max(model.intermediate, model.heads.q * model.heads.dim));
    logits_ = activations(samples_, model.vocabulary);
    std::vector<std::int32_t> numbers(static_cast<std::size_t>(rows_));
    std::iota(numbers.begin(), numbers.end(), 0);
    numbers_ = DeviceMemory::with(numbers);
    make_slots();
  }

  void enqueue(gpu::Stream stream) const {
    const ModelShape& m = model_;
    Weights weights(pool_);
    launch_embedding<gpu::Bf16>({numbers_.as<std::int32_t>(), pool_.k(), hidden_.data(), m.hidden},
                                rows_, stream);
    for (int layer = 0; layer < m.layers; ++layer) {
      norm(stream);
      multiply(0, m.qkv(), m.hidden, weights, hidden_, qkv_, stream);
      append(stream);
      if (decode_) decode_->enqueue(stream, layer % decode_->sets());
      if (prefill_) prefill_->enqueue(stream, layer % prefill_->sets());
      multiply(1, m.hidden, m.heads.q * m.heads.dim, weights, inner_, hidden_, stream);
      norm(stream);
      multiply(2, 2 * m.intermediate, m.hidden, weights, hidden_, gate_up_, stream);
      launch_silu_mul<gpu::Bf16>({gate_up_.data(), inner_.data(), m.intermediate}, rows_, stream);
      multiply(3, m.hidden, m.intermediate, weights, inner_, hidden_, stream);
    }
    head_->enqueue(weights.take(kElement * m.vocabulary * m.hidden), hidden_.data(), logits_.data(),
                   stream);
    launch_argmax<gpu::Bf16>({logits_.data(), numbers_.as<std::int32_t>(), m.vocabulary}, samples_,
                             stream);
  }

 private:
  void norm(gpu::Stream stream) const {
    launch_rms_norm<gpu::Bf16>(
        {hidden_.data(), residual_.data(), pool_.k(), hidden_.data(), model_.hidden, kEpsilon},
        rows_, stream);
  }
  void multiply(std::size_t which, int n, int k, Weights& weights, const DeviceMemory& from,
                const DeviceMemory& to, gpu::Stream stream) const {
    layer_[which].enqueue(weights.take(kElement * n * k), from.data(), to.data(), stream);
  }
  /// New tokens go to slots of their own, anywhere: a few rows of a pool of millions.
  void make_slots() {
    constexpr std::int64_t kPage = 16;
    const std::int64_t page_bytes = kPage * model_.heads.kv * model_.heads.dim * kElement;
    std::vector<std::int32_t> slots = pool_.draw_pages(page_bytes, rows_);
    for (std::int32_t& slot : slots) slot *= static_cast<std::int32_t>(kPage);
    slots_ = DeviceMemory::with(slots);
  }
  void append(gpu::Stream stream) const {
    AppendArgs args;
    const std::int64_t head_bytes = kElement * model_.heads.dim;
    args.key = qkv_.as<std::byte>() + model_.heads.q * head_bytes;
    args.value = qkv_.as<std::byte>() + (model_.heads.q + model_.heads.kv) * head_bytes;
    args.token_stride = model_.qkv();
    args.slots = slots_.as<std::int32_t>();
    args.k = pool_.write_k();
    args.v = pool_.write_v();
    args.kv_heads = model_.heads.kv;
    args.head_dim = model_.heads.dim;
    args.page_shift = 4;
    launch_append({}, args, rows_, stream);
  }

  const ModelShape& model_;
  int rows_;
  int samples_ = 0;
  KvPool& pool_;
  std::optional<DecodeLaunch> decode_;
  std::optional<PrefillLaunch> prefill_;
  std::vector<Gemm> layer_;
  std::optional<Gemm> head_;
  DeviceMemory hidden_, residual_, qkv_, gate_up_, inner_, logits_, numbers_, slots_;
};

}  // namespace

Spread time_step(const ModelShape& model, const StepCase& step, KvPool& pool, int multiprocessors,
                 const StepPlaces& places) {
  const Pass pass(model, step, pool, multiprocessors, places);
  return time_replays([&](gpu::Stream stream, int) { pass.enqueue(stream); }, 1);
}

}  // namespace kvsim::calibrate
