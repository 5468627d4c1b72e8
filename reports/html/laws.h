#pragma once
// Laws: which invariants of sim/README.md a run was seen to obey, from the outside.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/model/observer.h"
#include "sim/model/report.h"

namespace kvsim {

struct Invariant {
  std::string text;
  std::int64_t checked = 0;  ///< Times; 0: not in this run.
  std::int64_t broken = 0;   ///< Times.
};

class Laws final : public Bystander {
 public:
  void on_arrival(Time now, const Request& r, ReplicaId where) override;
  void on_reject(Time now, const Request& r, Rejection why) override;
  void on_step(const StepRecord& step) override;
  void on_verified(Time now, const Sequence& s, Tokens drafted, Tokens accepted) override;
  void on_finish(Time now, const Sequence& s, ReplicaId where) override;
  void on_lost(Time now, const Sequence& s, ReplicaId where) override;
  void on_memory(Time now, ReplicaId where, const MemoryUse& memory) override;

  /// After the run, which summed itself up in `report` and recounted its books as `/verify` said.
  [[nodiscard]] std::vector<Invariant> judged(const Report& report,
                                              const std::string& verify) const;

 private:
  void time_is(Time now);
  void memory_is(const MemoryUse& memory);

  Time last_{};
  std::int64_t times_ = 0, times_back_ = 0;
  std::int64_t memories_ = 0, memories_off_ = 0;
  std::int64_t arrived_ = 0, rejected_ = 0, lost_ = 0, finished_ = 0, steps_ = 0;
  Tokens computed_, needed_;
  bool guesses_ = false;
};

/// What a report says about itself, without having watched the run.
[[nodiscard]] std::vector<Invariant> laws_of_summary(const Report& report);

}  // namespace kvsim
