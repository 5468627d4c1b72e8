#pragma once
// LatencyBook: where the time of the slowest requests went.

#include <vector>

#include "sim/model/explanation.h"
#include "sim/model/observer.h"

namespace kvsim {

class LatencyBook final : public Observer {
 public:
  void on_finish(Time now, const Sequence& s, ReplicaId where) override;

  /// The slowest hundredth; `worst` of them one by one.
  [[nodiscard]] Explanation::Tail tail(std::size_t worst) const;

 private:
  std::vector<Explanation::Life> lives_;
};

}  // namespace kvsim
