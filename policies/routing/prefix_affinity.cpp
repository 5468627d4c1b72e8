// Prefix affinity: who was sent a long start of this prompt before, and has a short queue.
//
// score = prefix_weight * share of the prompt sent there before + queue_weight * how short the
// queue is, 1 for the shortest to 0 for the longest. The highest wins; of equals, the fewest
// requests. It knows what it routed, not what caches kept. Source: llm-d's approximate prefix
// scorer and queue scorer with the weights of its default profile (3 and 2). Affinity alone would
// send everybody to one replica where all prompts start alike.

#include <algorithm>
#include <utility>

#include "policies/routing/load.h"
#include "policies/routing/routed_prefixes.h"
#include "sim/core/config_schema.h"
#include "sim/model/prefix_hashes.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    integer_field("/router/block_tokens", "16", "tokens", 1, 1 << 20,
                  "Blocks in which prefix-affinity and cache-aware compare prompts."),
    integer_field("/router/index_blocks", "31250", "blocks", 1, 1 << 30,
                  "prefix-affinity remembers so many blocks a replica."),
    number_field("/router/prefix_weight", "3", "", 0, 1e6,
                 "prefix-affinity: what having been sent the whole prompt is worth."),
    number_field("/router/queue_weight", "2", "", 0, 1e6,
                 "prefix-affinity: what the shortest queue is worth."),
    number_field("/router/index_ttl_s", "120", "s", 0, 1e9,
                 "prefix-affinity takes a prefix for cached so long after it was sent."),
};

class PrefixAffinity final : public Router {
 public:
  explicit PrefixAffinity(const Setup& setup)
      : rng_(setup.seed, "router"),
        block_(setup.config.integer("/router/block_tokens")),
        most_(static_cast<std::size_t>(setup.config.integer("/router/index_blocks"))),
        age_(round_to_ns(setup.config.number("/router/index_ttl_s"))),
        prefix_weight_(setup.config.number("/router/prefix_weight")),
        queue_weight_(setup.config.number("/router/queue_weight")) {}

  [[nodiscard]] ReplicaId route(Time now, const Request& r,
                                std::span<const ReplicaView> replicas) override {
    prefix_.clear();
    append_prefix_hashes(r, r.prompt, block_, prefix_);
    const auto queues = std::minmax_element(
        replicas.begin(), replicas.end(),
        [](const ReplicaView& a, const ReplicaView& b) { return a.waiting < b.waiting; });
    const ReplicaView& best = any_least_of(replicas, rng_, [&](const ReplicaView& replica) {
      return std::pair(-score(replica, queues.first->waiting, queues.second->waiting, now - age_),
                       requests(replica));
    });
    sent_.insert(best.id, prefix_, now);
    sent_.shrink_to(most_);
    return best.id;
  }

 private:
  [[nodiscard]] double score(const ReplicaView& replica, std::size_t shortest, std::size_t longest,
                             Time oldest) const {
    const auto blocks = static_cast<double>(std::max<std::size_t>(prefix_.size(), 1));
    const double known = static_cast<double>(sent_.match(replica.id, prefix_, oldest)) / blocks;
    const double brief = longest == shortest ? 1
                                             : static_cast<double>(longest - replica.waiting) /
                                                   static_cast<double>(longest - shortest);
    return prefix_weight_ * known + queue_weight_ * brief;
  }

  Rng rng_;
  Tokens block_;
  std::size_t most_;
  Duration age_;
  double prefix_weight_;
  double queue_weight_;
  RoutedPrefixes sent_;
  std::vector<std::uint64_t> prefix_;  // of the request at hand
};

const Registered<Router, PrefixAffinity> kPrefixAffinity{
    "prefix-affinity",
    "Who was sent a long start of the prompt before and has a short queue (llm-d)."};

}  // namespace
}  // namespace kvsim
