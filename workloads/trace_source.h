#pragma once
// A trace file as a workload: rows become requests, later turns wait for the turn before.

#include <deque>
#include <map>
#include <optional>
#include <unordered_map>

#include "workloads/arrivals.h"
#include "workloads/conversation.h"
#include "workloads/loop_source.h"
#include "workloads/trace_file.h"

namespace kvsim {

/// Memory: the rows of running conversations, one row ahead, and a few words for every session of a
/// file that has closed-loop sessions (nobody says which have ended).
class TraceSource final : public LoopSource {
 public:
  /// Reads /workload/trace and what goes with it.
  explicit TraceSource(const Setup& setup);
  /// The same over an open file.
  TraceSource(TraceFile file, const Setup& setup);

  [[nodiscard]] std::optional<Time> upcoming() override;
  void take(Request& out) override;
  void ended(const Request& r, Time now) override;
  [[nodiscard]] double progress() const override { return file_.progress(); }
  [[nodiscard]] WorkloadIdentity identity() const override;
  [[nodiscard]] std::optional<Duration> pause() const override { return pause_; }

  [[nodiscard]] const TraceFile& file() const { return file_; }

 private:
  struct Session {
    explicit Session(std::uint64_t number) : conversation(number) {}
    Conversation conversation;
    std::uint32_t turns = 0;       ///< Taken so far.
    std::uint32_t under_way = 0;   ///< Known to arrive or running: not ended.
    bool known = false;            ///< Some row of it has been read.
    bool complete = false;         ///< Its last turn has been taken.
    Time last_end{};               ///< Of the turn that ended last.
    std::deque<TraceRow> waiting;  ///< Turns that wait for the one before.
  };

  [[nodiscard]] bool read_row();
  [[nodiscard]] Time scheduled(const TraceRow& row);
  void follow(Session& session, TraceRow row);
  void write_content(TraceRow& row, Request& out);  ///< Takes row.said.
  [[nodiscard]] Session& session_of(std::uint64_t number);

  TraceFile file_;
  std::unique_ptr<Arrivals> arrivals_;  ///< Null: the trace's own times.
  double rate_scale_ = 1;
  std::int64_t left_ = 0;  ///< Requests that may still be taken.

  std::optional<Duration> first_at_;  ///< The trace's own time of its first row: our 0.
  Duration last_at_{};                ///< The trace's own time of the row read last.
  Time last_scheduled_{};
  Time last_taken_{};
  std::optional<Duration> pause_;  ///< Of the request taken last.
  std::uint64_t taken_ = 0;

  std::optional<TraceRow> ahead_;  ///< The next row that arrives by schedule.
  Time ahead_at_{};
  TraceRow spare_;         ///< A row that has been taken: the next one gets its storage.
  bool finished_ = false;  ///< Nothing is left to read.
  /// Later turns whose time is known, by (time, order of becoming known).
  std::map<std::pair<Time, std::uint64_t>, TraceRow> ready_;
  std::uint64_t made_ready_ = 0;
  std::unordered_map<std::uint64_t, Session> sessions_;  ///< With a history; never iterated.
};

}  // namespace kvsim
