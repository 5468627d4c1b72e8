#pragma once
// Collectives: what messages between the GPUs of a replica take, by their size and by where the
// GPUs are: within a node over the device's own links, between nodes over the network.
//
// Latency and bytes over bandwidth (Thakur, Rabenseifner, Gropp 2005): with p GPUs and n bytes an
// all-gather or a reduce-scatter moves n (p-1)/p over each link and needs lg p messages between
// nodes, an all-reduce is one of each. A group over several nodes works by levels, as NCCL and MPI
// do: reduce-scatter within the node, all-reduce of a GPU's part with its peers in other nodes,
// all-gather within the node. Within a node the latency is one figure, the device's for an empty
// all-reduce, whatever the collective. Nothing overlaps, and no two messages share a link.

#include <cstdint>

#include "sim/core/config_view.h"
#include "sim/model/device_spec.h"

namespace kvsim {

/// GPUs that talk to each other: as many in each of some nodes.
struct GpuGroup {
  std::int64_t in_node = 1;
  std::int64_t nodes = 1;
  [[nodiscard]] std::int64_t size() const { return in_node * nodes; }
};

class Collectives {
 public:
  Collectives(const DeviceSpec& device, const ConfigView& config);

  /// `count` ranks, every `stride`-th of consecutive ones that fill node after node. Rounded up to
  /// as many in each node.
  [[nodiscard]] GpuGroup group(std::int64_t count, std::int64_t stride = 1) const;
  /// Is `rank` in another node than the one `distance` ranks on?
  [[nodiscard]] bool between_nodes(std::int64_t rank, std::int64_t distance) const;

  // Seconds. Alone a GPU exchanges nothing.
  /// Every GPU ends with the sum of everybody's `bytes`.
  [[nodiscard]] double all_reduce(const GpuGroup& group, double bytes) const;
  /// Every GPU ends with all `bytes`, of which each had an equal part.
  [[nodiscard]] double all_gather(const GpuGroup& group, double bytes) const;
  /// Every GPU ends with its part of the sum of everybody's `bytes`.
  [[nodiscard]] double reduce_scatter(const GpuGroup& group, double bytes) const;
  /// Every GPU sends `bytes` in all, to everybody alike, itself included. What leaves the node goes
  /// to the peer there first, and from it to where it belongs (DeepEP's way): `between` bytes are
  /// sent to all nodes, where what several GPUs of a node want counts once.
  [[nodiscard]] double all_to_all(const GpuGroup& group, double bytes, double between) const;
  [[nodiscard]] double all_to_all(const GpuGroup& group, double bytes) const {
    return all_to_all(group, bytes, bytes);
  }
  /// One GPU sends `bytes` to another.
  [[nodiscard]] double send(double bytes, bool between_nodes) const;

 private:
  [[nodiscard]] double within(const GpuGroup& group, double bytes) const;
  [[nodiscard]] double across(const GpuGroup& group, double bytes) const;

  std::int64_t gpus_per_node_;
  double node_bandwidth_, node_latency_;  // of the links within a node
  double network_bandwidth_, network_latency_;
};

}  // namespace kvsim
