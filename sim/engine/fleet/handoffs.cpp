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

void Handoffs::expect(const Sequence& s, const Kept& kept, Time now, Duration prefill) {
  const bool fresh = expected_.emplace(s.request.id, Expected{kept, now, prefill}).second;
  KVSIM_CHECK(fresh, "a sequence is handed over once at a time");
}

void Handoffs::forget(const Request& r) {
  const auto handoff = expected_.find(r.id);
  if (handoff == expected_.end()) return;
  arrived_.push_back(handoff->second.kept);
  expected_.erase(handoff);
}

void Handoffs::lose(ReplicaId where, Time now) {
  ends_[where.index].out_.abandon(now);
  ends_[where.index].in_.abandon(now);
  std::erase_if(expected_, [where](const auto& e) { return e.second.kept.where == where; });
  std::erase_if(arrived_, [where](const Kept& kept) { return kept.where == where; });
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

bool Handoffs::End::failed(const Sequence& s) const {
  return !desk_.expected_.contains(s.request.id);
}

void Handoffs::End::arrived(const Sequence& s, Time /*now*/) { desk_.forget(s.request); }

void Handoffs::End::admitted(const Sequence& s, Time /*now*/) { desk_.forget(s.request); }

}  // namespace kvsim
