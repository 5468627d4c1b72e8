#pragma once
// One simulation from ready-made parts: the piece that experiments and tests share.

#include <span>
#include <string>
#include <vector>

#include "sim/engine/experiment.h"
#include "sim/engine/fleet/role.h"
#include "sim/engine/request_future.h"
#include "sim/engine/transfer/run_tiers.h"
#include "sim/model/cost_model.h"
#include "sim/model/kv_connector.h"
#include "sim/model/kv_group.h"
#include "sim/model/workload_source.h"

namespace kvsim {

/// Equal replicas, and what each is made of.
struct PoolParts {
  const ConfigView& config;  ///< Names the policies of a replica and their parameters.
  const CostModel& cost;
  Tokens capacity;  ///< KV room of each replica, in tokens; for paged with vLLM's null block.
  Tokens block;
  Tokens max_model_len;
  LocalSpan local;                       ///< What the model's local layers see.
  std::span<const KvGroup> groups = {};  ///< As in Allocator::Setup.
  Tokens swap_space{};  ///< Host memory of each replica for who is swapped out, in tokens.
  std::int64_t replicas = 1;
  std::string name{}, device{};  ///< For reports.
  Role role = Role::kServe;
  std::int64_t gpus = 1;  ///< Of each replica.
  Bytes token_bytes{};    ///< KV of a token, all GPUs of a replica together.
  std::int64_t layers = 1;
};

struct SimulationParts {
  const ConfigView& config;  ///< Of the fleet: names the router, what a request must meet, ...
  WorkloadSource& workload;
  std::vector<PoolParts> pools;                   ///< At least one.
  RequestFuture* future = nullptr;                ///< For policies that know it; null: nobody does.
  std::span<KvConnector* const> connectors = {};  ///< By replica, null for none; empty: none.
  RunTiers* tiers = nullptr;                      ///< What connectors lead to, if it may fail.
};

/// Serves the workload to its end and reports; config digest and the like are the caller's.
[[nodiscard]] Report simulate(const SimulationParts& parts, std::span<Observer* const> watchers,
                              const Progress& progress);

/// Serves each request by itself, in unlimited memory, and weighs memory by token-steps: what an
/// allocator wastes on these lengths, whatever the load. Requires one pool. Only the report's
/// requests and kv count. Step t = 1..output of a request holds prompt + t tokens (the
/// PagedAttention paper's Fig. 2).
[[nodiscard]] Report serve_alone(const SimulationParts& parts, const Progress& progress);

}  // namespace kvsim
