#pragma once
// RunTiers: the tiers of all replicas of a run, with the one store that they share.

#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "sim/engine/transfer/tiered_store.h"
#include "sim/model/report.h"

namespace kvsim {

/// What lies behind each of some equal replicas.
struct TieredPool {
  std::optional<TierPlan> plan;  ///< Absent: nothing.
  std::size_t replicas = 1;
  const CostModel* cost = nullptr;  ///< Prices what might be computed instead of being loaded.
  LocalSpan local;
  const ConfigView& config;
};

class RunTiers {
 public:
  /// Ids of replicas run through the pools. The store that pools share is as the first of them says
  /// that has it. Throws InputError if they would not find each other's KV there.
  explicit RunTiers(std::span<const TieredPool> pools);

  /// By replica, null where there is nothing; empty if that is everywhere.
  [[nodiscard]] std::span<KvConnector* const> connectors() const { return connectors_; }
  /// Is there such a link or store, where is it, and how does it fail? The remote store's replica
  /// matters only to has(): does it use the store?
  [[nodiscard]] bool has(Part part, ReplicaId where) const;
  [[nodiscard]] std::vector<Link*> links(Part part, ReplicaId where);
  /// A disk or the remote store goes down, or is back.
  void change_store(Time now, const FaultPlan::Change& change);

  /// Recounts everything and aborts on a contradiction.
  void check_books() const;
  /// A row per tier, over all replicas. Shares are of `duration_s`.
  [[nodiscard]] std::vector<Report::Tier> report(double duration_s) const;

 private:
  [[nodiscard]] LinkedTier& store(Part part, ReplicaId where);
  [[nodiscard]] LinkedTier* shared_with(const TieredPool& pool, const TieredPool& first);

  std::optional<LinkedTier> remote_;
  std::deque<TieredStore> stores_;
  std::vector<KvConnector*> connectors_;
  std::vector<TieredStore*> by_replica_;  // the same
};

}  // namespace kvsim
