#pragma once
// What will be asked for, as far as somebody knows. Real servers do not: for offline bounds only.

#include <cstdint>

namespace kvsim {

struct CacheEntry;

class Future {
 public:
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};
  virtual ~Future() = default;

  /// Makes sure that the future is known, which may mean reading a trace. Throws InputError where
  /// it cannot be known.
  virtual void foresee() = 0;
  /// The first request not yet admitted, in order of arrival, whose prompt repeats what `entry`
  /// holds; kNever if none does. Requires foresee().
  [[nodiscard]] virtual std::uint64_t next_use(const CacheEntry& entry) = 0;
  /// Has request `id` been admitted? Whoever waited for it waits for another one now.
  [[nodiscard]] virtual bool passed(std::uint64_t id) const = 0;
};

}  // namespace kvsim
