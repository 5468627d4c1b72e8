#pragma once
// TieredStore: one replica's tiers, the host's memory, its disk and the store it shares with the
// others, and the way between them and its pool.
//
// Look-up walks the chunks of a prompt from where the pool's hit ends: each may lie in any tier,
// the host asked first, then disk, then remote; the first that is nowhere ends it. Whether what was
// found is worth loading is decided by cost: the links' queues and bytes against the price of
// computing it. As LMCache does (chunks, several backends at once) and vLLM's OffloadingConnector.
//
// All KV passes the host's memory and its link to the GPUs, each GPU its own share on a link of its
// own; a disk or remote store carries the sum of all GPUs besides. A transfer goes on all links of
// its way at once, in pieces, so it takes as long as the slowest.
//
// What is stored goes to the first tier and to those that are written through, at once; what a tier
// gives up goes to the next if that is filled by spills, being read first where that takes a link.
// What is loaded from a later tier stays in the first as well. What another replica is still
// storing in a shared store is not found there yet (Mooncake Store shows an object once its
// writing has ended).
//
// A replica that goes down takes its host's memory and its disk with it: both belong to the process
// (LMCache's CPU buffer; of its local disk the index, LocalDiskBackend.dict), and what it was still
// sending to the shared store. A store that is down is as RemoteBackend of LMCache sees one: it has
// nothing, nothing is stored there, and loads under way from there fail.
//
// Not modelled: what a load reads is not pinned: a tier may give it up while it is read, and has
// the room at once, as has the pool for blocks that are being stored. A load fails as a whole. One
// that joins a step is not interrupted by a store. What a replica that goes down had asked a shared
// link for stays in its queue.

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "sim/engine/transfer/chunk_names.h"
#include "sim/engine/transfer/link.h"
#include "sim/engine/transfer/resident_chunks.h"
#include "sim/engine/transfer/tier.h"
#include "sim/engine/transfer/tier_plan.h"
#include "sim/model/cost_model.h"
#include "sim/model/kv_connector.h"
#include "sim/model/local_span.h"

namespace kvsim {

/// A tier that links of its own lead to.
struct LinkedTier {
  LinkedTier(const TierPlan& plan, const TierPlan::Room& room, const ConfigView& config);
  /// It cannot be reached from `now` on, and has lost what it held if it `forgets`.
  void go_down(Time now, bool forgets);
  void come_up() { --outages; }
  /// Nothing more of what was asked of its links arrives.
  void abandon(Time now);

  Tier tier;
  Link in, out;     ///< Seen from the GPUs: loads, stores.
  int outages = 0;  ///< Under way: up if none is.
};

class TieredStore final : public KvConnector {
 public:
  struct Setup {
    const TierPlan& plan;
    bool async = true;             ///< Do sequences wait for their loads while others run?
    const CostModel& cost;         ///< What computing would cost instead.
    const LocalSpan& local;        ///< What the model's local layers see.
    LinkedTier* remote = nullptr;  ///< Shared by all replicas; null: none.
    const ConfigView& config;
    ReplicaId replica{0};  ///< Whose.
  };
  explicit TieredStore(const Setup& setup);
  TieredStore(const TieredStore&) = delete;  // its levels point into it
  TieredStore& operator=(const TieredStore&) = delete;

  void queued(const Sequence& s, Time now) override;
  [[nodiscard]] Tokens offer(const Sequence& s, Tokens hit, Time now) override;
  [[nodiscard]] Time load(const Sequence& s, Tokens hit, Tokens count, Time now) override;
  [[nodiscard]] bool loads_apart(const Sequence& /*s*/) const override { return async_; }
  [[nodiscard]] bool failed(const Sequence& s) const override;
  void arrived(const Sequence& s, Time now) override;
  void computed(const Sequence& s, Time now) override;
  [[nodiscard]] bool watches_evictions() const override {
    return plan_.store == TierPlan::Store::kOnEvict;
  }
  [[nodiscard]] Time evicted(std::span<const Eviction> gone, Time now) override;
  void lost(Time now) override;
  /// `store`, its disk or the shared one, has gone down: what was on its way from there is lost.
  void cut_off(const LinkedTier& store, Time now);

  /// The replica's own tiers and, with the host's, the link that all KV passes.
  [[nodiscard]] const Tier* host() const { return host_ ? &*host_ : nullptr; }
  [[nodiscard]] const LinkedTier* disk() const { return disk_ ? &*disk_ : nullptr; }
  [[nodiscard]] LinkedTier* disk() { return disk_ ? &*disk_ : nullptr; }
  /// Does it use the store that replicas share?
  [[nodiscard]] bool shares() const { return plan_.remote.has_value(); }
  [[nodiscard]] const Link& host_in() const { return host_in_; }
  [[nodiscard]] const Link& host_out() const { return host_out_; }
  [[nodiscard]] std::vector<Link*> host_links() { return {&host_in_, &host_out_}; }
  [[nodiscard]] std::int64_t gpus() const { return plan_.gpus; }
  void check_books() const;

 private:
  struct Level {
    Tier* tier;
    LinkedTier* way;  // with links and outages; null: the host's memory, which the host link alone
                      // leads to
    bool written_through;
    [[nodiscard]] bool up() const { return way == nullptr || way->outages == 0; }
  };
  static constexpr std::size_t kLevels = 3;
  using Amounts = std::array<Tokens, kLevels>;
  // Bytes that are, or will be, in the host's memory, and the tiers they come from.
  struct Brought {
    Time at{};
    std::uint8_t from = 0;
  };
  [[nodiscard]] static std::uint8_t bit(std::size_t level) {
    return static_cast<std::uint8_t>(1U << level);
  }

  void find_runs(const Sequence& s, Tokens hit, Tokens count, Time now);
  [[nodiscard]] bool has(const Level& level, Key128 key, Time now) const;
  [[nodiscard]] static std::uint8_t coming_from(const Tier& tier, EntryId id, Time now);
  [[nodiscard]] std::size_t level_of(Key128 key, Time now) const;
  void count_look_up(const Sequence& s, Tokens wanted);
  [[nodiscard]] Tokens cheapest(const Sequence& s, Tokens hit, Time now);
  [[nodiscard]] Time arrival(const Amounts& amounts, Time now) const;
  [[nodiscard]] Duration computing(const Sequence& s, Tokens context) const;
  void keep(const Sequence& s, Tokens until, Time now, std::optional<Brought> brought);
  [[nodiscard]] bool wanted(const TierChunk& chunk, Time now);
  Time enter(TierChunk chunk, Time now, std::optional<Brought> brought);
  void spill(std::size_t level, const TierChunk& chunk, Time now);
  [[nodiscard]] Bytes gpu_bytes(Tokens n) const { return plan_.gpu_bytes * n.value(); }
  [[nodiscard]] Bytes all_bytes(Tokens n) const { return gpu_bytes(n) * plan_.gpus; }

  TierPlan plan_;
  ReplicaId replica_;
  bool async_;
  const CostModel& cost_;
  LocalSpan local_;
  Link host_in_, host_out_;
  std::optional<Tier> host_;
  std::optional<LinkedTier> disk_;
  std::vector<Level> levels_;  // in order of look-up
  ChunkNames names_;
  ResidentChunks residents_;  // only if stored on eviction
  FlatMap<EntryId> uses_of_;  // only if stored selectively: into uses_
  std::vector<std::uint32_t> uses_;
};

}  // namespace kvsim
