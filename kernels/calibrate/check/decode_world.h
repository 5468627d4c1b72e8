#pragma once
// A decode step on a device, and what it must give.

#include <cstdint>
#include <functional>
#include <vector>

#include "kernels/calibrate/check/kv_cache.h"
#include "kernels/decode/decode.h"

namespace kvsim::calibrate {

struct DecodeWorldSetup {
  DecodeKernel kernel{};
  int kv_heads = 2;
  int page = 16;
  int window = 0, sinks = 0;
  std::int32_t shared = 0;  ///< Tokens that all sequences begin with; whole pages.
  std::vector<std::int32_t> lengths{};
  double query_size = 1;
  bool shuffled = true;
  std::uint64_t seed = 1;
};

class DecodeWorld {
 public:
  explicit DecodeWorld(const DecodeWorldSetup& setup);

  /// The kernel's output, [sequences, q_heads, head_dim] bits; poisoned before.
  [[nodiscard]] std::vector<std::uint16_t> run(int multiprocessors) const;
  /// The same by another launch, for a plan of other lengths.
  using Launch = std::function<void(const DecodeArgs&)>;
  [[nodiscard]] std::vector<std::uint16_t> run(const DecodePlan& plan, const Launch& launch) const;
  /// Bits as numbers.
  [[nodiscard]] std::vector<double> numbers(const std::vector<std::uint16_t>& bits) const {
    return values_of(query_, bits);
  }
  [[nodiscard]] std::vector<double> reference() const;
  [[nodiscard]] std::size_t head_dim() const {
    return static_cast<std::size_t>(setup_.kernel.head_dim);
  }

  [[nodiscard]] DecodeShape shape() const;

 private:
  DecodeWorldSetup setup_;
  KvElement query_;  // of queries and outputs
  KvCache cache_;
  std::vector<std::uint16_t> q_;
};

/// `count` elements of `bytes` each, every byte the same.
[[nodiscard]] DeviceMemory filled(std::size_t count, std::size_t bytes, std::uint8_t byte);
inline constexpr std::uint8_t kPoisonByte = 0xff;

}  // namespace kvsim::calibrate
