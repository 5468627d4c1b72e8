// RadixTree against the examples of its definition, and against a plain set of cached prefixes.
#include "policies/allocator/radix_tree.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "sim/core/rng.h"

namespace kvsim {
namespace {

Content content_of(const std::string& text) {
  Content content;
  for (const char c : text) content.append({kVocabulary, c, 1});
  return content;
}

// LRU written as its definition. Aborts where the tree breaks the policies' contract.
class PlainLru final : public EvictionPolicy {
 public:
  void insert(const CacheEntry& entry) override {
    KVSIM_CHECK(held_.try_emplace(entry.id, entry).second, "an entry is inserted once");
  }
  void erase(const CacheEntry& entry) override {
    const CacheEntry& then = held_.at(entry.id);
    KVSIM_CHECK(then.last_used == entry.last_used && then.hits == entry.hits &&
                    then.priority == entry.priority && then.tokens == entry.tokens &&
                    then.depth == entry.depth && then.created == entry.created,
                "an entry is erased as it was inserted");
    held_.erase(entry.id);
  }
  [[nodiscard]] EntryId victim() override {
    return std::min_element(
               held_.begin(), held_.end(),
               [](const auto& a, const auto& b) { return a.second.last_used < b.second.last_used; })
        ->first;
  }
  [[nodiscard]] const std::map<EntryId, CacheEntry>& held() const { return held_; }

 private:
  std::map<EntryId, CacheEntry> held_;
};

struct TreeUnderTest {
  explicit TreeUnderTest(std::int64_t page)
      : policy(new PlainLru), tree(Tokens(page), std::unique_ptr<EvictionPolicy>(policy)) {}

  std::int64_t insert(const std::string& text, const RadixTree::Use& use = {},
                      std::uint64_t salt = 0) {
    const Content content = content_of(text);
    std::vector<BlockId> pages(text.size());
    for (BlockId& page : pages) page = BlockId{next_page++};
    return tree.insert({content, content.tokens(), salt}, pages, use).value();
  }
  RadixTree::Match match(const std::string& text, std::uint64_t salt = 0) {
    const Content content = content_of(text);
    return tree.match({content, content.tokens(), salt});
  }
  std::int64_t find(const std::string& text) const {
    const Content content = content_of(text);
    return tree.find({content, content.tokens(), 0}).tokens.value();
  }
  [[nodiscard]] std::vector<std::uint32_t> pages_to(const RadixTree::Match& m, std::int64_t page) {
    std::vector<BlockId> pages(static_cast<std::size_t>(m.tokens / Tokens(page)));
    tree.copy_path(m.node, 0, pages);
    std::vector<std::uint32_t> out;
    out.reserve(pages.size());
    for (const BlockId p : pages) out.push_back(p.index);
    return out;
  }
  std::int64_t evict(std::int64_t count) {
    return tree.evict(Tokens(count), [](EntryId) {}).value();
  }

  PlainLru* policy;
  RadixTree tree;
  std::uint32_t next_page = 1;
};

TEST(RadixTree, SharesAPrefixToThePage) {
  TreeUnderTest t(4);
  EXPECT_EQ(t.insert("aaaabbbbcc"), 0);  // the partial page is not cached
  EXPECT_EQ(t.tree.evictable(), Tokens(8));
  EXPECT_EQ(t.match("aaaabbbbccc").tokens, Tokens(8));
  EXPECT_EQ(t.match("aaaabbbx").tokens, Tokens(4));
  EXPECT_EQ(t.match("aaab").tokens, Tokens(0));
  EXPECT_EQ(t.match("aaaabbbb", 7).tokens, Tokens(0)) << "another namespace";
  t.tree.check_books();
}

// abcd, then abxy: the new upper node "ab" is born at the split; "cd" stays the node it was.
TEST(RadixTree, SplitMakesAYoungUpperNode) {
  TreeUnderTest t(1);
  t.insert("abcd", {.priority = 2});
  const RadixTree::Match whole = t.match("abcd");
  t.tree.lock(whole.node);
  const std::uint64_t birth = t.tree[whole.node].created;
  EXPECT_EQ(t.insert("abxy", {.priority = 1}), 2);

  const RadixTree::Node& lower = t.tree[whole.node];
  const RadixTree::Node& upper = t.tree[lower.parent];
  EXPECT_EQ(lower.created, birth);
  EXPECT_GT(upper.created, birth);
  EXPECT_GT(upper.last_used, lower.last_used);
  EXPECT_EQ(upper.locks, 1U) << "who locked the lower node still holds the whole path";
  EXPECT_EQ(upper.priority, 2);
  EXPECT_EQ(upper.hits, 2U);
  EXPECT_EQ(lower.hits, 1U);
  EXPECT_EQ(t.tree.locked(), Tokens(4));
  EXPECT_EQ(t.tree.unlock(whole.node), Tokens(4));
  t.tree.check_books();
}

TEST(RadixTree, InsertKeepsThePagesThatWereThere) {
  TreeUnderTest t(1);
  t.insert("abc");                  // pages 1 2 3
  EXPECT_EQ(t.insert("abcde"), 3);  // brings 4 .. 8: the first three are duplicates
  EXPECT_EQ(t.pages_to(t.match("abcde"), 1), (std::vector<std::uint32_t>{1, 2, 3, 7, 8}));
}

TEST(RadixTree, PriorityRisesAlongThePathOnly) {
  TreeUnderTest t(1);
  t.insert("ab", {.priority = 1});
  t.insert("abcd", {.priority = 5, .chunked = true});
  t.insert("abcx", {.priority = 3});
  const RadixTree::Match shared = t.match("ab");
  EXPECT_EQ(t.tree[shared.node].priority, 5);
  EXPECT_EQ(t.tree[shared.node].hits, 2U) << "a chunk counts no hit";
  EXPECT_EQ(t.tree[t.match("abcx").node].priority, 3);
}

TEST(RadixTree, EvictsWholeLeavesAndThenTheirParent) {
  TreeUnderTest t(1);
  t.insert("abcdefgh");
  t.insert("abcdxy");  // "abcd" -> "efgh", "xy"
  EXPECT_EQ(t.evict(3), 4) << "a leaf is never cut";
  EXPECT_EQ(t.find("abcdefgh"), 4);
  EXPECT_EQ(t.evict(3), 6) << "\"xy\", then \"abcd\", which had become a leaf";
  EXPECT_EQ(t.evict(1), 0);
  t.tree.check_books();
}

TEST(RadixTree, LocksKeepThePathAndNothingElse) {
  TreeUnderTest t(1);
  t.insert("abcd");
  t.insert("abxy");
  const RadixTree::Match held = t.match("abcd");
  EXPECT_EQ(t.tree.unlocked_tokens(held.node), Tokens(4));
  EXPECT_EQ(t.tree.lock(held.node), Tokens(4));
  EXPECT_EQ(t.tree.unlocked_tokens(held.node), Tokens(0));
  EXPECT_EQ(t.evict(100), 2);
  EXPECT_EQ(t.find("abcd"), 4);
  t.tree.unlock(held.node);
  EXPECT_EQ(t.evict(100), 4);
}

TEST(RadixTree, ResetForgetsLockedNodesToo) {
  TreeUnderTest t(1);
  t.insert("abcd");
  t.tree.lock(t.match("ab").node);
  t.tree.reset();
  EXPECT_EQ(t.tree.locked() + t.tree.evictable(), Tokens(0));
  EXPECT_EQ(t.match("abcd").tokens, Tokens(0));
  EXPECT_EQ(t.insert("abcd"), 0);
  t.tree.check_books();
}

// The definition: the set of cached prefixes (page by page), each with the page it lies in. A
// prefix starts with its namespace, written as a digit.
class PlainPrefixes {
 public:
  explicit PlainPrefixes(std::size_t page) : page_(page) {}

  [[nodiscard]] std::size_t longest(const std::string& text) const {
    std::size_t n = 0;
    while (n + page_ < text.size() && pages_.contains(text.substr(0, 1 + n + page_))) n += page_;
    return n;
  }
  void insert(const std::string& text, std::uint32_t first_page) {
    for (std::size_t n = page_; n < text.size(); n += page_, ++first_page) {
      pages_.try_emplace(text.substr(0, 1 + n), first_page);
    }
  }
  void evict(const std::string& end, std::size_t tokens) {
    for (const auto& [prefix, page] : pages_) {
      ASSERT_FALSE(prefix.size() > end.size() && prefix.starts_with(end)) << "not a leaf";
    }
    for (const std::string& held : locked_) ASSERT_FALSE(held.starts_with(end)) << "locked";
    for (std::size_t n = 0; n < tokens; n += page_) pages_.erase(end.substr(0, end.size() - n));
  }
  [[nodiscard]] std::size_t evictable_tokens() const {
    std::size_t pages = 0;
    for (const auto& [prefix, page] : pages_) {
      const bool held = std::any_of(locked_.begin(), locked_.end(), [&, &cached = prefix](auto& l) {
        return l.starts_with(cached);
      });
      pages += held ? 0 : 1;
    }
    return pages * page_;
  }
  [[nodiscard]] std::vector<std::uint32_t> pages_of(const std::string& text, std::size_t n) const {
    std::vector<std::uint32_t> out;
    for (std::size_t at = page_; at <= n; at += page_)
      out.push_back(pages_.at(text.substr(0, 1 + at)));
    return out;
  }
  std::multiset<std::string> locked_;

 private:
  std::size_t page_;
  std::map<std::string, std::uint32_t> pages_;
};

class RandomTreeWalk {
 public:
  RandomTreeWalk(std::size_t page, std::uint64_t seed)
      : page_(page), tree_(static_cast<std::int64_t>(page)), plain_(page), rng_(seed, "radix") {}

  void step() {
    switch (rng_.below(8)) {
      case 0:
        return evict();
      case 1:
        return lock();
      case 2:
        return unlock();
      case 3:
        return match();
      default:
        return insert();
    }
  }
  void check() const {
    tree_.tree.check_books();
    EXPECT_EQ(tree_.tree.evictable(), Tokens(static_cast<std::int64_t>(plain_.evictable_tokens())));
    for (const auto& [id, entry] : tree_.policy->held()) {
      EXPECT_EQ(entry.last_used, tree_.tree[id].last_used);
      EXPECT_TRUE(tree_.tree[id].offered);
    }
  }

 private:
  // Short and of few letters, so that prefixes are shared and leaves nest.
  std::string some_text() {
    std::string text(1, static_cast<char>('0' + rng_.below(2)));
    const std::size_t length = rng_.below(12 * page_);
    for (std::size_t i = 0; i < length; ++i) {
      text += static_cast<char>('a' + (rng_.below(6) == 0 ? rng_.below(3) : 0));
    }
    return text;
  }
  static std::uint64_t salt_of(const std::string& text) {
    return static_cast<std::uint64_t>(text[0] - '0');
  }
  void insert() {
    const std::string text = some_text();
    const std::uint32_t first_page = tree_.next_page;
    EXPECT_EQ(tree_.insert(text.substr(1), {}, salt_of(text)),
              static_cast<std::int64_t>(plain_.longest(text)));
    plain_.insert(text, first_page);
  }
  RadixTree::Match matched(std::string& text) {
    text = some_text();
    const RadixTree::Match m = tree_.match(text.substr(1), salt_of(text));
    const std::size_t n = plain_.longest(text);
    EXPECT_EQ(m.tokens, Tokens(static_cast<std::int64_t>(n)));
    EXPECT_EQ(tree_.pages_to(m, static_cast<std::int64_t>(page_)), plain_.pages_of(text, n));
    text.resize(1 + n);
    return m;
  }
  void match() {
    std::string text;
    matched(text);
  }
  void lock() {
    std::string text;
    const RadixTree::Match m = matched(text);
    tree_.tree.lock(m.node);
    plain_.locked_.insert(text);
    held_.emplace_back(text, m.node);
  }
  void unlock() {
    if (held_.empty()) return;
    const std::size_t at = rng_.below(held_.size());
    tree_.tree.unlock(held_[at].second);
    plain_.locked_.erase(plain_.locked_.find(held_[at].first));
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  void evict() {
    const auto ask = static_cast<std::int64_t>(rng_.below(6 * page_));
    const Tokens before = tree_.tree.evictable();
    Tokens last;
    const Tokens gone = tree_.tree.evict(Tokens(ask), [&](EntryId id) {
      const RadixTree::Node& leaf = tree_.tree[id];
      last = leaf.tokens();
      plain_.evict(text_to(leaf), static_cast<std::size_t>(leaf.tokens().value()));
    });
    EXPECT_EQ(tree_.tree.evictable(), before - gone);
    EXPECT_GE(gone, std::min(before, Tokens(ask)));
    EXPECT_TRUE(gone == Tokens(0) || gone - last < Tokens(ask)) << "no leaf more than needed";
  }
  [[nodiscard]] std::string text_to(const RadixTree::Node& leaf) const {
    std::string text;
    const RadixTree::Node* node = &leaf;
    for (; node->parent.valid(); node = &tree_.tree[node->parent]) {
      std::string edge;
      for (const Span& s : node->edge.spans()) {
        for (std::int64_t i = 0; i < s.length; ++i) edge += static_cast<char>(s.offset + i);
      }
      text.insert(0, edge);
    }
    return static_cast<char>('0' + leaf.salt) + text;
  }

  std::size_t page_;
  TreeUnderTest tree_;
  PlainPrefixes plain_;
  Rng rng_;
  std::vector<std::pair<std::string, EntryId>> held_;
};

TEST(RadixTree, EqualsAPlainSetOfPrefixes) {
  for (const std::size_t page : {1, 3, 4}) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      RandomTreeWalk walk(page, seed);
      for (int i = 0; i < 400; ++i) {
        walk.step();
        if (i % 8 == 0) walk.check();
      }
      walk.check();
      ASSERT_FALSE(HasFailure()) << "page " << page << ", seed " << seed;
    }
  }
}

}  // namespace
}  // namespace kvsim
