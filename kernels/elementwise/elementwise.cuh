#pragma once
// Kernels of elementwise.h. One thread block per token, one thread per 16 bytes where there are
// few enough.

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "kernels/elementwise/elementwise.h"
#include "kernels/formats/eight.cuh"
#include "kernels/gpu/gpu.h"

namespace kvsim {

inline constexpr int kRowThreads = 1024;
inline constexpr int kRowWarps = kRowThreads / gpu::kWarpThreads;
inline constexpr int kRowPieces = 4;  ///< Of 8 elements, that a thread keeps in registers.

/// 16 bytes of a row-major tensor: `piece` of `row`, of rows of so many pieces.
KVSIM_DEVICE std::int64_t piece_at(int row, int piece, int pieces) {
  return (static_cast<std::int64_t>(row) * pieces + piece) * 8;
}

struct WarpSums {
  float sum[kRowWarps];
};

/// The block's sum, in every thread; the order of additions is fixed.
KVSIM_DEVICE float sum_over_block(float value, WarpSums& sums) {
  KVSIM_UNROLL
  for (int mask = 16; mask > 0; mask /= 2) value += gpu::shfl_xor(value, mask);
  if (gpu::lane() == 0) sums.sum[gpu::warp()] = value;
  gpu::sync_block();
  float total = 0;
  for (int w = 0; w < gpu::threads() / gpu::kWarpThreads; ++w) total += sums.sum[w];
  return total;
}

template <class Element>
KVSIM_KERNEL KVSIM_LAUNCH_BOUNDS(kRowThreads, 1) rms_norm(RmsNormArgs args) {
  const int pieces = args.hidden / 8;
  Eight x[kRowPieces];
  float squares = 0;
  KVSIM_UNROLL
  for (int i = 0; i < kRowPieces; ++i) {
    const int piece = gpu::thread() + i * gpu::threads();
    if (piece >= pieces) continue;
    const std::int64_t at = piece_at(gpu::block_x(), piece, pieces);
    x[i] = unpack8<Element>(gpu::load16(static_cast<const Element*>(args.in) + at));
    if (args.residual != nullptr) {
      Element* residual = static_cast<Element*>(args.residual) + at;
      const Eight before = unpack8<Element>(gpu::load16(residual));
      for (int j = 0; j < 8; ++j) x[i].x[j] += before.x[j];
      const gpu::Vec16 sum = pack8<Element>(x[i]);
      gpu::store16(residual, sum);
      x[i] = unpack8<Element>(sum);
    }
    for (int j = 0; j < 8; ++j) squares += x[i].x[j] * x[i].x[j];
  }
  const float mean =
      sum_over_block(squares, gpu::shared<WarpSums>()) / static_cast<float>(args.hidden);
  const float scale = gpu::rsqrt(mean + args.epsilon);
  KVSIM_UNROLL
  for (int i = 0; i < kRowPieces; ++i) {
    const int piece = gpu::thread() + i * gpu::threads();
    if (piece >= pieces) continue;
    const Eight weight = unpack8<Element>(
        gpu::load16(static_cast<const Element*>(args.weight) + piece_at(0, piece, pieces)));
    for (int j = 0; j < 8; ++j) x[i].x[j] *= scale * weight.x[j];
    gpu::store16(static_cast<Element*>(args.out) + piece_at(gpu::block_x(), piece, pieces),
                 pack8<Element>(x[i]));
  }
}

template <class Element>
KVSIM_KERNEL KVSIM_LAUNCH_BOUNDS(kRowThreads, 1) silu_mul(SiluMulArgs args) {
  constexpr float kLog2E = 1.44269504f;
  const int pieces = args.width / 8;
  const auto* in = static_cast<const Element*>(args.gate_up);
  for (int piece = gpu::thread(); piece < pieces; piece += gpu::threads()) {
    const std::int64_t gate_at = piece_at(2 * gpu::block_x(), piece, pieces);
    const std::int64_t up_at = piece_at(2 * gpu::block_x() + 1, piece, pieces);
    Eight gate = unpack8<Element>(gpu::load16_once(in + gate_at));
    const Eight up = unpack8<Element>(gpu::load16_once(in + up_at));
    KVSIM_UNROLL
    for (int j = 0; j < 8; ++j)
      gate.x[j] = gate.x[j] / (1.f + gpu::exp2(-kLog2E * gate.x[j])) * up.x[j];
    gpu::store16(static_cast<Element*>(args.out) + piece_at(gpu::block_x(), piece, pieces),
                 pack8<Element>(gate));
  }
}

template <class Element>
KVSIM_KERNEL KVSIM_LAUNCH_BOUNDS(kRowThreads, 1) embedding(EmbeddingArgs args) {
  const int pieces = args.hidden / 8;
  const std::int32_t id = args.ids[gpu::block_x()];
  for (int piece = gpu::thread(); piece < pieces; piece += gpu::threads())
    gpu::store16(
        static_cast<Element*>(args.out) + piece_at(gpu::block_x(), piece, pieces),
        gpu::load16(static_cast<const Element*>(args.table) + piece_at(id, piece, pieces)));
}

/// A candidate of argmax. The order is total, so that the result does not depend on who meets whom.
struct Best {
  float value = -INFINITY;
  int index = 0x7fff'ffff;

  KVSIM_DEVICE void meet(float other_value, int other_index) {
    if (!(other_value > value || (other_value == value && other_index < index))) return;
    value = other_value;
    index = other_index;
  }
};

struct WarpBests {
  float value[kRowWarps];
  int index[kRowWarps];
};

template <class Element>
KVSIM_KERNEL KVSIM_LAUNCH_BOUNDS(kRowThreads, 1) argmax(ArgmaxArgs args) {
  const int pieces = args.vocabulary / 8;
  const auto* logits = static_cast<const Element*>(args.logits);
  Best best;
  KVSIM_NO_UNROLL
  for (int piece = gpu::thread(); piece < pieces; piece += gpu::threads()) {
    const std::int64_t at = piece_at(gpu::block_x(), piece, pieces);
    const Eight eight = unpack8<Element>(gpu::load16_once(logits + at));
    KVSIM_UNROLL
    for (int j = 0; j < 8; ++j) best.meet(eight.x[j], piece * 8 + j);
  }
  KVSIM_UNROLL
  for (int mask = 16; mask > 0; mask /= 2) {
    const float value = gpu::shfl_xor(best.value, mask);
    const int index = gpu::shfl_xor(best.index, mask);
    best.meet(value, index);
  }
  auto& bests = gpu::shared<WarpBests>();
  if (gpu::lane() == 0) {
    bests.value[gpu::warp()] = best.value;
    bests.index[gpu::warp()] = best.index;
  }
  gpu::sync_block();
  if (gpu::thread() != 0) return;
  for (int w = 0; w < gpu::threads() / gpu::kWarpThreads; ++w)
    best.meet(bests.value[w], bests.index[w]);
  args.out[gpu::block_x()] = best.index < args.vocabulary ? best.index : 0;
}

inline void check_row(const char* kernel, int elements) {
  if (elements <= 0 || elements % 8 != 0)
    throw std::invalid_argument(std::string(kernel) +
                                ": rows must be a multiple of 8 elements, got " +
                                std::to_string(elements));
}

/// One block per token, a thread for each 16 bytes of a row but at most kRowThreads.
inline gpu::Launch row_launch(int tokens, int elements, std::size_t shared, gpu::Stream stream) {
  const int lanes = (elements / 8 + gpu::kWarpThreads - 1) / gpu::kWarpThreads * gpu::kWarpThreads;
  return {{tokens, 1, 1}, std::min(lanes, kRowThreads), shared, stream};
}

template <class Element>
void launch_rms_norm(const RmsNormArgs& args, int tokens, gpu::Stream stream) {
  check_row("rms_norm", args.hidden);
  if (args.hidden > kRowThreads * kRowPieces * 8)
    throw std::invalid_argument("rms_norm: at most 32768 elements, got " +
                                std::to_string(args.hidden));
  if (tokens == 0) return;
  gpu::launch(&rms_norm<Element>, row_launch(tokens, args.hidden, sizeof(WarpSums), stream), args);
}

template <class Element>
void launch_silu_mul(const SiluMulArgs& args, int tokens, gpu::Stream stream) {
  check_row("silu_mul", args.width);
  if (tokens == 0) return;
  gpu::launch(&silu_mul<Element>, row_launch(tokens, args.width, 0, stream), args);
}

template <class Element>
void launch_embedding(const EmbeddingArgs& args, int tokens, gpu::Stream stream) {
  check_row("embedding", args.hidden);
  if (tokens == 0) return;
  gpu::launch(&embedding<Element>, row_launch(tokens, args.hidden, 0, stream), args);
}

template <class Element>
void launch_argmax(const ArgmaxArgs& args, int tokens, gpu::Stream stream) {
  check_row("argmax", args.vocabulary);
  if (tokens == 0) return;
  gpu::launch(&argmax<Element>, row_launch(tokens, args.vocabulary, sizeof(WarpBests), stream),
              args);
}

template void launch_rms_norm<gpu::Bf16>(const RmsNormArgs&, int, gpu::Stream);
template void launch_rms_norm<gpu::Fp16>(const RmsNormArgs&, int, gpu::Stream);
template void launch_silu_mul<gpu::Bf16>(const SiluMulArgs&, int, gpu::Stream);
template void launch_silu_mul<gpu::Fp16>(const SiluMulArgs&, int, gpu::Stream);
template void launch_embedding<gpu::Bf16>(const EmbeddingArgs&, int, gpu::Stream);
template void launch_embedding<gpu::Fp16>(const EmbeddingArgs&, int, gpu::Stream);
template void launch_argmax<gpu::Bf16>(const ArgmaxArgs&, int, gpu::Stream);
template void launch_argmax<gpu::Fp16>(const ArgmaxArgs&, int, gpu::Stream);

}  // namespace kvsim
