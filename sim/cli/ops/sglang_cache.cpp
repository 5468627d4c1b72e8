#include "sim/cli/ops/sglang_cache.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "sim/core/registry.h"
#include "sim/core/spelling.h"

namespace kvsim {
namespace {

using Json = OpsDialect::Json;

constexpr std::int64_t kMostSlots = std::int64_t{1} << 22;
// A tree without a pool is bounded too, by what is enough for any recording.
constexpr std::int64_t kSlotsWithoutPool = std::int64_t{1} << 18;
constexpr std::int64_t kLargestPage = 4096;

std::string policy_of(const OpFields& config) {
  // Those of evict_policy.py; others of ours have no counterpart there.
  static const std::vector<std::string> known{"fifo", "filo",     "lfu", "lru",
                                              "mru",  "priority", "slru"};
  std::string word = config.text_or("policy", "lru");
  if (std::find(known.begin(), known.end(), word) == known.end())
    OpFields::fail("policy", fmt::format("no policy named '{}'; known: {}{}", word, joined(known),
                                         did_you_mean(word, known)));
  return word;
}

TokenPool::Setup pool_of(const OpFields& config) {
  const std::int64_t page = config.integer_or("page_size", 1, 1, kLargestPage);
  const std::int64_t size = config.integer_or("size", kSlotsWithoutPool, page, kMostSlots);
  return {
      .size = Tokens(size), .page = Tokens(page), .sort = config.boolean_or("need_sort", false)};
}

}  // namespace

SglangCache::SglangCache(const OpFields& config)
    : pool_(pool_of(config)),
      sized_(config.has("size")),
      inserts_finished_(!config.boolean_or("disable_finished_insert", false)) {
  const ConfigView defaults;
  const std::size_t entries = static_cast<std::size_t>(pool_.size / pool_.page) + 1;
  const bool disabled = config.boolean_or("disable", false);
  cache_ = std::make_unique<RadixCache>(
      pool_, Registry<EvictionPolicy>::make(policy_of(config), {entries, defaults}), !disabled);
  cache_->on_evict([this](EntryId id) {
    const RadixTree::Node& leaf = cache_->tree()[id];
    evicted_.push_back({{"key", token_ids(leaf.edge)},
                        {"prefix_len", leaf.depth.value()},
                        {"value", values_of(leaf.pages)},
                        {"hit", leaf.hits},
                        {"prio", leaf.priority}});
  });
}

std::uint64_t SglangCache::salt_of(const OpFields& op) {
  if (!op.has("extra_key")) return 0;
  const auto [found, fresh] = salts_.try_emplace(op.text("extra_key"), extras_.size());
  if (fresh) extras_.emplace_back(found->first);
  return found->second;
}

void SglangCache::set_values(std::span<const BlockId> pages, std::span<const std::int64_t> values) {
  const auto step = static_cast<std::size_t>(page().value());
  for (const BlockId p : pages) {
    const std::size_t at = p.index * step;
    if (values_.size() < at + step) values_.resize(at + step);
    std::copy_n(values.begin(), step, values_.begin() + static_cast<std::ptrdiff_t>(at));
    values = values.subspan(step);
  }
}

Json SglangCache::values_of(std::span<const BlockId> pages) const {
  Json::array_t all;
  all.reserve(pages.size() * static_cast<std::size_t>(page().value()));
  for (const BlockId p : pages) {
    const std::int64_t first = p.index * page().value();
    for (std::int64_t slot = first; slot < first + page().value(); ++slot)
      all.emplace_back(sized_ ? slot : values_[static_cast<std::size_t>(slot)]);
  }
  return all;
}

Json SglangCache::slots_of(const RequestRow& row, Tokens first, Tokens end) const {
  Json::array_t all;
  all.reserve(static_cast<std::size_t>(std::max<std::int64_t>(0, (end - first).value())));
  for (Tokens i = first; i < end; i += Tokens(1)) all.emplace_back(slot_of(row, i));
  return all;
}

Json SglangCache::take_evicted() { return std::exchange(evicted_, Json::array()); }

void SglangCache::flush() {
  tree().reset();
  cache_->pool() = TokenPool(pool_);
}

}  // namespace kvsim
