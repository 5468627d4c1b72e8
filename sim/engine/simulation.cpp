#include "sim/engine/simulation.h"

#include <algorithm>
#include <optional>

#include <nlohmann/json.hpp>

#include "sim/core/check.h"
#include "sim/core/config_schema.h"
#include "sim/engine/engine.h"
#include "sim/engine/faults/read_faults.h"
#include "sim/engine/fleet/handoffs.h"
#include "sim/engine/fleet/pool_meter.h"
#include "sim/engine/kv_connectors.h"
#include "sim/engine/metrics.h"
#include "sim/engine/miss_attribution.h"
#include "sim/engine/priority_meter.h"
#include "sim/engine/speculation_meter.h"
#include "sim/model/speculation.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    integer_field("/seed", "0", "", 0, 9007199254740992.0, "Seed of every random stream."),
    number_field("/until_s", "null", "s", 0, 1e9,
                 "Simulated time after which the run stops, whoever is still running."),
    word_field("/routing", "round-robin", "policy", Registry<Router>::names,
               "Which replica serves a request."),
    word_field("/cache/allocator", "paged", "allocator", Registry<Allocator>::names,
               "The memory manager."),
    word_field("/scheduler/batching", "vllm", "policy", Registry<Scheduler>::names,
               "Who runs in a step."),
    number_field("/slo/ttft_ms", "null", "ms", 0, 1e9, "Goodput: time to first token at most."),
    number_field("/slo/tpot_ms", "null", "ms", 0, 1e9, "Goodput: time per output token at most."),
    number_field("/slo/e2e_ms", "null", "ms", 0, 1e9, "Goodput: end-to-end latency at most."),
};

Objectives objectives(const ConfigView& config) {
  const auto limit = [&](const std::string& pointer) -> std::optional<Duration> {
    if (!config.has(pointer)) return std::nullopt;
    return round_to_ns(config.number(pointer) * 1e-3);
  };
  return {limit("/slo/ttft_ms"), limit("/slo/tpot_ms"), limit("/slo/e2e_ms")};
}

/// Prompt tokens per second on an idle replica: what unequal replicas are weighed by.
double prefill_rate(const PoolParts& pool) {
  const Tokens prompt(pool.config.integer("/scheduler/max_num_batched_tokens"));
  StepShape shape;
  shape.add_prefill(Tokens(0), prompt, pool.local);
  return static_cast<double>(prompt.value()) / seconds(pool.cost.price(shape));
}

/// Between prefill and decode replicas, if there are any.
std::unique_ptr<Handoffs> make_handoffs(const SimulationParts& parts, std::uint64_t seed) {
  std::vector<Handoffs::Endpoint> ends;
  const PoolParts* first = nullptr;
  for (const PoolParts& pool : parts.pools) {
    ends.insert(ends.end(), static_cast<std::size_t>(pool.replicas),
                {pool.token_bytes, pool.gpus, pool.layers});
    if (pool.role == Role::kServe) continue;
    if (first == nullptr) first = &pool;
    if (pool.token_bytes != first->token_bytes || pool.layers != first->layers)
      pool.config.fail("/role",
                       fmt::format("the KV of a token is {} bytes here and {} in the first "
                                   "pool with a role: use one model and kv_cache_dtype",
                                   pool.token_bytes.value(), first->token_bytes.value()));
  }
  if (first == nullptr) return nullptr;
  return std::make_unique<Handoffs>(parts.config, seed, ends);
}

/// Reads what goes wrong, and slows links down accordingly.
FaultPlan set_faults(const SimulationParts& parts, Handoffs* handoffs, std::uint64_t seed) {
  std::vector<Role> roles;
  for (const PoolParts& pool : parts.pools)
    roles.insert(roles.end(), static_cast<std::size_t>(pool.replicas), pool.role);
  const auto has = [&](Part part, ReplicaId where) {
    if (part == Part::kHandoff) return roles[where.index] != Role::kServe;
    return parts.tiers != nullptr && parts.tiers->has(part, where);
  };
  const Faults faults = read_faults(parts.config, {roles.size(), has}, seed);
  for (const auto& [place, plan] : faults.slow_links) {
    const auto& [part, where] = place;
    const std::vector<Link*> links =
        part == Part::kHandoff ? handoffs->links(where) : parts.tiers->links(part, where);
    for (Link* link : links) link->follow(SlowSpells(plan));
  }
  return faults.events;
}

/// What brings KV to each replica.
std::deque<KvConnectors> make_connectors(const SimulationParts& parts, Handoffs* handoffs) {
  std::deque<KvConnectors> connectors;
  for (const PoolParts& pool : parts.pools)
    for (std::int64_t i = 0; i < pool.replicas; ++i) {
      const ReplicaId id{static_cast<std::uint32_t>(connectors.size())};
      KvConnectors& all = connectors.emplace_back();
      if (pool.role == Role::kDecode) all.add(handoffs->connector(id));
      if (!parts.connectors.empty() && parts.connectors[id.index] != nullptr)
        all.add(*parts.connectors[id.index]);
    }
  return connectors;
}

/// Pool by pool; ids run through.
std::deque<Replica> make_replicas(const SimulationParts& parts,
                                  std::deque<KvConnectors>& connectors,
                                  const Observers& observers) {
  std::deque<Replica> replicas;
  for (const PoolParts& pool : parts.pools) {
    const std::int64_t ranks = pool.config.integer("/data_parallel_size");
    if (pool.replicas % ranks != 0)
      pool.config.fail("/replicas",
                       fmt::format("expected a multiple of data_parallel_size ({}), got {}: each "
                                   "replica is a rank",
                                   ranks, pool.replicas));
    const double weight = parts.pools.size() > 1 ? prefill_rate(pool) : 1;
    for (std::int64_t i = 0; i < pool.replicas; ++i) {
      const std::size_t id = replicas.size();
      KvConnector* connector = connectors[id].empty() ? nullptr : &connectors[id];
      replicas.emplace_back(Replica::Setup{ReplicaId{static_cast<std::uint32_t>(id)}, pool.capacity,
                                           pool.block, pool.max_model_len, pool.local, pool.groups,
                                           pool.swap_space, pool.cost, pool.config, observers,
                                           parts.future, weight, connector, pool.role});
    }
  }
  return replicas;
}

void describe_workload(const WorkloadIdentity& identity, Report& report) {
  report.provenance.trace_name = identity.name;
  report.provenance.trace_format = identity.format;
  report.provenance.trace_digest = identity.digest;
  report.requests.skipped_rows = identity.skipped;
}

void describe_memory(const SimulationParts& parts, const std::deque<Replica>& replicas,
                     Report::Kv& kv) {
  auto replica = replicas.begin();
  for (const PoolParts& pool : parts.pools)
    for (std::int64_t i = 0; i < pool.replicas; ++i, ++replica) {
      const Tokens capacity = replica->memory().memory().capacity;
      kv.capacity_tokens += capacity.value();
      kv.capacity_blocks += capacity / pool.block;
    }
  kv.block_tokens = parts.pools.front().block.value();
}

void count_operations(const std::deque<Replica>& replicas, Report& report) {
  for (const Replica& replica : replicas) {
    const Allocator::Counters counters = replica.counters();
    report.evictions += counters.evictions;
    report.cow_copies += counters.copies;
    report.transfers += counters.swaps;
  }
}

/// What cannot happen is not counted.
void describe_refusals(const ConfigView& config, Report& report) {
  Report::Requests& requests = report.requests;
  const AdmissionControl admission(config);
  if (!admission.caps_queues()) requests.rejected_queue_full.reset();
  if (!admission.caps_tokens()) requests.rejected_tokens_full.reset();
  if (!admission.caps_rates()) requests.rejected_over_rate.reset();
  if (!config.tree("/faults").empty()) return;
  requests.lost.reset();
  requests.retries.reset();
  report.failed_loads.reset();
}

/// The tokens that each replica caches and finds together.
std::vector<Tokens> blocks_by_replica(const SimulationParts& parts) {
  std::vector<Tokens> blocks;
  for (const PoolParts& pool : parts.pools)
    blocks.insert(blocks.end(), static_cast<std::size_t>(pool.replicas), pool.block);
  return blocks;
}

bool guesses_ahead(const SimulationParts& parts) {
  return std::any_of(parts.pools.begin(), parts.pools.end(), [](const PoolParts& pool) {
    return speculation_of(pool.config).drafts > Tokens(0);
  });
}

bool caches_prefixes(const std::deque<Replica>& replicas) {
  return std::any_of(replicas.begin(), replicas.end(),
                     [](const Replica& r) { return r.memory().caches_prefixes(); });
}

}  // namespace

Report simulate(const SimulationParts& parts, std::span<Observer* const> watchers,
                const Progress& progress) {
  const std::vector<Tokens> blocks = blocks_by_replica(parts);
  Metrics metrics(blocks.size(), objectives(parts.config));
  MissAttribution misses(blocks);
  std::vector<Observer*> all{&metrics};
  PriorityMeter priorities;
  all.insert(all.end(), {&misses, &priorities});
  SpeculationMeter guesses;
  const bool guessing = guesses_ahead(parts);
  if (guessing) all.push_back(&guesses);
  PoolMeter pools(parts.pools);
  if (parts.pools.size() > 1) all.push_back(&pools);
  all.insert(all.end(), watchers.begin(), watchers.end());
  Observers observers(std::move(all));

  const auto seed = static_cast<std::uint64_t>(parts.config.integer("/seed"));
  const auto router = Registry<Router>::make(parts.config.text("/routing"), {seed, parts.config});
  std::optional<KvEventFeed> news;
  if (router->listens()) observers.add(&news.emplace(parts.config, *router, blocks));
  const auto handoffs = make_handoffs(parts, seed);
  std::deque<KvConnectors> connectors = make_connectors(parts, handoffs.get());
  std::deque<Replica> replicas = make_replicas(parts, connectors, observers);
  misses.tell(watchers);
  if (parts.future != nullptr && parts.future->foreseen()) observers.add(parts.future);
  for (std::uint32_t i = 0; i < replicas.size(); ++i)
    misses.hits_lose(ReplicaId{i}, replicas[i].memory().lost_of_a_hit());
  std::optional<Time> until;
  if (parts.config.has("/until_s")) until = Time(round_to_ns(parts.config.number("/until_s")));
  const auto heartbeat = [&] {
    if (progress) progress(parts.workload.progress());
  };
  const Engine::Outcome outcome =
      Engine({{parts.config, parts.workload, *router, news ? &*news : nullptr, handoffs.get(),
               replicas, observers, set_faults(parts, handoffs.get(), seed), parts.tiers},
              until,
              heartbeat})
          .run();

  Report report;
  describe_workload(parts.workload.identity(), report);
  describe_memory(parts, replicas, report.kv);
  metrics.summarise(report);
  describe_refusals(parts.config, report);
  if (caches_prefixes(replicas)) report.prefix_cache = misses.result();
  report.by_priority = priorities.result();
  if (guessing) report.speculation = guesses.result();
  count_operations(replicas, report);
  if (parts.pools.size() > 1) report.pools = pools.result(replicas);
  report.events = outcome.events;
  report.provenance.fingerprint = fmt::format("{:016x}", outcome.fingerprint);
  return report;
}

Report serve_alone(const SimulationParts& parts, const Progress& progress) {
  const PoolParts& pool = parts.pools.front();
  // A power of two, so that a buddy pool has one chunk that holds any sequence.
  Tokens capacity(2);
  while (capacity < pool.max_model_len + pool.block * 2) capacity = capacity * 2;
  const auto memory = Registry<Allocator>::make(
      pool.config.text("/cache/allocator"), {capacity, pool.block, pool.max_model_len, pool.config,
                                             pool.groups, Tokens(0), parts.future});
  Report report;
  MemoryUse sums;
  Sequence s;
  s.id = SequenceId{0};
  constexpr std::int64_t kHeartbeat = 256;
  while (parts.workload.upcoming()) {
    parts.workload.take(s.request);
    const Request& r = s.request;
    if (++report.requests.total % kHeartbeat == 0 && progress) progress(parts.workload.progress());
    if (r.prompt + r.output > pool.max_model_len) {
      ++report.requests.rejected;
      ++report.requests.rejected_too_long;
    } else {
      s.computed = Tokens(0);
      s.generated = Tokens(0);
      bool room = memory->lookup(s) >= Tokens(0);
      for (Tokens t(1); room && t <= r.output; t += Tokens(1)) {
        s.generated = t;
        s.computed = t == Tokens(1) ? Tokens(0) : r.prompt + t - Tokens(1);
        room = t == Tokens(1) ? memory->admit(s, Tokens(0), r.prompt + t, {})
                              : memory->grow(s, r.prompt + t);
        const MemoryUse use = memory->memory();
        sums.used += use.used;
        sums.reserved += use.reserved;
        sums.internal += use.internal;
        sums.external += use.external;
        report.kv.peak_used_tokens = std::max(report.kv.peak_used_tokens, use.used.value());
        report.kv.peak_held_tokens = std::max(report.kv.peak_held_tokens, use.held().value());
      }
      KVSIM_CHECK(room, "unlimited memory has room");
      memory->release(s, Release::kPreempted);
      ++report.requests.completed;
      report.prompt_tokens += r.prompt.value();
      report.output_tokens += r.output.value();
    }
    parts.workload.ended(r, r.arrival);
  }
  const auto held = static_cast<double>(std::max<std::int64_t>(sums.held().value(), 1));
  const auto share = [&](Tokens part) { return static_cast<double>(part.value()) / held; };
  report.kv.utilization.count = 1;
  report.kv.utilization.mean = share(sums.used);
  report.kv.waste = {share(sums.reserved), share(sums.internal), share(sums.external)};
  report.kv.block_tokens = pool.block.value();
  describe_workload(parts.workload.identity(), report);
  return report;
}

}  // namespace kvsim
