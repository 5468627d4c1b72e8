#pragma once
// RangePool: contiguous ranges out of one address space, and the three classical ways to choose.
//
//   HoleRanges   first fit (lowest address) or best fit (smallest hole); neighbours merge on
//   return. BuddyRanges  power-of-two chunks that split and merge with their buddy: quick, rounds
//   sizes up.
// Cost: O(log holes) per call, except first fit's scan. (Knuth, TAOCP vol. 1, 2.5.)

#include <cstdint>
#include <map>
#include <memory>
#include <memory_resource>
#include <optional>
#include <set>
#include <vector>

#include "sim/core/units.h"

namespace kvsim {

struct Range {
  Tokens start;
  Tokens length;  ///< At least what was asked; more only where sizes are rounded.
};

class RangePool {
 public:
  virtual ~RangePool() = default;
  /// Nothing if no hole is large enough. Requires length > 0.
  [[nodiscard]] virtual std::optional<Range> take(Tokens length) = 0;
  virtual void give_back(Range range) = 0;
  /// Would an empty pool have room?
  [[nodiscard]] virtual bool can_ever_take(Tokens length) const = 0;
  /// Room in holes, recounted from them.
  [[nodiscard]] virtual Tokens count_free() const = 0;
};

enum class Fit : std::uint8_t { kFirst, kBest };

class HoleRanges final : public RangePool {
 public:
  HoleRanges(Tokens capacity, Fit fit);
  [[nodiscard]] std::optional<Range> take(Tokens length) override;
  void give_back(Range range) override;
  [[nodiscard]] bool can_ever_take(Tokens length) const override { return length <= capacity_; }
  [[nodiscard]] Tokens count_free() const override;

 private:
  using Holes = std::pmr::map<Tokens, Tokens>;  // start -> length
  void add(Tokens start, Tokens length);
  void remove(Holes::iterator hole);
  [[nodiscard]] Holes::iterator choose(Tokens length);

  Tokens capacity_;
  Fit fit_;
  std::pmr::unsynchronized_pool_resource storage_;  // of holes that are gone, for those to come
  Holes holes_{&storage_};
  std::pmr::set<std::pair<Tokens, Tokens>> by_size_{&storage_};  // (length, start), for best fit
};

class BuddyRanges final : public RangePool {
 public:
  /// Any capacity: it is cut into the powers of two it is the sum of, largest first.
  explicit BuddyRanges(Tokens capacity);
  [[nodiscard]] std::optional<Range> take(Tokens length) override;
  void give_back(Range range) override;
  [[nodiscard]] bool can_ever_take(Tokens length) const override;
  [[nodiscard]] Tokens count_free() const override;

 private:
  static std::size_t order_for(Tokens length);
  std::int64_t capacity_;
  std::pmr::unsynchronized_pool_resource storage_;
  std::pmr::vector<std::pmr::set<std::int64_t>> free_{
      &storage_};  // by order (chunk 2^order): starts of free chunks
};

}  // namespace kvsim
