#pragma once
// Paged: fixed-size blocks behind block tables, and a prefix cache over full blocks: vLLM's memory
// manager. The decisions are PagedCache's; this is its face to schedulers.

#include <algorithm>

#include "policies/allocator/paged_cache.h"

namespace kvsim {

class PagedAllocator final : public Allocator {
 public:
  explicit PagedAllocator(const Setup& setup);

  [[nodiscard]] bool can_ever_fit(const Request& r, bool reserved) const override {
    // The last sampled token is never computed, so it needs no slot.
    const Tokens last = r.prompt + r.output - Tokens(1);
    return cache_.can_ever_hold(std::min(last + lookahead_, max_model_len_), reserved);
  }
  [[nodiscard]] Tokens lookup(const Sequence& s) override { return cache_.lookup(s).tokens; }
  [[nodiscard]] bool admit(const Sequence& s, Tokens hit, Tokens total,
                           const AdmitRule& rule) override;
  [[nodiscard]] bool grow(const Sequence& s, Tokens total) override;
  [[nodiscard]] Tokens slack(const Sequence& s) const override {
    return lookahead_ > Tokens(0) ? Tokens(0) : cache_.slack(s);
  }
  void grow_in_slack(std::int64_t sequences) override { cache_.grow_in_slack(sequences); }
  void settle(const Sequence& s, Tokens total) override { cache_.settle(s, total); }
  /// Blocks entered the cache when they were scheduled.
  void commit(const Sequence& /*s*/) override {}
  void loaded(const Sequence& s) override { cache_.cache(s, s.computed); }
  void release(const Sequence& s, Release /*why*/) override { cache_.release(s); }

  [[nodiscard]] Tokens block() const override { return block_; }
  [[nodiscard]] Tokens idle_hit(const Sequence& s, Tokens /*hit*/) const override {
    return block_ * cache_.idle_hits(s);
  }
  void step_starts() override { cache_.step_starts(); }
  [[nodiscard]] bool can_fork() const override { return true; }
  void fork(const Sequence& parent, const Sequence& child) override { cache_.fork(parent, child); }
  [[nodiscard]] std::span<const BlockCopy> copies() const override { return cache_.copies(); }

  [[nodiscard]] bool can_swap_out(std::span<const Sequence* const> family) const override {
    return cache_.can_swap_out(family);
  }
  Tokens swap_out(std::span<const Sequence* const> family) override {
    return block_ * cache_.swap_out(family);
  }
  [[nodiscard]] bool can_swap_in(std::span<const Sequence* const> family,
                                 const AdmitRule& rule) const override;
  Tokens swap_in(std::span<const Sequence* const> family) override {
    needed_by_ = family.front()->request.id;
    return block_ * cache_.swap_in(family);
  }

  [[nodiscard]] std::size_t groups() const override { return cache_.groups(); }
  [[nodiscard]] const KvGroup& group(std::size_t g) const override {
    return cache_.group(g).spec();
  }
  [[nodiscard]] Tokens chunk_alignment() const override { return cache_.chunk_alignment(); }
  [[nodiscard]] std::int64_t slot(const Sequence& s, std::size_t g, Tokens position) const override;
  [[nodiscard]] std::int64_t slots_per_block() const override { return widest_.value(); }

  [[nodiscard]] bool caches_prefixes() const override { return cache_.caching(); }
  [[nodiscard]] Tokens lost_of_a_hit() const override { return lost_; }
  [[nodiscard]] MemoryUse memory() const override { return cache_.memory(); }
  [[nodiscard]] Counters counters() const override;
  void log_evictions(std::vector<Eviction>* log) override;
  [[nodiscard]] std::uint64_t ticks() const override { return cache_.pool().ticks(); }
  [[nodiscard]] MemoryMap map() const override { return cache_.map(); }
  void check_books() const override { cache_.check_books(); }

  /// The manager inside, for whoever records its every decision.
  [[nodiscard]] PagedCache& cache() { return cache_; }
  [[nodiscard]] const PagedCache& cache() const { return cache_; }

 private:
  PagedCache cache_;
  Tokens block_;
  Tokens widest_;  // the groups' largest block
  Tokens lookahead_;
  Tokens max_model_len_;
  Tokens lost_;
  std::uint64_t needed_by_ = kNoRequest;  // who gets memory now
  bool whole_prompt_rule_;                // vLLM of March 2026 did not know it
};

}  // namespace kvsim
