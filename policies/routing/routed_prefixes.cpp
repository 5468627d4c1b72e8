#include "policies/routing/routed_prefixes.h"

namespace kvsim {

std::size_t RoutedPrefixes::match(ReplicaId where, std::span<const std::uint64_t> prefix,
                                  Time oldest) const {
  if (where.index >= replicas_.size()) return 0;
  const auto& blocks = replicas_[where.index].blocks;
  std::size_t known = 0;
  for (const std::uint64_t hash : prefix) {
    const auto found = blocks.find(hash);
    if (found == blocks.end() || found->second->sent < oldest) break;
    ++known;
  }
  return known;
}

void RoutedPrefixes::insert(ReplicaId where, std::span<const std::uint64_t> prefix, Time now) {
  if (where.index >= replicas_.size()) replicas_.resize(where.index + std::size_t{1});
  auto& [by_age, blocks] = replicas_[where.index];
  // Back to front, so that the start of a prefix outlives its end.
  for (auto hash = prefix.rbegin(); hash != prefix.rend(); ++hash) {
    const auto [at, fresh] = blocks.try_emplace(*hash);
    if (fresh)
      at->second = by_age.insert(by_age.end(), {*hash, now});
    else
      by_age.splice(by_age.end(), by_age, at->second);
    at->second->sent = now;
  }
}

void RoutedPrefixes::shrink_to(std::size_t most) {
  for (auto& [by_age, blocks] : replicas_)
    for (; blocks.size() > most; by_age.pop_front()) blocks.erase(by_age.front().hash);
}

}  // namespace kvsim
