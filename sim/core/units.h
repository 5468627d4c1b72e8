#pragma once
// Quantities that must never be mixed up: tokens, blocks, bytes, simulated time, dense ids.
//
// A Count<Tag> adds and compares only with its own kind; crossing kinds takes a named function
// (blocks_for, bytes_of), so every unit conversion in the simulator can be found by grep.
// Simulated time is integer nanoseconds on SimClock, which has no now(): only the engine tells
// time.

#include <chrono>
#include <cmath>
#include <compare>
#include <cstdint>
#include <functional>

namespace kvsim {

using Duration = std::chrono::nanoseconds;
struct SimClock {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<SimClock, Duration>;
};
using Time = SimClock::time_point;

template <class Tag>
class Count {
 public:
  constexpr Count() = default;
  constexpr explicit Count(std::int64_t n) : n_(n) {}
  [[nodiscard]] constexpr std::int64_t value() const { return n_; }

  friend constexpr auto operator<=>(Count, Count) = default;
  friend constexpr Count operator+(Count a, Count b) { return Count(a.n_ + b.n_); }
  friend constexpr Count operator-(Count a, Count b) { return Count(a.n_ - b.n_); }
  friend constexpr Count operator-(Count a) { return Count(-a.n_); }
  friend constexpr Count operator*(Count a, std::int64_t k) { return Count(a.n_ * k); }
  /// How many whole `b` go into `a`: a plain number. Requires b > 0.
  friend constexpr std::int64_t operator/(Count a, Count b) { return a.n_ / b.n_; }
  friend constexpr Count operator%(Count a, Count b) { return Count(a.n_ % b.n_); }
  constexpr Count& operator+=(Count b) {
    n_ += b.n_;
    return *this;
  }
  constexpr Count& operator-=(Count b) {
    n_ -= b.n_;
    return *this;
  }

 private:
  std::int64_t n_ = 0;
};

using Tokens = Count<struct TokensTag>;
using Blocks = Count<struct BlocksTag>;
using Bytes = Count<struct BytesTag>;

/// Blocks needed to hold `n` tokens, rounding up. `block` > 0.
[[nodiscard]] constexpr Blocks blocks_for(Tokens n, Tokens block) {
  return Blocks((n.value() + block.value() - 1) / block.value());
}

/// Dense index into a table, typed by what it indexes. kNone is "no such thing".
template <class Tag>
struct Id {
  static constexpr std::uint32_t kNoneIndex = 0xffff'ffff;
  std::uint32_t index = kNoneIndex;
  [[nodiscard]] constexpr bool valid() const { return index != kNoneIndex; }
  friend constexpr auto operator<=>(Id, Id) = default;
};
using BlockId = Id<struct BlockTag>;
using EntryId =
    Id<struct EntryTag>;  ///< A cached thing as eviction sees it: a block or a tree node.
using ReplicaId = Id<struct ReplicaTag>;
using SequenceId = Id<struct SequenceTag>;

/// The only way from floating seconds to simulated time: rounds to the nearest nanosecond.
[[nodiscard]] inline Duration round_to_ns(double seconds) {
  return Duration(std::llround(seconds * 1e9));
}
[[nodiscard]] constexpr double seconds(Duration d) { return static_cast<double>(d.count()) * 1e-9; }
[[nodiscard]] constexpr double milliseconds(Duration d) {
  return static_cast<double>(d.count()) * 1e-6;
}

}  // namespace kvsim
