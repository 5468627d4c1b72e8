// The contents check finds what it is there to find: bugs are planted in a paged memory, one kind
// each, and the step that would read wrong KV is named. Without the bug the same steps pass.
#include "sim/engine/contents_check.h"

#include <gtest/gtest.h>

#include "policies/allocator/paged.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

// Steps of a few sequences over a small paged memory, without a scheduler.
class ContentsTest : public testing::Test {
 protected:
  explicit ContentsTest(std::vector<KvGroup> groups = {}) : groups_(std::move(groups)) {}

  SequenceId arrive(const std::vector<Span>& prompt, std::int64_t output = 40) {
    const SequenceId id = sequences_.take();
    Sequence& s = sequences_[id];
    s = Sequence{};
    s.id = id;
    s.request = tiny::request(0, prompt, output);
    s.request.id = next_++;
    return id;
  }
  // Plans the admission of `id`, its prompt whole.
  void admit(SequenceId id) {
    Sequence& s = sequences_[id];
    const Tokens hit = memory_.lookup(s);
    ASSERT_TRUE(memory_.admit(s, hit, s.tokens(), {}));
    compute(s, hit, s.tokens() - hit);
  }
  // Plans one more token for `id`.
  void decode(SequenceId id) {
    Sequence& s = sequences_[id];
    ASSERT_TRUE(memory_.grow(s, s.tokens()));
    compute(s, s.computed, s.tokens() - s.computed);
  }
  std::optional<std::string> run() {
    auto problem = check_.step(plan_, sequences_);
    for (const StepWork& work : plan_.work) sequences_[work.sequence].generated += Tokens(1);
    plan_.clear();
    memory_.step_starts();
    return problem;
  }
  SequenceId fork(SequenceId parent) {
    const SequenceId child = sequences_.take();
    Sequence& s = sequences_[child];
    s = sequences_[parent];
    s.id = child;
    s.request.id = next_++;
    // From here on the two say different things.
    Content said;
    said.append_slice(sequences_[parent].request.content, Tokens(0), sequences_[parent].computed);
    said.append({private_content(900 + s.request.id), 0, 40});
    s.request.content = said;
    memory_.fork(sequences_[parent], s);
    return child;
  }
  BlockId block(SequenceId id, std::size_t i) {
    return memory_.cache().table(sequences_[id], 0)[i];
  }
  BlockPool& pool() { return memory_.cache().pool(); }

  std::vector<KvGroup> groups_;
  ConfigView config_;
  // 19 usable blocks of 4 tokens.
  PagedAllocator memory_{{Tokens(80), Tokens(4), Tokens(1000), config_, groups_}};
  Sequences sequences_;
  StepPlan plan_;
  ContentsCheck check_{memory_};
  std::uint64_t next_ = 0;

 private:
  void compute(Sequence& s, Tokens context, Tokens fresh) {
    plan_.work.push_back({s.id, context, fresh});
    s.computed = context + fresh;
  }
};

TEST_F(ContentsTest, PassesHitsForksAndEvictions) {
  const SequenceId a = arrive({{shared_content(1), 0, 10}});
  admit(a);
  ASSERT_EQ(run(), std::nullopt);
  const SequenceId b = arrive({{shared_content(1), 0, 20}});
  admit(b);
  ASSERT_EQ(sequences_[b].computed, Tokens(20));
  ASSERT_EQ(run(), std::nullopt);
  const SequenceId c = fork(b);
  for (int step = 0; step < 12; ++step) {
    decode(a);
    decode(b);
    decode(c);
    ASSERT_EQ(run(), std::nullopt);
  }
  EXPECT_EQ(memory_.counters().copies, 0) << "20 tokens fill their blocks: nothing was shared half";
}

TEST_F(ContentsTest, FindsACopyThatWasNotMade) {
  for (const bool planted : {false, true}) {
    const SequenceId a = arrive({{shared_content(planted ? 5 : 6), 0, 10}});
    admit(a);
    ASSERT_EQ(run(), std::nullopt);
    const SequenceId b = fork(a);  // tokens 8 and 9 share a block with what comes next
    decode(a);
    decode(b);
    ASSERT_EQ(memory_.copies().size(), 1U) << "the last owner writes in place";
    if (planted) memory_.step_starts();  // forgets the copy
    EXPECT_EQ(run().has_value(), planted);
    memory_.release(sequences_[a], Release::kFinished);
    memory_.release(sequences_[b], Release::kFinished);
  }
}

TEST_F(ContentsTest, FindsABlockFreedOneReferenceEarly) {
  for (const bool planted : {false, true}) {
    const SequenceId a = arrive({{shared_content(2), 0, 12}});
    const SequenceId b = arrive({{shared_content(2), 0, 12}});
    admit(a);
    admit(b);
    ASSERT_EQ(run(), std::nullopt);
    const BlockId shared = block(a, 0);
    ASSERT_EQ(block(b, 0), shared);
    memory_.release(sequences_[a], Release::kFinished);
    if (planted) pool().release(std::span(&shared, 1));  // b's reference
    const SequenceId c = arrive({{private_content(77), 0, planted ? 64 : 56}});
    admit(c);
    decode(b);
    const auto problem = run();
    EXPECT_EQ(problem.has_value(), planted);
    if (planted) return;
    memory_.release(sequences_[b], Release::kFinished);
    memory_.release(sequences_[c], Release::kFinished);
  }
}

TEST_F(ContentsTest, FindsAStaleHash) {
  for (const bool planted : {false, true}) {
    const SequenceId a = arrive({{shared_content(3), 0, 9}});
    admit(a);
    ASSERT_EQ(run(), std::nullopt);
    // The key of a's first block, as if it had been left on a block that now holds c's tokens.
    const Key128 key = pool().key(block(a, 0));
    const SequenceId c = arrive({{private_content(88), 0, 9}});
    admit(c);
    ASSERT_EQ(run(), std::nullopt);
    if (planted) {
      pool().withdraw(block(a, 0));
      pool().cache(block(c, 0), key, {});
    }
    const SequenceId b = arrive({{shared_content(3), 0, 9}});
    admit(b);
    ASSERT_GT(plan_.work[0].context, Tokens(0)) << "b hits";
    EXPECT_EQ(run().has_value(), planted);
    for (const SequenceId id : {a, b, c}) memory_.release(sequences_[id], Release::kFinished);
  }
}

// A rejected guess leaves KV behind that the next token must overwrite, not keep.
TEST_F(ContentsTest, FindsARejectedGuessTakenForReal) {
  for (const bool planted : {false, true}) {
    const SequenceId a = arrive({{shared_content(4), 0, 9}});
    admit(a);
    ASSERT_EQ(run(), std::nullopt);
    Sequence& s = sequences_[a];
    ASSERT_TRUE(memory_.grow(s, s.tokens() + Tokens(2)));
    plan_.work.push_back({a, s.computed, Tokens(3), Tokens(2)});
    s.computed += Tokens(3);
    ASSERT_EQ(check_.step(plan_, sequences_), std::nullopt);
    plan_.clear();
    s.generated += Tokens(2);  // the first guess was right
    check_.accept(s, s.computed - Tokens(2), Tokens(1));
    s.computed -= planted ? Tokens(0) : Tokens(1);
    if (planted) s.generated += Tokens(1);
    decode(a);
    EXPECT_EQ(run().has_value(), planted);
    memory_.release(s, Release::kFinished);
  }
}

KvGroup window_of(std::int64_t tokens, std::int64_t sinks) {
  KvGroup group;
  group.kind = KvGroup::Kind::kSlidingWindow;
  group.block = Tokens(4);
  group.window = Tokens(tokens);
  group.sinks = Tokens(sinks);
  return group;
}
KvGroup full() {
  KvGroup group;
  group.block = Tokens(4);
  return group;
}

class WindowedContentsTest : public ContentsTest {
 protected:
  WindowedContentsTest() : ContentsTest({full(), window_of(6, 3)}) {}
};

TEST_F(WindowedContentsTest, ReadsTheSinksAndTheWindowOnly) {
  const SequenceId a = arrive({{shared_content(1), 0, 14}});
  admit(a);
  ASSERT_EQ(run(), std::nullopt);
  for (int step = 0; step < 10; ++step) {
    decode(a);
    ASSERT_EQ(run(), std::nullopt);
  }
  EXPECT_NE(memory_.slot(sequences_[a], 1, Tokens(2)), -1) << "a sink";
  EXPECT_EQ(memory_.slot(sequences_[a], 1, Tokens(8)), -1) << "left the window";
}

TEST_F(WindowedContentsTest, FindsAWindowCutTooShort) {
  const SequenceId a = arrive({{shared_content(1), 0, 16}});
  admit(a);
  ASSERT_EQ(run(), std::nullopt);
  memory_.cache().drop_skipped(sequences_[a], Tokens(21));  // as if it were further on
  decode(a);
  const auto problem = run();
  ASSERT_TRUE(problem.has_value());
  EXPECT_NE(problem->find("group 1"), std::string::npos) << *problem;
}

}  // namespace
}  // namespace kvsim
