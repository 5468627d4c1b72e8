#pragma once
// Random numbers that repeat: one named stream per purpose, and our own distributions over it.
//
// Streams are independent: drawing more arrivals never shifts the lengths. The generator is
// xoshiro256** (Blackman and Vigna, 2018), seeded through SplitMix64 as its authors advise.
// std:: distributions differ between standard libraries; Boost.Random's do not, so they are used.

#include <array>
#include <cstdint>
#include <string_view>

#include "sim/core/hash.h"

namespace kvsim {

class Rng {
 public:
  using result_type = std::uint64_t;

  /// The stream called `name` of a run seeded with `seed`.
  Rng(std::uint64_t seed, std::string_view name) {
    Digest digest;
    digest.add(seed);
    digest.add(name);
    std::uint64_t x = digest.value();
    for (std::uint64_t& word : state_) word = mix64(x += 0x9e3779b97f4a7c15ULL);
  }

  [[nodiscard]] static constexpr result_type min() { return 0; }
  [[nodiscard]] static constexpr result_type max() { return ~result_type{0}; }
  result_type operator()() {
    const std::uint64_t result = rotate(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }
  /// Uniform in [0, 1): the top 53 bits.
  double uniform() { return static_cast<double>((*this)() >> 11) * 0x1.0p-53; }
  /// Uniform in 0 .. n-1. Requires n > 0. The bias of 2^-64 * n is far below what a run can see.
  std::uint64_t below(std::uint64_t n) {
    return static_cast<std::uint64_t>((static_cast<Wide>((*this)()) * n) >> 64);
  }

 private:
  __extension__ using Wide = unsigned __int128;
  static constexpr std::uint64_t rotate(std::uint64_t x, int k) {
    return (x << k) | (x >> (64 - k));
  }
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace kvsim
