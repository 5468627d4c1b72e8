#pragma once
// VllmManagerOps: the operations of vLLM's KVCacheManager, one request and one call at a time.

#include <map>
#include <memory>

#include "sim/cli/ops/pool_record.h"
#include "sim/cli/ops/vllm_fields.h"

namespace kvsim {

class VllmManagerOps {
 public:
  using Json = OpsDialect::Json;
  /// `op` is the `config` that everything after it refers to.
  explicit VllmManagerOps(const OpFields& op);

  /// Adds the answer to `record`. Throws OpError.
  void answer(const OpFields& op, Json& record);
  /// Null block and number of groups: what `config` itself answers.
  void describe(Json& record);
  /// Blocks that `touch` took have a user that no table knows of: then there is nothing to check.
  void check_books() const {
    if (!touched_) cache_.check_books();
  }

 private:
  struct Asked {
    Tokens hit;  // of the last get_computed
    bool admission_failed = false;
    bool bypasses_cache = false;  // looks nothing up
  };
  struct Wanted {
    Tokens hit;
    PagedCache::Demand demand;
  };

  void request(const OpFields& op, Json& record);
  void get_computed(const OpFields& op, Json& record);
  void allocate(const OpFields& op, Json& record);
  void admit(const OpFields& op, Json& record);
  void advance(const OpFields& op, Json& record);
  void append(const OpFields& op, Json& record);
  void give_up(const OpFields& op, bool for_good);
  void touch(const OpFields& op);
  void evict_blocks(const OpFields& op);
  void common_prefix(const OpFields& op, Json& record);

  [[nodiscard]] bool take(Sequence& s, const Wanted& wanted, Json& record);
  [[nodiscard]] Asked& asked(const Sequence& s) { return asked_[s.id]; }
  [[nodiscard]] Sequence& named(const OpFields& op) { return sequences_.at(op.name("id")); }
  [[nodiscard]] Json hashes(const Sequence& s) const;
  [[nodiscard]] std::vector<BlockId> block_ids(const OpFields& op) const;

  PagedCache cache_;
  PoolRecord pool_;
  NamedSequences sequences_;
  std::map<SequenceId, Asked> asked_;
  bool touched_ = false;
};

}  // namespace kvsim
