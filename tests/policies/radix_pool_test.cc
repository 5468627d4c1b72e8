// TokenPool hands pages out in SGLang's order.
#include <gtest/gtest.h>

#include "policies/allocator/token_pool.h"

namespace kvsim {
namespace {

std::vector<std::uint32_t> taken(TokenPool& pool, std::size_t count) {
  std::vector<BlockId> pages;
  EXPECT_TRUE(pool.take(count, count, pages));
  std::vector<std::uint32_t> out;
  out.reserve(pages.size());
  for (const BlockId page : pages) out.push_back(page.index);
  return out;
}

void free_pages(TokenPool& pool, std::initializer_list<std::uint32_t> pages) {
  std::vector<BlockId> ids;
  ids.reserve(pages.size());
  for (const std::uint32_t page : pages) ids.push_back(BlockId{page});
  pool.give_back(ids);
}

using Pages = std::vector<std::uint32_t>;

TEST(TokenPool, NeverHandsOutThePaddingPage) {
  TokenPool pool({.size = Tokens(3), .page = Tokens(1)});
  EXPECT_EQ(taken(pool, 3), (Pages{1, 2, 3}));
  std::vector<BlockId> none;
  EXPECT_FALSE(pool.take(1, 1, none));
  EXPECT_TRUE(none.empty());
}

TEST(TokenPool, SingleSlotsAreReusedFirstInFirstOut) {
  TokenPool pool({.size = Tokens(5), .page = Tokens(1)});
  EXPECT_EQ(taken(pool, 4), (Pages{1, 2, 3, 4}));
  free_pages(pool, {4, 2});
  EXPECT_EQ(taken(pool, 2), (Pages{5, 4}));
  free_pages(pool, {1, 3});
  EXPECT_EQ(taken(pool, 3), (Pages{2, 1, 3}));
}

TEST(TokenPool, PagesFreedLastAreReusedFirstInAscendingOrder) {
  TokenPool pool({.size = Tokens(100), .page = Tokens(16)});
  EXPECT_EQ(pool.capacity(), Tokens(96)) << "whole pages only";
  EXPECT_EQ(taken(pool, 5), (Pages{1, 2, 3, 4, 5}));
  free_pages(pool, {3, 1});
  free_pages(pool, {5, 4});
  EXPECT_EQ(pool.available(), Tokens(80));
  EXPECT_EQ(taken(pool, 5), (Pages{4, 5, 1, 3, 6}));
}

TEST(TokenPool, SortsWhatIsParkedOnlyWhenShort) {
  TokenPool pool({.size = Tokens(5), .page = Tokens(1), .sort = true});
  EXPECT_EQ(taken(pool, 3), (Pages{1, 2, 3}));
  free_pages(pool, {3, 1});
  EXPECT_EQ(pool.available(), Tokens(4));
  EXPECT_EQ(taken(pool, 1), (Pages{4}));
  EXPECT_EQ(taken(pool, 2), (Pages{1, 3})) << "one at hand was not enough: 1 and 3 sorted in";
}

}  // namespace
}  // namespace kvsim
