#pragma once
// Pools: a fleet of unequal replicas, as the config says it. /pools lists patches; each pool is the
// config with its patch laid over it, and serves with that config's /replicas.

#include <string>
#include <vector>

#include "sim/core/config_view.h"
#include "sim/engine/fleet/role.h"

namespace kvsim {

/// Equal replicas, as the config says them.
struct PoolConfig {
  ConfigView config;  ///< Its errors name the patch: "FILE: /pools/1/device: ...".
  std::int64_t replicas = 0;
  Role role = Role::kServe;
};

/// Every pool in order; the config itself if it says none. Throws InputError for a list that is
/// none, a field that is not a replica's, a role that cannot be served.
[[nodiscard]] std::vector<PoolConfig> read_pools(const ConfigView& config);

/// In all pools.
[[nodiscard]] std::int64_t count_replicas(const ConfigView& config);

}  // namespace kvsim
