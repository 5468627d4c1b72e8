#pragma once
// Which replica serves a request?

#include <span>

#include "sim/core/config_view.h"
#include "sim/core/registry.h"
#include "sim/model/memory_use.h"
#include "sim/model/request.h"

namespace kvsim {

/// What a router may know of a replica.
struct ReplicaView {
  ReplicaId id;
  std::size_t waiting = 0;
  std::size_t running = 0;
  Tokens outstanding;  ///< Prompt tokens routed there and not finished.
  MemoryUse memory;
  Tokens block;       ///< Tokens that its cache keeps together.
  double weight = 1;  ///< Its speed beside the others': prompt tokens per second, to a factor.
};

/// News of a replica's prefix cache, as vLLM and SGLang publish it (their KV events).
struct KvEvent {
  enum class Kind : std::uint8_t { kStored, kRemoved, kCleared };
  Kind kind = Kind::kStored;
  ReplicaId where;
  std::uint64_t block = 0;  ///< Names the prefix that the block ends (prefix_hashes.h).
};

class Router {
 public:
  struct Setup {
    std::uint64_t seed = 0;
    const ConfigView& config;
  };
  virtual ~Router() = default;
  /// Which of `replicas`, those that are up and can take `r`, in order of their ids; at least one.
  [[nodiscard]] virtual ReplicaId route(Time now, const Request& r,
                                        std::span<const ReplicaView> replicas) = 0;
  /// Does it want KV events?
  [[nodiscard]] virtual bool listens() const { return false; }
  /// In the order they happened, some time after.
  virtual void learn(const KvEvent& /*event*/) {}
};

}  // namespace kvsim
