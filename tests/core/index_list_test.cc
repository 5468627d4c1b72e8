// IndexList does what std::list does.
#include "sim/core/index_list.h"

#include <algorithm>
#include <list>

#include <gtest/gtest.h>

#include "sim/core/rng.h"

namespace kvsim {
namespace {

std::list<std::uint32_t> walk(const IndexList<EntryId>& list) {
  std::list<std::uint32_t> ids;
  for (EntryId id = list.front_or_none(); id.valid(); id = list.next(id)) ids.push_back(id.index);
  return ids;
}

TEST(IndexList, EqualsAPlainList) {
  constexpr std::size_t kIds = 20;
  IndexList<EntryId> list(kIds);
  std::list<std::uint32_t> plain;
  Rng rng(1, "list");
  for (int i = 0; i < 5000; ++i) {
    const EntryId id{static_cast<std::uint32_t>(rng.below(kIds))};
    const bool there = std::find(plain.begin(), plain.end(), id.index) != plain.end();
    ASSERT_EQ(list.contains(id), there);
    if (there) {
      list.erase(id);
      plain.remove(id.index);
      EXPECT_FALSE(list.next(id).valid()) << "nobody comes after who is not in the list";
    } else if (rng.below(2) == 0) {
      list.push_back(id);
      plain.push_back(id.index);
    } else {
      list.push_front(id);
      plain.push_front(id.index);
    }
    ASSERT_EQ(walk(list), plain);
    ASSERT_EQ(list.size(), plain.size());
    if (plain.empty()) continue;
    EXPECT_EQ(list.front().index, plain.front());
    EXPECT_EQ(list.back().index, plain.back());
  }
  EXPECT_EQ(list.capacity(), kIds);
}

}  // namespace
}  // namespace kvsim
