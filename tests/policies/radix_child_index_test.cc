// ChildIndex finds, replaces and forgets as a plain map does.
#include <map>

#include <gtest/gtest.h>

#include "policies/allocator/child_index.h"
#include "sim/core/rng.h"

namespace kvsim {
namespace {

TEST(ChildIndex, EqualsAPlainMapUnderCollisions) {
  ChildIndex index;
  std::map<std::uint32_t, std::uint64_t> plain;  // id -> hash
  Rng rng(1, "index");
  for (int i = 0; i < 20000; ++i) {
    const EntryId id{static_cast<std::uint32_t>(rng.below(300))};
    const std::uint64_t hash = rng.below(40) * 17;  // few homes, some at the table's end
    if (const auto found = plain.find(id.index); found != plain.end()) {
      index.erase(found->second, id);
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

}  // namespace
}  // namespace kvsim
