// Contiguous: one range per sequence, reserved whole at admission. How servers did it before
// paging.
//
// `reserve` says how long the range is: max (max_model_len), pow2 (the prompt plus the output
// rounded up to a power of two) or oracle (exactly what will be needed). The memory a range wastes
// is split as in the PagedAttention paper's Fig. 2 (arXiv 2309.06180): reserved for tokens still to
// come, internal for tokens that never will, external where ranges are rounded up (buddy) or where
// free memory lies in holes too small for the sequence that waits. Nothing is shared or cached.
// Where tokens are guessed ahead, ranges have room for a step's guesses behind the last token.

#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#include "policies/allocator/range_pool.h"
#include "sim/core/check.h"
#include "sim/core/config_schema.h"
#include "sim/core/registry.h"
#include "sim/model/allocator.h"
#include "sim/model/speculation.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    word_field(
        "/cache/reserve", "max", "rule",
        [] {
          return std::vector<std::string>{"max", "oracle", "pow2"};
        },
        "Length of a sequence's range (contiguous): max_model_len, output rounded up to a "
        "power of two, or exactly what it will need."),
    word_field(
        "/cache/fit", "first", "rule",
        [] {
          return std::vector<std::string>{"best", "buddy", "first"};
        },
        "How a hole is chosen for a range (contiguous)."),
};

class Contiguous final : public Allocator {
 public:
  explicit Contiguous(const Setup& setup)
      : capacity_(setup.capacity),
        max_model_len_(setup.max_model_len),
        drafts_(speculation_of(setup.config).drafts),
        reserve_(setup.config.text("/cache/reserve")),
        pool_(make_pool(setup)),
        free_(setup.capacity) {}

  [[nodiscard]] bool can_ever_fit(const Request& r, bool /*reserved*/) const override {
    return pool_->can_ever_take(range_for(r));
  }
  [[nodiscard]] Tokens lookup(const Sequence& /*s*/) override { return Tokens(0); }

  [[nodiscard]] bool admit(const Sequence& s, Tokens /*hit*/, Tokens total,
                           const AdmitRule& /*rule*/) override {
    const Tokens wanted = range_for(s.request);
    const auto range = pool_->take(wanted);
    // Free in all, but in no hole that is large enough: that is external fragmentation.
    blocked_ = !range && free_ >= wanted;
    if (!range) return false;
    if (s.id.index >= held_.size()) held_.resize(s.id.index + 1);
    Holding& holding = held_[s.id.index];
    KVSIM_CHECK(!holding.live, "only a sequence that holds nothing is admitted");
    const Tokens life = s.request.prompt + s.request.output;
    holding = {*range, wanted, life, std::min(total, life), s.request.id, true};
    free_ -= range->length;
    ++ranges_;
    account(holding, +1);
    return true;
  }

  [[nodiscard]] bool grow(const Sequence& s, Tokens total) override {
    Holding& holding = held_[s.id.index];
    KVSIM_CHECK(total <= holding.wanted, "a range covers the whole life of its sequence");
    account(holding, -1);
    holding.filled = std::min(total, holding.life);
    account(holding, +1);
    return true;
  }
  [[nodiscard]] Tokens slack(const Sequence& s) const override {
    return held_[s.id.index].life - held_[s.id.index].filled;
  }
  void grow_in_slack(std::int64_t sequences) override {
    sums_.used += Tokens(sequences);
    sums_.reserved -= Tokens(sequences);
  }
  void settle(const Sequence& s, Tokens total) override { held_[s.id.index].filled = total; }
  void commit(const Sequence& /*s*/) override {}

  void release(const Sequence& s, Release /*why*/) override {
    if (s.id.index >= held_.size()) return;
    Holding& holding = held_[s.id.index];
    if (!holding.live) return;
    account(holding, -1);
    pool_->give_back(holding.range);
    free_ += holding.range.length;
    holding.live = false;
    blocked_ = false;
  }

  [[nodiscard]] std::int64_t slot(const Sequence& s, std::size_t /*g*/,
                                  Tokens position) const override {
    if (s.id.index >= held_.size() || !held_[s.id.index].live) return -1;
    const Range& range = held_[s.id.index].range;
    return position < range.length ? (range.start + position).value() : -1;
  }

  [[nodiscard]] bool caches_prefixes() const override { return false; }
  [[nodiscard]] MemoryUse memory() const override {
    MemoryUse use = sums_;
    use.capacity = capacity_;
    (blocked_ ? use.external : use.free) += free_;
    return use;
  }
  [[nodiscard]] Counters counters() const override { return {0, 0, ranges_, 0}; }

  [[nodiscard]] MemoryMap map() const override {
    std::vector<const Holding*> live;
    for (const Holding& holding : held_)
      if (holding.live) live.push_back(&holding);
    std::sort(live.begin(), live.end(),
              [](const Holding* a, const Holding* b) { return a->range.start < b->range.start; });
    MemoryMap map;
    Tokens at;
    for (const Holding* holding : live) {
      map_part(map, Spent::kFree, at, holding->range.start - at);
      at = map_range(map, *holding);
    }
    map_part(map, Spent::kFree, at, capacity_ - at);
    return map;
  }
  void check_books() const override {
    Tokens held;
    std::vector<std::pair<Tokens, Tokens>> ranges;
    for (const Holding& holding : held_) {
      if (!holding.live) continue;
      held += holding.range.length;
      ranges.emplace_back(holding.range.start, holding.range.length);
    }
    std::sort(ranges.begin(), ranges.end());
    for (std::size_t i = 1; i < ranges.size(); ++i)
      KVSIM_CHECK(ranges[i - 1].first + ranges[i - 1].second <= ranges[i].first,
                  "ranges do not overlap");
    KVSIM_CHECK(held + free_ == capacity_ && pool_->count_free() == free_, "no token is lost");
    KVSIM_CHECK(memory().adds_up(), "memory adds up");
  }

 private:
  struct Holding {
    Range range;
    Tokens wanted;  // the range asked for; range.length may be rounded up
    Tokens life;    // prompt + output: what it will come to
    Tokens filled;
    std::uint64_t request = 0;
    bool live = false;
  };
  using Spent = MemoryMap::Spent;

  // A part of a range, or a hole (external where it is too small for who waits).
  void map_part(MemoryMap& map, Spent spent, Tokens start, Tokens length,
                std::uint64_t owner = kNoRequest) const {
    if (length == Tokens(0)) return;
    MemoryMap::Patch part;
    part.first_slot = start.value();
    part.slots = length;
    part.filled = spent == Spent::kUsed ? length : Tokens(0);
    part.spent = spent == Spent::kFree && blocked_ ? Spent::kExternal : spent;
    part.owner = owner;
    part.users = owner != kNoRequest;
    map.patches.push_back(part);
  }
  // Returns where the next one may start.
  Tokens map_range(MemoryMap& map, const Holding& h) const {
    const std::array parts{std::pair(Spent::kUsed, h.filled),
                           std::pair(Spent::kReserved, h.life - h.filled),
                           std::pair(Spent::kInternal, h.wanted - h.life),
                           std::pair(Spent::kExternal, h.range.length - h.wanted)};
    Tokens at = h.range.start;
    for (const auto& [spent, length] : parts) {
      map_part(map, spent, at, length, h.request);
      at += length;
    }
    return at;
  }

  static std::unique_ptr<RangePool> make_pool(const Setup& setup) {
    const std::string fit = setup.config.text("/cache/fit");
    if (fit == "buddy") return std::make_unique<BuddyRanges>(setup.capacity);
    return std::make_unique<HoleRanges>(setup.capacity, fit == "best" ? Fit::kBest : Fit::kFirst);
  }

  [[nodiscard]] Tokens range_for(const Request& r) const {
    if (reserve_ == "max") return max_model_len_;
    if (reserve_ == "oracle") return std::min(r.prompt + r.output + drafts_, max_model_len_);
    const auto rounded = std::bit_ceil(static_cast<std::uint64_t>(r.output.value()));
    return std::min(r.prompt + Tokens(static_cast<std::int64_t>(rounded)) + drafts_,
                    max_model_len_);
  }

  void account(const Holding& holding, std::int64_t sign) {
    sums_.used += holding.filled * sign;
    sums_.reserved += (holding.life - holding.filled) * sign;
    sums_.internal += (holding.wanted - holding.life) * sign;
    sums_.external += (holding.range.length - holding.wanted) * sign;
  }

  Tokens capacity_;
  Tokens max_model_len_;
  Tokens drafts_;  // guesses that need a slot until they are verified
  std::string reserve_;
  std::unique_ptr<RangePool> pool_;
  std::vector<Holding> held_;  // by SequenceId
  Tokens free_;
  bool blocked_ = false;  // the last request for a range failed though that much was free
  MemoryUse sums_;
  std::int64_t ranges_ = 0;
};

const Registered<Allocator, Contiguous> kContiguous{
    "contiguous", "One range per sequence, reserved whole: how servers did it before paging."};

}  // namespace
}  // namespace kvsim
