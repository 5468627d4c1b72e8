#pragma once
// RequestFuture: the requests that will come, and which prefixes of earlier ones they repeat.
//
// All requests are read ahead into one tree of what they say. A node is a run of tokens that no
// request leaves halfway, with the requests whose prompts go through it; an entry of the cache is
// found from the request that computed it. The last token of a prompt is never looked up in a
// cache, so it counts as no use.
// Known only in an open loop: where arrivals wait for answers, the order depends on the run.
// Costs: memory for all requests' spans; next_use O(nodes on the path).

#include <cstdint>
#include <functional>
#include <vector>

#include "sim/core/config_view.h"
#include "sim/core/flat_map.h"
#include "sim/model/future.h"
#include "sim/model/observer.h"
#include "sim/model/request.h"

namespace kvsim {

class RequestFuture final : public Future, public Bystander {
 public:
  /// Entries that hold more than a `block` are wanted if their first block is.
  RequestFuture(std::function<std::vector<Request>()> read, Tokens block)
      : read_(std::move(read)), block_(block) {}

  void foresee() override;
  [[nodiscard]] bool foreseen() const { return !nodes_.empty(); }
  [[nodiscard]] std::uint64_t next_use(const CacheEntry& entry) override;
  [[nodiscard]] bool passed(std::uint64_t id) const override { return passed_[id]; }

  void on_admit(Time /*now*/, const Sequence& s, Tokens /*hit*/, ReplicaId /*where*/) override {
    passed_[s.request.id] = true;
  }
  void on_fork(Time /*now*/, const Sequence& s, Tokens /*shared*/, ReplicaId /*where*/) override {
    passed_[s.request.id] = true;
  }
  void on_reject(Time /*now*/, const Request& r, Rejection /*why*/) override {
    passed_[r.id] = true;
  }

 private:
  using NodeId = Id<struct FutureNodeTag>;
  struct Node {
    NodeId parent;
    std::int64_t start = 0;  // tokens before it
    Content edge;
    std::vector<std::uint64_t> users;  // requests that repeat all of it, in order
    std::size_t next = 0;              // those before it have passed
  };
  static constexpr NodeId kRoot{0};

  void add(const Request& r);
  void split(NodeId lower, Tokens count);
  [[nodiscard]] Tokens end(NodeId node) const;
  [[nodiscard]] static Key128 child_key(NodeId parent, const Span& first);

  std::function<std::vector<Request>()> read_;
  Tokens block_;
  std::vector<Node> nodes_;
  std::vector<NodeId> last_;  // by request: where what it says ends
  std::vector<bool> passed_;
  FlatMap<NodeId> children_;
};

/// All requests of the workload that `config` asks for, read a second time. Throws InputError where
/// they depend on the run: closed loops, beams, several replicas.
[[nodiscard]] std::vector<Request> read_ahead(const ConfigView& config);

}  // namespace kvsim
