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
  std::size_t waiting = 0;
  std::size_t running = 0;
  Tokens outstanding;  ///< Prompt tokens routed there and not finished.
  MemoryUse memory;
};

class Router {
 public:
  struct Setup {
    std::uint64_t seed = 0;
    const ConfigView& config;
  };
  virtual ~Router() = default;
  [[nodiscard]] virtual ReplicaId route(const Request& r,
                                        std::span<const ReplicaView> replicas) = 0;
};

}  // namespace kvsim
