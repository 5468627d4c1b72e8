#include "sim/model/beam_search.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sim/core/check.h"

namespace kvsim {

ContentId sibling_content(std::uint64_t family, std::uint64_t n) {
  constexpr ContentId kSiblingBit = ContentId{1} << 61;  // apart from requests and sessions
  constexpr int kBranchBits = 29;
  KVSIM_CHECK(n < (1ULL << kBranchBits) && family < (1ULL << (61 - kBranchBits)),
              "families and their branches can be told apart");
  return private_content(kSiblingBit | family << kBranchBits | n);
}

BeamSearch::BeamSearch(std::uint32_t width, double peak, std::uint64_t seed, std::uint64_t family)
    : width_(width),
      peak_(peak),
      family_(family),
      rng_(seed, fmt::format("beams {}", family)),
      scores_{0},
      parents_(width, 0) {}

ContentId BeamSearch::branch(std::uint32_t i) const {
  return sibling_content(family_, static_cast<std::uint64_t>(steps_) * width_ + i);
}

void BeamSearch::step() {
  proposals_.clear();
  for (std::uint32_t i = 0; i < scores_.size(); ++i) propose(i, scores_[i]);
  // Equal scores (a law that is not peaked at all): the order of the draw decides.
  std::stable_sort(proposals_.begin(), proposals_.end(),
                   [](const Proposal& a, const Proposal& b) { return a.score > b.score; });
  place_survivors();
  ++steps_;
}

void BeamSearch::propose(std::uint32_t parent, double score) {
  const std::size_t count = 2 * std::size_t{width_};
  law_.assign(1, 0);
  double mass = 1;
  while (law_.size() < count) {
    const double gap = -std::log1p(-rng_.uniform()) * peak_ / static_cast<double>(law_.size());
    law_.push_back(law_.back() - gap);
    mass += std::exp(law_.back());
  }
  for (const double token : law_) proposals_.push_back({score + token - std::log(mass), parent});
}

// The first child of a beam takes its place, the others those of beams without one.
void BeamSearch::place_survivors() {
  std::vector<bool> taken(width_, false);
  scores_.assign(width_, 0);
  const auto settle = [&](std::uint32_t place, const Proposal& child) {
    taken[place] = true;
    parents_[place] = child.parent;
    scores_[place] = child.score;
  };
  std::vector<Proposal> others;
  for (std::uint32_t i = 0; i < width_; ++i) {
    const Proposal& child = proposals_[i];
    taken[child.parent] ? others.push_back(child) : settle(child.parent, child);
  }
  std::uint32_t place = 0;
  for (const Proposal& child : others) {
    while (taken[place]) ++place;
    settle(place, child);
  }
}

}  // namespace kvsim
