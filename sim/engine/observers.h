#pragma once
// Observers: calls every watcher of a run in a fixed order.

#include <algorithm>
#include <vector>

#include "sim/model/observer.h"

namespace kvsim {

class Observers {
 public:
  explicit Observers(std::vector<Observer*> all) : all_(std::move(all)) {}

  /// tell([&](Observer& o) { o.on_...(...); })
  void add(Observer* observer) { all_.push_back(observer); }
  template <class Call>
  void tell(Call&& call) const {
    for (Observer* observer : all_) call(*observer);
  }
  [[nodiscard]] bool look_closely(Time now, ReplicaId where) const {
    return std::any_of(all_.begin(), all_.end(),
                       [&](const Observer* o) { return o->looks_closely(now, where); });
  }
  [[nodiscard]] bool watch_evictions() const {
    return std::any_of(all_.begin(), all_.end(),
                       [](const Observer* o) { return o->watches_evictions(); });
  }

 private:
  std::vector<Observer*> all_;
};

}  // namespace kvsim
