#include "sim/engine/faults/fault_plan.h"

#include <algorithm>
#include <cmath>

namespace kvsim {
namespace {

Duration drawn(double mean_s, Rng& rng) {
  return std::max(Duration(1), round_to_ns(-mean_s * std::log1p(-rng.uniform())));
}

}  // namespace

void FaultPlan::add(Source source) {
  if (source.mtbf_s > 0) source.next.at = Time(drawn(source.mtbf_s, source.rng));
  sources_.push_back(source);
}

std::optional<Time> FaultPlan::next() const {
  const std::size_t first = earliest();
  if (first == sources_.size()) return std::nullopt;
  return sources_[first].next.at;
}

FaultPlan::Change FaultPlan::take() {
  Source& source = sources_[earliest()];
  const Change change = source.next;
  source.next.begins = !change.begins;
  if (source.mtbf_s > 0)
    source.next.at += drawn(change.begins ? source.mttr_s : source.mtbf_s, source.rng);
  else if (change.begins && source.lasts)
    source.next.at += *source.lasts;
  else
    source.over = true;
  return change;
}

// Of changes at one instant what is over comes first.
std::size_t FaultPlan::earliest() const {
  const auto rank = [](const Source& s) { return std::pair(s.next.at, s.next.begins); };
  std::size_t first = sources_.size();
  for (std::size_t i = 0; i < sources_.size(); ++i)
    if (!sources_[i].over &&
        (first == sources_.size() || rank(sources_[i]) < rank(sources_[first])))
      first = i;
  return first;
}

}  // namespace kvsim
