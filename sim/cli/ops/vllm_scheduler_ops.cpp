#include "sim/cli/ops/vllm_scheduler_ops.h"

#include <algorithm>

#include <fmt/format.h>

#include "sim/core/input_error.h"
#include "sim/core/registry.h"

namespace kvsim {
namespace {

using Json = OpsDialect::Json;

constexpr std::int64_t kFirstOutputToken = 100'000;
constexpr std::int64_t kPadding = -1;  // a draft that cannot be right

// vLLM's names for its guessers, under ours.
std::string method_of(const std::string& method) {
  if (method == "ngram" || method == "draft_model" || method == "eagle") return method;
  if (method == "eagle3" || method == "mtp") return "eagle";
  OpFields::fail("speculative_method", fmt::format("no method named '{}'; known: draft_model, "
                                                   "eagle, eagle3, mtp, ngram",
                                                   method));
}

// The operation's settings under the names of our configs.
ConfigView config_of(const OpFields& op) {
  ConfigView config;
  const auto integer = [&](const char* name, std::int64_t fallback, std::int64_t low) {
    config.set(fmt::format("/scheduler/{}", name), op.integer_or(name, fallback, low, 1 << 20),
               "ops");
  };
  integer("max_num_seqs", 16, 1);
  integer("max_num_batched_tokens", 8192, 1);
  integer("long_prefill_token_threshold", 0, 0);
  const std::string policy = op.text_or("policy", "fcfs");
  if (policy != "fcfs" && policy != "priority")
    OpFields::fail("policy", fmt::format("expected fcfs or priority, got '{}'", policy));
  config.set("/scheduler/policy", policy, "ops");
  config.set("/scheduler/enable_chunked_prefill", op.boolean_or("enable_chunked_prefill", true),
             "ops");
  config.set("/scheduler/scheduler_reserve_full_isl",
             op.boolean_or("scheduler_reserve_full_isl", true), "ops");
  config.set("/cache/watermark", op.number_or("watermark", 0.0, 0.0, 1.0), "ops");
  config.set("/cache/enable_prefix_caching", op.boolean_or("enable_prefix_caching", true), "ops");
  const std::string semantics = op.text_or("semantics", "vllm-2026-07");
  if (semantics != "vllm-2026-03" && semantics != "vllm-2026-07")
    OpFields::fail("semantics",
                   fmt::format("expected vllm-2026-03 or vllm-2026-07, got '{}'", semantics));
  config.set("/cache/semantics", semantics, "ops");
  const std::int64_t drafts = op.integer_or("num_speculative_tokens", 0, 0, 64);
  config.set("/speculative/num_speculative_tokens", drafts, "ops");
  if (drafts > 0)
    config.set("/speculative/method", method_of(op.text_or("speculative_method", "ngram")), "ops");
  return config;
}

}  // namespace

VllmSchedulerOps::VllmSchedulerOps(const OpFields& op)
    : config_(config_of(op)), longest_(op.integer_or("max_model_len", 8192, 2, kMostTokens)) {
  const PagedCache::Setup checked = cache_setup(op);
  const Tokens capacity = checked.block * checked.blocks;
  memory_ = std::make_unique<PagedAllocator>(
      Allocator::Setup{capacity, checked.block, longest_, config_, checked.groups});
  pool_ = std::make_unique<PoolRecord>(memory_->cache());
  try {
    scheduler_ = Registry<Scheduler>::make("vllm", {sequences_.all(), *memory_, longest_, config_});
  } catch (const InputError& error) {
    throw OpError(error.what());
  }
}

void VllmSchedulerOps::answer(const OpFields& op, Json& record) {
  const std::string name = op.text("op");
  if (name == "add")
    add(op, record);
  else if (name == "abort")
    abort(op);
  else if (name == "drafts")
    drafts(op);
  else if (name == "drafts_all")
    drafts_all(op);
  else if (name == "step")
    step(op, record);
  else if (name == "reset")
    record["ok"] = memory_->cache().pool().reset();
  else if (name != "usage" && name != "state")
    OpFields::fail("op", fmt::format("no operation named '{}'", name));
  pool_->add_to(record, op.boolean_or("dump", false) || name == "state");
}

void VllmSchedulerOps::add(const OpFields& op, Json& record) {
  Request read;
  read_request(op, read);
  if (read.prompt >= longest_)
    OpFields::fail("tokens",
                   fmt::format("expected fewer than max_model_len ({})", longest_.value()));
  const Tokens output(op.integer_or("max_tokens", 16, 1, kMostTokens));
  read.arrival = Time(Duration(op.integer_or("arrival", 0, -kLargestInteger)));
  // Whoever reaches the end of the model's context is done as well.
  read.output = std::min(output, longest_ - read.prompt);
  if (!memory_->cache().can_ever_hold(std::min(read.prompt + read.output, longest_) - Tokens(1),
                                      false))
    OpFields::fail("tokens", "the request can never fit the pool");
  Sequence& s = sequences_.add(op.name("id"));
  read.id = s.request.id;
  s.request = std::move(read);
  scheduler_->enqueue(s.id);
  record["num_tokens"] = s.tokens().value();
}

void VllmSchedulerOps::abort(const OpFields& op) {
  const std::string name = op.name("id");
  if (!sequences_.has(name)) {
    if (!finished_.contains(name)) OpFields::fail("id", fmt::format("no request named '{}'", name));
    return;  // it finished before the word came
  }
  finish(sequences_.at(name));
}

// Drafts for whoever still computes its prompt are ignored, as are those for strangers.
void VllmSchedulerOps::propose(Sequence& s, std::vector<std::int64_t> tokens) {
  if (!s.running || s.mid_prefill) return;
  s.drafts = Tokens(std::ssize(tokens));
  proposed_[s.id] = std::move(tokens);
}

void VllmSchedulerOps::drafts(const OpFields& op) {
  for (const auto& [name, tokens] : op.value("drafts").items()) {
    const Json wrapped{{"drafts", tokens}};
    std::vector<std::int64_t> guesses =
        OpFields(wrapped).integers("drafts", -kLargestInteger, kLargestInteger);
    if (guesses.size() > 1024) OpFields::fail("drafts", "expected at most 1024 of them");
    if (sequences_.has(name)) propose(sequences_.at(name), std::move(guesses));
  }
}

void VllmSchedulerOps::drafts_all(const OpFields& op) {
  constexpr std::int64_t kGuess = 7;
  const auto count = static_cast<std::size_t>(op.integer("n", 0, 1024));
  for (const SequenceId id : running_)
    propose(sequences_.all()[id], std::vector<std::int64_t>(count, kGuess));
}

void VllmSchedulerOps::step(const OpFields& op, Json& record) {
  plan_.clear();
  memory_->step_starts();
  scheduler_->plan(plan_);
  record_plan(record);
  run_model(op);
  record_after(record);
}

void VllmSchedulerOps::record_plan(Json& record) {
  Json preempted = Json::array();
  for (const SequenceId id : plan_.preempted) {
    preempted.push_back(sequences_.name(id));
    std::erase(running_, id);
    proposed_.erase(id);
  }
  Json scheduled = Json::object();
  Json spec = Json::object();
  Json tables = Json::object();
  for (const StepWork& work : plan_.work) {
    const Sequence& s = sequences_.all()[work.sequence];
    const std::string& name = sequences_.name(s.id);
    scheduled[name] = work.compute.value();
    tables[name] = table_json(memory_->cache(), s);
    if (work.drafts == Tokens(0)) continue;
    auto& guesses = proposed_[s.id];
    guesses.resize(static_cast<std::size_t>(work.drafts.value()), kPadding);
    spec[name] = std::exchange(guesses, {});
  }
  Json fresh = Json::array();
  Json hits = Json::object();
  Json resumed = Json::array();
  for (const Admission& admission : plan_.admitted) {
    Sequence& s = sequences_.all()[admission.sequence];
    const std::string& name = sequences_.name(s.id);
    (s.admitted ? resumed : fresh).push_back(name);
    if (!s.admitted) hits[name] = admission.hit.value();
    s.admitted = true;
    running_.push_back(s.id);
  }
  Json common = Json::array();
  for (std::size_t g = 0; g < memory_->cache().groups(); ++g)
    common.push_back(
        running_.empty() ? 0 : memory_->cache().common_prefix(sequences_.all()[running_[0]], g));
  record["scheduled"] = std::move(scheduled);
  record["preempted"] = std::move(preempted);
  record["new"] = std::move(fresh);
  record["new_computed"] = std::move(hits);
  record["resumed"] = std::move(resumed);
  record["spec"] = std::move(spec);
  record["common_prefix"] = std::move(common);
  record["tables"] = std::move(tables);
  record["free_after_schedule"] = memory_->cache().pool().free();
}

void VllmSchedulerOps::run_model(const OpFields& op) {
  for (const StepWork& work : plan_.work) {
    Sequence& s = sequences_.all()[work.sequence];
    if (s.computed >= s.tokens()) sample(s, work, op);
  }
}

// One token, and the accepted guesses before it; what was rejected counts as not computed.
void VllmSchedulerOps::sample(Sequence& s, const StepWork& work, const OpFields& op) {
  const std::string name = sequences_.name(s.id);
  std::int64_t accept = op.integer_or("accept_all", 0, 0, 1024);
  if (op.has("accept")) accept = OpFields(op.value("accept")).integer_or(name, accept, 0, 1024);
  std::vector<std::int64_t> said;
  if (op.has("sampled") && OpFields(op.value("sampled")).has(name)) {
    said = OpFields(op.value("sampled")).integers(name, -kLargestInteger, kLargestInteger);
    accept = std::max<std::int64_t>(std::ssize(said) - 1, 0);
  }
  const Tokens accepted(std::min(accept, work.drafts.value()));
  s.computed -= work.drafts - accepted;
  for (std::int64_t i = 0; i <= accepted.value(); ++i) {
    const bool given = i < std::ssize(said);
    emit(s, given ? said[static_cast<std::size_t>(i)] : kFirstOutputToken + s.generated.value());
    if (s.finished()) return finish(s);
  }
}

void VllmSchedulerOps::emit(Sequence& s, std::int64_t token) {
  s.request.content.append({kVocabulary, token, 1});
  s.generated += Tokens(1);
}

void VllmSchedulerOps::finish(Sequence& s) {
  const std::string name = sequences_.name(s.id);
  std::vector<SequenceId> done;
  scheduler_->retire(s.id, done);
  memory_->release(s, Release::kFinished);
  finished_.insert(name);
  std::erase(running_, s.id);
  proposed_.erase(s.id);
  sequences_.erase(name);
}

void VllmSchedulerOps::record_after(Json& record) {
  Json running = Json::array();
  Json computed = Json::object();
  for (const SequenceId id : running_) {
    running.push_back(sequences_.name(id));
    computed[sequences_.name(id)] = sequences_.all()[id].computed.value();
  }
  Json waiting = Json::array();
  for (const SequenceId id : scheduler_->waiting_in_order()) waiting.push_back(sequences_.name(id));
  record["running"] = std::move(running);
  record["waiting"] = std::move(waiting);
  record["num_computed"] = std::move(computed);
  record["finished"] = finished_;
}

}  // namespace kvsim
