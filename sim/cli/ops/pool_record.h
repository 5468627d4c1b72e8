#pragma once
// PoolRecord: the part of every vLLM record that shows the block pool.

#include "policies/allocator/paged_cache.h"
#include "sim/cli/ops/dialect.h"

namespace kvsim {

/// Block ids, as vLLM prints them.
[[nodiscard]] OpsDialect::Json json_of(std::span<const BlockId> blocks);
/// One list of block ids per group: the table of `s`.
[[nodiscard]] OpsDialect::Json table_json(const PagedCache& cache, const Sequence& s);

/// Remembers evictions between records. Must outlive `cache`'s use.
class PoolRecord {
 public:
  using Json = OpsDialect::Json;
  explicit PoolRecord(PagedCache& cache);
  PoolRecord(const PoolRecord&) = delete;
  PoolRecord& operator=(const PoolRecord&) = delete;
  ~PoolRecord() { cache_.pool().on_evict({}); }

  /// What was evicted since the last call, how much is free; with `dump`, every block.
  void add_to(Json& record, bool dump);
  /// [group, index in its hash chain]
  [[nodiscard]] Json place(BlockId id) const;

 private:
  void add_dump(Json& record) const;

  PagedCache& cache_;
  Json evicted_ = Json::array();
};

}  // namespace kvsim
