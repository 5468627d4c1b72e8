// IdIndex finds, replaces and forgets as a plain map does.
#include "sim/core/id_index.h"

#include <functional>
#include <map>

#include <gtest/gtest.h>

#include "sim/core/hash.h"
#include "sim/core/rng.h"

namespace kvsim {
namespace {

void equals_a_plain_map(const std::function<std::uint64_t(Rng&)>& draw) {
  IdIndex<EntryId> index;
  std::map<std::uint32_t, std::uint64_t> plain;  // id -> hash
  Rng rng(1, "index");
  for (int i = 0; i < 20000; ++i) {
    const EntryId id{static_cast<std::uint32_t>(rng.below(300))};
    const std::uint64_t hash = draw(rng);
    if (const auto found = plain.find(id.index); found != plain.end()) {
      EXPECT_TRUE(index.erase(found->second, id));
      EXPECT_FALSE(index.erase(found->second, id));
      EXPECT_FALSE(index.replace(found->second, id, id));
      plain.erase(found);
    } else {
      index.insert(hash, id);
      plain[id.index] = hash;
    }
    const auto probe = plain.lower_bound(static_cast<std::uint32_t>(rng.below(300)));
    if (probe == plain.end()) continue;
    const auto same = [&](EntryId x) { return x.index == probe->first; };
    EXPECT_EQ(index.find(probe->second, same).index, probe->first);
    EXPECT_FALSE(index.find(probe->second + 1, same).valid());
    EXPECT_EQ(index.size(), plain.size());
  }
}

TEST(IdIndex, EqualsAPlainMapUnderCollisions) {
  // Few homes, some at the table's end.
  equals_a_plain_map([](Rng& rng) { return rng.below(40) * 17; });
}

TEST(IdIndex, EqualsAPlainMapWhereRunsMeet) {
  equals_a_plain_map([](Rng& rng) { return mix64(rng.below(20)) + rng.below(8); });
}

TEST(IdIndex, TellsHashesApartThatAgreeInTheHalfItKeeps) {
  IdIndex<EntryId> index;
  const std::uint64_t high = std::uint64_t{1} << 40;
  index.insert(7, EntryId{1});
  index.insert(7 + high, EntryId{2});
  for (const std::uint32_t wanted : {1U, 2U})
    EXPECT_EQ(index.find(7, [&](EntryId id) { return id.index == wanted; }).index, wanted);
}

}  // namespace
}  // namespace kvsim
