#include "sim/cli/ops/pool_record.h"

#include <cmath>

namespace kvsim {

using Json = OpsDialect::Json;

Json json_of(std::span<const BlockId> blocks) {
  Json ids = Json::array();
  for (const BlockId id : blocks) ids.push_back(id.index);
  return ids;
}

Json table_json(const PagedCache& cache, const Sequence& s) {
  Json groups = Json::array();
  for (std::size_t g = 0; g < cache.groups(); ++g) groups.push_back(json_of(cache.table(s, g)));
  return groups;
}

PoolRecord::PoolRecord(PagedCache& cache) : cache_(cache) {
  cache_.pool().on_evict([this](BlockId id) {
    const Json where = place(id);
    evicted_.push_back({id.index, where[0], where[1]});
  });
}

Json PoolRecord::place(BlockId id) const {
  const BlockPool& pool = cache_.pool();
  const std::uint8_t group = pool.group(id);
  const Tokens block = cache_.group(group).block();
  return {group, Tokens(static_cast<std::int64_t>(pool.depth(id))) / block};
}

void PoolRecord::add_to(Json& record, bool dump) {
  const BlockPool& pool = cache_.pool();
  record["evicted"] = std::move(evicted_);
  evicted_ = Json::array();
  record["free"] = pool.free();
  const double usage = 1.0 - static_cast<double>(pool.free()) / static_cast<double>(pool.usable());
  record["usage"] = std::round(usage * 1e9) / 1e9;
  if (dump) add_dump(record);
}

void PoolRecord::add_dump(Json& record) const {
  const BlockPool& pool = cache_.pool();
  record["free_queue"] = json_of(pool.queue());
  Json users = Json::object();
  Json cached = Json::object();
  for (std::uint32_t i = 1; i <= pool.usable(); ++i) {
    const BlockId id{i};
    if (pool.users(id) > 0) users[std::to_string(i)] = pool.users(id);
    if (pool.hashed(id)) cached[std::to_string(i)] = place(id);
  }
  record["ref_cnt"] = std::move(users);
  record["cached"] = std::move(cached);
}

}  // namespace kvsim
