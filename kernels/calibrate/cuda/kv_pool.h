#pragma once
// KV memory for timings: K and V pools of random numbers, and pages of them in random order.

#include <cstdint>
#include <random>
#include <vector>

#include "kernels/calibrate/check/memory.h"
#include "kernels/calibrate/probes/probes.h"

namespace kvsim::calibrate {

class KvPool {
 public:
  /// Half of `bytes` for K, half for V. Throws BadInput if the GPU has not so much.
  KvPool(double bytes, std::uint64_t seed);

  [[nodiscard]] const std::byte* k() const { return k_.as<std::byte>(); }
  [[nodiscard]] const std::byte* v() const { return v_.as<std::byte>(); }
  /// Scales of K and of V, for pools of quantised rows: 1/64 of the pool each.
  [[nodiscard]] const std::byte* k_scales() const { return k_scales_.as<std::byte>(); }
  [[nodiscard]] const std::byte* v_scales() const { return v_scales_.as<std::byte>(); }
  // The same to write to; the next hold() fills them anew.
  [[nodiscard]] std::byte* write_k() { return written(k_); }
  [[nodiscard]] std::byte* write_v() { return written(v_); }
  [[nodiscard]] std::byte* write_k_scales() { return k_scales_.as<std::byte>(); }
  [[nodiscard]] std::byte* write_v_scales() { return v_scales_.as<std::byte>(); }
  /// Bytes of K, and as many of V.
  [[nodiscard]] std::int64_t side_bytes() const { return side_bytes_; }

  /// Fills both with random values of this kind, if they are not so already.
  void hold(RandomKind kind);

  /// `count` different pages of a pool of pages of `page_bytes`, in random order. Requires that
  /// there are so many.
  [[nodiscard]] std::vector<std::int32_t> draw_pages(std::int64_t page_bytes, std::int64_t count);
  [[nodiscard]] std::int64_t pages(std::int64_t page_bytes) const {
    return side_bytes_ / page_bytes;
  }

 private:
  [[nodiscard]] std::byte* written(const DeviceMemory& side) {
    filled_ = false;
    return side.as<std::byte>();
  }

  std::int64_t side_bytes_;
  DeviceMemory k_, v_, k_scales_, v_scales_;
  RandomKind kind_ = RandomKind::kBf16;
  bool filled_ = false;
  std::mt19937_64 random_;
  std::vector<std::int32_t> order_;  // a permutation, shuffled further by every draw
};

}  // namespace kvsim::calibrate
