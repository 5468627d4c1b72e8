// `sglang` batching against schedules worked out by hand from its definition.
#include <gtest/gtest.h>

#include "policies/batching/new_token_ratio.h"
#include "policies/batching/prefill_budget.h"
#include "policies/batching/sglang_order.h"
#include "sim/core/input_error.h"
#include "sim/core/registry.h"
#include "sim/model/scheduler.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

using Ids = std::vector<std::uint32_t>;

// A scheduler over a radix tree, driven the way a replica drives it. Sequences are numbered in
// order of arrival.
class Served {
 public:
  Served(std::int64_t capacity, std::int64_t page, const std::string& scheduler = "{}")
      : config_(ConfigView::parse(R"({"scheduler": )" + scheduler + "}", "test.json")),
        memory_(Registry<Allocator>::make(
            "radix", {Tokens(capacity), Tokens(page), Tokens(100'000), config_})),
        scheduler_(Registry<Scheduler>::make("sglang",
                                             {sequences_, *memory_, Tokens(100'000), config_})) {}

  std::uint32_t add(const std::vector<Span>& prompt, std::int64_t output,
                    std::int32_t priority = 0) {
    const SequenceId id = put(prompt, output, priority);
    scheduler_->enqueue(id);
    return id.index;
  }
  std::uint32_t add(std::int64_t prompt, std::int64_t output) {
    return add({{private_content(next_++), 0, prompt}}, output);
  }
  /// A sequence that nobody schedules.
  SequenceId put(const std::vector<Span>& prompt, std::int64_t output, std::int32_t priority = 0) {
    Request r = tiny::request(0, prompt, output, priority);
    const SequenceId id = sequences_.take();
    Sequence& s = sequences_[id];
    s.id = id;
    r.id = id.index;
    s.request = std::move(r);
    return id;
  }
  /// Leaves `prompt` in the cache.
  void cache(const std::vector<Span>& prompt) {
    Sequence& s = sequences_[put(prompt, 1)];
    const Tokens hit = memory_->lookup(s);
    ASSERT_TRUE(memory_->admit(s, hit, s.tokens(), {}));
    s.computed = s.tokens();
    memory_->commit(s);
    memory_->release(s, Release::kFinished);
  }

  /// Plans a step and lets it happen. The plan stays until the next one.
  const StepPlan& step() {
    plan_.clear();
    scheduler_->plan(plan_);
    memory_->check_books();
    for (const StepWork& work : plan_.work) advance(sequences_[work.sequence], work);
    return plan_;
  }
  [[nodiscard]] Ids worked() const {
    Ids ids;
    for (const StepWork& work : plan_.work) ids.push_back(work.sequence.index);
    return ids;
  }
  [[nodiscard]] Ids preempted() const {
    Ids ids;
    for (const SequenceId id : plan_.preempted) ids.push_back(id.index);
    return ids;
  }
  [[nodiscard]] std::vector<std::int64_t> computed() const {
    std::vector<std::int64_t> counts;
    for (const StepWork& work : plan_.work) counts.push_back(work.compute.value());
    return counts;
  }
  [[nodiscard]] Sequences& sequences() { return sequences_; }
  [[nodiscard]] Allocator& memory() { return *memory_; }
  [[nodiscard]] Scheduler& scheduler() { return *scheduler_; }

 private:
  void advance(Sequence& s, const StepWork& work) {
    if (work.compute > Tokens(1) || s.generated == Tokens(0)) memory_->commit(s);
    if (s.computed < s.tokens()) return;
    s.generated += Tokens(1);
    if (!s.finished()) return;
    std::vector<SequenceId> done;
    scheduler_->retire(s.id, done);
    for (const SequenceId id : done) memory_->release(sequences_[id], Release::kFinished);
  }

  ConfigView config_;
  Sequences sequences_;
  std::unique_ptr<Allocator> memory_;
  std::unique_ptr<Scheduler> scheduler_;
  StepPlan plan_;
  std::uint64_t next_ = 1;
};

// From 0.7 down to 0.14 of it in 600 equal steps.
TEST(NewTokenRatio, DecaysLinearlyAndIsSetBack) {
  NewTokenRatio ratio(1.0);
  EXPECT_DOUBLE_EQ(ratio.value(), 0.7);
  ratio.decay();
  EXPECT_NEAR(ratio.value(), 0.7 - 0.602 / 600, 1e-12);
  for (int i = 0; i < 299; ++i) ratio.decay();
  EXPECT_NEAR(ratio.value(), 0.7 - 0.301, 1e-9);
  for (int i = 0; i < 500; ++i) ratio.decay();
  EXPECT_NEAR(ratio.value(), 0.098, 1e-12);
  ratio.retracted(Tokens(30), Tokens(99), 1);  // (30 + 20) / (99 + 1)
  EXPECT_DOUBLE_EQ(ratio.value(), 0.5);
  ratio.retracted(Tokens(30), Tokens(40), 2);
  EXPECT_DOUBLE_EQ(ratio.value(), 1.0) << "never more than all";
  ratio.restart();
  EXPECT_DOUBLE_EQ(ratio.value(), 0.7);
  EXPECT_DOUBLE_EQ(NewTokenRatio(2.0).value(), 1.0);
}

TEST(PrefillBudget, ComparesStrictlyAndCountsAPagePerMember) {
  PrefillBudget budget(
      {.page = Tokens(16), .input = Tokens(64), .chunk = Tokens(48), .decodes = {}});
  EXPECT_TRUE(budget.fits(Tokens(83), Tokens(100)));
  EXPECT_FALSE(budget.fits(Tokens(84), Tokens(100))) << "84 + 16 are not less than 100";
  EXPECT_TRUE(budget.input_fits(Tokens(1000))) << "the first one always";
  EXPECT_TRUE(budget.must_cut(Tokens(49)));
  budget.charge(Tokens(20), Tokens(5));  // 32 input tokens, 5 + 16 set aside
  EXPECT_TRUE(budget.fits(Tokens(62), Tokens(100)));
  EXPECT_FALSE(budget.fits(Tokens(63), Tokens(100)));
  EXPECT_TRUE(budget.input_fits(Tokens(16)));
  EXPECT_FALSE(budget.input_fits(Tokens(17))) << "32 are not less than the 32 left";
  EXPECT_TRUE(budget.must_cut(Tokens(17)));
  EXPECT_EQ(budget.cut(), Tokens(16));
}

// 100 slots. A takes 50 and sets its 20 of output and one page aside: 29 are left for B, which
// needs 10, its output and one.
TEST(SglangBatching, AdmissionLooksAheadStrictly) {
  Served fits(100, 1);
  fits.add(50, 20);
  fits.add(10, 17);
  fits.step();
  EXPECT_EQ(fits.worked(), (Ids{0, 1})) << "28 < 29";
  Served just(100, 1);
  just.add(50, 20);
  just.add(10, 18);
  just.step();
  EXPECT_EQ(just.worked(), (Ids{0})) << "29 < 29 is false";
  just.step();
  EXPECT_EQ(just.computed(), (std::vector<std::int64_t>{1})) << "full: decodes until it shrinks";
}

// 100 slots: 40 cached, R holds 20 and is expected to need 0.7 * 10 more. B's prompt is the cached
// 40 and 10 more. Before its prefix is held 80 - 7 seem free, afterwards only 40 - 7.
TEST(SglangBatching, AdmissionLooksAgainOnceThePrefixIsHeld) {
  const std::vector<Span> prefix{{shared_content(1), 0, 40}};
  for (const std::int64_t output : {21, 22}) {
    Served served(100, 1);
    served.cache(prefix);
    const std::uint32_t r = served.add(20, 11);
    served.step();
    const std::uint32_t b =
        served.add({{shared_content(1), 0, 40}, {shared_content(2), 0, 10}}, output);
    served.step();
    EXPECT_EQ(served.worked(), (Ids{output == 21 ? b : r})) << "10 + output + 1 < 33";
  }
}

TEST(SglangBatching, PrefillsRunBeforeDecodes) {
  Served served(1000, 16);
  const std::uint32_t a = served.add(30, 5);
  served.step();
  const std::uint32_t b = served.add(40, 5);
  served.step();
  EXPECT_EQ(served.worked(), (Ids{b})) << "the decode waits";
  served.step();
  EXPECT_EQ(served.worked(), (Ids{a, b}));
  EXPECT_EQ(served.computed(), (std::vector<std::int64_t>{1, 1}));
}

TEST(SglangBatching, MixedChunksTakeTheDecodesAlong) {
  Served served(1000, 16, R"({"enable_mixed_chunk": true})");
  const std::uint32_t a = served.add(30, 5);
  served.step();
  const std::uint32_t b = served.add(40, 5);
  served.step();
  EXPECT_EQ(served.worked(), (Ids{b, a}));
  EXPECT_EQ(served.computed(), (std::vector<std::int64_t>{40, 1}));
}

// 70 tokens in chunks of 32: 32, 32, 6. The last chunk leaves a page of the step to the next one.
TEST(SglangBatching, CutsPromptsAtWholePages) {
  Served served(1000, 16, R"({"chunked_prefill_size": 32})");
  const std::uint32_t a = served.add(70, 3);
  const std::uint32_t b = served.add(10, 3);
  served.step();
  EXPECT_EQ(served.computed(), (std::vector<std::int64_t>{32}));
  EXPECT_EQ(served.scheduler().running(), 1U);
  served.step();
  EXPECT_EQ(served.computed(), (std::vector<std::int64_t>{32}));
  served.step();
  EXPECT_EQ(served.worked(), (Ids{a, b}));
  EXPECT_EQ(served.computed(), (std::vector<std::int64_t>{6, 10}));
  served.step();
  EXPECT_EQ(served.computed(), (std::vector<std::int64_t>{1, 1}));
}

// The same two, 24 tokens left of a step of 40: B's first chunk is its one whole page.
TEST(SglangBatching, AFirstChunkIsWholePages) {
  Served served(1000, 8, R"({"chunked_prefill_size": 40})");
  served.add(10, 3);
  const std::uint32_t b = served.add(60, 3);
  served.step();
  EXPECT_EQ(served.computed(), (std::vector<std::int64_t>{10, 24}));
  served.step();
  EXPECT_EQ(served.worked(), (Ids{b}));
  EXPECT_EQ(served.computed(), (std::vector<std::int64_t>{36}));
}

// 60 slots for prompts of 20, 12 and 8, admitted one by one. 6 decodes of all three leave 2 slots.
// All have 7 output tokens: the longest prompt goes, to the end of the queue.
TEST(SglangBatching, RetractsTheLeastOutputThenTheLongestPrompt) {
  Served served(60, 1, R"({"schedule_conservativeness": 0})");
  const std::uint32_t a = served.add(20, 12);
  served.step();
  const std::uint32_t b = served.add(12, 12);
  served.step();
  const std::uint32_t c = served.add(8, 12);
  served.step();
  for (int i = 0; i < 6; ++i) {
    served.step();
    ASSERT_EQ(served.worked(), (Ids{a, b, c}));
  }
  const std::uint32_t late = served.add(30, 1);
  served.step();  // looks at `late` first, which does not fit
  EXPECT_EQ(served.preempted(), (Ids{a}));
  EXPECT_EQ(served.worked(), (Ids{b, c}));
  EXPECT_EQ(served.sequences()[SequenceId{a}].generated, Tokens(7)) << "its output is kept";
  EXPECT_EQ(served.memory().memory().cached, Tokens(0)) << "room was made for 20 steps of two";
  while (served.scheduler().running() > 0) served.step();
  served.step();
  EXPECT_EQ(served.worked(), (Ids{late})) << "who waited longer comes before the retracted one";
}

TEST(SglangBatching, EverybodyIsServedHoweverSmallTheMemory) {
  Served served(64, 16);
  for (int i = 0; i < 5; ++i) served.add(40, 20);
  int steps = 0;
  while (served.scheduler().running() + served.scheduler().waiting() > 0) {
    served.step();
    ASSERT_LT(++steps, 1000);
  }
  EXPECT_EQ(served.memory().memory().used, Tokens(0));
}

TEST(SglangBatching, RefusesSettingsThatDoNotGoTogether) {
  const auto problem = [](const std::string& scheduler) -> std::string {
    try {
      const Served served(100, 16, scheduler);
      return "none";
    } catch (const InputError& error) {
      return error.what();
    }
  };
  EXPECT_EQ(problem(R"({"chunked_prefill_size": 40})"),
            "test.json: /scheduler/chunked_prefill_size: expected a multiple of the block size "
            "(16), got 40");
  EXPECT_EQ(problem(R"({"policy": "priority", "schedule_policy": "lpm"})"),
            "test.json: /scheduler/schedule_policy: expected fcfs or lof when /scheduler/policy is "
            "priority, got 'lpm'");
  EXPECT_EQ(problem(R"({"chunked_prefill_size": -1})"), "none");
}

// Every setting, on memory that is too small for comfort: all are served, the books balance at
// every step, and it is the same run again.
TEST(SglangBatching, ServesAllUnderEverySetting) {
  for (const std::string allocator : {"contiguous", "paged", "radix"})
    for (const std::string& order : SglangOrder::words())
      for (const bool mixed : {false, true})
        for (const int chunk : {16, 64, -1}) {
          SCOPED_TRACE(allocator + " " + order + (mixed ? " mixed " : " ") + std::to_string(chunk));
          tiny::World world;
          world.config.set("/cache/allocator", allocator, "test");
          world.config.set("/cache/reserve", "oracle", "test");
          world.config.set("/scheduler/batching", "sglang", "test");
          world.config.set("/scheduler/schedule_policy", order, "test");
          world.config.set("/scheduler/enable_mixed_chunk", mixed, "test");
          world.config.set("/scheduler/chunked_prefill_size", chunk, "test");
          world.config.set("/scheduler/schedule_conservativeness", 0.1, "test");
          world.config.set("/verify", "books", "test");
          world.capacity = Tokens(16 * 40);
          world.requests = tiny::random_requests(5, 80, 6);
          const Report report = world.run();
          EXPECT_EQ(report.requests.completed + report.requests.rejected, 80);
          EXPECT_GT(report.requests.completed, 70);
          EXPECT_EQ(world.run().provenance.fingerprint, report.provenance.fingerprint);
        }
}

// ---- Orders -------------------------------------------------------------------------------------

Ids sorted(Served& served, const std::string& word, std::vector<SequenceId> ids,
           bool by_priority = false) {
  std::deque<SequenceId> waiting(ids.begin(), ids.end());
  SglangOrder order(word, by_priority, served.sequences(), served.memory());
  order.sort(waiting, waiting.size());
  Ids sorted;
  for (const SequenceId id : waiting) sorted.push_back(id.index);
  return sorted;
}

std::vector<Span> spans(std::initializer_list<std::pair<std::uint64_t, std::int64_t>> parts) {
  std::vector<Span> all;
  for (const auto& [content, length] : parts) all.push_back({shared_content(content), 0, length});
  return all;
}

TEST(SglangOrder, LongestCachedPrefixFirst) {
  Served served(4096, 16);
  served.cache(spans({{1, 64}}));
  const SequenceId none = served.put(spans({{5, 70}}), 9);
  const SequenceId half = served.put(spans({{1, 48}, {6, 20}}), 9);
  const SequenceId all = served.put(spans({{1, 64}, {7, 20}}), 9);
  EXPECT_EQ(sorted(served, "lpm", {none, half, all}), (Ids{all.index, half.index, none.index}));
  EXPECT_EQ(sorted(served, "fcfs", {none, half, all}), (Ids{none.index, half.index, all.index}));
}

// B's first 40 tokens are A's, and nobody has cached them: B had better wait until A has. C shares
// only 31, D's are cached already.
TEST(SglangOrder, WhoWillFindItsPrefixCachedSoonGoesLast) {
  Served served(4096, 16);
  served.cache(spans({{2, 48}}));
  const SequenceId a = served.put(spans({{1, 40}, {11, 9}}), 9);
  const SequenceId b = served.put(spans({{1, 40}, {12, 9}}), 9);
  const SequenceId c = served.put(spans({{1, 31}, {13, 9}}), 9);
  const SequenceId d = served.put(spans({{2, 48}, {14, 9}}), 9);
  EXPECT_EQ(sorted(served, "lpm", {a, b, c, d}), (Ids{d.index, a.index, c.index, b.index}));
}

TEST(SglangOrder, LongQueuesKeepTheirOrder) {
  Served served(4096, 16);
  served.cache(spans({{1, 64}}));
  std::vector<SequenceId> ids;
  for (int i = 0; i < 128; ++i) ids.push_back(served.put(spans({{5, 20}}), 9));
  ids.push_back(served.put(spans({{1, 64}, {6, 9}}), 9));
  EXPECT_EQ(sorted(served, "lpm", ids).front(), ids.front().index);
  ids.erase(ids.begin());
  EXPECT_EQ(sorted(served, "lpm", ids).front(), ids.back().index);
}

// Cached: a system prompt (32) with two branches, X and Y (16 each). X is wanted twice, Y once;
// who ends at the fork comes after the branches, who has nothing cached after all.
TEST(SglangOrder, TheMostWantedBranchFirst) {
  Served served(4096, 16);
  served.cache(spans({{1, 32}, {2, 16}}));
  served.cache(spans({{1, 32}, {3, 16}}));
  const SequenceId none = served.put(spans({{9, 50}}), 9);
  const SequenceId fork = served.put(spans({{1, 32}, {8, 20}}), 9);
  const SequenceId y = served.put(spans({{1, 32}, {3, 16}, {4, 5}}), 9);
  const SequenceId x1 = served.put(spans({{1, 32}, {2, 16}, {5, 5}}), 9);
  const SequenceId x2 = served.put(spans({{1, 32}, {2, 16}, {6, 5}}), 9);
  EXPECT_EQ(sorted(served, "dfs-weight", {none, fork, y, x1, x2}),
            (Ids{x1.index, x2.index, y.index, fork.index, none.index}));
}

TEST(SglangOrder, LongestOutputFirstAndPriorityBeforeAll) {
  Served served(4096, 16);
  const SequenceId a = served.put(spans({{1, 9}}), 5, 1);
  const SequenceId b = served.put(spans({{2, 9}}), 50, 1);
  const SequenceId c = served.put(spans({{3, 9}}), 20, 0);
  EXPECT_EQ(sorted(served, "lof", {a, b, c}), (Ids{b.index, c.index, a.index}));
  EXPECT_EQ(sorted(served, "lof", {a, b, c}, true), (Ids{c.index, b.index, a.index}));
  EXPECT_EQ(sorted(served, "fcfs", {a, b, c}, true), (Ids{c.index, a.index, b.index}));
}

}  // namespace
}  // namespace kvsim
