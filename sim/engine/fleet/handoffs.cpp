#include "sim/engine/fleet/handoffs.h"

#include <algorithm>
#include <utility>

#include "sim/core/check.h"
#include "sim/core/config_schema.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    number_field("/disaggregation/gbytes_per_s", "50", "GB/s per GPU", 0.001, 100'000,
                 "What leaves, and what enters, a replica between a prefill and a decode pool: 50 "
                 "is a 400 Gbit/s adapter for each GPU."),
    number_field("/disaggregation/latency_us", "20", "us", 0, 1e7,
                 "Until the first byte of a sequence's KV is there. An assumption."),
    word_field(
        "/disaggregation/transfer", "layered", "how",
        [] {
          return std::vector<std::string>{"layered", "serial"};
        },
        "layered: a layer's KV leaves while the next ones are computed, if the decode replica has "
        "room at once. serial: all of it after the prefill."),
    word_field("/disaggregation/routing", "least-loaded", "policy", Registry<Router>::names,
               "Which decode replica answers what a prefill replica has begun."),
};

}  // namespace

Handoffs::Handoffs(const ConfigView& config, std::uint64_t seed,
                   const std::vector<Endpoint>& replicas)
    : router_(Registry<Router>::make(config.text("/disaggregation/routing"), {seed, config})),
      bytes_per_s_(config.number("/disaggregation/gbytes_per_s") * 1e9),
      layered_(config.text("/disaggregation/transfer") == "layered") {
  const Duration latency = round_to_ns(config.number("/disaggregation/latency_us") * 1e-6);
  for (const Endpoint& about : replicas)
    ends_.emplace_back(*this, about,
                       Link::Setup{bytes_per_s_ * static_cast<double>(about.gpus), latency});
}

std::optional<Rejection> Handoffs::refuses(const std::deque<Replica>& replicas, const Request& r) {
  std::optional<Rejection> why;
  for (const Replica& replica : replicas) {
    if (replica.role() != Role::kDecode) continue;
    why = replica.refuses(r);
    if (!why) return std::nullopt;
  }
  return why;
}

ReplicaId Handoffs::hand_over(std::deque<Replica>& replicas, const Kept& from, Time now) {
  Replica& source = replicas[from.where.index];
  Sequence moved = source.hand_over(from.sequence);
  views_.clear();
  for (const Replica& replica : replicas)
    if (replica.role() == Role::kDecode && !replica.refuses(moved.request))
      views_.push_back(replica.view());
  const ReplicaId to = router_->route(now, moved.request, views_);
  const Expected handoff{from, now, source.last_step()};
  const bool fresh = expected_.emplace(moved.request.id, handoff).second;
  KVSIM_CHECK(fresh, "a sequence is handed over once");
  replicas[to.index].take_over(std::move(moved));
  return to;
}

std::vector<Handoffs::Kept> Handoffs::take_arrived() { return std::exchange(arrived_, {}); }

Tokens Handoffs::End::offer(const Sequence& s, Tokens hit, Time /*now*/) {
  if (!desk_.expected_.contains(s.request.id)) return {};
  return s.tokens() - Tokens(1) - hit;
}

Time Handoffs::End::load(const Sequence& s, Tokens /*hit*/, Tokens count, Time now) {
  const Expected& handoff = desk_.expected_.at(s.request.id);
  End& from = desk_.ends_[handoff.kept.where.index];
  const Bytes all(from.about_.token.value() * count.value());
  const Bytes left = all - desk_.hidden(handoff, from.about_, all, now);
  return std::max(from.out_.send(now, left), in_.send(now, left));
}

// Of `all` what has moved during the prefill: every layer but the last, as far as time sufficed.
Bytes Handoffs::hidden(const Expected& handoff, const Endpoint& from, Bytes all, Time now) const {
  if (!layered_ || now > handoff.since) return Bytes(0);
  const double moved = seconds(handoff.prefill) * bytes_per_s_ * static_cast<double>(from.gpus);
  const auto but_last = Bytes(all.value() / from.layers * (from.layers - 1));
  return std::min(but_last, Bytes(std::llround(std::min(moved, 1e18))));
}

void Handoffs::End::arrived(const Sequence& s, Time now) { admitted(s, now); }

void Handoffs::End::admitted(const Sequence& s, Time /*now*/) {
  const auto handoff = desk_.expected_.find(s.request.id);
  if (handoff == desk_.expected_.end()) return;
  desk_.arrived_.push_back(handoff->second.kept);
  desk_.expected_.erase(handoff);
}

}  // namespace kvsim
