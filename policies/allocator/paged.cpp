#include "policies/allocator/paged.h"

#include <algorithm>
#include <utility>

#include "sim/core/check.h"
#include "sim/core/config_schema.h"
#include "sim/core/registry.h"
#include "sim/model/speculation.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    number_field("/cache/watermark", "0.0", "", 0, 1,
                 "Share of the blocks kept free when admitting beside running sequences (paged)."),
    word_field(
        "/cache/release_order", "reverse", "order",
        [] {
          return std::vector<std::string>{"forward", "reverse"};
        },
        "Order in which a sequence's blocks are freed (paged). `forward` is the textbook "
        "mistake: the head of a shared prefix is then evicted before its tail."),
    word_field(
        "/cache/semantics", "vllm-2026-07", "version",
        [] {
          return std::vector<std::string>{"vllm-2026-03", "vllm-2026-07"};
        },
        "Whose decisions to make (paged). Until March 2026 vLLM queued unhashed blocks last and "
        "admitted prompts that did not fit whole."),
};

bool march(const Allocator::Setup& setup) {
  return setup.config.text("/cache/semantics") == "vllm-2026-03";
}

PagedCache::Setup cache_setup(const Allocator::Setup& setup) {
  const std::int64_t blocks = setup.capacity / setup.block;
  PagedCache::Setup cache;
  cache.blocks = blocks;
  cache.block = setup.block;
  cache.groups.assign(setup.groups.begin(), setup.groups.end());
  if (cache.groups.empty()) {
    cache.groups.emplace_back();
    cache.groups[0].block = setup.block;
  }
  cache.max_model_len = setup.max_model_len;
  cache.in_flight = Tokens(setup.config.integer("/scheduler/max_num_batched_tokens"));
  cache.watermark = static_cast<std::int64_t>(setup.config.number("/cache/watermark") *
                                              static_cast<double>(blocks));
  cache.host_blocks = setup.swap_space / setup.block;
  cache.caching = setup.config.boolean("/cache/enable_prefix_caching");
  cache.drop_last_hit = speculation_of(setup.config).own_head;
  cache.reverse_release = setup.config.text("/cache/release_order") == "reverse";
  cache.unhashed_to_tail = march(setup);
  cache.policy = Registry<EvictionPolicy>::make(
      setup.config.text("/cache/eviction"),
      {static_cast<std::size_t>(blocks), setup.config, setup.future});
  return cache;
}

}  // namespace

PagedAllocator::PagedAllocator(const Setup& setup)
    : cache_(cache_setup(setup)),
      block_(setup.block),
      lookahead_(speculation_of(setup.config).lookahead()),
      max_model_len_(setup.max_model_len),
      lost_(speculation_of(setup.config).own_head ? setup.block : Tokens(0)),
      whole_prompt_rule_(!march(setup)) {
  for (std::size_t g = 0; g < cache_.groups(); ++g)
    widest_ = std::max(widest_, cache_.group(g).block());
}

std::int64_t PagedAllocator::slot(const Sequence& s, std::size_t g, Tokens position) const {
  const Tokens block = cache_.group(g).block();
  const auto table = cache_.table(s, g);
  const auto at = static_cast<std::size_t>(position / block);
  if (at >= table.size() || table[at] == kNullBlock) return -1;
  return table[at].index * widest_.value() + (position % block).value();
}

bool PagedAllocator::admit(const Sequence& s, Tokens hit, Tokens total, const AdmitRule& rule) {
  needed_by_ = s.request.id;
  return cache_.allocate(s, hit,
                         {.fresh = total - hit,
                          .lookahead = lookahead_,
                          .reserve = rule.reserve,
                          .cache_later = rule.filled_later,
                          .whole_prompt_must_fit = rule.whole_prompt_must_fit && whole_prompt_rule_,
                          .others_running = rule.others_running,
                          .spare = rule.spare / block_});
}

bool PagedAllocator::grow(const Sequence& s, Tokens total) {
  needed_by_ = s.request.id;
  return cache_.allocate(s, Tokens(0), {.fresh = total - s.computed, .lookahead = lookahead_});
}

Allocator::Counters PagedAllocator::counters() const {
  const BlockPool& pool = cache_.pool();
  return {pool.evictions(), pool.evictions() * block_.value(), pool.allocations(),
          cache_.copies_ever(), cache_.swaps_ever()};
}

void PagedAllocator::log_evictions(std::vector<Eviction>* log) {
  if (log == nullptr) return cache_.pool().on_evict({});
  cache_.pool().on_evict([this, log, orphans = cache_.pool().orphans()](BlockId id) mutable {
    const BlockPool& pool = cache_.pool();
    const bool followed = std::exchange(orphans, pool.orphans()) != pool.orphans();
    log->push_back({pool.entry(id), needed_by_, followed, pool.group(id)});
  });
}

bool PagedAllocator::can_swap_in(std::span<const Sequence* const> family,
                                 const AdmitRule& rule) const {
  return cache_.can_swap_in(family, rule.others_running, rule.spare / block_);
}

namespace {

const Registered<Allocator, PagedAllocator> kPaged{
    "paged", "Blocks, block tables and a prefix cache: vLLM's memory manager."};

}  // namespace
}  // namespace kvsim
