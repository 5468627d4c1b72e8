// Who is to blame for a missing token: against a plain list of tokens.
#include "sim/engine/explain/reuse_book.h"

#include <map>

#include <gtest/gtest.h>

#include "tests/support/repetitions.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

Request prompt_of(std::uint64_t id, const std::vector<Span>& spans) {
  Request r = tiny::request(0, spans, 1);
  r.id = id;
  return r;
}

TEST(ReuseBook, BlamesTheLastEvictionOfEachToken) {
  ReuseBook book;
  const Request r = prompt_of(7, {{shared_content(1), 0, 40}, {shared_content(2), 0, 40}});
  book.asked(r);
  book.evicted(r, Tokens(16), Tokens(48), ReplicaId{0}, 0);
  book.evicted(r, Tokens(32), Tokens(40), ReplicaId{0}, 1);
  const auto claims = book.claims(r, Tokens(20), Tokens(64), ReplicaId{0});
  ASSERT_EQ(claims.size(), 3U) << "the first piece in two parts, the second in one";
  EXPECT_EQ(claims[0].from, 20);
  EXPECT_EQ(claims[0].to, 32);
  EXPECT_EQ(claims[0].eviction, 0U);
  EXPECT_EQ(claims[1].from, 32);
  EXPECT_EQ(claims[1].to, 40);
  EXPECT_EQ(claims[1].eviction, 1U);
  EXPECT_EQ(claims[2].from, 40);
  EXPECT_EQ(claims[2].to, 48);
  EXPECT_EQ(claims[2].eviction, 0U);
  EXPECT_TRUE(book.claims(r, Tokens(20), Tokens(64), ReplicaId{1}).empty())
      << "another replica evicted nothing";
  const ReuseBook::Page& page = book[claims[0].page];
  EXPECT_EQ(page.first_asked_by, 7U);
  EXPECT_EQ(page.asked, 1);
  EXPECT_EQ(page.evictions, 2);
}

TEST(ReuseBook, KnowsTheSameTokensInAnotherPrompt) {
  ReuseBook book;
  const Request a = prompt_of(0, {{shared_content(1), 0, 64}, {shared_content(2), 0, 64}});
  const Request b = prompt_of(1, {{shared_content(1), 0, 64}, {shared_content(3), 0, 64}});
  book.evicted(a, Tokens(0), Tokens(128), ReplicaId{0}, 0);
  const auto claims = book.claims(b, Tokens(0), Tokens(128), ReplicaId{0});
  ASSERT_EQ(claims.size(), 1U);
  EXPECT_EQ(claims[0].to, 64) << "the second half was never a's";
}

// Token by token: a map from what was said until there to the eviction that took it last.
TEST(ReuseBook, AgreesWithATokenByTokenLedger) {
  Rng rng(1, "reuse_book_test");
  for (int round = 0; round < repetitions(200); ++round) {
    ReuseBook book;
    std::map<std::vector<std::uint64_t>, std::uint32_t> ledger;  // by prefix
    const auto draw = [&](std::uint64_t id) {
      std::vector<Span> spans;
      for (std::uint64_t n = 1 + rng.below(3); n > 0; --n)
        spans.push_back(
            {shared_content(rng.below(3)), 0, static_cast<std::int64_t>(1 + rng.below(12))});
      return prompt_of(id, spans);
    };
    const auto words = [](const Request& r, std::int64_t count) {
      std::vector<std::uint64_t> said;
      for (const Span& span : r.content.spans())
        for (std::int64_t i = 0; i < span.length && std::ssize(said) < count; ++i)
          said.push_back(span.content * 1000 + static_cast<std::uint64_t>(span.offset + i));
      return said;
    };
    for (std::uint32_t step = 0; step < 40; ++step) {
      const Request r = draw(step);
      const std::int64_t prompt = r.prompt.value();
      const auto from = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(prompt)));
      const auto to =
          from + 1 +
          static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(prompt - from)));
      if (rng.below(2) == 0) {
        book.evicted(r, Tokens(from), Tokens(to), ReplicaId{0}, step);
        for (std::int64_t t = from; t < to; ++t) ledger[words(r, t + 1)] = step;
        continue;
      }
      std::map<std::int64_t, std::uint32_t> told;
      for (const ReuseBook::Claim& claim : book.claims(r, Tokens(from), Tokens(to), ReplicaId{0}))
        for (std::int64_t t = claim.from; t < claim.to; ++t)
          EXPECT_TRUE(told.emplace(t, claim.eviction).second) << "no token is claimed twice";
      for (std::int64_t t = from; t < to; ++t) {
        const auto truth = ledger.find(words(r, t + 1));
        const auto answer = told.find(t);
        ASSERT_EQ(answer != told.end(), truth != ledger.end());
        if (truth != ledger.end()) {
          EXPECT_EQ(answer->second, truth->second);
        }
      }
    }
  }
}

}  // namespace
}  // namespace kvsim
