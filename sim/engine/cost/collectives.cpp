#include "sim/engine/cost/collectives.h"

#include <algorithm>
#include <bit>

#include "sim/core/config_schema.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    integer_field("/topology/gpus_per_node", "8", "GPUs", 1, 4096,
                  "GPUs that reach each other over the device's own links; a replica's fill node "
                  "after node."),
    number_field("/topology/inter_node_gbytes_per_s", "40", "GB/s", 0.001, 1e5,
                 "What a GPU sends to other nodes, one direction. The default is eight tenths of "
                 "a 400 Gb/s adapter for each GPU, assumed."),
    number_field("/topology/inter_node_latency_us", "5", "us", 0, 1e6,
                 "Of a message between nodes. The default is what NCCL's tuning table says of a "
                 "hop over the network in a tree (LL)."),
};

double as_double(std::int64_t n) { return static_cast<double>(n); }
double others(std::int64_t n) { return as_double(n - 1) / as_double(n); }

}  // namespace

Collectives::Collectives(const DeviceSpec& device, const ConfigView& config)
    : gpus_per_node_(config.integer("/topology/gpus_per_node")),
      node_bandwidth_(device.link.bandwidth * device.link.efficiency),
      node_latency_(device.link.latency),
      network_bandwidth_(config.number("/topology/inter_node_gbytes_per_s") * 1e9),
      network_latency_(config.number("/topology/inter_node_latency_us") * 1e-6) {}

GpuGroup Collectives::group(std::int64_t count, std::int64_t stride) const {
  const std::int64_t in_node = std::min(count, std::max<std::int64_t>(1, gpus_per_node_ / stride));
  return {in_node, (count + in_node - 1) / in_node};
}

bool Collectives::between_nodes(std::int64_t rank, std::int64_t distance) const {
  return rank / gpus_per_node_ != (rank + distance) / gpus_per_node_;
}

double Collectives::within(const GpuGroup& group, double bytes) const {
  if (group.in_node == 1) return 0;
  return node_latency_ + bytes * others(group.in_node) / node_bandwidth_;
}

double Collectives::across(const GpuGroup& group, double bytes) const {
  if (group.nodes == 1) return 0;
  const auto messages =
      static_cast<double>(std::bit_width(static_cast<std::uint64_t>(group.nodes - 1)));
  return messages * network_latency_ + bytes * others(group.nodes) / network_bandwidth_;
}

double Collectives::all_reduce(const GpuGroup& group, double bytes) const {
  if (group.nodes == 1) return within(group, 2 * bytes);
  return reduce_scatter(group, bytes) + all_gather(group, bytes);
}

double Collectives::all_gather(const GpuGroup& group, double bytes) const {
  return across(group, bytes / as_double(group.in_node)) + within(group, bytes);
}

double Collectives::reduce_scatter(const GpuGroup& group, double bytes) const {
  return within(group, bytes) + across(group, bytes / as_double(group.in_node));
}

double Collectives::all_to_all(const GpuGroup& group, double bytes, double between) const {
  const double network =
      group.nodes == 1 ? 0 : network_latency_ + between * others(group.nodes) / network_bandwidth_;
  return within(group, bytes) + network;
}

double Collectives::send(double bytes, bool between_nodes) const {
  return between_nodes ? network_latency_ + bytes / network_bandwidth_
                       : node_latency_ + bytes / node_bandwidth_;
}

}  // namespace kvsim
