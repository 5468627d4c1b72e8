#pragma once
// Several connectors as one: the first that offers anything brings it.

#include <algorithm>
#include <vector>

#include "sim/model/kv_connector.h"

namespace kvsim {

class KvConnectors final : public KvConnector {
 public:
  void add(KvConnector& connector) { all_.push_back(&connector); }
  [[nodiscard]] bool empty() const { return all_.empty(); }

  void queued(const Sequence& s, Time now) override {
    for (KvConnector* connector : all_) connector->queued(s, now);
  }
  [[nodiscard]] Tokens offer(const Sequence& s, Tokens hit, Time now) override {
    if (s.id.index >= chosen_.size()) chosen_.resize(s.id.index + 1);
    for (KvConnector* connector : all_) {
      chosen_[s.id.index] = connector;
      const Tokens offered = connector->offer(s, hit, now);
      if (offered > Tokens(0)) return offered;
    }
    return {};
  }
  [[nodiscard]] Time load(const Sequence& s, Tokens hit, Tokens count, Time now) override {
    return chosen(s).load(s, hit, count, now);
  }
  [[nodiscard]] bool loads_apart(const Sequence& s) const override {
    return chosen(s).loads_apart(s);
  }
  void admitted(const Sequence& s, Time now) override {
    for (KvConnector* connector : all_) connector->admitted(s, now);
  }
  [[nodiscard]] bool failed(const Sequence& s) const override { return chosen(s).failed(s); }
  void arrived(const Sequence& s, Time now) override { chosen(s).arrived(s, now); }
  void computed(const Sequence& s, Time now) override {
    for (KvConnector* connector : all_) connector->computed(s, now);
  }
  [[nodiscard]] bool watches_evictions() const override {
    return std::any_of(all_.begin(), all_.end(),
                       [](const KvConnector* c) { return c->watches_evictions(); });
  }
  [[nodiscard]] Time evicted(std::span<const Eviction> gone, Time now) override {
    Time free_at = now;
    for (KvConnector* connector : all_) free_at = std::max(free_at, connector->evicted(gone, now));
    return free_at;
  }
  void lost(Time now) override {
    for (KvConnector* connector : all_) connector->lost(now);
  }

 private:
  [[nodiscard]] KvConnector& chosen(const Sequence& s) const { return *chosen_[s.id.index]; }

  std::vector<KvConnector*> all_;
  std::vector<KvConnector*> chosen_;  // by sequence: whose offer was the last
};

}  // namespace kvsim
