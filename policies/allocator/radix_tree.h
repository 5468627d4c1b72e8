#pragma once
// RadixTree: which prefixes are cached, and in which pages. The top one of SGLang's three levels.
//
// An edge holds a run of whole pages: what they say (Content) and where they lie (page ids); a node
// is the end of its edge. Siblings differ in their first page, so a prefix has one path. A prompt
// that leaves an edge halfway splits it. Nodes on the path of a running sequence are locked; of the
// others, the childless ones (leaves) are what the eviction policy chooses from.
//
//     root --[system prompt]-- A --[question 1]-- B      unlocked leaves: B, C. A becomes one
//                               \--[question 2]-- C      when both are gone.
//
// Cost: match and insert O(spans + nodes on the path), lock O(nodes on the path), evict O(pages
// given up) and the policy's price.
// Source: SGLang, April 2026: python/sglang/srt/mem_cache/radix_cache.py. Ours differs in that the
// policy keeps the leaves in order all the time instead of building a heap per eviction.

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "policies/allocator/key_cursor.h"
#include "policies/allocator/prefix_digest.h"
#include "sim/core/id_index.h"
#include "sim/core/slab.h"
#include "sim/core/units.h"
#include "sim/model/content.h"
#include "sim/model/eviction_policy.h"

namespace kvsim {

/// The first `tokens` tokens of `content`; only prefixes of the same salt are shared.
struct PrefixKey {
  const Content& content;
  Tokens tokens;
  std::uint64_t salt = 0;
};

class RadixTree {
 public:
  using NodeId = EntryId;
  struct Node {
    NodeId parent;               ///< Invalid: the root, or a node not in use.
    Content edge;                ///< Whole pages.
    std::vector<BlockId> pages;  ///< Where they lie: one id per page.
    std::uint64_t salt = 0;
    Tokens depth;  ///< Tokens before the edge.
    std::uint32_t children = 0;
    std::uint32_t locks = 0;  ///< Locks on this node and on those below.
    std::uint32_t hits = 0;   ///< Inserts that passed through, its own included.
    std::int32_t priority = 0;
    std::uint64_t created = 0;
    std::uint64_t last_used = 0;
    std::uint64_t writer = 0;   ///< Request::id of who computed it.
    std::uint32_t turn = 0;     ///< Its turn.
    PrefixDigest before;        ///< Of everything before the edge.
    std::uint64_t content = 0;  ///< Names everything up to the end of the edge's first page.
    bool offered = false;       ///< The eviction policy has it.

    [[nodiscard]] Tokens tokens() const { return edge.tokens(); }
    [[nodiscard]] Tokens end() const { return depth + edge.tokens(); }
  };
  struct Match {
    Tokens tokens;
    NodeId node;  ///< Ends the matched path; the root if nothing matched.
  };
  /// Who inserts: what a path inherits from it.
  struct Use {
    std::int32_t priority = 0;
    bool chunked = false;      ///< One of several inserts of the same prompt: counts no hit.
    std::uint64_t writer = 0;  ///< Its Request::id.
    std::uint32_t turn = 0;    ///< Its Request::turn.
  };

  /// `policy` must take as many ids as there can be nodes: one per page, and the root.
  RadixTree(Tokens page, std::unique_ptr<EvictionPolicy> policy);

  /// The longest cached prefix of `key`. Makes its end a node (may split) and stamps the path.
  [[nodiscard]] Match match(const PrefixKey& key);
  /// The same, looking only: ends at the last node that `key` covers wholly.
  [[nodiscard]] Match find(const PrefixKey& key) const;
  /// Caches `key`'s whole pages, which lie in `pages`. Answers how many leading tokens were there
  /// already: those keep the pages they had, and the caller keeps its duplicates.
  [[nodiscard]] Tokens insert(const PrefixKey& key, std::span<const BlockId> pages, const Use& use);
  /// Copies the pages of the path to `node` from its page number `first` on. Requires that `out`
  /// has room for exactly those.
  void copy_path(NodeId node, std::size_t first, std::span<BlockId> out) const;

  /// Locks the path to `node`, or takes one lock back. Answers the tokens that stopped (became)
  /// evictable by it.
  Tokens lock(NodeId node);
  Tokens unlock(NodeId node);
  /// Tokens on the path to `node` that are evictable now and would not be if it were locked.
  [[nodiscard]] Tokens unlocked_tokens(NodeId node) const;

  /// Gives up whole leaves until `count` tokens are gone, perhaps more, or nothing evictable is
  /// left; calls gone(id) just before each goes. Answers the tokens given up.
  template <class Gone>
  Tokens evict(Tokens count, Gone gone) {
    Tokens evicted;
    while (evicted < count && evictable_ > Tokens(0)) {
      const NodeId leaf = policy_->victim();
      evicted += nodes_[leaf].tokens();
      gone(leaf);
      remove(leaf);
    }
    return evicted;
  }
  /// Forgets everything, locked or not.
  void reset();

  [[nodiscard]] Tokens evictable() const { return evictable_; }
  [[nodiscard]] Tokens locked() const { return locked_; }
  /// `n` without its last, partial page.
  [[nodiscard]] Tokens whole_pages(Tokens n) const { return n - n % page_; }
  [[nodiscard]] NodeId root() const { return kRoot; }
  [[nodiscard]] const Node& operator[](NodeId id) const { return nodes_[id]; }
  /// A node as the policy knows it.
  [[nodiscard]] CacheEntry entry(NodeId id) const;
  /// Cache operations so far, on SGLang's clock: one per match or insert, two per node made.
  [[nodiscard]] std::uint64_t clock() const { return clock_; }
  /// Ids run 0 .. ids()-1; those whose node has no parent are the root or not in use.
  [[nodiscard]] std::size_t ids() const { return nodes_.size(); }

  /// Recounts everything and aborts on a contradiction.
  void check_books() const;

 private:
  static constexpr NodeId kRoot{0};

  [[nodiscard]] Match descend(const PrefixKey& key, const Use* use);
  [[nodiscard]] NodeId visit(NodeId child, Tokens same, const Use* use, std::uint64_t now);
  [[nodiscard]] NodeId split(NodeId lower, Tokens count);
  [[nodiscard]] NodeId make_node(NodeId parent, std::uint64_t salt, std::int32_t priority);
  void add_leaf(NodeId parent, const PrefixKey& key, std::span<const BlockId> pages,
                const Use& use);
  void remove(NodeId leaf);
  void name(NodeId id, const PrefixDigest& before);

  [[nodiscard]] NodeId child_of(NodeId parent, std::uint64_t salt, const KeyCursor& at) const;
  [[nodiscard]] std::uint64_t child_hash(NodeId parent, std::uint64_t salt,
                                         const KeyCursor& at) const;
  [[nodiscard]] std::uint64_t hash_of(const Node& node) const;

  // The policy must never see an entry change. Whoever changes a node that it may hold takes the
  // node back first and offers it again afterwards; both do nothing where there is nothing to do.
  void withdraw(NodeId id);
  void offer(NodeId id);

  Tokens page_;
  std::unique_ptr<EvictionPolicy> policy_;
  Slab<Node, NodeId> nodes_;
  IdIndex<NodeId> children_;  // by the page a child starts with, under its parent
  Tokens evictable_;
  Tokens locked_;
  std::uint64_t clock_ = 0;
  Content rest_;  // scratch of split()
};

}  // namespace kvsim
