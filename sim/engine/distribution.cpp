#include "sim/engine/distribution.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include <boost/multiprecision/cpp_int.hpp>

#include "sim/core/check.h"

namespace kvsim {

void Distribution::add(Duration value, std::int64_t times) {
  KVSIM_CHECK(value.count() >= 0, "durations are not negative");
  const auto v = static_cast<std::uint64_t>(value.count());
  const auto width = static_cast<unsigned>(std::bit_width(v));
  std::vector<Bucket>& octave = octaves_[width];
  if (octave.empty()) octave.resize(std::size_t{1} << std::min(width, kBits));
  const std::uint64_t below = width > kBits ? v >> (width - kBits) : v;
  Bucket& bucket = octave[below & (octave.size() - 1)];
  bucket.count += times;
  bucket.largest = std::max(bucket.largest, value.count());
  count_ += times;
  max_ = std::max(max_, value.count());
  sum_ += static_cast<decltype(sum_)>(value.count()) * times;
  const auto square = static_cast<Square>(v) * v;
  squares_[0] += (square & ~std::uint64_t{0}) * static_cast<Square>(times);
  squares_[1] += (square >> 64) * static_cast<Square>(times);
}

// Buckets in ascending order: by octave, and within one by its leading bits.
std::int64_t Distribution::at_rank(std::int64_t rank) const {
  std::int64_t seen = 0;
  for (const std::vector<Bucket>& octave : octaves_) {
    for (const Bucket& bucket : octave) {
      seen += bucket.count;
      if (seen >= rank) return bucket.largest;
    }
  }
  return max_;
}

// n^2 times the variance is n * (sum of squares) - sum^2: integers, so nothing cancels.
double Distribution::deviation() const {
  using Wide = boost::multiprecision::cpp_int;
  const Wide squares = (Wide(squares_[1]) << 64) + Wide(squares_[0]);
  const Wide scaled = squares * count_ - Wide(sum_) * Wide(sum_);
  return std::sqrt(scaled.convert_to<double>()) / static_cast<double>(count_);
}

Quantiles Distribution::summary() const {
  Quantiles q;
  q.count = count_;
  if (count_ == 0) return q;
  const auto rank = [&](double part) {
    const auto nearest = static_cast<std::int64_t>(std::ceil(part * static_cast<double>(count_)));
    return static_cast<double>(at_rank(std::max<std::int64_t>(nearest, 1))) * 1e-6;
  };
  q.mean = static_cast<double>(sum_) / static_cast<double>(count_) * 1e-6;
  q.p50 = rank(0.50);
  q.p90 = rank(0.90);
  q.p95 = rank(0.95);
  q.p99 = rank(0.99);
  q.max = static_cast<double>(max_) * 1e-6;
  q.deviation = deviation() * 1e-6;
  return q;
}

void ShareOverTime::add(double share, Duration lasted) {
  if (lasted.count() == 0) return;
  const double clamped = std::clamp(share, 0.0, 1.0);
  lasted_[static_cast<std::size_t>(std::lround(clamped * kSteps))] += lasted.count();
  total_ += lasted.count();
  weighted_ += share * static_cast<double>(lasted.count());
  max_ = std::max(max_, share);
}

double ShareOverTime::at(double part) const {
  const double wanted = part * static_cast<double>(total_);
  std::int64_t seen = 0;
  for (std::size_t i = 0; i < lasted_.size(); ++i) {
    seen += lasted_[i];
    if (static_cast<double>(seen) >= wanted) return std::min(max_, static_cast<double>(i) / kSteps);
  }
  return max_;
}

Quantiles ShareOverTime::summary() const {
  Quantiles q;
  if (total_ == 0) return q;
  q.count = 1;
  q.mean = weighted_ / static_cast<double>(total_);
  q.p50 = at(0.50);
  q.p90 = at(0.90);
  q.p95 = at(0.95);
  q.p99 = at(0.99);
  q.max = max_;
  return q;
}

}  // namespace kvsim
