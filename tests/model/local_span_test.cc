// Closed forms of what local layers see, against counting token by token.
#include "sim/model/local_span.h"

#include <set>

#include <gtest/gtest.h>

namespace kvsim {
namespace {

/// Does the query at `query` (from 1) see the key at `key`?
bool sees(const LocalSpan& local, std::int64_t query, std::int64_t key) {
  if (key > query) return false;
  if (local.chunk > Tokens())
    return (query - 1) / local.chunk.value() == (key - 1) / local.chunk.value();
  if (local.window == Tokens()) return true;
  return key > query - local.window.value() || key <= local.sinks.value();
}

TEST(LocalSpan, EqualsCounting) {
  const LocalSpan spans[] = {{},
                             {Tokens(8), {}, {}},
                             {Tokens(8), Tokens(3), {}},
                             {Tokens(1), Tokens(1), {}},
                             {{}, {}, Tokens(8)},
                             {{}, {}, Tokens(1)}};
  for (const LocalSpan& local : spans) {
    for (std::int64_t context = 0; context < 30; ++context) {
      for (std::int64_t fresh = 1; fresh < 30; ++fresh) {
        std::int64_t pairs = 0;
        for (std::int64_t query = context + 1; query <= context + fresh; ++query) {
          std::int64_t keys = 0;
          for (std::int64_t key = 1; key <= query; ++key) keys += sees(local, query, key) ? 1 : 0;
          ASSERT_EQ(local.visible(Tokens(query)), Tokens(keys)) << query;
          pairs += keys;
        }
        ASSERT_EQ(local.pairs(Tokens(context), Tokens(fresh)), pairs) << context << "+" << fresh;
      }
    }
  }
}

TEST(LocalSpan, ReachesEveryKeyOnce) {
  // Sinks that the first query's window covers are not read twice.
  const LocalSpan spans[] = {
      {}, {Tokens(8), {}, {}}, {Tokens(8), Tokens(3), {}}, {{}, {}, Tokens(8)}};
  for (const LocalSpan& local : spans) {
    for (std::int64_t context = 0; context < 40; ++context) {
      for (std::int64_t fresh = 1; fresh < 20; ++fresh) {
        std::set<std::int64_t> keys;
        for (std::int64_t query = context + 1; query <= context + fresh; ++query)
          for (std::int64_t key = 1; key <= query; ++key)
            if (sees(local, query, key)) keys.insert(key);
        ASSERT_EQ(local.reach(Tokens(context), Tokens(fresh)),
                  Tokens(static_cast<std::int64_t>(keys.size())))
            << context << "+" << fresh;
      }
    }
  }
}

}  // namespace
}  // namespace kvsim
