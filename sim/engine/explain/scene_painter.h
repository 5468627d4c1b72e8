#pragma once
// Watches for one step, or one request, and remembers all there is to see.

#include <optional>

#include "sim/model/scene.h"

namespace kvsim {

/// Step number `number` of a run, counted from 0 over all replicas.
class StepPainter final : public Observer {
 public:
  explicit StepPainter(std::uint64_t number) : number_(number) {}
  [[nodiscard]] bool watches_evictions() const override { return true; }
  void on_evict(Time now, const Eviction& gone, ReplicaId where) override;
  void on_preempt(Time now, const Sequence& s, ReplicaId where) override;
  void on_step(const StepRecord& step) override;

  /// Nothing if the run had fewer steps.
  [[nodiscard]] const std::optional<StepScene>& scene() const { return scene_; }
  [[nodiscard]] std::uint64_t steps() const { return next_; }

 private:
  std::uint64_t number_;
  std::uint64_t next_ = 0;
  std::optional<StepScene> scene_;
  // Since the last step: what the next one's plan gave up.
  std::vector<Eviction> evicted_;
  std::vector<std::uint64_t> preempted_;
};

class LifePainter final : public Observer {
 public:
  explicit LifePainter(std::uint64_t request) { life_.request = request; }
  [[nodiscard]] bool watches_evictions() const override { return true; }
  void on_arrival(Time now, const Request& r, ReplicaId where) override;
  void on_reject(Time now, const Request& r, Rejection why) override;
  void on_evict(Time now, const Eviction& gone, ReplicaId where) override;
  void on_admit(Time now, const Sequence& s, Tokens hit, ReplicaId where) override;
  void on_attributed(Time now, const Sequence& s, const PromptFate& fate, ReplicaId where) override;
  void on_fork(Time now, const Sequence& s, Tokens shared, ReplicaId where) override;
  void on_preempt(Time now, const Sequence& s, ReplicaId where) override;
  void on_prefilled(Time now, const Sequence& s, ReplicaId where) override;
  void on_token(Time now, const Sequence& s) override;
  void on_retry(Time now, const Sequence& s, ReplicaId where) override;
  void on_lost(Time now, const Sequence& s, ReplicaId where) override;
  void on_route(Time now, const Request& r, ReplicaId where) override;
  void on_finish(Time now, const Sequence& s, ReplicaId where) override;

  /// Without moments if there was no such request.
  [[nodiscard]] const RequestLife& life() const { return life_; }

 private:
  using Event = RequestLife::Event;
  [[nodiscard]] bool mine(const Sequence& s) const { return s.request.id == life_.request; }
  void note(Time at, Event event, ReplicaId where, Tokens amount = {}, Tokens more = {});
  void add_up(Time at, Event event, ReplicaId where, std::uint32_t tokens);

  RequestLife life_;
};

}  // namespace kvsim
