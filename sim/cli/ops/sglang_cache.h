#pragma once
// SglangCache: a RadixCache as operations name things: slots, extra keys, values.
//
// With a `size`, memory is a pool of that many slots and page p holds slots p*page ..
// p*page+page-1. Without one, an insert brings its own values and a page is only a handle for
// `page` of them. Source: SGLang, April 2026: python/sglang/srt/mem_cache/radix_cache.py and
// allocator.py.

#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "policies/allocator/radix_cache.h"
#include "sim/cli/ops/op_fields.h"

namespace kvsim {

class SglangCache {
 public:
  using Json = OpsDialect::Json;
  /// As the operation `config` says. Throws OpError.
  explicit SglangCache(const OpFields& config);

  [[nodiscard]] bool sized() const { return sized_; }
  [[nodiscard]] bool inserts_finished() const { return inserts_finished_; }
  [[nodiscard]] RadixCache& cache() { return *cache_; }
  [[nodiscard]] const RadixCache& cache() const { return *cache_; }
  [[nodiscard]] RadixTree& tree() { return cache_->tree(); }
  [[nodiscard]] const RadixTree& tree() const { return cache_->tree(); }
  [[nodiscard]] Tokens page() const { return cache_->pool().page(); }

  /// The salt that stands for the field `extra_key`; extra() is the way back.
  [[nodiscard]] std::uint64_t salt_of(const OpFields& op);
  [[nodiscard]] const Json& extra(std::uint64_t salt) const { return extras_[salt]; }
  /// Says what `pages`, taken for an insert, stand for. Requires page() values a page.
  void set_values(std::span<const BlockId> pages, std::span<const std::int64_t> values);
  [[nodiscard]] Json values_of(std::span<const BlockId> pages) const;
  [[nodiscard]] std::int64_t slot_of(const RequestRow& row, Tokens token) const {
    return row.pages[static_cast<std::size_t>(token / page())].index * page().value() +
           (token % page()).value();
  }
  /// Slots of the row's tokens first .. end-1.
  [[nodiscard]] Json slots_of(const RequestRow& row, Tokens first, Tokens end) const;

  /// What was evicted since the last call, in order.
  [[nodiscard]] Json take_evicted();
  /// Forgets the tree and frees every slot, as the scheduler's flush_cache does. Requires that no
  /// request holds anything.
  void flush();

 private:
  TokenPool::Setup pool_;
  bool sized_;
  bool inserts_finished_;
  std::unique_ptr<RadixCache> cache_;
  std::vector<std::int64_t> values_;  // page p's from p * page on
  std::unordered_map<std::string, std::uint64_t> salts_;
  std::vector<Json> extras_{nullptr};  // salt 0: no extra key
  Json evicted_ = Json::array();
};

/// The whole tree, children in order of (extra, key). Throws OpError if it is too deep to print.
[[nodiscard]] OpsDialect::Json tree_dump(const SglangCache& world);

}  // namespace kvsim
