#pragma once
// SglangTree: the operations on the tree alone: insert, match, lock, evict.
//
// A handle is where a match ended. Locks are counted per node, so that a handle whose node is gone,
// or a lock that was never taken, is told and changes nothing: SGLang itself would miscount.
// Source: SGLang, April 2026: python/sglang/srt/mem_cache/radix_cache.py.

#include <map>
#include <string>
#include <vector>

#include "sim/cli/ops/sglang_cache.h"

namespace kvsim {

class SglangTree {
 public:
  using Json = OpsDialect::Json;
  explicit SglangTree(SglangCache& world) : world_(world) {}

  [[nodiscard]] Json insert(const OpFields& op);
  [[nodiscard]] Json match(const OpFields& op);
  [[nodiscard]] Json inc_lock(const OpFields& op);
  [[nodiscard]] Json dec_lock(const OpFields& op);
  [[nodiscard]] Json evict(const OpFields& op);
  /// Forgets handles and locks, as reset does.
  void forget();
  /// One row per lock that is held, for check_books().
  void add_rows(std::vector<RequestRow>& rows) const;

 private:
  struct Handle {
    EntryId node;
    std::uint64_t created = 0;  // ids are reused, ticks are not
  };
  [[nodiscard]] EntryId node_of(const OpFields& op) const;
  [[nodiscard]] std::vector<std::int64_t> values_of(const OpFields& op, const Content& key,
                                                    Tokens whole) const;

  SglangCache& world_;
  std::map<std::string, Handle> handles_;
  std::map<EntryId, std::uint32_t> locks_;
};

}  // namespace kvsim
