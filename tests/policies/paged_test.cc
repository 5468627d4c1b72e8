// Paged memory by worked example (semantics: vLLM V1, July 2026).
#include <gtest/gtest.h>

#include "sim/model/allocator.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

class PagedTest : public testing::Test {
 protected:
  // 9 usable blocks of 4 tokens.
  std::unique_ptr<Allocator> make(const std::string& config = "{}") {
    config_ = ConfigView::parse(config, "t");
    return Registry<Allocator>::make("paged", {Tokens(40), Tokens(4), Tokens(1000), config_});
  }
  static Sequence sequence(std::uint32_t id, const std::vector<Span>& prompt) {
    Sequence s;
    s.id = SequenceId{id};
    s.request = tiny::request(0, prompt, 10);
    return s;
  }
  ConfigView config_;
};

// A fully cached prompt of k blocks hits k-1 and recomputes the last as a duplicate.
TEST_F(PagedTest, CapsHitsAtOneTokenLess) {
  const auto memory = make();
  const Sequence a = sequence(0, {{shared_content(1), 0, 12}});
  const Sequence b = sequence(1, {{shared_content(1), 0, 12}});
  ASSERT_EQ(memory->lookup(a), Tokens(0));
  ASSERT_TRUE(memory->admit(a, Tokens(0), Tokens(12), {}));
  EXPECT_EQ(memory->lookup(b), Tokens(8)) << "cached as soon as scheduled";
  ASSERT_TRUE(memory->admit(b, Tokens(8), Tokens(12), {}));
  EXPECT_EQ(memory->memory().used, Tokens(16)) << "two shared blocks and two twins of the third";
  memory->check_books();
}

// A hit on a cached block nobody uses consumes free capacity as well: the classic bug.
TEST_F(PagedTest, CountsRevivedHitsBeforeAllocating) {
  const auto memory = make();
  const Sequence a = sequence(0, {{shared_content(1), 0, 20}});
  ASSERT_EQ(memory->lookup(a), Tokens(0));
  ASSERT_TRUE(memory->admit(a, Tokens(0), Tokens(20), {}));
  memory->release(a, Release::kFinished);
  const Sequence other = sequence(1, {{shared_content(2), 0, 8}});
  ASSERT_EQ(memory->lookup(other), Tokens(0));
  ASSERT_TRUE(memory->admit(other, Tokens(0), Tokens(8), {}));  // 7 free: 2 blank, 5 cached
  const Sequence b = sequence(2, {{shared_content(1), 0, 20}, {shared_content(3), 0, 10}});
  ASSERT_EQ(memory->lookup(b), Tokens(20));
  EXPECT_FALSE(memory->admit(b, Tokens(20), Tokens(30), {})) << "5 revived + 3 new > 7 free";
  EXPECT_EQ(memory->memory().cached, Tokens(20)) << "a failed admission changes nothing";
  ASSERT_EQ(memory->lookup(b), Tokens(20));
  EXPECT_TRUE(memory->admit(b, Tokens(20), Tokens(28), {false, false, Tokens(0)}));
  memory->check_books();
}

TEST_F(PagedTest, KeepsTheWatermarkFreeOnlyBesideOthers) {
  const auto memory = make(R"({"cache": {"watermark": 0.2}})");  // 2 of 10 blocks
  const Sequence a = sequence(0, {{shared_content(1), 0, 36}});
  ASSERT_EQ(memory->lookup(a), Tokens(0));
  EXPECT_FALSE(memory->admit(a, Tokens(0), Tokens(36), {true, true, Tokens(0)}));
  EXPECT_TRUE(memory->admit(a, Tokens(0), Tokens(36), {true, false, Tokens(0)}));
}

TEST_F(PagedTest, SplitsItsWasteIntoReservedAndInternal) {
  const auto memory = make();
  const Sequence a = sequence(0, {{shared_content(1), 0, 5}});
  ASSERT_EQ(memory->lookup(a), Tokens(0));
  ASSERT_TRUE(memory->admit(a, Tokens(0), Tokens(5), {true, false, Tokens(14)}));
  const MemoryUse use = memory->memory();
  EXPECT_EQ(use.used, Tokens(5));
  EXPECT_EQ(use.reserved, Tokens(9));
  EXPECT_EQ(use.internal, Tokens(2)) << "4 blocks hold 16";
  EXPECT_TRUE(use.adds_up());
}

// Growing needs a block only at a boundary, and changes nothing when there is none.
TEST_F(PagedTest, GrowsAllOrNothing) {
  const auto memory = make();
  const Sequence a = sequence(0, {{shared_content(1), 0, 34}});
  ASSERT_EQ(memory->lookup(a), Tokens(0));
  ASSERT_TRUE(memory->admit(a, Tokens(0), Tokens(34), {}));
  EXPECT_TRUE(memory->grow(a, Tokens(36)));
  EXPECT_FALSE(memory->grow(a, Tokens(37)));
  EXPECT_EQ(memory->memory().used, Tokens(36));
  memory->check_books();
}

}  // namespace
}  // namespace kvsim
