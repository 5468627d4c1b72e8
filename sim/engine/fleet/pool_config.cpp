#include "sim/engine/fleet/pool_config.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "sim/core/config_schema.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostPools = 64;

const DeclaredFields kFields{
    integer_field("/replicas", "1", "replicas", 1, 4096, "Equal serving instances."),
    tree_field(
        "/pools", "[]",
        "Unequal ones: a list of patches to this config, a pool each, such as {\"replicas\": "
        "2, \"device\": \"l40s\"}; empty: one pool of /replicas. Whatever is a replica's may "
        "be said: device, sizes, cache, scheduler, role, pool_name."),
    word_field(
        "/role", "serve", "role",
        [] {
          return std::vector<std::string>{"decode", "prefill", "serve"};
        },
        "What a pool's replicas do: serve requests from first to last, or only prefill or decode."),
    note(text_field("/pool_name", "null", "What reports call a pool; null is its device.")),
};

// What there is once in a fleet, by the first word of its pointer.
constexpr std::array kOfTheFleet{"admission", "description", "expect",  "faults",   "mode",
                                 "pools",     "retry",       "router",  "routing",  "seed",
                                 "slo",       "thresholds",  "until_s", "variants", "workload"};

void check_patch(const ConfigView& config, const Json& patch, const std::string& inside) {
  if (!patch.is_object())
    config.fail("/pools", inside, "expected an object of config fields, got " + shown(patch));
  for (const auto& [key, value] : patch.items())
    if (std::find(kOfTheFleet.begin(), kOfTheFleet.end(), key) != kOfTheFleet.end())
      config.fail("/pools", fmt::format("{}/{}", inside, key),
                  fmt::format("belongs to the whole fleet; say it as /{}", key));
}

PoolConfig pool_of(ConfigView config) {
  const std::int64_t replicas = config.integer("/replicas");
  const Role role = role_of(config.text("/role"));
  return {std::move(config), replicas, role};
}

// Nobody prefills for nobody.
void check_roles(const std::vector<PoolConfig>& pools) {
  const auto first = [&](Role role) {
    return std::find_if(pools.begin(), pools.end(),
                        [role](const PoolConfig& pool) { return pool.role == role; });
  };
  const auto prefill = first(Role::kPrefill);
  const auto decode = first(Role::kDecode);
  if ((prefill == pools.end()) == (decode == pools.end())) return;
  const bool alone = decode == pools.end();
  (alone ? prefill : decode)
      ->config.fail("/role",
                    fmt::format("{} replicas need others that {}; add a pool to /pools",
                                alone ? "prefill" : "decode", alone ? "decode" : "prefill"));
}

}  // namespace

std::vector<PoolConfig> read_pools(const ConfigView& config) {
  const Json patches = config.tree("/pools");
  if (!patches.is_array())
    config.fail("/pools", "expected a list of objects, a pool each, got " + shown(patches));
  if (patches.size() > kMostPools)
    config.fail("/pools", fmt::format("expected at most {}, got {}", kMostPools, patches.size()));
  std::vector<PoolConfig> pools;
  for (std::size_t i = 0; i < patches.size(); ++i) {
    const std::string inside = fmt::format("/{}", i);
    check_patch(config, patches[i], inside);
    pools.push_back(pool_of(config.overlaid("/pools", inside, patches[i])));
  }
  if (pools.empty()) pools.push_back(pool_of(config));
  check_roles(pools);
  return pools;
}

std::int64_t count_replicas(const ConfigView& config) {
  std::int64_t count = 0;
  for (const PoolConfig& pool : read_pools(config)) count += pool.replicas;
  return count;
}

}  // namespace kvsim
