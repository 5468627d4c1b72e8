#include "sim/engine/transfer/run_tiers.h"

#include <algorithm>
#include <tuple>

namespace kvsim {
namespace {

// One tier of as many replicas as are added.
class Row {
 public:
  Row(std::string name, double duration_s) : duration_s_(duration_s) {
    row_.name = std::move(name);
  }

  /// `links`: bytes are those of one of so many equal links.
  void add(const Tier& tier, const Link& in, const Link& out, std::int64_t links) {
    const Tier::Counters& c = tier.counters();
    row_.capacity_tokens += tier.capacity().value();
    row_.query_tokens += c.queried.value();
    row_.hit_tokens += c.found.value();
    row_.loaded_tokens += c.loaded.value();
    row_.stored_tokens += c.stored.value();
    row_.evicted_tokens += c.evicted.value();
    if (c.lost > Tokens(0)) row_.lost_tokens = row_.lost_tokens.value_or(0) + c.lost.value();
    row_.bytes_in += in.sent().value() * links;
    row_.bytes_out += out.sent().value() * links;
    busy_in_ += seconds(in.busy());
    busy_out_ += seconds(out.busy());
    ++count_;
  }
  [[nodiscard]] bool any() const { return count_ > 0; }
  [[nodiscard]] Report::Tier result() const {
    Report::Tier row = row_;
    const auto share = [](double part, double whole) { return whole > 0 ? part / whole : 0; };
    row.hit_rate =
        share(static_cast<double>(row.hit_tokens), static_cast<double>(row.query_tokens));
    row.busy_in = share(busy_in_, duration_s_ * count_);
    row.busy_out = share(busy_out_, duration_s_ * count_);
    return row;
  }

 private:
  Report::Tier row_;
  double duration_s_;
  double busy_in_ = 0, busy_out_ = 0;
  int count_ = 0;
};

}  // namespace

RunTiers::RunTiers(std::span<const TieredPool> pools) {
  const auto has_plan = [](const TieredPool& pool) { return pool.plan.has_value(); };
  if (std::none_of(pools.begin(), pools.end(), has_plan)) return;
  const auto shares = [](const TieredPool& pool) { return pool.plan && pool.plan->remote; };
  const auto first = std::find_if(pools.begin(), pools.end(), shares);
  if (first != pools.end()) remote_.emplace(*first->plan, *first->plan->remote, first->config);
  for (const TieredPool& pool : pools) {
    if (!pool.plan) {
      connectors_.resize(connectors_.size() + pool.replicas);
      by_replica_.resize(connectors_.size());
      continue;
    }
    LinkedTier* const remote = pool.plan->remote ? shared_with(pool, *first) : nullptr;
    const bool async = pool.plan->async.value_or(pool.config.text("/scheduler/batching") == "vllm");
    for (std::size_t i = 0; i < pool.replicas; ++i) {
      const ReplicaId id{static_cast<std::uint32_t>(connectors_.size())};
      by_replica_.push_back(&stores_.emplace_back(
          TieredStore::Setup{*pool.plan, async, *pool.cost, pool.local, remote, pool.config, id}));
      connectors_.push_back(by_replica_.back());
    }
  }
}

LinkedTier* RunTiers::shared_with(const TieredPool& pool, const TieredPool& first) {
  const auto format = [](const TieredPool& p) {
    return std::tuple(p.config.text("/model"), p.plan->chunk, p.plan->gpu_bytes * p.plan->gpus);
  };
  if (format(pool) != format(first))
    pool.config.fail("/tiers/remote/gib",
                     "pools share a store only if they keep the same KV: set model, kv_cache_dtype "
                     "and /tiers/chunk_tokens alike, or this to 0");
  return &*remote_;
}

bool RunTiers::has(Part part, ReplicaId where) const {
  if (where.index >= by_replica_.size() || by_replica_[where.index] == nullptr) return false;
  if (part == Part::kRemote) return by_replica_[where.index]->shares();
  return part == Part::kHost ||
         (part == Part::kDisk && by_replica_[where.index]->disk() != nullptr);
}

LinkedTier& RunTiers::store(Part part, ReplicaId where) {
  return part == Part::kRemote ? *remote_ : *by_replica_[where.index]->disk();
}

std::vector<Link*> RunTiers::links(Part part, ReplicaId where) {
  if (part == Part::kHost) return by_replica_[where.index]->host_links();
  LinkedTier& linked = store(part, where);
  return {&linked.in, &linked.out};
}

void RunTiers::change_store(Time now, const FaultPlan::Change& change) {
  LinkedTier& down = store(change.part, change.where);
  if (!change.begins) return down.come_up();
  down.go_down(now, change.loses_contents);
  for (TieredStore& replica : stores_) replica.cut_off(down, now);
}

void RunTiers::check_books() const {
  for (const TieredStore& store : stores_) store.check_books();
}

std::vector<Report::Tier> RunTiers::report(double duration_s) const {
  Row host("host", duration_s);
  Row disk("disk", duration_s);
  Row remote("remote", duration_s);
  for (const TieredStore& store : stores_) {
    if (store.host() != nullptr)
      host.add(*store.host(), store.host_in(), store.host_out(), store.gpus());
    if (store.disk() != nullptr)
      disk.add(store.disk()->tier, store.disk()->in, store.disk()->out, 1);
  }
  if (remote_) remote.add(remote_->tier, remote_->in, remote_->out, 1);
  std::vector<Report::Tier> rows;
  for (const Row* row : {&host, &disk, &remote})
    if (row->any()) rows.push_back(row->result());
  return rows;
}

}  // namespace kvsim
