#include "sim/cli/ops/vllm_fields.h"

#include <numeric>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "sim/core/hash.h"
#include "sim/core/registry.h"

namespace kvsim {
namespace {

using Json = OpsDialect::Json;

// Enough for any recording, and small enough that no operation can exhaust memory.
constexpr std::int64_t kMostBlocks = 1 << 20;
constexpr std::int64_t kMostTokensInBlock = 1 << 20;
constexpr std::int64_t kMostGroups = 16;

std::uint64_t hash_of(std::string_view text) {
  Digest digest;
  digest.add(text);
  return digest.value();
}

KvGroup::Kind kind_of(const OpFields& op) {
  const std::string word = op.text_or("type", "full");
  if (word == "full") return KvGroup::Kind::kFull;
  if (word == "sliding_window") return KvGroup::Kind::kSlidingWindow;
  if (word == "chunked_local") return KvGroup::Kind::kChunkedLocal;
  if (word == "mamba") return KvGroup::Kind::kMamba;
  OpFields::fail("type", fmt::format("no kind of group named '{}'; known: chunked_local, full, "
                                     "mamba, sliding_window",
                                     word));
}

KvGroup::MambaMode mode_of(const OpFields& op) {
  const std::string word = op.text_or("mode", "none");
  if (word == "none") return KvGroup::MambaMode::kNone;
  if (word == "all") return KvGroup::MambaMode::kAll;
  if (word == "align") return KvGroup::MambaMode::kAlign;
  OpFields::fail("mode", fmt::format("expected none, all or align, got '{}'", word));
}

KvGroup group_of(const OpFields& op, std::int64_t block_size) {
  KvGroup group;
  group.kind = kind_of(op);
  group.block = Tokens(op.integer_or("block_size", block_size, 1, kMostTokensInBlock));
  if (group.kind == KvGroup::Kind::kSlidingWindow)
    group.window = Tokens(op.integer("sliding_window", 1, kMostTokens));
  if (group.kind == KvGroup::Kind::kChunkedLocal)
    group.chunk = Tokens(op.integer("chunk", 1, kMostTokens));
  if (group.kind == KvGroup::Kind::kMamba) {
    group.mode = mode_of(op);
    group.speculative_blocks = op.integer_or("num_speculative_blocks", 0, 0, 64);
  }
  return group;
}

std::vector<KvGroup> groups_of(const OpFields& op, std::int64_t block_size) {
  std::vector<KvGroup> groups;
  if (!op.has("groups")) {
    KvGroup group;
    group.block = Tokens(block_size);
    if (op.has("sliding_window")) {
      group.kind = KvGroup::Kind::kSlidingWindow;
      group.window = Tokens(op.integer("sliding_window", 1, kMostTokens));
    }
    return {group};
  }
  for (const Json& spec : op.list("groups")) groups.push_back(group_of(OpFields(spec), block_size));
  if (groups.empty() || std::ssize(groups) > kMostGroups)
    OpFields::fail("groups", fmt::format("expected 1 to {} groups", kMostGroups));
  return groups;
}

void check_sizes(const PagedCache::Setup& setup) {
  std::int64_t multiple = 1;
  for (const KvGroup& g : setup.groups) {
    if (setup.hash_block > Tokens(0) && g.block % setup.hash_block != Tokens(0))
      OpFields::fail("hash_block_size", "must divide the block size of every group");
    multiple = std::lcm(multiple, g.block.value());
    if (multiple > kMostTokensInBlock)
      OpFields::fail("block_size", "the groups' least common multiple is too large");
    const bool mixed = setup.groups.size() > 1 && g.block != setup.groups[0].block;
    if (g.kind == KvGroup::Kind::kChunkedLocal && mixed)
      OpFields::fail("groups", "chunked_local groups must have the block size of the others");
  }
  if (setup.scheduler_block % Tokens(multiple) != Tokens(0))
    OpFields::fail("scheduler_block_size", "must be a multiple of every group's block size");
}

// Hits inside a state block are served by copying the state in vLLM; here they are not.
void refuse_partial_states(const PagedCache::Setup& setup) {
  std::int64_t fine = setup.hash_block.value();
  for (const KvGroup& g : setup.groups) fine = std::gcd(fine, g.block.value());
  for (const KvGroup& g : setup.groups)
    if (g.kind == KvGroup::Kind::kMamba && g.mode == KvGroup::MambaMode::kAlign &&
        g.block > Tokens(fine) && setup.groups.size() > 1)
      OpFields::fail("groups",
                     "hits inside a Mamba block (mode align, block size above the hash "
                     "block's) are not modelled; give all groups one block size");
}

}  // namespace

PagedCache::Setup cache_setup(const OpFields& op) {
  PagedCache::Setup setup;
  const std::int64_t block_size = op.integer("block_size", 1, kMostTokensInBlock);
  setup.blocks = op.integer("num_blocks", 2, kMostBlocks);
  setup.block = Tokens(block_size);
  setup.groups = groups_of(op, block_size);
  setup.hash_block = Tokens(op.integer_or("hash_block_size", 0, 1, kMostTokensInBlock));
  setup.scheduler_block = Tokens(op.integer_or("scheduler_block_size", 0, 1, kMostTokensInBlock));
  setup.max_model_len = Tokens(op.integer_or("max_model_len", 8192, 1, kMostTokens));
  setup.in_flight =
      Tokens(op.integer_or("max_num_batched_tokens", setup.max_model_len.value(), 1, kMostTokens));
  setup.watermark = static_cast<std::int64_t>(op.number_or("watermark", 0.0, 0.0, 1.0) *
                                              static_cast<double>(setup.blocks));
  setup.caching = op.boolean_or("enable_prefix_caching", true);
  setup.drop_last_hit = op.boolean_or("use_eagle", false);
  setup.unhashed_to_tail = op.text_or("semantics", "vllm-2026-07") == "vllm-2026-03";
  check_sizes(setup);
  refuse_partial_states(setup);
  const ConfigView defaults;
  setup.policy =
      Registry<EvictionPolicy>::make("lru", {static_cast<std::size_t>(setup.blocks), defaults});
  return setup;
}

void read_request(const OpFields& op, Request& request) {
  request.content = op.tokens("tokens");
  request.prompt = request.content.tokens();
  if (request.prompt == Tokens(0)) OpFields::fail("tokens", "a prompt has at least one token");
  // A salt sits in the first block's hash and a LoRA's name in every block's; through the chain
  // both tell apart the same prompts.
  Digest salt;
  if (op.has("cache_salt")) salt.add(op.name("cache_salt"));
  if (op.has("lora")) salt.add(hash_of(op.name("lora")));
  request.cache_salt = op.has("cache_salt") || op.has("lora") ? salt.value() : 0;
  request.priority = static_cast<std::int32_t>(op.integer_or("priority", 0, -1'000'000, 1'000'000));
  if (!op.has("mm")) return;
  for (const Json& item : op.list("mm")) {
    const OpFields fields(item);
    request.media.push_back({hash_of(fields.name("hash")),
                             Tokens(fields.integer("offset", 0, kMostTokens)),
                             Tokens(fields.integer("length", 0, kMostTokens))});
  }
}

Sequence& NamedSequences::add(const std::string& name) {
  if (by_name_.contains(name)) OpFields::fail("id", fmt::format("'{}' is in use already", name));
  const SequenceId id = sequences_.take();
  if (id.index >= names_.size()) names_.resize(id.index + std::size_t{1});
  names_[id.index] = name;
  by_name_[name] = id;
  Sequence& s = sequences_[id];
  s = Sequence{};
  s.id = id;
  s.request.id = added_++;
  return s;
}

Sequence& NamedSequences::at(const std::string& name) {
  const auto found = by_name_.find(name);
  if (found == by_name_.end())
    OpFields::fail("id", fmt::format("no request named '{}' (never made, or freed)", name));
  return sequences_[found->second];
}

void NamedSequences::erase(const std::string& name) {
  sequences_.give_back(at(name).id);
  by_name_.erase(name);
}

}  // namespace kvsim
