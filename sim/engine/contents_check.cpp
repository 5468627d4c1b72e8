#include "sim/engine/contents_check.h"

#include <algorithm>

#include <fmt/format.h>

#include "sim/core/hash.h"

namespace kvsim {
namespace {

// What a guess leaves behind: not what anybody looks for.
std::uint64_t guess(const Sequence& s, Tokens position) {
  return mix64(
      ~(s.request.id * 0x9e3779b97f4a7c15ULL + static_cast<std::uint64_t>(position.value())));
}

// The first token that a query at `position` still sees beside the sinks.
Tokens first_seen(const KvGroup& group, Tokens position) {
  if (group.kind == KvGroup::Kind::kSlidingWindow)
    return std::max(Tokens(0), position - group.window + Tokens(1));
  if (group.kind == KvGroup::Kind::kChunkedLocal) return group.chunk * (position / group.chunk);
  return Tokens(0);
}

}  // namespace

std::optional<std::string> ContentsCheck::step(const StepPlan& plan, const Sequences& sequences) {
  for (const BlockCopy& asked : memory_.copies()) copy(asked);
  // In every layer all tokens are written before any is read, so hits on blocks that another
  // sequence fills in the same step are sound.
  for (const StepWork& work : plan.work)
    write(sequences[work.sequence], work.context, work.context + work.compute);
  for (const StepWork& work : plan.work) {
    const Sequence& s = sequences[work.sequence];
    read_history(s);
    for (std::size_t g = 0; g < memory_.groups(); ++g) {
      if (!holds_tokens(g)) continue;
      if (auto problem = read(s, work, g)) return problem;
    }
  }
  return std::nullopt;
}

void ContentsCheck::copy(const BlockCopy& copy) {
  const std::int64_t slots = memory_.slots_per_block();
  for (std::int64_t i = 0; i < slots; ++i)
    tag(copy.to.index * slots + i) = tag_at(copy.from.index * slots + i);
}

void ContentsCheck::write(const Sequence& s, Tokens from, Tokens end) {
  read_history(s);
  for (std::size_t g = 0; g < memory_.groups(); ++g) {
    if (!holds_tokens(g)) continue;
    for (Tokens at = from; at < end; at += Tokens(1)) {
      const std::int64_t slot = memory_.slot(s, g, at);
      if (slot < 0) continue;  // the read will say so
      tag(slot) = at < s.tokens() ? history_[static_cast<std::size_t>(at.value())] : guess(s, at);
    }
  }
}

void ContentsCheck::accept(const Sequence& s, Tokens from, Tokens count) {
  write(s, from, from + count);
}

void ContentsCheck::restore(const Sequence& s, Tokens from, Tokens end) { write(s, from, end); }

std::optional<std::string> ContentsCheck::read(const Sequence& s, const StepWork& work,
                                               std::size_t group) const {
  const KvGroup& rule = memory_.group(group);
  const Tokens first = first_seen(rule, work.context);
  const Tokens end = std::min(work.context + work.compute, s.tokens());
  for (Tokens at; at < end; at += Tokens(1)) {
    if (at < first && at >= rule.sinks) {
      at = first - Tokens(1);
      continue;
    }
    const std::int64_t slot = memory_.slot(s, group, at);
    const bool same = slot >= 0 && tag_at(slot) == history_[static_cast<std::size_t>(at.value())];
    if (!same)
      return fmt::format(
          "request {} reads token {} of group {} from {}, which holds something else", s.request.id,
          at.value(), group, slot < 0 ? "nowhere" : fmt::format("slot {}", slot));
  }
  return std::nullopt;
}

void ContentsCheck::read_history(const Sequence& s) {
  const auto count = static_cast<std::size_t>(s.tokens().value());
  history_.clear();
  std::uint64_t before = 0x243f6a8885a308d3ULL;
  for (const Span& span : s.request.content.spans()) {
    for (std::int64_t i = 0; i < span.length && history_.size() < count; ++i) {
      const auto token = static_cast<std::uint64_t>(span.offset + i);
      before = mix64(before ^ (span.content * 0x9e3779b97f4a7c15ULL + token)) | 1;
      history_.push_back(before);
    }
  }
}

std::uint64_t& ContentsCheck::tag(std::int64_t slot) {
  const auto at = static_cast<std::size_t>(slot);
  if (at >= tags_.size()) tags_.resize(at + 1);
  return tags_[at];
}

std::uint64_t ContentsCheck::tag_at(std::int64_t slot) const {
  const auto at = static_cast<std::size_t>(slot);
  return at < tags_.size() ? tags_[at] : 0;
}

}  // namespace kvsim
