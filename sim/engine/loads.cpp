#include "sim/engine/loads.h"

#include <algorithm>

namespace kvsim {

Loads::Begun Loads::begin(const StepPlan& plan, std::span<const Eviction> gone,
                          const Sequences& sequences) {
  ends_.clear();
  Begun begun{plan.at, plan.at};
  if (connector_ == nullptr) return begun;
  if (!gone.empty()) begun.step_may_start = connector_->evicted(gone, plan.at);
  for (const KvLoad& load : plan.loads) {
    const Sequence& s = sequences[load.sequence];
    const Time end = connector_->load(s, load.hit, load.count, begun.step_may_start);
    if (!connector_->loads_apart(s)) {
      begun.step_lasts_until = std::max(begun.step_lasts_until, end);
      continue;
    }
    const auto later = std::upper_bound(under_way_.begin(), under_way_.end(), end,
                                        [](Time t, const UnderWay& u) { return t < u.end; });
    under_way_.insert(later, {end, load.sequence});
    ends_.push_back(end);
  }
  return begun;
}

std::span<const SequenceId> Loads::take_arrived(Time now) {
  over_.clear();
  const auto later = std::find_if(under_way_.begin(), under_way_.end(),
                                  [now](const UnderWay& u) { return u.end > now; });
  for (auto load = under_way_.begin(); load != later; ++load) over_.push_back(load->sequence);
  under_way_.erase(under_way_.begin(), later);
  return over_;
}

std::span<const SequenceId> Loads::take_failed(const Sequences& sequences) {
  over_.clear();
  const auto failed = [&](const UnderWay& u) { return connector_->failed(sequences[u.sequence]); };
  for (const UnderWay& load : under_way_)
    if (failed(load)) over_.push_back(load.sequence);
  std::erase_if(under_way_, failed);
  return over_;
}

}  // namespace kvsim
