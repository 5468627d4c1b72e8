#pragma once
// Kernels and functions of probes.h. Included by probes.cpp and probes.cu, which differ in the
// compiler only.

#include <algorithm>

#include "kernels/calibrate/probes/probes.h"
#include "kernels/gpu/gpu.h"

namespace kvsim::calibrate {

inline constexpr int kProbeThreads = 256;
inline constexpr int kLoadsInFlight = 8;  // of a thread: 8 x 256 x 16 bytes of a block

/// A bijection of 64-bit words that looks random (splitmix64; Steele, Lea & Flood, OOPSLA 2014).
KVSIM_HOST_DEVICE std::uint64_t scrambled(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

template <class Element>
KVSIM_DEVICE std::uint32_t random_pair(std::uint32_t bits) {
  const auto value = [](std::uint32_t sixteen) {
    return static_cast<float>(static_cast<int>(sixteen) - 32768) * 0x1p-15f;
  };
  return gpu::pack<Element>(value(bits & 0xffffu), value(bits >> 16));
}

/// The code of a NaN becomes the largest number.
KVSIM_DEVICE std::uint32_t without_e4m3_nan(std::uint32_t codes) {
  std::uint32_t safe = 0;
  for (int i = 0; i < 32; i += 8) {
    const std::uint32_t code = codes >> i & 0xffu;
    safe |= ((code & 0x7fu) == 0x7fu ? code - 1 : code) << i;
  }
  return safe;
}

KVSIM_DEVICE std::uint32_t random_word(RandomKind kind, std::uint32_t bits) {
  if (kind == RandomKind::kBf16) return random_pair<gpu::Bf16>(bits);
  if (kind == RandomKind::kFp16) return random_pair<gpu::Fp16>(bits);
  if (kind == RandomKind::kE4m3) return without_e4m3_nan(bits);
  // fp16 with exponent -7: sign and exponent of 1/128, ten random bits of mantissa.
  if (kind == RandomKind::kScale) return (bits & 0x03ff03ffu) | 0x20002000u;
  return bits;
}

KVSIM_DEVICE std::int64_t probe_thread() {
  return static_cast<std::int64_t>(gpu::block_x()) * gpu::threads() + gpu::thread();
}
KVSIM_DEVICE std::int64_t probe_threads() {
  return static_cast<std::int64_t>(gpu::blocks_x()) * gpu::threads();
}

KVSIM_KERNEL fill_random_kernel(RandomKind kind, gpu::Vec16* to, std::int64_t count,
                                std::uint64_t seed) {
  for (std::int64_t i = probe_thread(); i < count; i += probe_threads()) {
    const std::uint64_t low = scrambled(seed + 2 * static_cast<std::uint64_t>(i));
    const std::uint64_t high = scrambled(seed + 2 * static_cast<std::uint64_t>(i) + 1);
    const gpu::Vec16 bits{{static_cast<std::uint32_t>(low), static_cast<std::uint32_t>(low >> 32),
                           static_cast<std::uint32_t>(high),
                           static_cast<std::uint32_t>(high >> 32)}};
    gpu::Vec16 value;
    for (int w = 0; w < 4; ++w) value.word[w] = random_word(kind, bits.word[w]);
    gpu::store16(to + i, value);
  }
}

/// visit(i): all kLoadsInFlight vectors i, i + threads, .. exist; last(i): the one does.
template <class Visit, class Last>
KVSIM_DEVICE void sweep(std::int64_t count, Visit visit, Last last) {
  const std::int64_t stride = kLoadsInFlight * probe_threads();
  std::int64_t i = probe_thread();
  for (; i + stride - probe_threads() < count; i += stride) visit(i);
  for (; i < count; i += probe_threads()) last(i);
}

KVSIM_KERNEL read_sweep_kernel(const gpu::Vec16* from, std::int64_t count, std::uint32_t* sink) {
  std::uint32_t all = 0;
  const auto take = [&all](const gpu::Vec16& v) {
    all ^= v.word[0] ^ v.word[1] ^ v.word[2] ^ v.word[3];
  };
  const auto eight = [&](std::int64_t i) {
    gpu::Vec16 value[kLoadsInFlight];
    KVSIM_UNROLL
    for (int j = 0; j < kLoadsInFlight; ++j)
      value[j] = gpu::load16_once(from + i + j * probe_threads());
    KVSIM_UNROLL
    for (int j = 0; j < kLoadsInFlight; ++j) take(value[j]);
  };
  sweep(count, eight, [&](std::int64_t i) { take(gpu::load16_once(from + i)); });
  // Hardly ever true, but the compiler cannot know: the loads must be made.
  constexpr std::uint32_t kUnlikely = 0x5eed1e55;
  if (all == kUnlikely) *sink = all;
}

KVSIM_KERNEL copy_sweep_kernel(const gpu::Vec16* from, gpu::Vec16* to, std::int64_t count) {
  const auto eight = [&](std::int64_t i) {
    gpu::Vec16 value[kLoadsInFlight];
    KVSIM_UNROLL
    for (int j = 0; j < kLoadsInFlight; ++j)
      value[j] = gpu::load16_once(from + i + j * probe_threads());
    KVSIM_UNROLL
    for (int j = 0; j < kLoadsInFlight; ++j) gpu::store16(to + i + j * probe_threads(), value[j]);
  };
  sweep(count, eight, [&](std::int64_t i) { gpu::store16(to + i, gpu::load16_once(from + i)); });
}

KVSIM_KERNEL do_nothing_kernel(int /*nothing*/) {}

namespace {

constexpr int kVectorBytes = 16;

/// As many blocks as there is work for, up to `most`.
gpu::Launch over(std::int64_t vectors, int most, gpu::Stream stream) {
  const std::int64_t blocks = (vectors + kProbeThreads - 1) / kProbeThreads;
  return {{static_cast<int>(std::clamp<std::int64_t>(blocks, 1, most)), 1, 1},
          kProbeThreads,
          0,
          stream};
}

constexpr int kBlocksPerMultiprocessor = 8;  // of 256 threads: all that fit

}  // namespace

void fill_random(RandomKind kind, void* memory, std::int64_t bytes, std::uint64_t seed,
                 gpu::Stream stream) {
  constexpr int kManyBlocks = 4096;
  const std::int64_t vectors = bytes / kVectorBytes;
  gpu::launch(&fill_random_kernel, over(vectors, kManyBlocks, stream), kind,
              static_cast<gpu::Vec16*>(memory), vectors, scrambled(seed));
}

void read_sweep(const void* memory, std::int64_t bytes, std::uint32_t* sink, int multiprocessors,
                gpu::Stream stream) {
  const std::int64_t vectors = bytes / kVectorBytes;
  gpu::launch(&read_sweep_kernel, over(vectors, multiprocessors * kBlocksPerMultiprocessor, stream),
              static_cast<const gpu::Vec16*>(memory), vectors, sink);
}

void copy_sweep(const void* from, void* to, std::int64_t bytes, int multiprocessors,
                gpu::Stream stream) {
  const std::int64_t vectors = bytes / kVectorBytes;
  gpu::launch(&copy_sweep_kernel, over(vectors, multiprocessors * kBlocksPerMultiprocessor, stream),
              static_cast<const gpu::Vec16*>(from), static_cast<gpu::Vec16*>(to), vectors);
}

void do_nothing(gpu::Stream stream) {
  gpu::launch(&do_nothing_kernel, {{1, 1, 1}, 32, 0, stream}, 0);
}

}  // namespace kvsim::calibrate
