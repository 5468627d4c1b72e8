#pragma once
// TierPlan: what a config's /tiers says, in the units of links and stores.

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "sim/core/config_view.h"
#include "sim/core/units.h"
#include "sim/engine/transfer/link.h"
#include "sim/model/kv_group.h"

namespace kvsim {

struct TierPlan {
  enum class Load : std::uint8_t { kCheaper, kAlways, kNever };
  enum class Store : std::uint8_t { kWriteThrough, kSelective, kOnEvict };
  /// One tier, if it has any room.
  struct Room {
    std::int64_t chunks = 0;
    Link::Setup link;  ///< Of the tier itself. The host has none: the host link leads to it.
    std::string eviction;
    /// Gets all that is stored, at once; otherwise what the tier before it gives up.
    bool written_through = false;
  };

  Tokens chunk;
  Tokens block;
  Load load = Load::kCheaper;
  Store store = Store::kWriteThrough;
  std::uint32_t threshold = 1;  ///< Times a chunk is computed or hit before it is stored.
  bool closed = false;          ///< A chunk is stored only where the one before it is somewhere.
  Tokens least_load{1};         ///< Fewer tokens are not loaded.
  bool prefetch = false;
  std::optional<bool> async;  ///< Absent: as the batching policy's engine does it.
  Bytes gpu_bytes;            ///< Of a token, on each GPU: what crosses each host link.
  std::int64_t gpus = 1;      ///< A disk or a remote store sees the KV of all of them.
  Link::Setup host_link;      ///< Of each GPU, each way.
  std::optional<Room> host, disk, remote;
};

/// What of the deployment a plan depends on.
struct TierSetting {
  Tokens block;
  Bytes block_bytes;  ///< On each GPU.
  Tokens pool;        ///< Room in the GPUs' pool.
  std::int64_t gpus = 1;
  double host_bandwidth = 0;  ///< Of the device's host link, bytes/s.
  /// The model's layers by what they keep; empty: every layer keeps every token.
  std::span<const KvGroup> groups{};
};

/// Nothing if no tier has any room. Throws InputError for what does not go together.
[[nodiscard]] std::optional<TierPlan> read_tier_plan(const ConfigView& config,
                                                     const TierSetting& setting);

}  // namespace kvsim
