// The drawn tree: chains become one stretch, the heaviest stay, nothing is lost from the sums.
#include "reports/html/prefix_tree.h"

#include <gtest/gtest.h>

#include "sim/core/rng.h"

namespace kvsim {
namespace {

using Prefix = MemoryMap::Prefix;

Prefix node(std::uint32_t parent, std::uint64_t writer, std::int64_t depth, std::int64_t tokens,
            std::uint32_t users = 0) {
  Prefix p;
  p.parent = parent;
  p.writer = writer;
  p.depth = Tokens(depth);
  p.tokens = Tokens(tokens);
  p.users = users;
  return p;
}

std::int64_t no_age(std::uint64_t /*tick*/) { return 0; }

// Request 1 computed blocks a, b, c; 2 went on from b with d and e.
//   root - a - b - c
//              `-- d - e
const std::vector<Prefix> kFork{node(Prefix::kRoot, 1, 0, 16), node(0, 1, 16, 16),
                                node(1, 1, 32, 16), node(1, 2, 32, 16), node(3, 2, 48, 16)};

TEST(PrefixTree, JoinsChains) {
  const PrefixTree tree = prefix_tree(kFork, no_age, 100);
  EXPECT_EQ(tree.all_nodes, 3);
  EXPECT_EQ(tree.all_tokens, 80);
  ASSERT_EQ(tree.nodes.size(), 4U);
  EXPECT_EQ(tree.nodes[0].parent, -1);
  EXPECT_EQ(tree.nodes[1].tokens, 32) << "a and b";
  EXPECT_EQ(tree.nodes[2].tokens, 16) << "c";
  EXPECT_EQ(tree.nodes[3].tokens, 32) << "d and e";
  EXPECT_EQ(tree.nodes[3].parent, 1);
  EXPECT_EQ(tree.nodes[3].depth, 32);
}

TEST(PrefixTree, AStretchEndsWhereUsersOrWritersChange) {
  const PrefixTree users = prefix_tree(
      {node(Prefix::kRoot, 1, 0, 16, 2), node(0, 1, 16, 16, 1), node(1, 1, 32, 16, 1)}, no_age, 9);
  EXPECT_EQ(users.all_nodes, 2);
  const PrefixTree writers =
      prefix_tree({node(Prefix::kRoot, 1, 0, 16), node(0, 2, 16, 16)}, no_age, 9);
  EXPECT_EQ(writers.all_nodes, 2);
}

TEST(PrefixTree, SumsUpWhatItLeavesOut) {
  const PrefixTree tree = prefix_tree(kFork, no_age, 2);
  ASSERT_EQ(tree.nodes.size(), 3U) << "c, the lightest, goes";
  EXPECT_EQ(tree.nodes[1].more_nodes, 1);
  EXPECT_EQ(tree.nodes[1].more_tokens, 16);
}

TEST(PrefixTree, LosesNothing) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Rng rng(seed, "prefix_tree");
    std::vector<Prefix> prefixes;
    std::int64_t tokens = 0;
    for (std::uint32_t i = 0; i < 400; ++i) {
      const bool root = i == 0 || rng.below(10) == 0;
      const auto parent = root ? Prefix::kRoot : static_cast<std::uint32_t>(rng.below(i));
      const std::int64_t depth =
          root ? 0 : (prefixes[parent].depth + prefixes[parent].tokens).value();
      prefixes.push_back(
          node(parent, rng.below(5), depth, 1 + static_cast<std::int64_t>(rng.below(30))));
      tokens += prefixes.back().tokens.value();
    }
    for (const std::size_t most : {0U, 1U, 7U, 50U, 1000U}) {
      const PrefixTree tree = prefix_tree(prefixes, no_age, most);
      EXPECT_LE(tree.nodes.size(), most + 1);
      std::int64_t shown_nodes = -1, shown_tokens = 0;  // the root is no stretch
      for (std::size_t i = 0; i < tree.nodes.size(); ++i) {
        const PrefixTree::Node& n = tree.nodes[i];
        EXPECT_LT(n.parent, static_cast<std::int64_t>(i)) << "parents come first";
        if (n.parent > 0) {
          const PrefixTree::Node& p = tree.nodes[static_cast<std::size_t>(n.parent)];
          EXPECT_EQ(p.depth + p.tokens, n.depth);
        }
        shown_nodes += 1 + n.more_nodes;
        shown_tokens += n.tokens + n.more_tokens;
      }
      EXPECT_EQ(shown_nodes, tree.all_nodes);
      EXPECT_EQ(shown_tokens, tokens);
      EXPECT_EQ(tree.all_tokens, tokens);
    }
  }
}

}  // namespace
}  // namespace kvsim
