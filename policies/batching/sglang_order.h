#pragma once
// SglangOrder: who of the waiting is looked at first, by how much of each prompt is cached.
//
//     fcfs        arrival, or (priority, arrival)
//     lof         longest output first
//     lpm         longest cached prefix first
//     dfs-weight  branch by branch through the cached prefixes, the most wanted branch first
//
// Orders are stable and stay: the next one starts from where the last left the queue. lpm looks
// every prompt up, which counts as a use of what it finds. Cost: O(waiting) look-ups and a sort.
// Source: SGLang, April 2026: SchedulePolicy in python/sglang/srt/managers/schedule_policy.py.
// Ours differs in that equally wanted branches of dfs-weight go by who came first, not by the age
// of the tree's nodes, which an Allocator does not show.

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "sim/model/allocator.h"
#include "sim/model/sequence.h"

namespace kvsim {

class SglangOrder {
 public:
  static const std::vector<std::string>& words();

  /// Without a prefix cache, lpm and dfs-weight are fcfs.
  SglangOrder(std::string_view word, bool by_priority, const Sequences& sequences,
              Allocator& memory);
  /// `fresh` of the waiting, at the back, have joined since the last call.
  void sort(std::deque<SequenceId>& waiting, std::size_t fresh);

 private:
  enum class Rule { kFcfs, kLof, kLpm, kDfsWeight };
  struct Candidate {
    SequenceId id;
    Tokens hit;
    bool later = false;  ///< An earlier one will bring its prefix into the cache.
  };

  void put_in_place(std::deque<SequenceId>& waiting, std::size_t fresh) const;
  [[nodiscard]] bool before(const Request& a, const Request& b) const;
  [[nodiscard]] const Request& request(SequenceId id) const { return sequences_[id].request; }
  void look_up(const std::deque<SequenceId>& waiting);
  void defer_followers();
  [[nodiscard]] bool follows(const Candidate& c, SequenceId leader) const;
  void sort_by_branch(std::deque<SequenceId>& waiting);
  [[nodiscard]] Tokens shared(const Candidate& a, const Candidate& b) const;
  [[nodiscard]] std::vector<std::vector<std::size_t>> branches(
      const std::vector<std::size_t>& members, Tokens depth) const;
  [[nodiscard]] Tokens depth_of(const std::vector<std::size_t>& members) const;

  Rule rule_;
  bool by_priority_;
  const Sequences& sequences_;
  Allocator& memory_;
  std::vector<Candidate> candidates_;
};

}  // namespace kvsim
