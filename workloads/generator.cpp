#include "workloads/generator.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include <nlohmann/json.hpp>

#include "sim/core/check.h"
#include "workloads/common_fields.h"

namespace kvsim {
namespace {

const std::string kRoot = "/workload/generate";
constexpr double kMostTokens = 1 << 24;
constexpr double kMostTurns = 1 << 20;
constexpr double kLongestThink = 1e6;
constexpr double kMostSystemPrompts = 1 << 20;
constexpr std::int64_t kDefaultRequests = 1000;
constexpr ContentId kClosing = 1 << 20;  // apart from the system prompts'

const DeclaredFields kPromptFields =
    law_fields(kRoot + "/prompt", "tokens", "Law of the user's tokens in one turn.",
               {"lognormal", "512", "8192", 1, kMostTokens});
const DeclaredFields kOutputFields =
    law_fields(kRoot + "/output", "tokens", "Law of the answer's tokens.",
               {"lognormal", "128", "2048", 1, kMostTokens});
const DeclaredFields kTurnFields =
    law_fields(kRoot + "/turns", "turns", "Law of the turns in a session; constant 1: no sessions.",
               {"constant", "1", "100", 1, kMostTurns});
const DeclaredFields kThinkFields =
    law_fields(kRoot + "/think_s", "s", "Law of the pause between an answer and the next turn.",
               {"exponential", "10", "600", 0, kLongestThink});
const DeclaredFields kSystemFields =
    law_fields(kRoot + "/system_prompts/tokens", "tokens", "Law of a shared prompt's length.",
               {"constant", "512", "16384", 1, kMostTokens});
const DeclaredFields kFields{
    integer_field(kRoot + "/requests", "null", "requests", 1, 4294967296.0,
                  "How many; 1000 if neither this nor duration_s is set."),
    number_field(kRoot + "/duration_s", "null", "s", 0, 1e7, "No session starts later."),
    integer_field(kRoot + "/system_prompts/count", "0", "prompts", 0, kMostSystemPrompts,
                  "Different system prompts that sessions share."),
    number_field(kRoot + "/system_prompts/exponent", "1", "", 0, 10,
                 "Zipf exponent of their popularity; 0: all alike."),
    number_field(kRoot + "/system_prompts/share", "1", "", 0, 1,
                 "Share of the sessions that have one."),
    integer_field(kRoot + "/closing_tokens", "0", "tokens", 0, kMostTokens,
                  "End of every prompt, the same for all: instructions after a document."),
    tree_field(kRoot + "/priorities", "{}",
               "Mix of priorities, {\"PRIORITY\": WEIGHT, ...}; smaller is served first."),
};

// {"0": 1, "2": 3} -> priorities and cumulative shares.
void read_priorities(const ConfigView& config, GeneratorPlan& plan) {
  const std::string pointer = kRoot + "/priorities";
  const nlohmann::ordered_json mix = config.tree(pointer);
  if (!mix.is_object()) config.fail(pointer, "expected {\"PRIORITY\": WEIGHT, ...}");
  double sum = 0;
  for (const auto& [key, weight] : mix.items()) {
    std::int32_t priority = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), priority);
    if (error != std::errc() || end != key.data() + key.size())
      config.fail(pointer, "/" + key, "expected an integer priority");
    if (!weight.is_number() || !(weight.get<double>() > 0))
      config.fail(pointer, "/" + key, "expected a weight above 0");
    plan.priorities.push_back(priority);
    plan.priority_shares.push_back(sum += weight.get<double>());
  }
  for (double& share : plan.priority_shares) share /= sum;
}

std::string stream(std::string_view what, std::uint64_t session) {
  return fmt::format("{} {}", what, session);
}

}  // namespace

GeneratorPlan::GeneratorPlan(const ConfigView& config)
    : user_tokens(config, kRoot + "/prompt"),
      output_tokens(config, kRoot + "/output"),
      turns(config, kRoot + "/turns"),
      think_s(config, kRoot + "/think_s"),
      system_tokens(config, kRoot + "/system_prompts/tokens"),
      system_share(config.number(kRoot + "/system_prompts/share")) {
  const bool timed = config.has(kRoot + "/duration_s");
  requests = timed ? std::numeric_limits<std::int64_t>::max() : kDefaultRequests;
  if (config.has(kRoot + "/requests")) requests = config.integer(kRoot + "/requests");
  duration = timed ? round_to_ns(config.number(kRoot + "/duration_s")) : Duration::max();
  closing.append({shared_content(kClosing), 0, config.integer(kRoot + "/closing_tokens")});
  const std::int64_t count = config.integer(kRoot + "/system_prompts/count");
  system_popularity = zipf_table(static_cast<std::size_t>(count),
                                 config.number(kRoot + "/system_prompts/exponent"));
  read_priorities(config, *this);
}

Generator::Session::Session(std::uint64_t seed, std::uint64_t n)
    : lengths(seed, stream("lengths", n)),
      thoughts(seed, stream("thoughts", n)),
      conversation(n),
      number(n) {}

Generator::Generator(const Setup& setup)
    : Generator({"generated", "generated", "", 0}, setup.config, setup.seed, setup.config) {}

Generator::Generator(WorkloadIdentity identity, const ConfigView& recipe, std::uint64_t seed,
                     const ConfigView& config)
    : identity_(std::move(identity)),
      plan_(recipe),
      seed_(seed),
      arrivals_(make_arrivals(recipe, seed, "poisson")),
      rate_scale_(rate_scale(config)),
      limit_(std::min(plan_.requests, request_limit(config))) {
  Digest digest;
  digest.add(seed);
  // What was said, not the defaults: a field that is added later changes no digest.
  const nlohmann::ordered_json said = recipe.identity();
  for (const auto& [pointer, value] : said.items())
    if (pointer.starts_with("/workload/")) digest.add(pointer + "=" + value.dump());
  identity_.digest = fmt::format("{:016x}", digest.value());
  Rng rng(seed, "system prompts");
  for (std::size_t i = 0; i < plan_.system_popularity.size(); ++i)
    system_prompts_.push_back(plan_.system_tokens.draw_whole(rng));
  start_session();
}

// The next session's arrival, unless enough have started.
void Generator::start_session() {
  next_start_.reset();
  if (planned_ >= limit_) return;
  const Duration at = scaled(arrivals_->next(), rate_scale_);
  if (at <= plan_.duration) next_start_ = Time(at);
}

std::optional<Time> Generator::upcoming() {
  if (ready_.empty()) return next_start_;
  const Time later_turn = ready_.begin()->first.first;
  return next_start_ && *next_start_ <= later_turn ? next_start_ : later_turn;
}

void Generator::take(Request& out) {
  const std::optional<Time> at = upcoming();
  KVSIM_CHECK(at.has_value(), "a request is taken only when one is known");
  out.id = static_cast<std::uint64_t>(taken_++);
  out.arrival = last_taken_ = *at;
  out.cache_salt = 0;
  if (next_start_ != at) {
    const std::uint64_t number = ready_.begin()->second;
    ready_.erase(ready_.begin());
    const auto session = sessions_.find(number);
    pause_ = session->second.pause;
    write_turn(session->second, out);
    if (session->second.turns_left == 0) sessions_.erase(session);
    return;
  }
  pause_.reset();
  Session session(seed_, sessions_started_++);
  session.turns_left = std::min(plan_.turns.draw_whole(session.lengths), limit_ - planned_);
  planned_ += session.turns_left;
  const double with_system = session.lengths.uniform();
  const double which = session.lengths.uniform();
  const double priority = session.lengths.uniform();
  if (!plan_.system_popularity.empty() && with_system < plan_.system_share) {
    const std::size_t k = pick(plan_.system_popularity, which);
    session.opening.append({shared_content(k), 0, system_prompts_[k]});
  }
  if (!plan_.priorities.empty())
    session.priority = plan_.priorities[pick(plan_.priority_shares, priority)];
  write_turn(session, out);
  if (session.turns_left > 0) sessions_.emplace(session.number, std::move(session));
  start_session();
}

void Generator::write_turn(Session& session, Request& out) {
  const Tokens opening = session.opening.tokens();
  const Tokens user(plan_.user_tokens.draw_whole(session.lengths));
  out.output = Tokens(plan_.output_tokens.draw_whole(session.lengths));
  out.prompt =
      session.conversation.add_turn(session.opening, opening + user + plan_.closing.tokens(),
                                    out.output, out.content, plan_.closing);
  session.opening.clear();
  out.priority = session.priority;
  out.session = plan_.turns.always(1) ? Request::kNoSession : session.number;
  out.turn = session.turn++;
  --session.turns_left;
}

void Generator::ended(const Request& r, Time now) {
  const auto found = sessions_.find(r.session);
  if (found == sessions_.end()) return;
  Session& session = found->second;
  session.pause = round_to_ns(plan_.think_s.draw(session.thoughts));
  ready_.emplace(std::pair(std::max(now + session.pause, last_taken_), made_ready_++), r.session);
}

double Generator::progress() const {
  if (limit_ == std::numeric_limits<std::int64_t>::max()) return -1;
  return static_cast<double>(taken_) / static_cast<double>(limit_);
}

namespace {
const Registered<WorkloadSource, Generator> kGenerated{
    "generated", "Drawn from /workload/generate and /workload/arrivals."};
}  // namespace

}  // namespace kvsim
