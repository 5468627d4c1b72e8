// Cache aware: prefix affinity while the load is balanced, fewest requests while it is not.
//
// The load is unbalanced if the most requests of a replica exceed the least by more than
// balance_abs_threshold and by the factor balance_rel_threshold. Otherwise whoever was sent the
// longest start of the prompt gets it, if that is more than cache_threshold of it; else the replica
// with the fewest requests. Every prompt is noted where it goes, and every eviction_interval the
// notes of each replica are cut to max_tree_size, least recently sent first.
// Source: the cache_aware policy of SGLang's model gateway, with its documented defaults.
// Deviation: it keeps a tree of characters, we blocks of tokens.

#include <utility>

#include "policies/routing/load.h"
#include "policies/routing/routed_prefixes.h"
#include "sim/core/config_schema.h"
#include "sim/model/prefix_hashes.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    number_field("/router/cache_threshold", "0.3", "", 0, 1,
                 "cache-aware follows a known prefix longer than this share of the prompt."),
    integer_field("/router/balance_abs_threshold", "64", "requests", 0, 1 << 30,
                  "cache-aware: unbalanced if replicas differ by more, and by the factor below."),
    number_field("/router/balance_rel_threshold", "1.5", "", 1, 1e6,
                 "cache-aware: unbalanced if the most requests exceed this times the least."),
    integer_field("/router/max_tree_size", "67108864", "tokens", 1, 1e15,
                  "cache-aware remembers so many tokens a replica."),
    number_field("/router/eviction_interval_s", "120", "s", 0.001, 1e9,
                 "cache-aware forgets down to max_tree_size so often."),
};

class CacheAware final : public Router {
 public:
  explicit CacheAware(const Setup& setup)
      : rng_(setup.seed, "router"),
        block_(setup.config.integer("/router/block_tokens")),
        enough_(setup.config.number("/router/cache_threshold")),
        apart_(static_cast<double>(setup.config.integer("/router/balance_abs_threshold"))),
        factor_(setup.config.number("/router/balance_rel_threshold")),
        most_(static_cast<std::size_t>(setup.config.integer("/router/max_tree_size") /
                                       block_.value())),
        interval_(round_to_ns(setup.config.number("/router/eviction_interval_s"))) {}

  [[nodiscard]] ReplicaId route(Time now, const Request& r,
                                std::span<const ReplicaView> replicas) override {
    prefix_.clear();
    append_prefix_hashes(r, r.prompt, block_, prefix_);
    if (now - shrunk_ >= interval_) {
      sent_.shrink_to(most_);
      shrunk_ = now;
    }
    const ReplicaId where = choose(r, replicas).id;
    sent_.insert(where, prefix_, now);
    return where;
  }

 private:
  [[nodiscard]] const ReplicaView& choose(const Request& r, std::span<const ReplicaView> replicas) {
    const ReplicaView& idlest = any_least_of(replicas, rng_, requests);
    const ReplicaView& busiest =
        least_of(replicas, [](const ReplicaView& v) { return -requests(v); });
    const double least = requests(idlest) * idlest.weight;
    const double most = requests(busiest) * busiest.weight;
    if (most - least > apart_ && most > factor_ * least) return idlest;
    const ReplicaView& nearest = least_of(
        replicas, [&](const ReplicaView& v) { return std::pair(-known(v.id), requests(v)); });
    const double share = known(nearest.id) * static_cast<double>(block_.value()) /
                         static_cast<double>(r.prompt.value());
    return share > enough_ ? nearest : idlest;
  }
  [[nodiscard]] double known(ReplicaId where) const {
    return static_cast<double>(sent_.match(where, prefix_, Time{}));
  }

  Rng rng_;
  Tokens block_;
  double enough_;
  double apart_;
  double factor_;
  std::size_t most_;
  Duration interval_;
  Time shrunk_{};
  RoutedPrefixes sent_;
  std::vector<std::uint64_t> prefix_;  // of the request at hand
};

const Registered<Router, CacheAware> kCacheAware{
    "cache-aware", "Prefix affinity, unless the load is unbalanced (SGLang's model gateway)."};

}  // namespace
}  // namespace kvsim
