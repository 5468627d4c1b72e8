#pragma once
// Clients: who watches a fleet as its clients do.

#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "sim/model/observer.h"

namespace kvsim {

/// What every client of a fleet got, token by token; fails where one gets a token twice, out of
/// order, or from a replica that is down.
class Clients final : public Observer {
 public:
  explicit Clients(std::size_t replicas) : up_(replicas, true) {}
  void on_arrival(Time now, const Request& r, ReplicaId where) override {
    tick(now);
    EXPECT_TRUE(lives_.try_emplace(r.id).second) << "arrives once";
    EXPECT_TRUE(!where.valid() || up_[where.index]);
  }
  void on_route(Time now, const Request& r, ReplicaId where) override {
    tick(now);
    EXPECT_TRUE(up_[where.index]);
    EXPECT_FALSE(lives_.at(r.id).ended);
  }
  void on_reject(Time now, const Request& r, Rejection /*why*/) override { end(now, r.id); }
  void on_token(Time now, const Sequence& s) override {
    tick(now);
    Tokens& got = lives_.at(s.request.id).tokens;
    got += Tokens(1);
    EXPECT_EQ(s.generated, got) << "every token once, in order";
  }
  void on_step(const StepRecord& step) override {
    EXPECT_TRUE(up_[step.replica.index]);
    EXPECT_TRUE(step.memory.adds_up());
    computed_ += step.shape.tokens();
  }
  void on_finish(Time now, const Sequence& s, ReplicaId /*where*/) override {
    end(now, s.request.id);
    EXPECT_EQ(lives_.at(s.request.id).tokens, s.request.output);
    needed_ += s.request.prompt + s.request.output - Tokens(1) - s.reused + s.recomputed;
  }
  void on_down(Time now, ReplicaId where) override {
    tick(now);
    EXPECT_TRUE(up_[where.index]);
    up_[where.index] = false;
  }
  void on_up(Time now, ReplicaId where) override {
    tick(now);
    EXPECT_FALSE(up_[where.index]);
    up_[where.index] = true;
  }
  void on_retry(Time now, const Sequence& s, ReplicaId where) override {
    tick(now);
    EXPECT_FALSE(up_[where.index]);
    EXPECT_FALSE(lives_.at(s.request.id).ended);
    ++retries_;
  }
  void on_lost(Time now, const Sequence& s, ReplicaId /*where*/) override {
    end(now, s.request.id);
    ++lost_;
  }
  std::int64_t retries_ = 0, lost_ = 0, ended_ = 0;
  Tokens computed_, needed_;

 private:
  struct Life {
    Tokens tokens;
    bool ended = false;
  };
  void tick(Time now) {
    EXPECT_GE(now, last_) << "time never goes back";
    last_ = now;
  }
  void end(Time now, std::uint64_t id) {
    tick(now);
    EXPECT_FALSE(lives_.at(id).ended) << "ends once";
    lives_.at(id).ended = true;
    ++ended_;
  }
  std::map<std::uint64_t, Life> lives_;
  std::vector<bool> up_;
  Time last_{};
};

}  // namespace kvsim
