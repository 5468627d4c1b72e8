#pragma once
// The two hashes of the house: a 64-bit mixer and a streaming digest built on it.
//
// Neither resists an adversary; both are the same on every machine, which is what reports and
// random streams need. The mixer is the finaliser of MurmurHash3 (Austin Appleby, public domain).

#include <cstdint>
#include <string_view>

namespace kvsim {

/// A bijection on 64 bits: every input bit reaches every output bit.
[[nodiscard]] constexpr std::uint64_t mix64(std::uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  x ^= x >> 33;
  return x;
}

/// Order-sensitive digest of a stream of words and bytes.
class Digest {
 public:
  constexpr void add(std::uint64_t word) {
    state_ = mix64(state_ ^ word) + 0x9e3779b97f4a7c15ULL * ++count_;
  }
  constexpr void add(std::string_view bytes) {
    std::uint64_t word = 0;
    unsigned filled = 0;
    for (const char c : bytes) {
      word |= static_cast<std::uint64_t>(static_cast<unsigned char>(c)) << (8 * filled);
      if (++filled == 8) {
        add(word);
        word = 0;
        filled = 0;
      }
    }
    add(word);
    add(static_cast<std::uint64_t>(bytes.size()));
  }
  [[nodiscard]] constexpr std::uint64_t value() const { return mix64(state_ ^ count_); }

 private:
  std::uint64_t state_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace kvsim
