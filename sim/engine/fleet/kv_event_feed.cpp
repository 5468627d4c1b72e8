#include "sim/engine/fleet/kv_event_feed.h"

#include <algorithm>

#include "sim/core/config_schema.h"
#include "sim/model/prefix_hashes.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    number_field("/router/kv_event_lag_ms", "0", "ms", 0, 1e9,
                 "How late a router learns what a replica cached or evicted (kv-events)."),
};

}  // namespace

KvEventFeed::KvEventFeed(const ConfigView& config, Router& router, std::vector<Tokens> blocks)
    : router_(router),
      lag_(round_to_ns(config.number("/router/kv_event_lag_ms") * 1e-3)),
      blocks_(std::move(blocks)) {}

void KvEventFeed::deliver(Time now) {
  for (; !late_.empty() && late_.front().at + lag_ <= now; late_.pop_front())
    router_.learn(late_.front().event);
}

// Whatever is computed of it may be evicted before its prompt is complete.
void KvEventFeed::on_admit(Time /*now*/, const Sequence& s, Tokens /*hit*/, ReplicaId where) {
  std::vector<std::uint64_t>& names = names_[s.request.id];
  names.clear();
  append_prefix_hashes(s.request, s.request.content.tokens(), blocks_[where.index], names);
}

void KvEventFeed::on_prefilled(Time now, const Sequence& s, ReplicaId where) {
  if (s.computed >= s.request.prompt) stored(now, s, where);
}

void KvEventFeed::on_finish(Time now, const Sequence& s, ReplicaId where) { stored(now, s, where); }

void KvEventFeed::stored(Time now, const Sequence& s, ReplicaId where) {
  const std::vector<std::uint64_t>& names = names_[s.request.id];
  const auto whole = static_cast<std::size_t>(s.computed / blocks_[where.index]);
  for (std::size_t i = 0; i < std::min(whole, names.size()); ++i)
    tell(now, KvEvent::Kind::kStored, where, names[i]);
}

void KvEventFeed::on_evict(Time now, const Eviction& gone, ReplicaId where) {
  if (gone.group != 0) return;  // prefixes are found by the first group of layers
  const std::vector<std::uint64_t>& names = names_[gone.entry.writer];
  const auto block = static_cast<std::size_t>(blocks_[where.index].value());
  const std::size_t end = (gone.entry.depth + gone.entry.tokens + block - 1) / block;
  for (std::size_t i = gone.entry.depth / block; i < std::min(end, names.size()); ++i)
    tell(now, KvEvent::Kind::kRemoved, where, names[i]);
}

void KvEventFeed::on_down(Time now, ReplicaId where) {
  tell(now, KvEvent::Kind::kCleared, where, 0);
}

void KvEventFeed::tell(Time now, KvEvent::Kind kind, ReplicaId where, std::uint64_t block) {
  late_.push_back({now, {kind, where, block}});
}

}  // namespace kvsim
