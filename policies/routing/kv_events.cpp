// KV events: the replica that can start soonest, by what its cache is known to hold and by what it
// has to do already.
//
// cost = overlap_weight * blocks of the prompt to compute + blocks of the prompts it serves; the
// least wins, unequal replicas weighed by their speed. What a cache holds is learned from the
// events of the replicas, as late as these arrive (/router/kv_event_lag_ms). Source: the cost
// function of Dynamo's KV router, temperature 0.

#include <unordered_set>

#include "policies/routing/load.h"
#include "sim/core/config_schema.h"
#include "sim/model/prefix_hashes.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    number_field("/router/overlap_weight", "1", "", 0, 1e6,
                 "kv-events: what a block to compute costs beside one of a request being served."),
};

class KvEvents final : public Router {
 public:
  explicit KvEvents(const Setup& setup)
      : rng_(setup.seed, "router"),
        overlap_weight_(setup.config.number("/router/overlap_weight")) {}

  [[nodiscard]] ReplicaId route(Time /*now*/, const Request& r,
                                std::span<const ReplicaView> replicas) override {
    hashed_ = Tokens(0);
    return any_least_of(replicas, rng_,
                        [&](const ReplicaView& replica) { return cost(r, replica); })
        .id;
  }

  [[nodiscard]] bool listens() const override { return true; }
  void learn(const KvEvent& event) override {
    if (event.where.index >= cached_.size()) cached_.resize(event.where.index + std::size_t{1});
    auto& blocks = cached_[event.where.index];
    switch (event.kind) {
      case KvEvent::Kind::kStored:
        blocks.insert(event.block);
        break;
      case KvEvent::Kind::kRemoved:
        blocks.erase(event.block);
        break;
      case KvEvent::Kind::kCleared:
        blocks.clear();
        break;
    }
  }

 private:
  double cost(const Request& r, const ReplicaView& replica) {
    const Tokens missing = r.prompt - hit(r, replica);
    const double tokens = overlap_weight_ * static_cast<double>(missing.value()) +
                          static_cast<double>(replica.outstanding.value());
    return tokens / static_cast<double>(replica.block.value()) / replica.weight;
  }
  Tokens hit(const Request& r, const ReplicaView& replica) {
    if (replica.id.index >= cached_.size()) return Tokens(0);
    if (hashed_ != replica.block) {
      prefix_.clear();
      append_prefix_hashes(r, r.prompt - Tokens(1), replica.block, prefix_);
      hashed_ = replica.block;
    }
    const auto& blocks = cached_[replica.id.index];
    std::int64_t known = 0;
    for (const std::uint64_t hash : prefix_) {
      if (!blocks.contains(hash)) break;
      ++known;
    }
    return replica.block * known;
  }

  Rng rng_;
  double overlap_weight_;
  std::vector<std::unordered_set<std::uint64_t>> cached_;  // by replica; never walked
  std::vector<std::uint64_t> prefix_;                      // of the request at hand,
  Tokens hashed_;                                          // in blocks of so many
};

const Registered<Router, KvEvents> kKvEvents{
    "kv-events", "Least work, by what each cache is known to hold (as Dynamo's KV router)."};

}  // namespace
}  // namespace kvsim
