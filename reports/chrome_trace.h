#pragma once
// A run as Chrome trace events (JSON), which Perfetto and chrome://tracing open.
//
// Format: "Trace Event Format", Google, 2016. A process per replica holds a slice per step, the
// life of each request as nested async spans (queued, prefill, decode, preempted) and counters of
// memory and batch. What lies outside the window is left out, spans that reach into it are cut off.

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "reports/buffered_sink.h"
#include "sim/model/observer.h"

namespace kvsim {

class ChromeTrace final : public Observer {
 public:
  /// From `from` up to, but without, `until`.
  struct Window {
    Time from{};
    Time until = Time::max();
  };
  /// About 30 MB. Whatever is going on then is cut off there.
  static constexpr std::int64_t kMostEvents = 250'000;

  /// Text goes to `sink` in large pieces, the last one at on_end.
  ChromeTrace(Sink sink, Window window, std::int64_t most_events = kMostEvents);
  /// Where the trace ends although window and run go on; known after on_end.
  [[nodiscard]] std::optional<Time> cut() const { return cut_; }

  void on_arrival(Time now, const Request& r, ReplicaId where) override;
  void on_reject(Time now, const Request& r, Rejection why) override;
  void on_hand_over(Time now, const Request& r, ReplicaId from, ReplicaId to) override;
  void on_admit(Time now, const Sequence& s, Tokens hit, ReplicaId where) override;
  void on_fork(Time now, const Sequence& s, Tokens shared, ReplicaId where) override;
  void on_preempt(Time now, const Sequence& s, ReplicaId where) override;
  [[nodiscard]] bool looks_closely(Time now, ReplicaId /*where*/) const override {
    return visible(now);
  }
  void on_step(const StepRecord& step) override;
  void on_token(Time now, const Sequence& s) override;
  void on_finish(Time now, const Sequence& s, ReplicaId where) override;
  void on_memory(Time now, ReplicaId where, const MemoryUse& memory) override;
  void on_retry(Time now, const Sequence& s, ReplicaId where) override;
  void on_lost(Time now, const Sequence& s, ReplicaId where) override;
  void on_route(Time now, const Request& r, ReplicaId where) override;
  void on_end(Time now) override;

 private:
  /// A request that has arrived and not ended.
  struct Life {
    const char* phase = "";
    Time since{};  ///< In that phase.
    ReplicaId where;
    std::int64_t prompt = 0, output = 0;
    bool told = false;  ///< Its own span has begun.
  };

  [[nodiscard]] bool visible(Time at) const { return at >= window_.from && at < window_.until; }
  void introduce(ReplicaId where);
  /// The thread of a step's slice: slices of one thread must nest, and a pipeline's steps overlap.
  [[nodiscard]] std::size_t thread_of(const StepRecord& step);
  void enter(Time now, std::uint64_t id, const char* phase);
  void write_phase(std::uint64_t id, Life& life, Time end);
  void leave(Time now, std::uint64_t id);
  /// Ends the window here if the events have run out.
  void count(Time now);
  template <class... Values>
  void event(fmt::format_string<Values...> format, Values&&... values);

  BufferedSink out_;
  Window window_;
  std::int64_t left_;
  bool first_ = true;
  std::optional<Time> cut_;
  std::vector<bool> introduced_;         ///< By replica.
  std::vector<std::vector<Time>> ends_;  ///< Of the latest step of each thread, by replica.
  std::map<std::uint64_t, Life> live_;   ///< By request.
};

}  // namespace kvsim
