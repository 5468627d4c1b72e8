#include "kernels/calibrate/check/kv_cache.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <random>
#include <span>

#include "kernels/formats/reference.h"
#include "kernels/gpu/number.h"

namespace kvsim::calibrate {
namespace {

constexpr std::uint8_t kPoison = 0xff;  // in every format, and as a scale, not a number
constexpr std::size_t kFreePages = 2;

/// A row as memory holds it.
struct StoredRow {
  std::vector<std::uint8_t> bytes;
  std::uint16_t scale = 0;
  std::vector<double> values;
};

StoredRow store(KvElement element, const std::vector<float>& row) {
  StoredRow stored;
  if (is_quantised(element)) {
    const QuantisedRow q = quantise(element, std::span(row));
    const std::vector<float> back = dequantise(element, q);
    stored = {q.codes, q.scale.bits, {back.begin(), back.end()}};
    return stored;
  }
  for (const float value : row) {
    const std::uint16_t bits = bits_of_value(element, static_cast<double>(value));
    stored.bytes.push_back(static_cast<std::uint8_t>(bits & 0xff));
    stored.bytes.push_back(static_cast<std::uint8_t>(bits >> 8));
    stored.values.push_back(value_of_bits(element, bits));
  }
  return stored;
}

}  // namespace

std::uint16_t bits_of_value(KvElement element, double value) {
  const auto x = static_cast<float>(value);
  if (element == KvElement::kFp16) return gpu::from_float<gpu::Fp16>(x).bits;
  return gpu::from_float<gpu::Bf16>(x).bits;
}

double value_of_bits(KvElement element, std::uint16_t bits) {
  if (element == KvElement::kFp16) return gpu::to_float(gpu::Fp16{bits});
  return gpu::to_float(gpu::Bf16{bits});
}

std::vector<std::uint16_t> random_elements(KvElement element, std::size_t count, double size,
                                           std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::vector<std::uint16_t> bits(count);
  for (std::uint16_t& b : bits) b = bits_of_value(element, size * normal(random));
  return bits;
}

std::vector<double> values_of(KvElement element, const std::vector<std::uint16_t>& bits) {
  std::vector<double> values;
  values.reserve(bits.size());
  for (const std::uint16_t b : bits) values.push_back(value_of_bits(element, b));
  return values;
}

KvCache::KvCache(const KvCacheSetup& setup) : setup_(setup) {
  stride_ = *std::max_element(setup_.lengths.begin(), setup_.lengths.end()) / setup_.page + 1;
  order_.resize(setup_.lengths.size() * static_cast<std::size_t>(stride_) + kFreePages);
  std::iota(order_.begin(), order_.end(), 0);
  std::mt19937_64 random(setup_.seed + 1);
  if (setup_.paged && setup_.shuffled) std::shuffle(order_.begin(), order_.end(), random);
  const std::size_t shared_pages = static_cast<std::size_t>(setup_.shared / setup_.page);
  for (std::size_t s = 1; s < setup_.lengths.size(); ++s)
    std::copy_n(order_.begin(), shared_pages,
                order_.begin() + static_cast<std::ptrdiff_t>(s) * stride_);
  table_ = DeviceMemory::with(order_);  // the last entries are of nobody
  fill(k_, setup_.seed + 2);
  fill(v_, setup_.seed + 3);
}

std::int32_t KvCache::page_shift() const {
  return std::countr_zero(static_cast<unsigned>(setup_.page));
}

std::size_t KvCache::at(std::size_t sequence, std::size_t head, std::int32_t token) const {
  const std::size_t row = (owner(sequence, token) * static_cast<std::size_t>(setup_.heads) + head) *
                              static_cast<std::size_t>(capacity()) +
                          static_cast<std::size_t>(token);
  return row * static_cast<std::size_t>(setup_.dim);
}

std::size_t KvCache::pool_row(std::size_t sequence, std::size_t head, std::int32_t token) const {
  const auto heads = static_cast<std::size_t>(setup_.heads);
  const auto page = static_cast<std::size_t>(setup_.page);
  const auto t = static_cast<std::size_t>(token);
  if (!setup_.paged) return (sequence * heads + head) * static_cast<std::size_t>(capacity()) + t;
  const std::size_t entry = sequence * static_cast<std::size_t>(stride_) + t / page;
  return (static_cast<std::size_t>(order_[entry]) * heads + head) * page + t % page;
}

void KvCache::fill(Side& side, std::uint64_t seed) const {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  const auto heads = static_cast<std::size_t>(setup_.heads);
  const auto dim = static_cast<std::size_t>(setup_.dim);
  const std::size_t rows = order_.size() * heads * static_cast<std::size_t>(setup_.page);
  const std::size_t row_bytes = dim * static_cast<std::size_t>(bits_of(setup_.element)) / 8;
  side.rows.resize(setup_.lengths.size() * heads * static_cast<std::size_t>(capacity()) * dim);
  std::vector<std::uint8_t> pool(rows * row_bytes, kPoison);
  std::vector<std::uint16_t> scales(rows, 0xffff);
  std::vector<float> row(dim);
  for (std::size_t s = 0; s < setup_.lengths.size(); ++s)
    for (std::size_t head = 0; head < heads; ++head)
      for (std::int32_t t = s == 0 ? 0 : setup_.shared; t < setup_.lengths[s]; ++t) {
        for (float& value : row) value = normal(random);
        const StoredRow stored = store(setup_.element, row);
        const std::size_t place = pool_row(s, head, t);
        std::copy(stored.bytes.begin(), stored.bytes.end(),
                  pool.begin() + static_cast<std::ptrdiff_t>(place * row_bytes));
        scales[place] = stored.scale;
        std::copy(stored.values.begin(), stored.values.end(),
                  side.rows.begin() + static_cast<std::ptrdiff_t>(at(s, head, t)));
      }
  side.pool = DeviceMemory::with(pool);
  side.scales = DeviceMemory::with(scales);
}

}  // namespace kvsim::calibrate
