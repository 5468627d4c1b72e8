#include "kernels/calibrate/cuda/kv_pool.h"

#include <numeric>
#include <utility>

namespace kvsim::calibrate {
namespace {

constexpr std::int64_t kAlignment = 1 << 20;
constexpr std::int64_t kScaleShare = 64;  // a row of 64 bytes, int4 of 128 values, per fp16 scale

}  // namespace

KvPool::KvPool(double bytes, std::uint64_t seed)
    : side_bytes_(static_cast<std::int64_t>(bytes / 2) / kAlignment * kAlignment),
      k_(static_cast<std::size_t>(side_bytes_)),
      v_(static_cast<std::size_t>(side_bytes_)),
      k_scales_(static_cast<std::size_t>(side_bytes_ / kScaleShare)),
      v_scales_(static_cast<std::size_t>(side_bytes_ / kScaleShare)),
      random_(seed) {
  fill_random(RandomKind::kScale, k_scales_.data(), side_bytes_ / kScaleShare, seed + 2);
  fill_random(RandomKind::kScale, v_scales_.data(), side_bytes_ / kScaleShare, seed + 3);
  hold(kind_);
}

void KvPool::hold(RandomKind kind) {
  if (filled_ && kind == kind_) return;
  fill_random(kind, k_.data(), side_bytes_, random_());
  fill_random(kind, v_.data(), side_bytes_, random_());
  wait_for_device();
  kind_ = kind;
  filled_ = true;
}

std::vector<std::int32_t> KvPool::draw_pages(std::int64_t page_bytes, std::int64_t count) {
  const auto all = static_cast<std::size_t>(pages(page_bytes));
  if (order_.size() != all) {
    order_.resize(all);
    std::iota(order_.begin(), order_.end(), 0);
  }
  // Fisher-Yates, only as far as it is needed.
  const auto wanted = static_cast<std::size_t>(count);
  for (std::size_t i = 0; i < wanted; ++i) std::swap(order_[i], order_[i + random_() % (all - i)]);
  return {order_.begin(), order_.begin() + count};
}

}  // namespace kvsim::calibrate
