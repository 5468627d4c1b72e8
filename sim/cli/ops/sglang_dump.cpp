#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "sim/cli/ops/sglang_cache.h"

namespace kvsim {
namespace {

using Json = OpsDialect::Json;

// Printing recurses, here and in the JSON library.
constexpr int kDeepest = 500;

class Dump {
 public:
  explicit Dump(const SglangCache& world) : world_(world), children_(world.tree().ids()) {
    for (std::uint32_t i = 1; i < children_.size(); ++i) {
      const EntryId parent = world.tree()[EntryId{i}].parent;
      if (parent.valid()) children_[parent.index].push_back(EntryId{i});
    }
  }

  [[nodiscard]] Json below(EntryId parent, int depth) const {
    if (depth > kDeepest) throw OpError(fmt::format("the tree is over {} nodes deep", kDeepest));
    std::vector<std::pair<const Json*, Json>> nodes;  // extra key, node
    for (const EntryId id : children_[parent.index])
      nodes.emplace_back(&world_.extra(world_.tree()[id].salt), node(id, depth));
    std::sort(nodes.begin(), nodes.end(), [](const auto& a, const auto& b) {
      return std::tie(*a.first, a.second["key"]) < std::tie(*b.first, b.second["key"]);
    });
    Json all = Json::array();
    for (auto& [extra, node] : nodes) all.push_back(std::move(node));
    return all;
  }

 private:
  [[nodiscard]] Json node(EntryId id, int depth) const {
    const RadixTree::Node& node = world_.tree()[id];
    return {{"key", token_ids(node.edge)},
            {"extra", world_.extra(node.salt)},
            {"value", world_.values_of(node.pages)},
            {"lock", node.locks},
            {"hit", node.hits},
            {"prio", node.priority},
            {"at", node.last_used},
            {"ct", node.created},
            {"leaf", node.offered},
            {"children", below(id, depth + 1)}};
  }

  const SglangCache& world_;
  std::vector<std::vector<EntryId>> children_;
};

}  // namespace

Json tree_dump(const SglangCache& world) { return Dump(world).below(world.tree().root(), 1); }

}  // namespace kvsim
