#include "sim/cli/ops/sglang_tree.h"

#include <limits>

#include <fmt/format.h>

namespace kvsim {

using Json = OpsDialect::Json;

std::vector<std::int64_t> SglangTree::values_of(const OpFields& op, const Content& key,
                                                Tokens whole) const {
  const bool alloc = op.has("value") && op.value("value").is_string();
  if (alloc && op.text("value") != "alloc") OpFields::fail("value", "expected a list or \"alloc\"");
  if (alloc != world_.sized())
    OpFields::fail("value", world_.sized() ? "expected \"alloc\": the config gives a size"
                                           : "\"alloc\" needs a config with a size");
  if (alloc) return {};
  if (!op.has("value")) return token_ids(key);
  auto values = op.integers("value", -kLargestInteger, kLargestInteger);
  if (std::ssize(values) < whole.value())
    OpFields::fail("value",
                   fmt::format("expected {} values, got {}", whole.value(), values.size()));
  return values;
}

Json SglangTree::insert(const OpFields& op) {
  RadixCache& cache = world_.cache();
  const Content key = op.tokens("key");
  const Tokens whole = world_.tree().whole_pages(key.tokens());
  const RadixTree::Use use{.priority = static_cast<std::int32_t>(op.integer_or(
                               "priority", 0, std::numeric_limits<std::int32_t>::min(),
                               std::numeric_limits<std::int32_t>::max())),
                           .chunked = op.boolean_or("chunked", false)};
  const std::vector<std::int64_t> values = values_of(op, key, whole);
  const std::uint64_t salt = world_.salt_of(op);
  if (!cache.enabled()) return {{"prefix_len", 0}};
  const std::size_t count = cache.pool().pages_for(whole);
  std::vector<BlockId> pages;
  if (!cache.pool().take(count, count, pages))
    return {{"error", fmt::format("key: no room for {} tokens; evict first", whole.value())}};
  if (!world_.sized()) world_.set_values(pages, values);
  const Tokens present = world_.tree().insert({key, key.tokens(), salt}, pages, use);
  cache.pool().give_back(std::span(pages).first(cache.pool().pages_for(present)));
  return {{"prefix_len", present.value()}};
}

Json SglangTree::match(const OpFields& op) {
  const Content key = op.tokens("key");
  const std::string as = op.has("as") ? op.name("as") : "";
  const RadixTree::Match m = world_.cache().match({key, key.tokens(), world_.salt_of(op)});
  const RadixTree::Node& last = world_.tree()[m.node];
  if (op.has("as")) handles_[as] = {m.node, last.created};
  std::vector<BlockId> pages(world_.cache().pool().pages_for(m.tokens));
  world_.tree().copy_path(m.node, 0, pages);
  return {{"matched", m.tokens.value()},
          {"indices", world_.values_of(pages)},
          {"last_node_len", last.tokens().value()}};
}

EntryId SglangTree::node_of(const OpFields& op) const {
  const std::string name = op.name("h");
  const auto found = handles_.find(name);
  if (found == handles_.end())
    OpFields::fail("h", fmt::format("no handle named '{}'; a match makes one with \"as\"", name));
  const Handle& handle = found->second;
  const RadixTree::Node& node = world_.tree()[handle.node];
  const bool here = handle.node == world_.tree().root() || node.parent.valid();
  if (!here || node.created != handle.created)
    OpFields::fail("h", fmt::format("the node of '{}' was evicted; match again", name));
  return handle.node;
}

Json SglangTree::inc_lock(const OpFields& op) {
  const EntryId node = node_of(op);
  ++locks_[node];
  return {{"delta", -world_.tree().lock(node).value()}};
}

Json SglangTree::dec_lock(const OpFields& op) {
  const EntryId node = node_of(op);
  const auto held = locks_.find(node);
  if (held == locks_.end())
    OpFields::fail("h", fmt::format("'{}' is not locked; inc_lock comes first", op.name("h")));
  if (--held->second == 0) locks_.erase(held);
  return {{"delta", world_.tree().unlock(node).value()}};
}

Json SglangTree::evict(const OpFields& op) {
  return {{"num_evicted", world_.cache().evict(Tokens(op.integer("n"))).value()}};
}

void SglangTree::forget() {
  handles_.clear();
  locks_.clear();
}

void SglangTree::add_rows(std::vector<RequestRow>& rows) const {
  for (const auto& [node, count] : locks_) {
    RequestRow row;
    row.node = node;
    row.tokens = row.shared = world_.tree()[node].end();
    row.pages.resize(static_cast<std::size_t>(row.shared / world_.page()));
    world_.tree().copy_path(node, 0, row.pages);
    rows.insert(rows.end(), count, row);
  }
}

}  // namespace kvsim
