#pragma once
// WaitingQueue: who is admitted next. First come first served, or by (priority, arrival, id).
//
// A preempted sequence goes back to the front of the first and to its place in the second (vLLM:
// vllm/v1/core/sched/request_queue.py). Cost: O(1), or O(log n) by priority.

#include <algorithm>
#include <deque>
#include <memory_resource>
#include <tuple>
#include <vector>

#include "sim/model/sequence.h"

namespace kvsim {

class WaitingQueue {
 public:
  WaitingQueue(const Sequences& sequences, bool by_priority)
      : sequences_(sequences), by_priority_(by_priority) {}

  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] std::size_t size() const { return by_priority_ ? heap_.size() : line_.size(); }
  /// Requires !empty().
  [[nodiscard]] SequenceId front() const { return by_priority_ ? heap_.front() : line_.front(); }

  /// The next first.
  [[nodiscard]] std::vector<SequenceId> in_order() const {
    if (!by_priority_) return {line_.begin(), line_.end()};
    std::vector<SequenceId> sorted = heap_;
    std::sort(sorted.begin(), sorted.end(),
              [this](SequenceId a, SequenceId b) { return rank(a) < rank(b); });
    return sorted;
  }

  void push(SequenceId id) {
    if (!by_priority_) return line_.push_back(id);
    heap_.push_back(id);
    std::push_heap(heap_.begin(), heap_.end(), Later{*this});
  }
  void push_preempted(SequenceId id) { by_priority_ ? push(id) : line_.push_front(id); }
  /// Takes one out of the middle: it was given up. Requires that it waits.
  void remove(SequenceId id) {
    if (by_priority_) {
      heap_.erase(std::find(heap_.begin(), heap_.end(), id));
      std::make_heap(heap_.begin(), heap_.end(), Later{*this});
    } else {
      line_.erase(std::find(line_.begin(), line_.end(), id));
    }
  }
  void pop() {
    if (!by_priority_) return line_.pop_front();
    std::pop_heap(heap_.begin(), heap_.end(), Later{*this});
    heap_.pop_back();
  }

 private:
  struct Later {
    const WaitingQueue& queue;
    bool operator()(SequenceId a, SequenceId b) const { return queue.rank(a) > queue.rank(b); }
  };
  [[nodiscard]] std::tuple<std::int32_t, Time, std::uint64_t> rank(SequenceId id) const {
    const Request& r = sequences_[id].request;
    return {r.priority, r.arrival, r.id};
  }
  const Sequences& sequences_;
  bool by_priority_;
  std::pmr::unsynchronized_pool_resource storage_;  // a line that moves on reuses what it left
  std::pmr::deque<SequenceId> line_{&storage_};
  std::vector<SequenceId> heap_;
};

}  // namespace kvsim
