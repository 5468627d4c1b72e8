#include "sim/engine/speculation_meter.h"

namespace kvsim {
namespace {

double ratio(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

}  // namespace

void SpeculationMeter::on_verified(Time /*now*/, const Sequence& /*s*/, Tokens drafted,
                                   Tokens accepted) {
  ++drafts_;
  const auto guesses = static_cast<std::size_t>(drafted.value());
  if (guesses > positions_.size()) positions_.resize(guesses);
  for (std::size_t i = 0; i < guesses; ++i) {
    ++positions_[i].drafted;
    positions_[i].accepted += static_cast<std::int64_t>(i) < accepted.value();
  }
}

SpeculationReport SpeculationMeter::result() const {
  SpeculationReport result;
  result.num_drafts = drafts_;
  for (const Position& p : positions_) {
    result.num_draft_tokens += p.drafted;
    result.num_accepted_tokens += p.accepted;
    result.per_position.push_back(ratio(p.accepted, p.drafted));
  }
  result.acceptance_rate = ratio(result.num_accepted_tokens, result.num_draft_tokens);
  result.mean_acceptance_length = drafts_ > 0 ? 1 + ratio(result.num_accepted_tokens, drafts_) : 0;
  return result;
}

}  // namespace kvsim
