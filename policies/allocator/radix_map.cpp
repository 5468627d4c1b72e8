#include "policies/allocator/radix_map.h"

#include <algorithm>

namespace kvsim {
namespace {

using Patch = MemoryMap::Patch;
using Spent = MemoryMap::Spent;

class Painter {
 public:
  explicit Painter(const RadixCache& cache)
      : page_(cache.pool().page()),
        pages_(static_cast<std::size_t>(cache.pool().capacity() / page_) + 1) {
    for (std::size_t i = 0; i < pages_.size(); ++i) {
      pages_[i].first_slot = page_.value() * static_cast<std::int64_t>(i);
      pages_[i].slots = page_;
    }
  }

  void paint(const RadixTree::Node& node) {
    Tokens depth = node.depth;
    for (const BlockId id : node.pages) {
      Patch& page = pages_[id.index];
      page.filled = page_;
      page.spent = node.locks > 0 ? Spent::kUsed : Spent::kCached;
      page.owner = node.writer;
      page.users = node.locks;
      page.hits = node.hits;
      page.last_used = node.last_used;
      page.depth = depth;
      depth += page_;
    }
  }

  // What a row does not share with the tree is its own.
  void paint(const RequestRow& row) {
    for (Tokens at = row.shared; at < page_ * std::ssize(row.pages); at += page_) {
      Patch& page = pages_[row.pages[static_cast<std::size_t>(at / page_)].index];
      page.filled = std::clamp(row.tokens - at, Tokens(0), page_);
      page.spent = page.filled > Tokens(0) ? Spent::kUsed : Spent::kReserved;
      page.owner = row.request;
      page.users = 1;
      page.depth = at;
    }
  }

  // Page 0 is padding, and not memory.
  [[nodiscard]] std::vector<Patch> runs() const {
    std::vector<Patch> runs;
    for (std::size_t i = 1; i < pages_.size(); ++i) {
      const Patch& page = pages_[i];
      if (!runs.empty() && continues(runs.back(), page)) {
        runs.back().slots += page.slots;
        runs.back().filled += page.filled;
      } else {
        runs.push_back(page);
      }
    }
    return runs;
  }

 private:
  [[nodiscard]] static bool continues(const Patch& run, const Patch& page) {
    const bool alike = run.spent == page.spent && run.owner == page.owner &&
                       run.users == page.users && run.hits == page.hits &&
                       run.last_used == page.last_used;
    if (!alike || page.spent == Spent::kFree) return alike;
    return run.filled == run.slots && run.depth + run.slots == page.depth;
  }

  Tokens page_;
  std::vector<Patch> pages_;
};

// Nodes in an order in which parents come first.
std::vector<EntryId> from_the_root(const RadixTree& tree) {
  std::vector<EntryId> nodes;
  for (std::uint32_t i = 1; i < tree.ids(); ++i)
    if (tree[EntryId{i}].parent.valid()) nodes.push_back(EntryId{i});
  std::stable_sort(nodes.begin(), nodes.end(),
                   [&](EntryId a, EntryId b) { return tree[a].depth < tree[b].depth; });
  return nodes;
}

std::vector<MemoryMap::Prefix> prefixes_of(const RadixTree& tree,
                                           const std::vector<EntryId>& nodes) {
  std::vector<std::uint32_t> index(tree.ids(), MemoryMap::Prefix::kRoot);
  std::vector<MemoryMap::Prefix> prefixes;
  for (const EntryId id : nodes) {
    const RadixTree::Node& node = tree[id];
    index[id.index] = static_cast<std::uint32_t>(prefixes.size());
    prefixes.push_back({index[node.parent.index], node.writer, node.depth, node.tokens(),
                        node.locks, node.hits, node.last_used});
  }
  return prefixes;
}

}  // namespace

MemoryMap map_of(const RadixCache& cache, const std::vector<RequestRow>& rows) {
  const RadixTree& tree = cache.tree();
  const std::vector<EntryId> nodes = from_the_root(tree);
  Painter painter(cache);
  MemoryMap map;
  for (const EntryId id : nodes) painter.paint(tree[id]);
  for (const RequestRow& row : rows) {
    if (!row.held()) continue;
    painter.paint(row);
    map.tables.push_back({row.request, 0, row.pages});
  }
  std::sort(map.tables.begin(), map.tables.end(),
            [](const auto& a, const auto& b) { return a.request < b.request; });
  map.patches = painter.runs();
  map.prefixes = prefixes_of(tree, nodes);
  map.clock = tree.clock();
  return map;
}

}  // namespace kvsim
