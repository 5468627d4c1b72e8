#include "sim/engine/simulation.h"

#include <algorithm>
#include <optional>

#include "sim/core/check.h"
#include "sim/core/config_schema.h"
#include "sim/engine/engine.h"
#include "sim/engine/metrics.h"
#include "sim/engine/miss_attribution.h"
#include "sim/engine/priority_meter.h"
#include "sim/engine/speculation_meter.h"
#include "sim/model/speculation.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    integer_field("/seed", "0", "", 0, 9007199254740992.0, "Seed of every random stream."),
    integer_field("/replicas", "1", "replicas", 1, 4096, "Equal serving instances."),
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

std::deque<Replica> make_replicas(const SimulationParts& parts, const Observers& observers) {
  std::deque<Replica> replicas;
  const auto count = static_cast<std::uint32_t>(parts.config.integer("/replicas"));
  for (std::uint32_t i = 0; i < count; ++i)
    replicas.emplace_back(Replica::Setup{
        ReplicaId{i}, parts.capacity, parts.block, parts.max_model_len, parts.local, parts.groups,
        parts.swap_space, parts.cost, parts.config, observers, parts.future,
        parts.connectors.empty() ? nullptr : parts.connectors[i]});
  return replicas;
}

void describe_workload(const WorkloadIdentity& identity, Report& report) {
  report.provenance.trace_name = identity.name;
  report.provenance.trace_format = identity.format;
  report.provenance.trace_digest = identity.digest;
  report.requests.skipped_rows = identity.skipped;
}

void describe_pool(const SimulationParts& parts, const MemoryUse& memory, Report& report) {
  const auto replicas = parts.config.integer("/replicas");
  report.kv.capacity_tokens = memory.capacity.value() * replicas;
  report.kv.block_tokens = parts.block.value();
  report.kv.capacity_blocks = memory.capacity / parts.block * replicas;
}

}  // namespace

Report simulate(const SimulationParts& parts, std::span<Observer* const> watchers,
                const Progress& progress) {
  const auto replica_count = static_cast<std::size_t>(parts.config.integer("/replicas"));
  Metrics metrics(replica_count, objectives(parts.config));
  MissAttribution misses(replica_count, parts.block);
  std::vector<Observer*> all{&metrics};
  PriorityMeter priorities;
  all.insert(all.end(), {&misses, &priorities});
  SpeculationMeter guesses;
  const bool guessing = speculation_of(parts.config).drafts > Tokens(0);
  if (guessing) all.push_back(&guesses);
  all.insert(all.end(), watchers.begin(), watchers.end());
  Observers observers(std::move(all));

  const auto seed = static_cast<std::uint64_t>(parts.config.integer("/seed"));
  const auto router = Registry<Router>::make(parts.config.text("/routing"), {seed, parts.config});
  std::deque<Replica> replicas = make_replicas(parts, observers);
  misses.tell(watchers);
  if (parts.future != nullptr && parts.future->foreseen()) observers.add(parts.future);
  misses.hits_lose(replicas.front().memory().lost_of_a_hit());
  std::optional<Time> until;
  if (parts.config.has("/until_s")) until = Time(round_to_ns(parts.config.number("/until_s")));
  const auto heartbeat = [&] {
    if (progress) progress(parts.workload.progress());
  };
  const Engine::Outcome outcome =
      Engine({parts.workload, *router, replicas, observers, until, heartbeat}).run();

  Report report;
  describe_workload(parts.workload.identity(), report);
  describe_pool(parts, replicas.front().memory().memory(), report);
  metrics.summarise(report);
  if (replicas.front().memory().caches_prefixes()) report.prefix_cache = misses.result();
  report.by_priority = priorities.result();
  if (guessing) report.speculation = guesses.result();
  for (const Replica& replica : replicas) {
    const Allocator::Counters counters = replica.memory().counters();
    report.evictions += counters.evictions;
    report.cow_copies += counters.copies;
    report.transfers += counters.swaps;
  }
  report.events = outcome.events;
  report.provenance.fingerprint = fmt::format("{:016x}", outcome.fingerprint);
  return report;
}

Report serve_alone(const SimulationParts& parts, const Progress& progress) {
  // A power of two, so that a buddy pool has one chunk that holds any sequence.
  Tokens capacity(2);
  while (capacity < parts.max_model_len + parts.block * 2) capacity = capacity * 2;
  const auto memory = Registry<Allocator>::make(
      parts.config.text("/cache/allocator"), {capacity, parts.block, parts.max_model_len,
                                              parts.config, parts.groups, Tokens(0), parts.future});
  Report report;
  MemoryUse sums;
  Sequence s;
  s.id = SequenceId{0};
  constexpr std::int64_t kHeartbeat = 256;
  while (parts.workload.upcoming()) {
    parts.workload.take(s.request);
    const Request& r = s.request;
    if (++report.requests.total % kHeartbeat == 0 && progress) progress(parts.workload.progress());
    if (r.prompt + r.output > parts.max_model_len) {
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
  report.kv.block_tokens = parts.block.value();
  describe_workload(parts.workload.identity(), report);
  return report;
}

}  // namespace kvsim
