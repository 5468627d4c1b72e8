#pragma once
// Lockstep: sequences that decode together, a token each per step.
//
// What a step does to each of them is the same, so it is done to all at once: a step costs O(1),
// however many they are. Their Sequences stand still meanwhile; whoever leaves is brought up to
// date. What is not the same for all is done when it is due, from a calendar: a member needs
// memory, its context bends one of StepShape's sums, or it samples its last token. With blocks of
// b tokens that is about twice per member in b steps.
//
// Members are the head of the scheduler's batch, in its order, so memory is asked for in the same
// order as by a scheduler that knows nothing of this: every answer is the same, to the byte
// (tests/engine/lockstep_test.cc).

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/model/allocator.h"
#include "sim/model/local_span.h"
#include "sim/model/step.h"

namespace kvsim {

class Lockstep {
 public:
  Lockstep(Sequences& sequences, Allocator& memory, const LocalSpan& local)
      : sequences_(sequences), memory_(memory), local_(local) {}

  [[nodiscard]] std::int64_t size() const { return std::ssize(in_order_); }

  // The scheduler's side.

  /// May `s`, which runs and stands behind the members in the batch, become one?
  [[nodiscard]] bool takes(const Sequence& s) const;
  /// Requires takes(s).
  void join(const Sequence& s);
  /// Plans a token for every member, in order, as far as memory goes; how many got theirs. If not
  /// all, nobody is a member any more, and those many have their work in `plan`.
  [[nodiscard]] std::int64_t plan(StepPlan& plan);
  /// Nobody is a member any more; if a step has been planned, their work comes first in `plan`.
  void dissolve(StepPlan& plan);

  // The replica's side.

  /// May anybody join until the next call?
  void open(bool to_anybody) { open_ = to_anybody; }
  /// The step that was planned begins: adds the members' part of it.
  void begin_step(StepShape& shape);
  struct Ended {
    std::int64_t tokens = 0;  ///< Sampled: one per member.
    Duration gap{};           ///< Since the last ones of the same sequences.
    /// Sampled their last one and left, in order. Valid until the next plan.
    std::span<const SequenceId> finished;
  };
  /// A step is over, whoever was in it.
  [[nodiscard]] Ended end_step(Time now);

 private:
  static constexpr std::int64_t kNever = -1;
  // By SequenceId. Ticks count the steps that members were planned for.
  struct Member {
    std::int64_t since = 0;     // the tick that its Sequence stands at
    std::int64_t due = kNever;  // the tick that it has to be looked at
    Tokens slack{};             // then; memory of its own does not change meanwhile
    std::uint64_t order = 0;    // of joining
    bool counted = false;       // in shape_
    bool widens = false;        // what its local layers see grows with every token
  };
  // Longer waits are cut into pieces.
  static constexpr std::int64_t kCalendar = 64;

  [[nodiscard]] std::vector<SequenceId>& due_at(std::int64_t tick) {
    return calendar_[static_cast<std::size_t>(tick % kCalendar)];
  }
  [[nodiscard]] Member& member(SequenceId id) { return members_[id.index]; }
  [[nodiscard]] std::size_t place_of(const Member& m) const;
  void sort_due(std::vector<SequenceId>& due, std::int64_t tick);
  void catch_up(Sequence& s, Member& m) const;
  void count(Member& m, Tokens context);
  void uncount(const Member& m, Tokens context);
  void wait(SequenceId id, std::int64_t tick, std::int64_t steps, Tokens slack);
  [[nodiscard]] std::int64_t steps_alike(const Sequence& s, Tokens slack) const;
  std::int64_t fall_short(StepPlan& plan, std::int64_t served, std::int64_t grown);
  void forget_all();

  Sequences& sequences_;
  Allocator& memory_;
  LocalSpan local_;
  bool open_ = false;
  std::vector<Member> members_;
  std::vector<SequenceId> in_order_;
  std::array<std::vector<SequenceId>, kCalendar> calendar_;
  std::vector<SequenceId> finishing_;  // sample their last token in the step planned
  std::vector<SequenceId> finished_;
  std::uint64_t joined_ever_ = 0;
  std::int64_t planned_ = 0;  // ticks, as the two below
  std::int64_t begun_ = 0;
  std::int64_t ended_ = 0;
  Time last_end_{};  // of any step

  // Their sums over the step planned last.
  Tokens context_;
  Tokens local_context_;
  std::int64_t widening_ = 0;
  std::array<std::int32_t, StepShape::kBuckets> contexts_{};
};

}  // namespace kvsim
