#include "sim/engine/fleet/pool_meter.h"

#include <algorithm>

namespace kvsim {
namespace {

double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

}  // namespace

PoolMeter::PoolMeter(std::span<const PoolParts> pools) {
  for (std::size_t i = 0; i < pools.size(); ++i)
    pool_of_.insert(pool_of_.end(), static_cast<std::size_t>(pools[i].replicas), i);
  for (const PoolParts& pool : pools) {
    Counted counted{{}, MemoryMeter(pool_of_.size())};
    counted.row.name = pool.name;
    counted.row.device = pool.device;
    counted.row.role = word_of(pool.role);
    counted.row.replicas = pool.replicas;
    counted.row.gpus = pool.replicas * pool.gpus;
    counted.row.block_tokens = pool.block.value();
    pools_.push_back(std::move(counted));
  }
}

void PoolMeter::on_arrival(Time /*now*/, const Request& /*r*/, ReplicaId where) {
  ++at(where).row.requests;
}

void PoolMeter::on_admit(Time /*now*/, const Sequence& s, Tokens hit, ReplicaId where) {
  if (s.admitted) return;  // again: what it finds of its own is no hit
  at(where).row.query_tokens += s.request.prompt.value();
  at(where).row.hit_tokens += hit.value();
}

void PoolMeter::on_hand_over(Time /*now*/, const Request& /*r*/, ReplicaId /*from*/, ReplicaId to) {
  ++at(to).row.requests;
}

void PoolMeter::on_step(const StepRecord& step) {
  at(step.replica).busy_seconds += seconds(step.took);
  at(step.replica).memory.change(step.start, step.replica, step.memory);
}

void PoolMeter::on_finish(Time /*now*/, const Sequence& s, ReplicaId where) {
  ++at(where).row.completed;
  at(where).row.output_tokens += s.generated.value();
}

void PoolMeter::on_memory(Time now, ReplicaId where, const MemoryUse& memory) {
  at(where).memory.change(now, where, memory);
}

void PoolMeter::on_end(Time now) {
  end_ = now;
  for (Counted& pool : pools_) pool.memory.end(now);
}

std::vector<Report::Pool> PoolMeter::result(const std::deque<Replica>& replicas) const {
  std::vector<Report::Pool> rows;
  for (const Counted& pool : pools_) {
    Report::Pool& row = rows.emplace_back(pool.row);
    Report::Kv kv;
    pool.memory.summarise(kv);
    row.utilization = kv.utilization.mean;
    row.usage = kv.usage.mean;
    row.hit_rate =
        share(static_cast<double>(row.hit_tokens), static_cast<double>(row.query_tokens));
    // A step that the end of the run cuts short counts in whole.
    const double there = seconds(end_.time_since_epoch()) * static_cast<double>(row.replicas);
    row.busy = std::min(1.0, share(pool.busy_seconds, there));
  }
  for (std::size_t i = 0; i < replicas.size(); ++i)
    rows[pool_of_[i]].capacity_tokens += replicas[i].memory().memory().capacity.value();
  return rows;
}

}  // namespace kvsim
