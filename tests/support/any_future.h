#pragma once
// A future that is made up: for tests of what must hold whatever a clairvoyant policy believes.

#include "sim/core/hash.h"
#include "sim/model/eviction_policy.h"

namespace kvsim {

class AnyFuture final : public Future {
 public:
  void foresee() override {}
  [[nodiscard]] std::uint64_t next_use(const CacheEntry& entry) override {
    const std::uint64_t dice = mix64(entry.content + asked_++);
    return dice % 4 == 0 ? kNever : asked_ + dice % 100;
  }
  [[nodiscard]] bool passed(std::uint64_t id) const override { return id < asked_; }

 private:
  std::uint64_t asked_ = 0;  // its clock
};

}  // namespace kvsim
