#include "reports/html/prefix_tree.h"

#include <algorithm>
#include <numeric>

namespace kvsim {
namespace {

using Prefix = MemoryMap::Prefix;
using Node = PrefixTree::Node;

struct Stretch {
  Node node;
  std::uint64_t last_used = 0;  ///< Tick: turned into an age only where it is kept.
};

// Parents come first, here as in `prefixes`. Stretch 0 is the root.
std::vector<Stretch> stretches_of(const std::vector<Prefix>& prefixes) {
  std::vector<std::uint32_t> children(prefixes.size());
  for (const Prefix& p : prefixes)
    if (p.parent != Prefix::kRoot) ++children[p.parent];
  std::vector<Stretch> stretches(1);
  std::vector<std::size_t> stretch_of(prefixes.size());
  for (std::size_t i = 0; i < prefixes.size(); ++i) {
    const Prefix& p = prefixes[i];
    const std::int64_t writer = id_or_nobody(p.writer);
    const std::size_t parent = p.parent == Prefix::kRoot ? 0 : stretch_of[p.parent];
    const Node& before = stretches[parent].node;
    const bool continues =
        parent > 0 && children[p.parent] == 1 && before.writer == writer && before.users == p.users;
    if (!continues)
      stretches.push_back(
          {{static_cast<std::int64_t>(parent), writer, p.depth.value(), 0, p.users}});
    stretch_of[i] = continues ? parent : stretches.size() - 1;
    Stretch& stretch = stretches[stretch_of[i]];
    stretch.node.tokens += p.tokens.value();
    stretch.node.hits = std::max<std::int64_t>(stretch.node.hits, p.hits);
    stretch.last_used = std::max(stretch.last_used, p.last_used);
  }
  return stretches;
}

// Tokens of each and all below it.
std::vector<std::int64_t> weights_of(const std::vector<Stretch>& stretches) {
  std::vector<std::int64_t> weights(stretches.size());
  for (std::size_t i = stretches.size(); i-- > 0;) {
    weights[i] += stretches[i].node.tokens;
    if (i > 0) weights[static_cast<std::size_t>(stretches[i].node.parent)] += weights[i];
  }
  return weights;
}

// The heaviest, in their order. A parent weighs no less than its child and comes before it, so it
// is kept with it.
std::vector<bool> kept_of(const std::vector<Stretch>& stretches, std::size_t most) {
  const std::vector<std::int64_t> weights = weights_of(stretches);
  std::vector<std::size_t> order(stretches.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::size_t count = std::min(order.size(), most + 1);
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&weights](std::size_t a, std::size_t b) {
                      return weights[a] != weights[b] ? weights[a] > weights[b] : a < b;
                    });
  std::vector<bool> kept(stretches.size());
  for (std::size_t i = 0; i < count; ++i) kept[order[i]] = true;
  return kept;
}

}  // namespace

PrefixTree prefix_tree(const std::vector<Prefix>& prefixes, const AgeOf& age_of, std::size_t most) {
  const std::vector<Stretch> stretches = stretches_of(prefixes);
  const std::vector<bool> kept = kept_of(stretches, most);
  PrefixTree tree;
  tree.all_nodes = static_cast<std::int64_t>(stretches.size()) - 1;
  std::vector<std::size_t> shown(stretches.size());  // as this node, or below it
  for (std::size_t i = 0; i < stretches.size(); ++i) {
    const Node& node = stretches[i].node;
    tree.all_tokens += node.tokens;
    const std::size_t parent = i == 0 ? 0 : shown[static_cast<std::size_t>(node.parent)];
    shown[i] = kept[i] ? tree.nodes.size() : parent;
    if (kept[i]) {
      tree.nodes.push_back(node);
      tree.nodes.back().parent = i == 0 ? -1 : static_cast<std::int64_t>(parent);
      if (stretches[i].last_used > 0) tree.nodes.back().age_ms = age_of(stretches[i].last_used);
    } else {
      ++tree.nodes[parent].more_nodes;
      tree.nodes[parent].more_tokens += node.tokens;
    }
  }
  return tree;
}

}  // namespace kvsim
