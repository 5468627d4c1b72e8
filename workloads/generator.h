#pragma once
// A workload that is drawn instead of read: sessions arrive, each takes its turns in a closed loop.
//
// A session starts with one of a few shared system prompts (Zipf popularity) or none; a turn adds
// user tokens to the prompt and gets an answer; the next turn comes a think time after the answer.
// Every session has streams of random numbers of its own, so what it says does not depend on how
// fast it is served: all policies compared get the same requests.

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "sim/core/rng.h"
#include "workloads/arrivals.h"
#include "workloads/conversation.h"
#include "workloads/law.h"
#include "workloads/loop_source.h"

namespace kvsim {

/// Everything a generated workload is made of, from /workload/generate.
struct GeneratorPlan {
  explicit GeneratorPlan(const ConfigView& config);

  std::int64_t requests = 0;
  Duration duration{};  ///< No session starts later.
  Law user_tokens;
  Law output_tokens;
  Law turns;
  Law think_s;
  Law system_tokens;
  double system_share = 1;                ///< Of the sessions, how many have a system prompt.
  std::vector<double> system_popularity;  ///< Cumulative; empty: there are none.
  Content closing;                        ///< Ends every prompt.
  std::vector<std::int32_t> priorities;
  std::vector<double> priority_shares;  ///< Cumulative; empty: all have priority 0.
};

/// Memory: the sessions that have turns left.
class Generator final : public LoopSource {
 public:
  /// From /workload/generate and /workload/arrivals.
  explicit Generator(const Setup& setup);
  /// `recipe` says what to draw; only the rate scale and the limit come from `config`.
  Generator(WorkloadIdentity identity, const ConfigView& recipe, std::uint64_t seed,
            const ConfigView& config);

  [[nodiscard]] std::optional<Time> upcoming() override;
  void take(Request& out) override;
  void ended(const Request& r, Time now) override;
  [[nodiscard]] double progress() const override;
  [[nodiscard]] WorkloadIdentity identity() const override { return identity_; }
  [[nodiscard]] std::optional<Duration> pause() const override { return pause_; }

 private:
  struct Session {
    Session(std::uint64_t seed, std::uint64_t number);
    Rng lengths;
    Rng thoughts;
    Conversation conversation;
    std::uint64_t number;
    std::uint32_t turn = 0;
    std::int64_t turns_left = 0;
    std::int32_t priority = 0;
    Duration pause{};  ///< Before the turn that is due.
    Content opening;   ///< The system prompt, until the first turn has said it.
  };

  void start_session();
  void write_turn(Session& session, Request& out);

  WorkloadIdentity identity_;
  GeneratorPlan plan_;
  std::uint64_t seed_;
  std::unique_ptr<Arrivals> arrivals_;
  double rate_scale_;
  std::int64_t limit_;                        ///< Requests in all.
  std::vector<std::int64_t> system_prompts_;  ///< Tokens of each.

  std::int64_t planned_ = 0;  ///< Requests that the sessions so far will make.
  std::int64_t taken_ = 0;
  std::uint64_t sessions_started_ = 0;
  std::optional<Time> next_start_;  ///< Arrival of the next session; none once all have started.
  std::unordered_map<std::uint64_t, Session> sessions_;  ///< With turns left; never iterated.
  /// Later turns whose time is known -> their session, by (time, order of becoming known).
  std::map<std::pair<Time, std::uint64_t>, std::uint64_t> ready_;
  std::uint64_t made_ready_ = 0;
  Time last_taken_{};
  std::optional<Duration> pause_;  ///< Of the request taken last.
};

}  // namespace kvsim
