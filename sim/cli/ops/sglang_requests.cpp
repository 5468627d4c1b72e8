#include "sim/cli/ops/sglang_requests.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "sim/core/check.h"

namespace kvsim {
namespace {

using Json = OpsDialect::Json;

// SGLANG_RETRACT_DECODE_STEPS: decode steps that a retraction makes room for.
constexpr std::int64_t kRetractSteps = 20;

}  // namespace

// ---- Who is meant -------------------------------------------------------------------------------

SglangRequests::Runs::iterator SglangRequests::find(const OpFields& op) {
  const std::string id = op.name("id");
  const auto found = running_.find(id);
  if (found == running_.end())
    OpFields::fail("id", fmt::format("no request '{}' is running; a req starts one", id));
  return found;
}

std::string SglangRequests::new_id(const OpFields& op) const {
  std::string id = op.name("id");
  if (running_.contains(id))
    OpFields::fail("id", fmt::format("request '{}' is running already; finish it first", id));
  return id;
}

SglangRequests::Run SglangRequests::new_run(const OpFields& op) {
  Run run;
  run.content = op.tokens("tokens");
  run.prompt = run.content.tokens();
  if (run.prompt == Tokens(0)) OpFields::fail("tokens", "expected at least one token");
  run.use.priority = static_cast<std::int32_t>(
      op.integer_or("priority", 0, std::numeric_limits<std::int32_t>::min(),
                    std::numeric_limits<std::int32_t>::max()));
  run.salt = world_.salt_of(op);
  return run;
}

// ---- Input --------------------------------------------------------------------------------------

Json SglangRequests::req(const OpFields& op) {
  const std::string id = new_id(op);
  const Tokens chunk(op.integer_or("chunk", kMostTokens, 1));
  Run run = new_run(op);
  Json answer = admit(run, chunk);
  if (answer["ok"]) running_.emplace(id, std::move(run));
  return answer;
}

Json SglangRequests::readmit(const OpFields& op) {
  const std::string id = new_id(op);
  const Tokens chunk(op.integer_or("chunk", kMostTokens, 1));
  const auto waiting = retracted_.find(id);
  if (waiting == retracted_.end())
    OpFields::fail("id", fmt::format("request '{}' was not retracted", id));
  Json answer = admit(waiting->second, chunk);
  if (answer["ok"]) running_.insert(retracted_.extract(waiting));
  return answer;
}

// The last input token is always computed: its logits give the next one.
Json SglangRequests::admit(Run& run, Tokens chunk) {
  const Tokens all = run.content.tokens();
  const RadixTree::Match prefix = world_.cache().match(run.key(all - Tokens(1)));
  world_.cache().hold(run.row, prefix);
  const bool ok = extend(run, std::min(all, prefix.tokens + chunk));
  Json fresh = ok ? world_.slots_of(run.row, prefix.tokens, run.filled) : Json();
  if (!ok) release(run, false);
  return {{"matched", prefix.tokens.value()}, {"ok", ok}, {"new_indices", std::move(fresh)}};
}

bool SglangRequests::extend(Run& run, Tokens total) {
  RadixCache& cache = world_.cache();
  const Tokens fresh = total - run.row.tokens;
  const bool paged = world_.page() > Tokens(1);
  cache.evict_for(paged ? fresh + world_.page() : fresh);
  if (paged) cache.pool().make_ready(static_cast<std::size_t>(fresh / world_.page()) + 2);
  if (!cache.extend(run.row, total)) return false;
  run.filled = total;
  run.cached = false;
  return true;
}

Json SglangRequests::chunk(const OpFields& op) {
  Run& run = find(op)->second;
  const Tokens first = run.filled;
  const Tokens end = run.content.tokens();
  if (run.row.tokens > first || first == end)
    OpFields::fail("id", "its input is complete; decode comes next");
  if (!run.cached && world_.cache().enabled())
    OpFields::fail("id", "cache_unfinished comes between two chunks");
  const Tokens upto(op.integer("upto", first.value() + 1, end.value()));
  const bool ok = extend(run, upto);
  return {{"ok", ok}, {"new_indices", ok ? world_.slots_of(run.row, first, upto) : Json()}};
}

void SglangRequests::adopt(Run& run, bool chunked) {
  RadixTree::Use use = run.use;
  use.chunked = chunked;
  world_.cache().cache_unfinished(run.row, run.key(run.filled), use);
  run.cached = true;
}

Json SglangRequests::cache_unfinished(const OpFields& op) {
  Run& run = find(op)->second;
  adopt(run, op.boolean_or("chunked", false));
  return {{"protected_len", run.row.shared.value()},
          {"row", world_.slots_of(run.row, Tokens(0), run.filled)}};
}

Json SglangRequests::req_auto(const OpFields& op) {
  const std::string id = new_id(op);
  Run run = new_run(op);
  if (run.prompt + world_.page() > world_.cache().obtainable()) return {{"skipped", true}};
  Json answer = admit(run, run.prompt);
  if (!answer["ok"]) return answer;
  adopt(run, false);
  running_.emplace(id, std::move(run));
  return answer;
}

// ---- Output -------------------------------------------------------------------------------------

std::vector<SglangRequests::Next> SglangRequests::batch_of(const OpFields& op) {
  std::vector<Next> batch;
  ++batches_;
  const auto add = [&](const OpFields& one) {
    Run& run = find(one)->second;
    if (run.row.tokens < run.prompt)
      OpFields::fail("id", fmt::format("'{}' lacks input; a chunk comes first", one.name("id")));
    if (std::exchange(run.batch, batches_) == batches_)
      OpFields::fail("batch", fmt::format("'{}' is in it twice", one.name("id")));
    batch.push_back({&run, one.integer("token", -kLargestInteger)});
  };
  if (!op.has("batch")) {
    add(op);
    return batch;
  }
  for (const Json& one : op.list("batch")) add(OpFields(one));
  if (batch.empty()) OpFields::fail("batch", "expected at least one {id, token}");
  return batch;
}

Json SglangRequests::decode(const OpFields& op) { return decode_all(batch_of(op)); }

Json SglangRequests::decode_auto(const OpFields& op) {
  const std::int64_t token = op.integer("token", -kLargestInteger);
  std::vector<Next> batch;
  for (auto& [id, run] : running_)
    if (run.row.tokens >= run.prompt) batch.push_back({&run, token});
  return batch.empty() ? Json{{"skipped", true}} : decode_all(batch);
}

Json SglangRequests::decode_all(const std::vector<Next>& batch) {
  RadixCache& cache = world_.cache();
  const Tokens page = world_.page();
  const auto starts_page = [&](const Next& n) { return n.run->row.tokens % page == Tokens(0); };
  const Tokens need = page * std::count_if(batch.begin(), batch.end(), starts_page);
  cache.evict_for(need);
  if (cache.pool().available() < need) return {{"ok", false}, {"need", need.value()}};
  cache.evict_for(page * std::ssize(batch));
  cache.pool().make_ready(batch.size());
  Json::array_t index;
  index.reserve(batch.size());
  for (const auto& [run, token] : batch) {
    const Tokens at = run->row.tokens;
    const bool ok = cache.extend(run->row, at + Tokens(1));
    KVSIM_CHECK(ok, "what was available was taken");
    run->content.append({kVocabulary, token, 1});
    index.emplace_back(world_.slot_of(run->row, at));
  }
  return {{"ok", true}, {"index", std::move(index)}};
}

// ---- The end ------------------------------------------------------------------------------------

void SglangRequests::release(Run& run, bool insert) {
  world_.cache().cache_finished(run.row, run.key(run.row.tokens), run.use,
                                insert && world_.inserts_finished());
}

Json SglangRequests::finish(const OpFields& op) {
  const auto run = find(op);
  release(run->second, op.boolean_or("is_insert", true));
  running_.erase(run);
  return Json::object();
}

Json SglangRequests::finish_auto(const OpFields& op) {
  const auto run = running_.find(op.name("id"));
  if (run == running_.end()) return {{"skipped", true}};
  release(run->second, true);
  running_.erase(run);
  return Json::object();
}

void SglangRequests::retract(Runs::iterator run, std::int64_t remaining) {
  release(run->second, false);
  world_.cache().evict_for(Tokens(remaining * kRetractSteps));
  retracted_.insert_or_assign(run->first, std::move(run->second));
  running_.erase(run);
}

Json SglangRequests::retract(const OpFields& op) {
  const auto run = find(op);
  retract(run, op.integer_or("remaining", std::ssize(running_) - 1));
  return Json::object();
}

Json SglangRequests::retract_auto() {
  if (running_.empty()) return {{"skipped", true}};
  const auto run =
      std::min_element(running_.begin(), running_.end(), [](const auto& a, const auto& b) {
        return std::tuple(a.second.output(), -a.second.prompt) <
               std::tuple(b.second.output(), -b.second.prompt);
      });
  Json answer{{"retracted", run->first}};
  retract(run, std::ssize(running_) - 1);
  return answer;
}

void SglangRequests::add_rows(std::vector<RequestRow>& rows) const {
  for (const auto& [id, run] : running_) rows.push_back(run.row);
}

}  // namespace kvsim
