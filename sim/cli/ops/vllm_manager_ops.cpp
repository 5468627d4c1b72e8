#include "sim/cli/ops/vllm_manager_ops.h"

#include <algorithm>

#include <fmt/format.h>

namespace kvsim {
namespace {

using Json = OpsDialect::Json;

Tokens tokens_of(const OpFields& op, std::string_view field) {
  return Tokens(op.integer(field, 0, kMostTokens));
}

// Output tokens beyond the prompt, appended as they are sampled.
void append_output(Sequence& s, const Content& tokens) {
  if (s.tokens() + tokens.tokens() > Tokens(kMostTokens))
    OpFields::fail("tokens", fmt::format("expected at most {} tokens in all", kMostTokens));
  s.request.content.append(tokens);
  s.generated += tokens.tokens();
}

Content copies_of(std::int64_t token, std::int64_t count) {
  Content content;
  for (std::int64_t i = 0; i < count; ++i) content.append({kVocabulary, token, 1});
  return content;
}

}  // namespace

VllmManagerOps::VllmManagerOps(const OpFields& op) : cache_(cache_setup(op)), pool_(cache_) {}

void VllmManagerOps::describe(Json& record) {
  record["null_block"] = kNullBlock.index;
  record["num_groups"] = cache_.groups();
  pool_.add_to(record, false);
}

void VllmManagerOps::answer(const OpFields& op, Json& record) {
  const std::string name = op.text("op");
  const bool dump = op.boolean_or("dump", false) || name == "state";
  if (name == "request")
    request(op, record);
  else if (name == "get_computed")
    get_computed(op, record);
  else if (name == "allocate")
    allocate(op, record);
  else if (name == "admit")
    admit(op, record);
  else if (name == "advance")
    advance(op, record);
  else if (name == "append")
    append(op, record);
  else if (name == "set_computed") {
    Sequence& s = named(op);
    s.computed = std::min(tokens_of(op, "n"), s.tokens());
  } else if (name == "cache_blocks") {
    Sequence& s = named(op);
    const Tokens n = tokens_of(op, "n");
    if (n > s.tokens()) OpFields::fail("n", "expected no more than the request's tokens");
    for (std::size_t g = 0; g < cache_.groups(); ++g)
      if (n / cache_.group(g).block() > std::ssize(cache_.table(s, g)))
        OpFields::fail("n", "expected no more than the tokens that have blocks");
    cache_.cache(s, n);
  } else if (name == "free")
    give_up(op, true);
  else if (name == "preempt")
    give_up(op, false);
  else if (name == "remove_skipped") {
    Sequence& s = named(op);
    cache_.drop_skipped(s, tokens_of(op, "n"));
    record["table"] = table_json(cache_, s);
  } else if (name == "evict_blocks")
    evict_blocks(op);
  else if (name == "touch")
    touch(op);
  else if (name == "reset")
    record["ok"] = cache_.pool().reset();
  else if (name == "common_prefix")
    common_prefix(op, record);
  else if (name == "new_step")
    cache_.step_starts();
  else if (name != "usage" && name != "state")
    OpFields::fail("op", fmt::format("no operation named '{}'", name));
  pool_.add_to(record, dump);
}

void VllmManagerOps::request(const OpFields& op, Json& record) {
  Request read;
  read_request(op, read);
  Sequence& s = sequences_.add(op.name("id"));
  read.id = s.request.id;
  s.request = std::move(read);
  asked(s) = {.hit = Tokens(0),
              .bypasses_cache = op.boolean_or("skip_reading_prefix_cache", false)};
  record["num_tokens"] = s.tokens().value();
  record["num_hashes"] = hashes(s);
}

Json VllmManagerOps::hashes(const Sequence& s) const { return s.tokens() / cache_.hash_block(); }

void VllmManagerOps::get_computed(const OpFields& op, Json& record) {
  Sequence& s = named(op);
  if (!cache_.table(s, 0).empty())
    OpFields::fail("id", "holds blocks: look up before its first allocation");
  PagedCache::Hit hit;
  if (!asked(s).bypasses_cache) hit = cache_.lookup(s);
  asked(s).hit = hit.tokens;
  record["computed"] = hit.tokens.value();
  Json blocks = Json::array();
  for (std::size_t g = 0; g < cache_.groups(); ++g) blocks.push_back(json_of(cache_.hits(s, g)));
  record["blocks"] = std::move(blocks);
  record["shared_prefix_boundary"] =
      hit.shared_further > Tokens(0) ? (hit.tokens + hit.shared_further).value() : 0;
}

// What allocate, admit and advance answer alike. Uses up what was looked up.
bool VllmManagerOps::take(Sequence& s, const Wanted& wanted, Json& record) {
  const bool ok = cache_.allocate(s, wanted.hit, wanted.demand);
  asked(s).hit = Tokens(0);
  cache_.drop_hits(s);
  record["ok"] = ok;
  Json fresh;
  for (std::size_t g = 0; ok && g < cache_.groups(); ++g) fresh.push_back(json_of(cache_.taken(g)));
  record["new_blocks"] = std::move(fresh);
  record["table"] = table_json(cache_, s);
  return ok;
}

void VllmManagerOps::allocate(const OpFields& op, Json& record) {
  Sequence& s = named(op);
  Wanted wanted;
  PagedCache::Demand& demand = wanted.demand;
  demand.fresh = tokens_of(op, "num_new_tokens");
  demand.lookahead = Tokens(op.integer_or("num_lookahead_tokens", 0, 0, kMostTokens));
  demand.cache_later = op.boolean_or("delay_cache_blocks", false);
  demand.whole_prompt_must_fit = op.boolean_or("full_sequence_must_fit", false);
  demand.spare = op.integer_or("reserved_blocks", 0);
  demand.others_running = op.boolean_or("has_scheduled_reqs", true);
  if (demand.fresh == Tokens(0)) {
    record["error"] = "num_new_tokens must be greater than 0";
    return;
  }
  if (!op.boolean_or("use_computed", true)) {
    asked(s).hit = Tokens(0);
    cache_.drop_hits(s);
  }
  wanted.hit = Tokens(op.integer_or("num_computed", asked(s).hit.value(), 0, kMostTokens));
  if (wanted.hit != asked(s).hit)
    OpFields::fail("num_computed", fmt::format("expected the tokens that get_computed found ({}): "
                                               "no others have blocks",
                                               asked(s).hit.value()));
  if (s.computed + wanted.hit + demand.fresh > Tokens(kMostTokens))
    OpFields::fail("num_new_tokens", "expected a request of fewer tokens");
  const bool ok = take(s, wanted, record);
  if (!ok || !op.boolean_or("advance", false)) return;
  s.computed += wanted.hit + demand.fresh;
  record["num_computed"] = s.computed.value();
}

void VllmManagerOps::admit(const OpFields& op, Json& record) {
  Sequence& s = named(op);
  if (s.computed > Tokens(0)) OpFields::fail("id", "is admitted already");
  const std::int64_t chunk = op.integer("chunk", 0, kMostTokens);
  Wanted wanted;
  wanted.hit = asked(s).hit;
  const Tokens rest = s.tokens() - wanted.hit;
  wanted.demand.fresh = chunk == 0 ? rest : std::min(Tokens(chunk), rest);
  wanted.demand.lookahead = Tokens(op.integer_or("lookahead", 0, 0, kMostTokens));
  const bool ok = take(s, wanted, record);
  if (ok) {
    s.computed += wanted.hit + wanted.demand.fresh;
    record["num_computed"] = s.computed.value();
  }
  asked(s).admission_failed = !ok;
  record["num_new"] = wanted.demand.fresh.value();
}

// One turn of a scheduler: what is left is computed, guesses with it, and some are accepted.
void VllmManagerOps::advance(const OpFields& op, Json& record) {
  Sequence& s = named(op);
  if (asked(s).admission_failed) {
    record["skipped"] = true;
    return;
  }
  const std::int64_t token = op.integer("token", -kLargestInteger);
  const std::int64_t chunk = op.integer("chunk", 0, kMostTokens);
  const std::int64_t spec = op.integer_or("spec", 0, 0, 1024);
  const std::int64_t accept = op.integer_or("accept", 0, 0, 1024);
  if (s.computed >= s.tokens()) append_output(s, copies_of(token, 1));
  const Tokens rest = s.tokens() - s.computed;
  const Tokens fresh = chunk == 0 ? rest : std::min(Tokens(chunk), rest);
  const std::int64_t drafts = fresh == rest ? spec : 0;
  Wanted wanted;
  wanted.demand.fresh = fresh + Tokens(drafts);
  wanted.demand.lookahead = Tokens(spec);
  if (take(s, wanted, record)) {
    const std::int64_t accepted = std::min(accept, drafts);
    s.computed += fresh + Tokens(accepted);
    append_output(s, copies_of(token, accepted));
  }
  record["num_new"] = wanted.demand.fresh.value();
  record["num_computed"] = s.computed.value();
  record["num_tokens"] = s.tokens().value();
}

void VllmManagerOps::append(const OpFields& op, Json& record) {
  Sequence& s = named(op);
  append_output(s, op.tokens("tokens"));
  record["num_tokens"] = s.tokens().value();
  record["num_hashes"] = hashes(s);
}

void VllmManagerOps::give_up(const OpFields& op, bool for_good) {
  Sequence& s = named(op);
  cache_.release(s);
  s.computed = Tokens(0);
  asked(s).hit = Tokens(0);
  if (!for_good) return;
  asked_.erase(s.id);
  sequences_.erase(op.name("id"));
}

std::vector<BlockId> VllmManagerOps::block_ids(const OpFields& op) const {
  std::vector<BlockId> ids;
  for (const std::int64_t id : op.integers("block_ids", 0, cache_.pool().usable()))
    ids.push_back(BlockId{static_cast<std::uint32_t>(id)});
  return ids;
}

void VllmManagerOps::touch(const OpFields& op) {
  touched_ = true;
  for (const BlockId id : block_ids(op)) cache_.pool().touch(id, 0);
}

void VllmManagerOps::evict_blocks(const OpFields& op) {
  std::vector<BlockId> ids = block_ids(op);
  std::sort(ids.begin(), ids.end());
  for (const BlockId id : ids) cache_.pool().withdraw(id);
}

void VllmManagerOps::common_prefix(const OpFields& op, Json& record) {
  const Sequence& s = named(op);
  Json blocks = Json::array();
  for (std::size_t g = 0; g < cache_.groups(); ++g) blocks.push_back(cache_.common_prefix(s, g));
  record["blocks"] = std::move(blocks);
}

}  // namespace kvsim
