// Names of blocks against their definition: one name for each sequence of tokens from the start.
#include "workloads/block_ids.h"

#include <map>

#include <gtest/gtest.h>

#include "sim/core/rng.h"
#include "tests/support/repetitions.h"

namespace kvsim {
namespace {

using Token = std::pair<ContentId, std::int64_t>;

// What a server would see, token by token.
std::vector<Token> tokens_of(const Content& content, std::int64_t count) {
  std::vector<Token> tokens;
  for (const Span& span : content.spans())
    for (std::int64_t i = 0; i < span.length && std::ssize(tokens) < count; ++i)
      tokens.emplace_back(span.content, span.offset + i);
  return tokens;
}

class Plain {
 public:
  explicit Plain(std::int64_t block) : block_(block) {}
  std::vector<std::uint64_t> of(const std::vector<Token>& tokens) {
    std::vector<std::uint64_t> ids;
    for (std::int64_t end = 0; end < std::ssize(tokens);) {
      end = std::min(end + block_, std::ssize(tokens));
      ids.push_back(
          names_.try_emplace({tokens.begin(), tokens.begin() + end}, names_.size()).first->second);
    }
    return ids;
  }
  [[nodiscard]] std::size_t distinct() const { return names_.size(); }

 private:
  std::int64_t block_;
  std::map<std::vector<Token>, std::uint64_t> names_;
};

// Few contents and offsets, so that prompts agree for a while, stop inside each other's spans and
// go on from there in other ways.
TEST(BlockIds, NamePrefixesTokenByToken) {
  std::size_t repeated = 0;
  for (std::uint64_t seed = 0; seed < repetitions(40U); ++seed) {
    Rng rng(seed, "block_ids");
    const auto block = static_cast<std::int64_t>(1 + rng.below(7));
    BlockIds names(block);
    Plain plain(block);
    std::vector<std::uint64_t> ids;
    for (int request = 0; request < 150; ++request) {
      Content content;
      for (std::uint64_t spans = 1 + rng.below(4); spans > 0; --spans)
        content.append({shared_content(rng.below(2)), static_cast<std::int64_t>(4 * rng.below(2)),
                        static_cast<std::int64_t>(1 + rng.below(3) * rng.below(20))});
      const auto prompt = static_cast<std::int64_t>(
          1 + rng.below(static_cast<std::uint64_t>(content.tokens().value())));
      names.of(content, Tokens(prompt), ids);
      const std::size_t before = plain.distinct();
      ASSERT_EQ(ids, plain.of(tokens_of(content, prompt))) << "seed " << seed;
      ASSERT_EQ(names.distinct(), plain.distinct());
      repeated += ids.size() - (plain.distinct() - before);
    }
  }
  EXPECT_GT(repeated, 1000U) << "prompts that share nothing test nothing";
}

// 100 tokens in blocks of 16 are six and a part; 200 of the same content go on after the sixth.
TEST(BlockIds, GoOnWhereAShorterPromptStopped) {
  BlockIds names(16);
  std::vector<std::uint64_t> ids;
  Content content;
  content.append({shared_content(7), 0, 200});
  names.of(content, Tokens(100), ids);
  EXPECT_EQ(ids, (std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5, 6}));
  names.of(content, Tokens(200), ids);
  EXPECT_EQ(ids, (std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13}));
  names.of(content, Tokens(128), ids);
  EXPECT_EQ(ids, (std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5, 7, 8}));
}

}  // namespace
}  // namespace kvsim
