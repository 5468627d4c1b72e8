#include "policies/allocator/paged_cache.h"

#include <algorithm>
#include <numeric>

#include "sim/core/check.h"

namespace kvsim {
namespace {

Tokens over_groups(const std::vector<KvGroup>& groups,
                   std::int64_t (*fold)(std::int64_t, std::int64_t)) {
  std::int64_t all = groups[0].block.value();
  for (const KvGroup& g : groups) all = fold(all, g.block.value());
  return Tokens(all);
}
}  // namespace

PagedCache::PagedCache(Setup setup)
    : pool_({setup.blocks, setup.block, setup.caching, std::move(setup.policy),
             setup.unhashed_to_tail}),
      block_(setup.block),
      hash_block_(setup.hash_block),
      scheduler_block_(setup.scheduler_block),
      max_model_len_(setup.max_model_len),
      watermark_(setup.watermark),
      caching_(setup.caching),
      drop_last_hit_(setup.drop_last_hit),
      reverse_(setup.reverse_release),
      taken_(setup.groups.size()),
      host_free_(setup.host_blocks) {
  KVSIM_CHECK(!setup.groups.empty(), "a model has at least one KV group");
  if (hash_block_ == Tokens(0)) hash_block_ = over_groups(setup.groups, std::gcd);
  if (scheduler_block_ == Tokens(0)) scheduler_block_ = over_groups(setup.groups, std::lcm);
  for (const KvGroup& spec : setup.groups) {
    KVSIM_CHECK(spec.block % hash_block_ == Tokens(0), "hash blocks divide every block");
    groups_.push_back(make_group({spec, static_cast<std::uint8_t>(groups_.size()),
                                  static_cast<std::size_t>(spec.block / hash_block_),
                                  scheduler_block_, setup.in_flight, pool_}));
    const auto same = std::find_if(alike_.begin(), alike_.end(), [&](const auto& alike) {
      return setup.groups[alike[0]] == spec;
    });
    if (same == alike_.end())
      alike_.push_back({groups_.size() - 1});
    else
      same->push_back(groups_.size() - 1);
  }
  std::stable_partition(alike_.begin(), alike_.end(),
                        [this](const auto& alike) { return is_full(alike); });
}

// ---- Looking up -----------------------------------------------------------------------------

PagedCache::Hit PagedCache::lookup(const Sequence& s) {
  Holding& h = holding_of(s);
  KVSIM_CHECK(!h.open(), "only a sequence that holds nothing looks its prefix up");
  for (auto& hits : h.hits) hits.clear();
  if (!caching_) return {};
  // The last token must run to give logits.
  const Tokens limit = s.tokens() - Tokens(1);
  extend_keys(s, h, limit);
  Tokens longest;
  const Tokens agreed = agree(h, limit, longest);
  return {agreed, longest - agreed};
}

// Every kind of group accepts the candidate length or shortens it; who agreed to a longer one is
// asked again, until nobody objects.
Tokens PagedCache::agree(Holding& h, Tokens limit, Tokens& longest) const {
  const bool several = alike_.size() > 1;
  std::vector<bool> dropped(drop_last_hit_ ? alike_.size() : 0, false);
  for (Tokens length = limit;;) {
    Tokens candidate = length;
    for (std::size_t a = 0; a < alike_.size(); ++a) {
      const CacheGroup& group = *groups_[alike_[a][0]];
      if (is_full(alike_[a]) && length < limit) {
        // What is cached of full attention is cached from the left: no need to look again.
        candidate = std::min(candidate, group.block() * std::ssize(h.hits[alike_[a][0]]));
        continue;
      }
      const bool drop = drop_last_hit_ && !dropped[a];
      const bool peek = drop && several && group.spec().kind != KvGroup::Kind::kMamba;
      const Tokens most = peek ? std::min(candidate + group.block(), limit) : candidate;
      const Tokens found = find(h, alike_[a], most, drop);
      if (drop)
        dropped[a] = true;
      else if (found < candidate)
        std::fill(dropped.begin(), dropped.end(), false);
      candidate = found;
      longest = std::max(longest, candidate);
    }
    const bool settled = candidate >= length;
    length = settled ? length : candidate;
    // One kind is never asked twice, and full attention beside one other agrees with any answer.
    if (!settled && several && !(alike_.size() == 2 && is_full(alike_[0]))) continue;
    trim_full(h, length);
    return length;
  }
}

Tokens PagedCache::find(Holding& h, const std::vector<std::size_t>& alike, Tokens limit,
                        bool drop_last) const {
  for (;; drop_last = false) {
    Tokens least = limit;
    Tokens most;
    for (const std::size_t g : alike) {
      h.hits[g].clear();
      groups_[g]->find(h.keys, limit, drop_last, h.hits[g]);
      const Tokens found = groups_[g]->block() * std::ssize(h.hits[g]);
      least = std::min(least, found);
      most = std::max(most, found);
    }
    if (least == most || alike.size() == 1) return most;
    limit = least;
  }
}

void PagedCache::trim_full(Holding& h, Tokens length) const {
  for (const auto& alike : alike_) {
    for (const std::size_t g : alike) {
      const auto most = static_cast<std::size_t>(blocks_for(length, groups_[g]->block()).value());
      if (is_full(alike) && h.hits[g].size() > most) h.hits[g].resize(most);
    }
  }
}

std::span<const BlockId> PagedCache::hits(const Sequence& s, std::size_t group) const {
  const Holding* h = find_holding(s);
  return h == nullptr ? std::span<const BlockId>{} : h->hits[group];
}

std::int64_t PagedCache::idle_hits(const Sequence& s) const {
  std::int64_t idle = 0;
  for (std::size_t g = 0; g < groups_.size(); ++g)
    for (const BlockId id : hits(s, g)) idle += id != kNullBlock && pool_.users(id) == 0;
  return idle;
}

void PagedCache::drop_hits(const Sequence& s) {
  for (auto& hits : holding_of(s).hits) hits.clear();
}

// ---- Allocating -----------------------------------------------------------------------------

bool PagedCache::allocate(const Sequence& s, Tokens hit, const Demand& demand) {
  Holding& h = holding_of(s);
  KVSIM_CHECK(hit == Tokens(0) || !h.open(), "only an admission brings hits");
  return only_grows(h, demand) ? grow(s, h, demand) : admit_or_grow(s, h, hit, demand);
}

bool PagedCache::admit_or_grow(const Sequence& s, Holding& h, Tokens hit, const Demand& demand) {
  const bool admission = !h.open();
  if (hit == Tokens(0)) forget_hits(h);  // looked up, not wanted
  const Tokens computed = std::min(s.computed + hit, max_model_len_);
  const Tokens main = computed + demand.fresh;
  const Tokens promised = std::max(h.reserve, demand.reserve);
  const Room room{std::max(std::min(main + demand.lookahead, max_model_len_), promised), main};
  const std::int64_t spared = admission && demand.others_running ? watermark_ : 0;

  if (demand.whole_prompt_must_fit) {
    const Tokens whole = std::max(std::min(s.tokens(), max_model_len_), promised);
    if (needed(h, computed, {whole, whole}, true) + spared > pool_.free()) return false;
  }
  drop_skipped(s, computed);
  if (needed(h, computed, room, false) + spared > pool_.free() - demand.spare) return false;

  account(h, -1);
  h.reserve = promised;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    if (admission)
      groups_[g]->take_hits(h.tables[g], demand_of(h, g, computed, room), -s.request.priority);
    taken_[g].clear();
  }
  open_ += admission;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    copy_shared_tail(h.tables[g], groups_[g]->block(), computed);
    groups_[g]->take_new(h.tables[g], demand_of(h, g, computed, room), taken_[g]);
    h.hits[g].clear();
  }
  h.held = main;  // rejected drafts hold slots, not tokens
  account(h, +1);
  if (caching_ && !demand.cache_later) file(s, h, std::min(main, s.tokens()));
  return true;
}

// Most calls: a step of decoding over one group that keeps every token and shares no last block.
bool PagedCache::only_grows(const Holding& h, const Demand& demand) const {
  return groups_.size() == 1 && is_full(alike_[0]) && groups_[0]->block() == block_ && h.open() &&
         !h.tables[0].forked && std::max(h.reserve, demand.reserve) == Tokens(0) &&
         !demand.whole_prompt_must_fit;
}

// What admit_or_grow() does where only_grows(), and no more than that.
bool PagedCache::grow(const Sequence& s, Holding& h, const Demand& demand) {
  BlockTable& table = h.tables[0];
  const Tokens main = std::min(s.computed, max_model_len_) + demand.fresh;
  const Tokens room = std::min(main + demand.lookahead, max_model_len_);
  const std::int64_t held = std::ssize(table.blocks);
  const std::int64_t required = blocks_for(room, block_).value();
  if (std::max(required - held, std::int64_t{0}) > pool_.free() - demand.spare) return false;

  taken_[0].clear();
  for (std::int64_t i = held; i < required; ++i) {
    table.blocks.push_back(pool_.take());
    taken_[0].push_back(table.blocks.back());
  }
  // What there is room for and no token.
  internal_ += block_ * (std::ssize(table.blocks) - held) - (main - h.held);
  h.held = main;
  if (caching_ && !demand.cache_later) file(s, h, std::min(main, s.tokens()));
  return true;
}

Tokens PagedCache::slack(const Sequence& s) const {
  const Holding* h = find_holding(s);
  if (groups_.size() > 1 || !is_full(alike_[0]) || h == nullptr || h->reserve > Tokens(0))
    return Tokens(0);
  const BlockTable& table = h->tables[0];
  const Tokens room = groups_[0]->block() * std::ssize(table.blocks) - h->held;
  // The token that fills a block also files it. Rejected drafts leave more room than that.
  const Tokens last(caching_ ? 1 : 0);
  return table.forked || room > groups_[0]->block() ? Tokens(0) : std::max(room - last, Tokens(0));
}

GroupDemand PagedCache::demand_of(const Holding& h, std::size_t g, Tokens computed,
                                  const Room& room) const {
  GroupDemand demand;
  demand.room = room.all;
  demand.main = room.main;
  demand.computed = computed;
  demand.hits = h.hits[g];
  return demand;
}

std::int64_t PagedCache::needed(const Holding& h, Tokens computed, const Room& room,
                                bool capped) const {
  std::int64_t blocks = shared_writes(h, computed);
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    GroupDemand demand = demand_of(h, g, computed, room);
    if (capped) demand.most = groups_[g]->most_held(max_model_len_);
    blocks += groups_[g]->needed(h.tables[g], demand);
  }
  return blocks;
}

void PagedCache::cache(const Sequence& s, Tokens filled) {
  if (caching_) file(s, holding_of(s), filled);
}

// Between several groups hits are multiples of the scheduler's block, so only whole ones are filed.
void PagedCache::file(const Sequence& s, Holding& h, Tokens filled) {
  if (groups_.size() > 1) filled = scheduler_block_ * (filled / scheduler_block_);
  if (filled < hash_block_) return;
  bool any = false;
  for (std::size_t g = 0; g < groups_.size(); ++g)
    any = any || groups_[g]->block() * (h.tables[g].cached + 1) <= filled;
  if (!any) return;
  extend_keys(s, h, filled);
  const BlockPool::Writer writer{
      -s.request.priority, static_cast<std::uint32_t>(s.request.id),
      static_cast<std::uint8_t>(std::min<std::uint32_t>(s.request.turn, 255))};
  for (std::size_t g = 0; g < groups_.size(); ++g)
    groups_[g]->cache(h.tables[g], h.keys, filled, s.request.prompt, writer);
}

void PagedCache::drop_skipped(const Sequence& s, Tokens computed) {
  Holding& h = holding_of(s);
  if (h.reserve > Tokens(0)) return;  // what was promised stays
  for (std::size_t g = 0; g < groups_.size(); ++g) groups_[g]->drop_skipped(h.tables[g], computed);
}

void PagedCache::release(const Sequence& s) {
  Holding& h = holding_of(s);
  account(h, -1);
  open_ -= h.open();
  for (BlockTable& table : h.tables) {
    const BlockId tail = table.forked && !table.blocks.empty() ? table.blocks.back() : BlockId{};
    if (reverse_) std::reverse(table.blocks.begin(), table.blocks.end());
    pool_.release(table.blocks);
    if (tail.valid() && pool_.users(tail) == 0) leave_shared_tail(tail);
    table.blocks.clear();
    table = BlockTable{.blocks = std::move(table.blocks)};
  }
  for (auto& hits : h.hits) hits.clear();
  h.held = h.reserve = Tokens(0);
  h.live = false;
}

void PagedCache::step_starts() {
  copies_.clear();
  for (auto& group : groups_) group->step_starts();
}

// ---- Forks ----------------------------------------------------------------------------------

void PagedCache::fork(const Sequence& parent, const Sequence& child) {
  holding_of(child);  // may move the parent's
  Holding& c = holding_of(child);
  Holding& p = holding_of(parent);
  KVSIM_CHECK(p.open() && !c.open(), "a fork shares what its parent holds, and holds nothing yet");
  KVSIM_CHECK(p.reserve == Tokens(0), "reservations are not shared");
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    share_tail(p, g);
    for (const BlockId id : p.tables[g].blocks) pool_.touch(id, -child.request.priority);
    c.tables[g] = p.tables[g];
  }
  c.held = p.held;
  ++open_;
}

// A writer into a shared block gets its own; the last owner has it for itself.
void PagedCache::copy_shared_tail(BlockTable& table, Tokens block, Tokens computed) {
  if (!table.forked) return;
  table.forked = false;
  if (pool_.users(table.blocks.back()) == 1) leave_shared_tail(table.blocks.back());
  for (std::int64_t i = computed / block; i < std::ssize(table.blocks); ++i) {
    BlockId& id = table.blocks[static_cast<std::size_t>(i)];
    if (id == kNullBlock || pool_.users(id) == 1) continue;
    const BlockId own = pool_.take();
    if (block * i < computed) {
      copies_.push_back({id, own});
      ++copies_ever_;
    }
    pool_.release(std::span(&id, 1));
    id = own;
  }
}

std::int64_t PagedCache::shared_writes(const Holding& h, Tokens computed) const {
  std::int64_t blocks = 0;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const BlockTable& table = h.tables[g];
    if (!table.forked) continue;
    for (std::int64_t i = computed / groups_[g]->block(); i < std::ssize(table.blocks); ++i) {
      const BlockId id = table.blocks[static_cast<std::size_t>(i)];
      blocks += id != kNullBlock && pool_.users(id) > 1;
    }
  }
  return blocks;
}

// From now on the table's waste is in its shared last block, not in the table.
void PagedCache::share_tail(Holding& parent, std::size_t g) {
  BlockTable& table = parent.tables[g];
  if (table.forked) return;
  const Tokens waste = internal_in(parent, g);
  table.forked = true;
  if (waste > Tokens(0)) shared_tails_.emplace(table.blocks.back(), waste);
}

void PagedCache::leave_shared_tail(BlockId tail) {
  const auto found = shared_tails_.find(tail);
  if (found == shared_tails_.end()) return;
  internal_ -= found->second;
  shared_tails_.erase(found);
}

// ---- Answers --------------------------------------------------------------------------------

std::span<const BlockId> PagedCache::table(const Sequence& s, std::size_t group) const {
  const Holding* h = find_holding(s);
  return h == nullptr ? std::span<const BlockId>{} : h->tables[group].blocks;
}

std::int64_t PagedCache::common_prefix(const Sequence& s, std::size_t group) const {
  if (!caching_ || groups_[group]->spec().kind != KvGroup::Kind::kFull) return 0;
  const auto blocks = table(s, group);
  const auto common = std::find_if(blocks.begin(), blocks.end(), [this](BlockId id) {
    return pool_.users(id) != static_cast<std::uint32_t>(open_);
  });
  return common - blocks.begin();
}

bool PagedCache::can_ever_hold(Tokens tokens, bool at_once) const {
  std::int64_t blocks = 0;
  for (const auto& group : groups_) {
    const Tokens held = at_once ? tokens : std::min(tokens, group->most_held(tokens));
    blocks += blocks_for(held, group->block()).value() + group->spec().speculative_blocks;
  }
  return blocks <= pool_.usable();
}

Tokens PagedCache::chunk_alignment() const {
  Tokens widest(1);
  for (const auto& group : groups_)
    if (caching_ && group->spec().mode == KvGroup::MambaMode::kAlign)
      widest = std::max(widest, group->block());
  return widest;
}

MemoryUse PagedCache::memory() const {
  MemoryUse use;
  use.capacity = block_ * pool_.usable();
  use.reserved = reserved_;
  use.internal = internal_;
  use.used = block_ * pool_.used() - reserved_ - internal_;
  use.cached = block_ * pool_.cached();
  use.free = block_ * (pool_.free() - pool_.cached());
  return use;
}

// ---- Bookkeeping ----------------------------------------------------------------------------

void PagedCache::forget_hits(Holding& h) {
  for (auto& hits : h.hits) hits.clear();
}

PagedCache::Holding& PagedCache::new_holding_of(const Sequence& s) {
  if (s.id.index >= holdings_.size()) holdings_.resize(s.id.index + 1);
  Holding& h = holdings_[s.id.index];
  if (h.tables.empty()) {
    h.tables.resize(groups_.size());
    h.hits.resize(groups_.size());
  }
  KVSIM_CHECK(!h.open(), "an id is reused after its memory was released");
  forget_hits(h);
  h.live = true;
  h.request = s.request.id;
  h.keys.restart(s.request.cache_salt);
  return h;
}

const PagedCache::Holding* PagedCache::find_holding(const Sequence& s) const {
  if (s.id.index >= holdings_.size()) return nullptr;
  const Holding& h = holdings_[s.id.index];
  return h.live && h.request == s.request.id ? &h : nullptr;
}

void PagedCache::extend_keys(const Sequence& s, Holding& h, Tokens filled) const {
  h.keys.extend(s.request, static_cast<std::size_t>(filled / hash_block_), hash_block_);
}

// Of a table's room: first the tokens held, then those promised, then block rounding.
Tokens PagedCache::reserved_in(const Holding& h) const {
  return h.open() ? std::max(h.reserve, h.held) - h.held : Tokens(0);
}

// In slots of the pool: a block counts as block_ of them, whatever it holds in its group. A state
// is all used.
Tokens PagedCache::internal_in(const Holding& h, std::size_t g) const {
  const BlockTable& table = h.tables[g];
  const KvGroup& spec = groups_[g]->spec();
  if (!table.open || table.forked || spec.kind == KvGroup::Kind::kMamba) return Tokens(0);
  const Tokens room = std::max(h.reserve, h.held);
  const Tokens empty = std::max(spec.block * std::ssize(table.blocks) - room, Tokens(0));
  return Tokens(empty.value() * block_.value() / spec.block.value());
}

void PagedCache::account(const Holding& h, std::int64_t sign) {
  reserved_ += reserved_in(h) * sign * std::ssize(groups_);
  for (std::size_t g = 0; g < groups_.size(); ++g) internal_ += internal_in(h, g) * sign;
}

void PagedCache::check_books() const {
  std::vector<std::uint32_t> holders(static_cast<std::size_t>(pool_.usable()) + 1);
  Tokens reserved;
  Tokens internal;
  std::int64_t open = 0;
  for (const Holding& h : holdings_) {
    if (h.tables.empty() || !h.open()) continue;
    ++open;
    reserved += reserved_in(h) * std::ssize(groups_);
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      for (const BlockId id : h.tables[g].blocks) ++holders[id.index];
      internal += internal_in(h, g);
      const auto& blocks = h.tables[g].blocks;
      KVSIM_CHECK(!h.tables[g].forked || blocks.empty() || pool_.users(blocks.back()) > 0,
                  "a shared last block is in use");
    }
  }
  for (const auto& [tail, waste] : shared_tails_) internal += waste;
  holders[kNullBlock.index] = 0;
  pool_.check_books(holders);
  KVSIM_CHECK(open == open_, "the sequences with blocks are counted");
  KVSIM_CHECK(reserved == reserved_ && internal == internal_, "the waste adds up over tables");
  KVSIM_CHECK(memory().adds_up() && memory().used.value() >= 0, "memory adds up");
}

}  // namespace kvsim
