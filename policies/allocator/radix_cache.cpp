#include "policies/allocator/radix_cache.h"

#include <algorithm>
#include <utility>

#include "sim/core/check.h"

namespace kvsim {

RadixCache::RadixCache(const TokenPool::Setup& pool, std::unique_ptr<EvictionPolicy> policy,
                       bool enabled)
    : enabled_(enabled), pool_(pool), tree_(pool.page, std::move(policy)) {}

RadixTree::Match RadixCache::match(const PrefixKey& key) {
  return enabled_ ? tree_.match(key) : RadixTree::Match{Tokens(0), tree_.root()};
}

void RadixCache::hold(RequestRow& row, const RadixTree::Match& prefix) {
  KVSIM_CHECK(!row.held(), "a row is held once");
  tree_.lock(prefix.node);
  row.pages.resize(whole_pages(prefix.tokens));
  tree_.copy_path(prefix.node, 0, row.pages);
  row.tokens = row.shared = prefix.tokens;
  row.node = prefix.node;
}

void RadixCache::promise(RequestRow& row, Tokens reserve) {
  drop_own(row);
  row.reserve = reserve;
  add_own(row);
}

bool RadixCache::extend(RequestRow& row, Tokens total) {
  const std::size_t more = pool_.pages_for(row.room_for(total)) - row.pages.size();
  // SGLang sorts its parked pages in as soon as a rough upper bound of the need is not at hand.
  const bool one_token = total == row.tokens + Tokens(1);
  const bool paged = pool_.page() > Tokens(1);
  const std::size_t comfort = !paged ? more : one_token ? 1 : whole_pages(total - row.tokens) + 2;
  drop_own(row);
  const bool ok = pool_.take(more, comfort, row.pages);
  if (ok) {
    row.tokens = total;
    pages_taken_ += static_cast<std::int64_t>(more);
  }
  add_own(row);
  return ok;
}

void RadixCache::cache_unfinished(RequestRow& row, const PrefixKey& key,
                                  const RadixTree::Use& use) {
  if (!enabled_) return;
  KVSIM_CHECK(row.shared <= key.tokens && key.tokens <= row.tokens, "the row holds what is cached");
  const std::size_t end = whole_pages(key.tokens);
  const Tokens present = tree_.insert(key, std::span(row.pages).first(end), use);
  drop_own(row);
  free_own(row, whole_pages(row.shared), whole_pages(present));
  const RadixTree::Match now = tree_.match(key);
  const std::size_t shared = whole_pages(row.shared);
  tree_.copy_path(now.node, shared, std::span(row.pages).first(end).subspan(shared));
  tree_.lock(now.node);  // before letting go, so that nothing turns evictable in between
  tree_.unlock(row.node);
  row.node = now.node;
  row.shared = now.tokens;
  add_own(row);
}

void RadixCache::cache_finished(RequestRow& row, const PrefixKey& key, const RadixTree::Use& use,
                                bool insert) {
  const std::size_t shared = whole_pages(row.shared);
  // Without a tree SGLang frees the row in one piece, else its whole pages before the tail.
  const std::size_t end = enabled_ ? whole_pages(key.tokens) : row.pages.size();
  drop_own(row);
  if (enabled_ && insert) {
    const Tokens present = tree_.insert(key, std::span(row.pages).first(end), use);
    free_own(row, shared, whole_pages(present));
  } else {
    free_own(row, shared, end);
  }
  free_own(row, std::max(end, shared), row.pages.size());
  tree_.unlock(row.node);
  row.pages.clear();
  row.tokens = row.shared = row.reserve = Tokens(0);
  row.node = {};
}

void RadixCache::evict_for(Tokens ask) {
  if (pool_.available() < ask) evict(ask);
}

Tokens RadixCache::evict(Tokens count) {
  const Tokens gone = tree_.evict(count, [this](EntryId leaf) {
    if (on_evict_) on_evict_(leaf);
    pool_.give_back(tree_[leaf].pages);
  });
  evicted_ += gone;
  return gone;
}

void RadixCache::free_own(const RequestRow& row, std::size_t first, std::size_t end) {
  if (first >= end) return;
  pool_.give_back(std::span(row.pages).subspan(first, end - first));
}

void RadixCache::add_own(const RequestRow& row) {
  own_tokens_ += row.tokens - row.shared;
  promised_ += row.room_for(row.tokens) - row.tokens;
  own_pages_ += row.pages.size() - whole_pages(row.shared);
}

void RadixCache::drop_own(const RequestRow& row) {
  own_tokens_ -= row.tokens - row.shared;
  promised_ -= row.room_for(row.tokens) - row.tokens;
  own_pages_ -= row.pages.size() - whole_pages(row.shared);
}

// ---- Books --------------------------------------------------------------------------------------

void RadixCache::check_books(std::span<const RequestRow> rows) const {
  tree_.check_books();
  std::vector<std::uint32_t> owners(static_cast<std::size_t>(pool_.capacity() / pool_.page()) + 1);
  pool_.count_free(owners);
  for (std::uint32_t i = 1; i < tree_.ids(); ++i) {
    const RadixTree::Node& node = tree_[EntryId{i}];
    if (!node.parent.valid()) continue;
    for (const BlockId page : node.pages) ++owners[page.index];
  }
  Tokens tokens;
  Tokens promised;
  std::size_t pages = 0;
  for (const RequestRow& row : rows) {
    if (!row.held()) continue;
    check_row(row, owners);
    tokens += row.tokens - row.shared;
    promised += row.room_for(row.tokens) - row.tokens;
    pages += row.pages.size() - whole_pages(row.shared);
  }
  KVSIM_CHECK(promised == promised_, "what rows were promised is counted");
  KVSIM_CHECK(tokens == own_tokens_ && pages == own_pages_, "rows' own memory is counted");
  KVSIM_CHECK(owners[0] == 0, "the padding page is nobody's");
  KVSIM_CHECK(std::all_of(owners.begin() + 1, owners.end(), [](auto n) { return n == 1; }),
              "every page is free, the tree's or one row's");
  check_locks(rows);
}

void RadixCache::check_row(const RequestRow& row, std::span<std::uint32_t> owners) const {
  const std::size_t shared = whole_pages(row.shared);
  KVSIM_CHECK(row.pages.size() == std::max(pool_.pages_for(row.room_for(row.tokens)), shared),
              "a row has the pages its tokens need");
  KVSIM_CHECK(tree_[row.node].end() == row.shared, "a row locks exactly what it shares");
  std::vector<BlockId> path(shared);
  tree_.copy_path(row.node, 0, path);
  KVSIM_CHECK(std::equal(path.begin(), path.end(), row.pages.begin()),
              "the shared head of a row is the tree's");
  for (const BlockId page : std::span(row.pages).subspan(shared)) ++owners[page.index];
}

void RadixCache::check_locks(std::span<const RequestRow> rows) const {
  std::vector<std::uint32_t> locks(tree_.ids());
  for (const RequestRow& row : rows) {
    for (EntryId node = row.node; node.valid(); node = tree_[node].parent) ++locks[node.index];
  }
  for (std::uint32_t i = 1; i < tree_.ids(); ++i) {
    const bool live = tree_[EntryId{i}].parent.valid();
    KVSIM_CHECK(!live || tree_[EntryId{i}].locks == locks[i],
                "a node's locks are the sequences that hold it");
  }
}

}  // namespace kvsim
