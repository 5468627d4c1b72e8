#include "sim/engine/fleet/fleet.h"

#include <algorithm>

#include "sim/core/config_schema.h"
#include "sim/model/decoding.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    integer_field("/router/max_in_flight", "null", "requests", 1, 1e9,
                  "A replica with so many requests is sent no more: who finds all so waits at the "
                  "router, first come first served. null: nobody does."),
    word_field(
        "/retry/policy", "retry", "policy",
        [] {
          return std::vector<std::string>{"lose", "retry"};
        },
        "Requests of a replica that goes down: retry sends them elsewhere, to go on after what was "
        "delivered; lose ends them."),
    integer_field("/retry/attempts", "5", "times", 0, 1'000'000,
                  "Replicas a request may lose before it is lost (SGLang's gateway: 5)."),
    number_field(
        "/retry/delay_ms", "50", "ms", 0, 1e9,
        "From the loss of a replica to the next attempt (SGLang's gateway: 50, at first)."),
};

std::optional<std::size_t> limit(const ConfigView& config, const std::string& pointer) {
  if (!config.has(pointer)) return std::nullopt;
  return static_cast<std::size_t>(config.integer(pointer));
}

}  // namespace

Fleet::Fleet(const Parts& parts, Fingerprint& fingerprint)
    : parts_(parts),
      fingerprint_(fingerprint),
      admission_(parts.config),
      faults_(parts.faults),
      retries_lost_(parts.config.text("/retry/policy") == "retry"),
      attempts_(static_cast<std::uint32_t>(parts.config.integer("/retry/attempts"))),
      delay_(round_to_ns(parts.config.number("/retry/delay_ms") * 1e-3)),
      in_flight_(limit(parts.config, "/router/max_in_flight")),
      health_(parts.replicas.size()) {
  if (decoding_of(parts.config).siblings() == 1) return;
  for (const auto& [used, field] : {std::pair(!faults_.empty(), "/faults"),
                                    std::pair(in_flight_.has_value(), "/router/max_in_flight")})
    if (used)
      parts.config.fail(field,
                        "siblings stay together, and could not here; leave it out, or ask "
                        "for one answer (/workload/samples, /workload/beam_width)");
}

void Fleet::arrive(Time now, Request& r) {
  ++open_;
  // A family stays together: siblings follow the first at once.
  if (r.sample == 0) family_ = choose(now, r, /*inside=*/false);
  const ReplicaId where = family_.where;
  if (where.valid()) fingerprint_.add(r.id, where);
  parts_.observers.tell([&](Observer& o) { o.on_arrival(now, r, where); });
  if (family_.refused) return refuse(now, r, *family_.refused);
  if (!where.valid()) {
    waiting_.emplace_back().request = std::move(r);
    return;
  }
  Replica& replica = parts_.replicas[where.index];
  if (const auto why = refusal(replica, r)) return refuse(now, r, *why);
  replica.enqueue(r, now);
  sent_.push_back(where);
}

// Who prefills does it for some who decode.
std::optional<Rejection> Fleet::refusal(const Replica& replica, const Request& r) const {
  std::optional<Rejection> why = replica.refuses(r);
  if (why || replica.role() != Role::kPrefill) return why;
  for (const Replica& decoder : parts_.replicas) {
    if (decoder.role() != Role::kDecode) continue;
    why = decoder.refuses(r);
    if (!why) return std::nullopt;
  }
  return why;
}

void Fleet::hand_over(Time now, const Handoffs::Kept& from) {
  Replica& source = parts_.replicas[from.where.index];
  moving_.push_back({from.where, source.hand_over(from.sequence)});
  parts_.handoffs->expect(moving_.back().sequence, from, now, source.last_step());
  send_moving(now);
}

void Fleet::send_moving(Time now) {
  for (auto m = moving_.begin(); m != moving_.end();) {
    const Request& r = m->sequence.request;
    views_.clear();
    for (std::size_t i = 0; i < health_.size(); ++i) {
      const Replica& replica = parts_.replicas[i];
      if (replica.role() == Role::kDecode && health_[i].faults == 0 && !replica.refuses(r))
        views_.push_back(replica.view());
    }
    if (views_.empty()) {
      ++m;
      continue;
    }
    const ReplicaId to = parts_.handoffs->router().route(now, r, views_);
    fingerprint_.add(r.id, to);
    parts_.observers.tell([&](Observer& o) { o.on_hand_over(now, r, m->from, to); });
    parts_.replicas[to.index].resume(m->sequence, now);
    sent_.push_back(to);
    m = moving_.erase(m);
  }
}

void Fleet::let_go(Time now) {
  if (parts_.handoffs == nullptr) return;
  for (const Handoffs::Kept& kept : parts_.handoffs->take_arrived()) {
    parts_.replicas[kept.where.index].let_go(kept.sequence, now);
    sent_.push_back(kept.where);
  }
}

void Fleet::refuse(Time now, const Request& r, Rejection why) {
  parts_.observers.tell([&](Observer& o) { o.on_reject(now, r, why); });
  ended(now, r);
}

void Fleet::ended(Time now, const Request& r) {
  --open_;
  parts_.workload.ended(r, now);
}

// `inside`: it was let in before.
Fleet::Choice Fleet::choose(Time now, const Request& r, bool inside) {
  if (parts_.news != nullptr) parts_.news->deliver(now);
  if (!inside && !admission_.within_rate(now, r.priority)) return {{}, Rejection::kOverItsRate};
  const std::optional<Rejection> refused = offer(r, inside);
  if (refused) return {{}, refused};
  if (!views_.empty()) return {parts_.router.route(now, r, views_), {}};
  if (!inside && admission_.queue_full(waiting_.size(), health_.size()))
    return {{}, Rejection::kQueueFull};
  return {};
}

// Shows in views_ who could take `r` now. Where nobody ever could, all are shown: it is refused
// where it is sent. Says why if only admission control stands in the way.
std::optional<Rejection> Fleet::offer(const Request& r, bool inside) {
  views_.clear();
  bool ever = false;
  std::optional<Rejection> refused;
  for (std::size_t i = 0; i < health_.size(); ++i) {
    const Replica& replica = parts_.replicas[i];
    if (replica.role() == Role::kDecode || refusal(replica, r)) continue;
    ever = true;
    if (health_[i].faults > 0) continue;
    const ReplicaView view = replica.view();
    if (full(view)) continue;
    const std::optional<Rejection> no = inside ? std::nullopt : admission_.full(view, r.prompt);
    no ? void(refused = no) : views_.push_back(view);
  }
  if (!ever)
    for (const Replica& replica : parts_.replicas)
      if (replica.role() != Role::kDecode) views_.push_back(replica.view());
  if (!views_.empty()) return std::nullopt;
  return refused;
}

bool Fleet::full(const ReplicaView& replica) const {
  return in_flight_ && replica.waiting + replica.running >= *in_flight_;
}

// Without a limit of requests a step that ends changes nothing for those who wait.
void Fleet::relieve(Time now) {
  if (in_flight_) send_waiting(now);
}

// With one those who wait are served in order: the first blocks the others.
void Fleet::send_waiting(Time now) {
  for (auto s = waiting_.begin(); s != waiting_.end();) {
    const Choice choice = choose(now, s->request, /*inside=*/true);
    if (choice.where.valid()) {
      send(now, *s, choice.where);
      s = waiting_.erase(s);
    } else if (in_flight_) {
      return;
    } else {
      ++s;
    }
  }
}

void Fleet::send(Time now, Sequence& s, ReplicaId where) {
  fingerprint_.add(s.request.id, where);
  parts_.observers.tell([&](Observer& o) { o.on_route(now, s.request, where); });
  parts_.replicas[where.index].resume(s, now);
  sent_.push_back(where);
}

std::optional<Time> Fleet::due() const {
  std::optional<Time> next = faults_.next();
  if (!later_.empty() && (!next || later_.front().at < *next)) next = later_.front().at;
  return next;
}

bool Fleet::over() const {
  if (faults_.empty()) return false;
  const bool hopeless =
      std::all_of(health_.begin(), health_.end(), [](const Health& health) { return health.gone; });
  return hopeless ? !parts_.workload.upcoming() : open_ == 0 && !parts_.workload.upcoming();
}

void Fleet::act(Time now) {
  while (faults_.next() && *faults_.next() <= now) change(now, faults_.take());
  for (; !later_.empty() && later_.front().at <= now; later_.pop_front())
    waiting_.push_back(std::move(later_.front().sequence));
  send_waiting(now);
  send_moving(now);
  let_go(now);
}

void Fleet::change(Time now, const FaultPlan::Change& change) {
  if (change.kind == FaultPlan::Kind::kSlowReplica) return slow_down(change);
  if (change.kind == FaultPlan::Kind::kStoreDown) {
    parts_.tiers->change_store(now, change);
    return end_failed_loads(now);
  }
  Health& health = health_[change.where.index];
  health.gone = health.gone || change.for_good;
  if (change.begins && health.faults++ == 0) take_down(now, change.where);
  if (!change.begins && --health.faults == 0)
    parts_.observers.tell([&](Observer& o) { o.on_up(now, change.where); });
}

void Fleet::slow_down(const FaultPlan::Change& change) {
  Slowness& slowness = health_[change.where.index].slowness;
  slowness.change(change);
  parts_.replicas[change.where.index].slow_down(slowness.factor());
}

void Fleet::take_down(Time now, ReplicaId where) {
  Replica& replica = parts_.replicas[where.index];
  parts_.observers.tell([&](Observer& o) { o.on_down(now, where); });
  if (parts_.handoffs != nullptr) parts_.handoffs->lose(where, now);
  for (Sequence& s : replica.fail(now)) {
    if (parts_.handoffs != nullptr) parts_.handoffs->forget(s.request);
    if (retries_lost_ && s.retries < attempts_) {
      ++s.retries;
      parts_.observers.tell([&](Observer& o) { o.on_retry(now, s, where); });
      later_.push_back({now + delay_, std::move(s)});
    } else {
      parts_.observers.tell([&](Observer& o) { o.on_lost(now, s, where); });
      ended(now, s.request);
    }
  }
  parts_.observers.tell([&](Observer& o) { o.on_memory(now, where, replica.memory().memory()); });
  end_failed_loads(now);
}

void Fleet::end_failed_loads(Time now) {
  for (std::uint32_t i = 0; i < parts_.replicas.size(); ++i)
    if (parts_.replicas[i].end_failed_loads(now)) sent_.push_back(ReplicaId{i});
}

std::span<const ReplicaId> Fleet::take_sent() {
  taken_.swap(sent_);
  sent_.clear();
  return taken_;
}

}  // namespace kvsim
