#pragma once
// SequenceGroups: the siblings of a family as one unit of scheduling (vLLM V0's SequenceGroup).
//
// Siblings arrive one right after the other; each joins the group of the one before. A sequence
// without siblings, or whose siblings cannot share memory, is a group by itself. O(1) but for
// leaving, which is O(siblings).

#include <algorithm>
#include <optional>
#include <vector>

#include "sim/core/check.h"
#include "sim/model/beam_search.h"
#include "sim/model/sequence.h"

namespace kvsim {

using GroupId = Id<struct SequenceGroupTag>;

struct SequenceGroup {
  std::vector<SequenceId> members;  ///< Not finished; beam i of a search is member i.
  std::optional<BeamSearch> beams;
};

class SequenceGroups {
 public:
  explicit SequenceGroups(bool together) : together_(together) {}

  /// The new group of `s`, or none if it has joined its siblings'.
  [[nodiscard]] std::optional<GroupId> join(const Sequence& s) {
    if (s.id.index >= group_of_.size()) group_of_.resize(s.id.index + 1);
    const bool sibling = together_ && s.request.sample > 0;
    KVSIM_CHECK(!sibling || s.request.family == newest_family_, "siblings arrive together");
    if (!sibling) {
      newest_ = groups_.take();
      newest_family_ = s.request.family;
      groups_[newest_] = {};
    }
    groups_[newest_].members.push_back(s.id);
    group_of_[s.id.index] = newest_;
    if (sibling) return std::nullopt;
    return newest_;
  }
  /// Is its group empty now? Then the group's id is free.
  [[nodiscard]] bool leave(SequenceId id) {
    const GroupId group = of(id);
    std::vector<SequenceId>& members = groups_[group].members;
    members.erase(std::find(members.begin(), members.end(), id));
    if (!members.empty()) return false;
    groups_.give_back(group);
    return true;
  }
  [[nodiscard]] GroupId of(SequenceId id) const { return group_of_[id.index]; }
  [[nodiscard]] SequenceGroup& operator[](GroupId id) { return groups_[id]; }
  [[nodiscard]] const SequenceGroup& operator[](GroupId id) const { return groups_[id]; }

 private:
  bool together_;
  Slab<SequenceGroup, GroupId> groups_;
  std::vector<GroupId> group_of_;  // by sequence
  GroupId newest_;
  std::uint64_t newest_family_ = 0;
};

}  // namespace kvsim
