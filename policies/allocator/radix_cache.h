#pragma once
// RadixCache: the protocol between SGLang's three levels, one step of a request's life at a time.
//
//     match -> hold -> extend -> cache_unfinished -> extend ... -> cache_finished
//              lock    pages     tree adopts pages, duplicates are freed, the lock moves
//
// A page has one owner at a time: the pool (free), the tree, or one row. Rows point at the tree's
// pages only as far as they lock them.
// Source: SGLang, April 2026: python/sglang/srt/mem_cache/radix_cache.py (cache_*_req) and
// common.py (eviction when an allocation is short).

#include <functional>
#include <memory>
#include <span>

#include "policies/allocator/radix_tree.h"
#include "policies/allocator/request_map.h"
#include "policies/allocator/token_pool.h"
#include "sim/model/eviction_policy.h"

namespace kvsim {

class RadixCache {
 public:
  using OnEvict = std::function<void(EntryId)>;

  /// With `enabled` false the tree stays empty, and requests share nothing.
  RadixCache(const TokenPool::Setup& pool, std::unique_ptr<EvictionPolicy> policy, bool enabled);

  /// Leading whole pages of `key` that the tree has. Stamps and splits.
  [[nodiscard]] RadixTree::Match match(const PrefixKey& key);
  /// Gives an unheld row the prefix that was matched, and locks it.
  void hold(RequestRow& row, const RadixTree::Match& prefix);
  /// From now on extend() also keeps pages for the row's first `reserve` tokens.
  void promise(RequestRow& row, Tokens reserve);
  /// Pages for the first `total` tokens of a held row. All or nothing.
  [[nodiscard]] bool extend(RequestRow& row, Tokens total);
  /// The tree adopts what was computed: `key` is the row's prompt so far.
  void cache_unfinished(RequestRow& row, const PrefixKey& key, const RadixTree::Use& use);
  /// Lets go of a row whose first key.tokens tokens were computed. With `insert` the tree adopts
  /// their whole pages, otherwise all that is the row's own becomes free.
  void cache_finished(RequestRow& row, const PrefixKey& key, const RadixTree::Use& use,
                      bool insert);

  /// Makes room if fewer than `ask` tokens are free: evicts `ask` of them, not just the shortfall.
  void evict_for(Tokens ask);
  /// Evicts at least `count` tokens, or all that can be.
  Tokens evict(Tokens count);
  /// Sees every node just before it is evicted.
  void on_evict(OnEvict seen) { on_evict_ = std::move(seen); }

  [[nodiscard]] bool enabled() const { return enabled_; }
  /// Tokens that are free or could be.
  [[nodiscard]] Tokens obtainable() const { return pool_.available() + tree_.evictable(); }
  [[nodiscard]] RadixTree& tree() { return tree_; }
  [[nodiscard]] const RadixTree& tree() const { return tree_; }
  [[nodiscard]] TokenPool& pool() { return pool_; }
  [[nodiscard]] const TokenPool& pool() const { return pool_; }
  /// Tokens in rows' own pages, those promised a slot there, and the slots of those pages.
  [[nodiscard]] Tokens own_tokens() const { return own_tokens_; }
  [[nodiscard]] Tokens promised() const { return promised_; }
  [[nodiscard]] Tokens own_slots() const {
    return pool_.page() * static_cast<std::int64_t>(own_pages_);
  }
  [[nodiscard]] Tokens evicted_tokens() const { return evicted_; }
  [[nodiscard]] std::int64_t pages_taken() const { return pages_taken_; }

  /// Recounts everything and aborts on a contradiction. `rows` are all rows there are.
  void check_books(std::span<const RequestRow> rows) const;

 private:
  [[nodiscard]] std::size_t whole_pages(Tokens n) const {
    return static_cast<std::size_t>(n / pool_.page());
  }
  void free_own(const RequestRow& row, std::size_t first, std::size_t end);
  void add_own(const RequestRow& row);
  void drop_own(const RequestRow& row);
  void check_row(const RequestRow& row, std::span<std::uint32_t> owners) const;
  void check_locks(std::span<const RequestRow> rows) const;

  bool enabled_;
  TokenPool pool_;
  RadixTree tree_;
  OnEvict on_evict_;
  Tokens own_tokens_;
  Tokens promised_;
  std::size_t own_pages_ = 0;
  Tokens evicted_;
  std::int64_t pages_taken_ = 0;
};

}  // namespace kvsim
