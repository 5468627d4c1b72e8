#pragma once
// A paged (or contiguous) KV cache of random rows on a device, and what its rows stand for.
//
// Pages lie in random order, two of them belong to nobody, and everything that no kernel may read
// is not a number.

#include <cstdint>
#include <vector>

#include "kernels/calibrate/check/memory.h"
#include "kernels/formats/kv_element.h"

namespace kvsim::calibrate {

struct KvCacheSetup {
  KvElement element = KvElement::kBf16;
  int heads = 2, dim = 128;
  int page = 16;  ///< Of a contiguous cache too: its capacity is in whole pages.
  bool paged = true;
  bool shuffled = true;  ///< Else pages lie in sequence, as contiguous rows do.
  std::vector<std::int32_t> lengths{};
  std::int32_t shared =
      0;                   ///< Tokens that all sequences begin with, in the same pages: whole ones.
  std::uint64_t seed = 1;  ///< Same seed, same rows, wherever they lie.
};

class KvCache {
 public:
  explicit KvCache(const KvCacheSetup& setup);

  // Rows of `dim` values as the cache holds them: rounded, or quantised.
  [[nodiscard]] const double* k(std::size_t sequence, std::size_t head, std::int32_t token) const {
    return &k_.rows[at(sequence, head, token)];
  }
  [[nodiscard]] const double* v(std::size_t sequence, std::size_t head, std::int32_t token) const {
    return &v_.rows[at(sequence, head, token)];
  }

  // For a kernel's arguments.
  [[nodiscard]] const void* k_pool() const { return k_.pool.data(); }
  [[nodiscard]] const void* v_pool() const { return v_.pool.data(); }
  [[nodiscard]] const void* k_scales() const { return k_.scales.data(); }
  [[nodiscard]] const void* v_scales() const { return v_.scales.data(); }
  /// Null if the cache is contiguous.
  [[nodiscard]] const std::int32_t* table() const {
    return setup_.paged ? table_.as<std::int32_t>() : nullptr;
  }
  [[nodiscard]] std::int32_t stride() const { return stride_; }
  [[nodiscard]] std::int32_t capacity() const { return stride_ * setup_.page; }
  [[nodiscard]] std::int32_t page_shift() const;

 private:
  struct Side {
    std::vector<double> rows;  // [sequence][head][token][dim]
    DeviceMemory pool, scales;
  };
  /// Whose row it is: what is shared is the first's.
  [[nodiscard]] std::size_t owner(std::size_t sequence, std::int32_t token) const {
    return token < setup_.shared ? 0 : sequence;
  }
  [[nodiscard]] std::size_t at(std::size_t sequence, std::size_t head, std::int32_t token) const;
  [[nodiscard]] std::size_t pool_row(std::size_t sequence, std::size_t head,
                                     std::int32_t token) const;
  void fill(Side& side, std::uint64_t seed) const;

  KvCacheSetup setup_;
  std::int32_t stride_ = 0;  // pages of a sequence
  std::vector<std::int32_t> order_;
  DeviceMemory table_;
  Side k_, v_;
};

/// 16-bit elements as they are stored, and back.
[[nodiscard]] std::uint16_t bits_of_value(KvElement element, double value);
[[nodiscard]] double value_of_bits(KvElement element, std::uint16_t bits);

/// Normally distributed elements of 16 bits.
[[nodiscard]] std::vector<std::uint16_t> random_elements(KvElement element, std::size_t count,
                                                         double size, std::uint64_t seed);
[[nodiscard]] std::vector<double> values_of(KvElement element,
                                            const std::vector<std::uint16_t>& bits);

}  // namespace kvsim::calibrate
