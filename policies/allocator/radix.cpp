// radix: a radix tree over tokens, SGLang's way. Any prefix is reused, to the page, without the
// requests saying so; duplicates are merged when a prompt has been computed.
//
// Cost: O(spans + nodes on the path) per lookup, admit or commit, and O(pages) id copies.
// Source: SGLang, April 2026: python/sglang/srt/mem_cache/{radix_cache,allocator,common}.py.
// Deviations: SGLang asks once for a whole batch where a scheduler here grows one sequence at a
// time, so we over-ask one page per sequence that needs one; a sequence that still has room in its
// last page asks for nothing.

#include "policies/allocator/radix_cache.h"
#include "policies/allocator/radix_map.h"
#include "sim/core/check.h"
#include "sim/core/registry.h"
#include "sim/model/allocator.h"

namespace kvsim {
namespace {

// One node per page at most, and the root.
EvictionPolicy::Setup policy_setup(const Allocator::Setup& setup) {
  return {static_cast<std::size_t>(setup.capacity / setup.block) + 1, setup.config, setup.future};
}

class RadixAllocator final : public Allocator {
 public:
  explicit RadixAllocator(const Setup& setup)
      : cache_({.size = setup.capacity, .page = setup.block},
               Registry<EvictionPolicy>::make(setup.config.text("/cache/eviction"),
                                              policy_setup(setup)),
               setup.config.boolean("/cache/enable_prefix_caching")) {}

  [[nodiscard]] bool can_ever_fit(const Request& r, bool /*reserved*/) const override {
    // The last output token is never read back, so it needs no slot.
    return slots(pages_for(r.prompt + r.output - Tokens(1))) <= cache_.pool().capacity();
  }
  [[nodiscard]] Tokens lookup(const Sequence& s) override {
    return cache_.match(key(s, s.tokens() - Tokens(1))).tokens;
  }
  [[nodiscard]] bool admit(const Sequence& s, Tokens hit, Tokens total,
                           const AdmitRule& rule) override;
  [[nodiscard]] bool grow(const Sequence& s, Tokens total) override;
  void commit(const Sequence& s) override;
  void release(const Sequence& s, Release why) override;

  [[nodiscard]] std::int64_t slot(const Sequence& s, std::size_t /*g*/,
                                  Tokens position) const override {
    const RequestRow* row = map_.find(s.id);
    const auto at = static_cast<std::size_t>(position / page());
    if (row == nullptr || at >= row->pages.size()) return -1;
    return row->pages[at].index * page().value() + (position % page()).value();
  }
  [[nodiscard]] Tokens block() const override { return page(); }
  [[nodiscard]] Tokens idle_hit(const Sequence& s, Tokens hit) const override {
    return cache_.tree().unlocked_tokens(cache_.tree().find(key(s, hit)).node);
  }
  void make_room(Tokens ask_for) override {
    needed_by_ = kNoRequest;
    cache_.evict_for(ask_for);
  }

  [[nodiscard]] bool caches_prefixes() const override { return cache_.enabled(); }
  [[nodiscard]] MemoryUse memory() const override {
    MemoryUse use;
    use.capacity = cache_.pool().capacity();
    use.used = cache_.tree().locked() + cache_.own_tokens();
    use.reserved = cache_.promised();
    use.internal = cache_.own_slots() - cache_.own_tokens() - cache_.promised();
    use.cached = cache_.tree().evictable();
    use.free = cache_.pool().available();
    return use;
  }
  [[nodiscard]] Counters counters() const override {
    return {.evictions = cache_.evicted_tokens() / page(),
            .evicted_tokens = cache_.evicted_tokens().value(),
            .blocks_allocated = cache_.pages_taken(),
            .copies = 0};
  }
  void log_evictions(std::vector<Eviction>* log) override;
  [[nodiscard]] std::uint64_t ticks() const override { return cache_.tree().clock(); }
  [[nodiscard]] MemoryMap map() const override { return map_of(cache_, map_.rows()); }
  void check_books() const override {
    cache_.check_books(map_.rows());
    KVSIM_CHECK(memory().adds_up(), "memory use adds up");
  }

 private:
  [[nodiscard]] Tokens page() const { return cache_.pool().page(); }
  [[nodiscard]] std::size_t pages_for(Tokens n) const { return cache_.pool().pages_for(n); }
  [[nodiscard]] Tokens slots(std::size_t pages) const {
    return page() * static_cast<std::int64_t>(pages);
  }
  // What SGLang makes room for before it allocates `fresh` tokens: when paged it does not look how
  // much of the last page is left, and adds a page.
  [[nodiscard]] Tokens ask(Tokens fresh) const {
    return page() == Tokens(1) ? fresh : fresh + page();
  }
  [[nodiscard]] static PrefixKey key(const Sequence& s, Tokens count) {
    return {s.request.content, count, s.request.cache_salt};
  }
  // SGLang's importance grows with its number, a request's priority falls.
  [[nodiscard]] static RadixTree::Use use(const Sequence& s, bool chunked) {
    return {.priority = -s.request.priority,
            .chunked = chunked,
            .writer = s.request.id,
            .turn = s.request.turn};
  }

  RadixCache cache_;
  RequestMap map_;
  std::uint64_t needed_by_ = kNoRequest;  // who gets memory now
};

bool RadixAllocator::admit(const Sequence& s, Tokens hit, Tokens total, const AdmitRule& rule) {
  const RadixTree::Match prefix = cache_.tree().find(key(s, hit));
  KVSIM_CHECK(prefix.tokens == hit && hit <= total, "the hit is lookup's latest answer");
  const Tokens room = std::max(total, rule.reserve);
  const Tokens must_fit = rule.whole_prompt_must_fit ? std::max(room, s.tokens()) : room;
  const Tokens need = slots(pages_for(must_fit)) - hit;
  // Holding the prefix takes it out of what can be evicted (schedule_policy.py tests twice).
  if (need > cache_.obtainable() - cache_.tree().unlocked_tokens(prefix.node)) return false;
  needed_by_ = s.request.id;
  RequestRow& row = map_[s.id];
  cache_.hold(row, prefix);
  row.prompt = s.tokens();
  row.request = s.request.id;
  cache_.promise(row, rule.reserve);
  cache_.evict_for(ask(room - hit));
  const bool ok = cache_.extend(row, total);
  KVSIM_CHECK(ok, "what was obtainable was obtained");
  return true;
}

bool RadixAllocator::grow(const Sequence& s, Tokens total) {
  RequestRow& row = map_[s.id];
  KVSIM_CHECK(row.held(), "only an admitted sequence grows");
  if (total <= row.tokens) return true;
  const Tokens need = slots(pages_for(row.room_for(total)) - row.pages.size());
  if (need > Tokens(0)) {
    if (need > cache_.obtainable()) return false;
    needed_by_ = s.request.id;
    const bool decode = row.tokens >= row.prompt && total == row.tokens + Tokens(1);
    cache_.evict_for(decode ? page() : ask(total - row.tokens));
  }
  const bool ok = cache_.extend(row, total);
  KVSIM_CHECK(ok, "what was obtainable was obtained");
  return true;
}

void RadixAllocator::commit(const Sequence& s) {
  RequestRow& row = map_[s.id];
  KVSIM_CHECK(s.computed <= row.tokens, "what was computed has a slot");
  if (s.computed > row.prompt) return;  // a decode: the tree takes output when the sequence is done
  cache_.cache_unfinished(row, key(s, s.computed), use(s, s.computed < row.prompt));
}

void RadixAllocator::release(const Sequence& s, Release why) {
  RequestRow& row = map_[s.id];
  KVSIM_CHECK(row.held(), "only an admitted sequence is released");
  const Tokens computed = std::min(s.computed, row.tokens);
  cache_.cache_finished(row, key(s, computed), use(s, false), why == Release::kFinished);
}

void RadixAllocator::log_evictions(std::vector<Eviction>* log) {
  if (log == nullptr) return cache_.on_evict({});
  cache_.on_evict([this, log](EntryId leaf) {
    log->push_back({cache_.tree().entry(leaf), needed_by_});
  });
}

const Registered<Allocator, RadixAllocator> kRadix{
    "radix", "Radix tree over tokens: SGLang's three levels."};

}  // namespace
}  // namespace kvsim
