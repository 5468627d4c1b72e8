#pragma once
// The functions of gpu.h on a Machine. Include gpu.h, which documents them.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <tuple>
#include <type_traits>

#include "kernels/gpu/cpu/machine.h"
#include "kernels/gpu/macros.h"
#include "kernels/gpu/number.h"
#include "kernels/gpu/vec.h"

namespace kvsim::gpu {

inline int thread() { return Machine::current().thread().index; }
inline int lane() { return thread() % kWarpThreads; }
inline int warp() { return thread() / kWarpThreads; }
inline int threads() { return Machine::current().launch().threads; }
inline int block_x() { return Machine::current().thread().block->place.x; }
inline int block_y() { return Machine::current().thread().block->place.y; }
inline int block_z() { return Machine::current().thread().block->place.z; }
inline int blocks_x() { return Machine::current().launch().grid.x; }
inline int blocks_y() { return Machine::current().launch().grid.y; }
inline int blocks_z() { return Machine::current().launch().grid.z; }

inline void sync_block(Where where = Where::current()) {
  Machine::current().barrier({"sync_block", where});
}
void sync_warp(Where where = Where::current());

/// The word of lane `source(lane)`, for each lane.
std::uint32_t exchange(std::uint32_t word, int source, const Site& site);
std::uint32_t ballot(bool predicate, Where where = Where::current());

template <class T>
T shfl(T value, int from, Where where = Where::current()) {
  static_assert(sizeof(T) == sizeof(std::uint32_t));
  return std::bit_cast<T>(
      exchange(std::bit_cast<std::uint32_t>(value), from % kWarpThreads, {"shfl", where}));
}
template <class T>
T shfl_xor(T value, int mask, Where where = Where::current()) {
  static_assert(sizeof(T) == sizeof(std::uint32_t));
  return std::bit_cast<T>(
      exchange(std::bit_cast<std::uint32_t>(value), lane() ^ mask, {"shfl_xor", where}));
}

template <class T>
T& shared() {
  static_assert(std::is_trivially_copyable_v<T>);
  Machine& machine = Machine::current();
  if (sizeof(T) > machine.launch().shared_bytes)
    throw MachineError("shared: the launch asked for less shared memory than the kernel uses");
  return *reinterpret_cast<T*>(machine.shared_memory());
}

inline void cp_async16(void* shared, const void* global, bool valid = true) {
  Machine::current().copy_async(shared, global, valid);
}
inline void cp_async_commit() { Machine::current().commit_copies(); }
template <int kInFlight>
void cp_async_wait(Where where = Where::current()) {
  Machine::current().wait_copies({"cp_async_wait", where}, kInFlight);
}

void ldmatrix_x4(std::uint32_t (&r)[4], const void* row, Where where = Where::current());
void ldmatrix_x4_trans(std::uint32_t (&r)[4], const void* row, Where where = Where::current());
template <class Element>  // Bf16 or Fp16.
void mma_m16n8k16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                  Where where = Where::current());

inline Vec16 load16(const void* from) {
  if (reinterpret_cast<std::uintptr_t>(from) % 16 != 0)
    throw MachineError("load16: the address is not aligned to 16 bytes");
  Vec16 value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
inline Vec16 load16_once(const void* from) { return load16(from); }
inline void store16(void* to, const Vec16& value) {
  if (reinterpret_cast<std::uintptr_t>(to) % 16 != 0)
    throw MachineError("store16: the address is not aligned to 16 bytes");
  std::memcpy(to, &value, sizeof value);
}

template <class T>
T load_fresh(const T* from) {
  static_assert(sizeof(T) == sizeof(std::uint32_t));
  return *from;
}
inline Vec16 load16_fresh(const void* from) { return load16(from); }
template <class T>
T load_constant(const T* from) {
  return load_fresh(from);
}
inline void fence() {}
template <class T>
T atomic_add(T* to, T value) {
  const T old = *to;
  *to = old + value;
  return old;
}
inline std::uint32_t atomic_wrap(std::uint32_t* to, std::uint32_t count) {
  const std::uint32_t old = *to;
  *to = old + 1 >= count ? 0 : old + 1;
  return old;
}

inline float exp2(float x) { return std::exp2(x); }
inline float rsqrt(float x) { return 1.0f / std::sqrt(x); }
inline float max(float a, float b) { return std::fmax(a, b); }

template <class Element>
std::uint32_t pack(float low, float high) {
  return from_float<Element>(low).bits | static_cast<std::uint32_t>(from_float<Element>(high).bits)
                                             << 16;
}
template <class Element>
void unpack(std::uint32_t word, float& low, float& high) {
  low = to_float(Element{static_cast<std::uint16_t>(word & 0xffffu)});
  high = to_float(Element{static_cast<std::uint16_t>(word >> 16)});
}
inline std::uint32_t widen_e4m3(std::uint16_t pair) {
  return pack<Fp16>(to_float(E4m3{static_cast<std::uint8_t>(pair & 0xffu)}),
                    to_float(E4m3{static_cast<std::uint8_t>(pair >> 8)}));
}
inline std::uint16_t narrow_e4m3(float low, float high) {
  return static_cast<std::uint16_t>(from_float<E4m3>(low).bits | from_float<E4m3>(high).bits << 8);
}
/// Products of 16-bit elements are exact in double, and so nearly always is the sum: one rounding
/// to float in between shifts a result only where that float is a tie of the element's.
template <class Element>
std::uint32_t fma2(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  float a0 = 0, a1 = 0, b0 = 0, b1 = 0, c0 = 0, c1 = 0;
  unpack<Element>(a, a0, a1);
  unpack<Element>(b, b0, b1);
  unpack<Element>(c, c0, c1);
  return pack<Element>(std::fma(a0, b0, c0), std::fma(a1, b1, c1));
}
inline std::uint32_t permute(std::uint32_t a, std::uint32_t b, std::uint32_t selector) {
  const std::uint64_t bytes = static_cast<std::uint64_t>(b) << 32 | a;
  std::uint32_t result = 0;
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned source = selector >> (4 * i) & 0x7u;
    result |= static_cast<std::uint32_t>(bytes >> (8 * source) & 0xffu) << (8 * i);
  }
  return result;
}
template <unsigned kTable>
std::uint32_t logic(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  std::uint32_t result = 0;
  for (unsigned row = 0; row < 8; ++row) {
    if ((kTable >> row & 1u) == 0) continue;
    result |= (row & 4u ? a : ~a) & (row & 2u ? b : ~b) & (row & 1u ? c : ~c);
  }
  return result;
}

/// Runs the kernel now, on the stream's machine.
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), const Launch& launch, const Arguments&... arguments) {
  const std::tuple<std::decay_t<Parameters>...> copies(arguments...);
  const auto body = [&] { std::apply(kernel, copies); };
  if (launch.stream.handle != nullptr) {
    static_cast<Machine*>(launch.stream.handle)->run(launch, body);
  } else {
    Machine().run(launch, body);
  }
}

}  // namespace kvsim::gpu
