// Deliberate regressions of the program itself turn the gate red with the cause named: the config
// is the same, the code behind a word of it is worse.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "reports/summary_json.h"
#include "sim/cli/bounds.h"
#include "sim/cli/verbs.h"
#include "sim/core/config_view.h"
#include "sim/core/input_error.h"
#include "sim/model/allocator.h"
#include "sim/model/eviction_policy.h"
#include "tests/support/scratch_folder.h"

namespace kvsim {
namespace {

/// For its lifetime, `word` stands for another implementation.
template <class Interface>
class Replaced {
 public:
  using Factory = typename Registry<Interface>::Factory;
  Replaced(const std::string& word, Factory make) : word_(word) {
    auto& entries = Registry<Interface>::entries();
    const auto found = entries.find(word);
    if (found != entries.end()) before_ = found->second;
    entries[word] = {std::move(make), "for a test", __FILE__};
  }
  ~Replaced() {
    Registry<Interface>::entries().erase(word_);
    if (before_) Registry<Interface>::entries()[word_] = *before_;
  }
  Replaced(const Replaced&) = delete;
  Replaced& operator=(const Replaced&) = delete;

 private:
  std::string word_;
  std::optional<typename Registry<Interface>::Entry> before_;
};

struct Said {
  int code;
  std::string out;
};

Said run(int (*verb)(Arguments), const std::vector<std::string>& words) {
  testing::internal::CaptureStdout();
  const int code = verb(words);
  return {code, testing::internal::GetCapturedStdout()};
}

// The paged memory manager, but for one mistake: once somebody was released, a hundredth of the
// blocks never comes back. Its books are honest: what nobody owns is memory given and never used.
class Leaky final : public Allocator {
 public:
  explicit Leaky(std::unique_ptr<Allocator> below, Tokens capacity)
      : below_(std::move(below)), capacity_(capacity) {}
  void release(const Sequence& s, Release why) override {
    below_->release(s, why);
    if (leaked_ > Tokens(0)) return;
    leak_.id = SequenceId{5000};
    leak_.request.prompt = Tokens(capacity_.value() / 100);
    leak_.request.content.append({private_content(1), 0, leak_.request.prompt.value()});
    if (below_->admit(leak_, Tokens(0), leak_.request.prompt, {})) leaked_ = leak_.request.prompt;
  }
  [[nodiscard]] MemoryUse memory() const override { return below_->memory(); }

  // All else is as below.
  [[nodiscard]] bool can_ever_fit(const Request& r, bool reserved) const override {
    return below_->can_ever_fit(r, reserved);
  }
  [[nodiscard]] Tokens lookup(const Sequence& s) override { return below_->lookup(s); }
  [[nodiscard]] bool admit(const Sequence& s, Tokens hit, Tokens total,
                           const AdmitRule& rule) override {
    return below_->admit(s, hit, total, rule);
  }
  [[nodiscard]] bool grow(const Sequence& s, Tokens total) override {
    return below_->grow(s, total);
  }
  void commit(const Sequence& s) override { below_->commit(s); }
  void step_starts() override { below_->step_starts(); }
  [[nodiscard]] std::span<const BlockCopy> copies() const override { return below_->copies(); }
  [[nodiscard]] std::int64_t slot(const Sequence& s, std::size_t g, Tokens at) const override {
    return below_->slot(s, g, at);
  }
  [[nodiscard]] Tokens block() const override { return below_->block(); }
  [[nodiscard]] Tokens idle_hit(const Sequence& s, Tokens hit) const override {
    return below_->idle_hit(s, hit);
  }
  [[nodiscard]] MemoryMap map() const override { return below_->map(); }
  [[nodiscard]] Counters counters() const override { return below_->counters(); }
  void check_books() const override { below_->check_books(); }

 private:
  std::unique_ptr<Allocator> below_;
  Tokens capacity_;
  Sequence leak_;
  Tokens leaked_;
};

class Regression : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(run(check_verb, {"demo", "--update-baseline", "--baseline", baseline_}).code, 0);
  }
  [[nodiscard]] Said check() const { return run(check_verb, {"demo", "--baseline", baseline_}); }

  ScratchFolder folder_;
  std::string baseline_ = folder_ / "baseline.json";
};

TEST_F(Regression, OfNothingIsGreen) { EXPECT_EQ(check().code, 0); }

TEST_F(Regression, OfAnEvictionPolicyIsRedAndNamesTheHitRate) {
  const auto worse = Registry<EvictionPolicy>::entries().at("mru").make;
  const Replaced<EvictionPolicy> replaced("lru", worse);
  const Said red = check();
  EXPECT_EQ(red.code, 99);
  EXPECT_NE(red.out.find("\nprefix_cache.miss.capacity "), std::string::npos) << red.out;
  EXPECT_NE(red.out.find("\nwhy: hit rate "), std::string::npos) << red.out;
  EXPECT_NE(red.out.find("prompt evicted and wanted again"), std::string::npos) << red.out;
}

TEST_F(Regression, OfOneBlockInAHundredIsRedAndNamesTheLeak) {
  const auto whole = Registry<Allocator>::entries().at("paged").make;
  const Replaced<Allocator> replaced("paged", [&whole](const Allocator::Setup& setup) {
    return std::make_unique<Leaky>(whole(setup), setup.capacity);
  });
  const Said red = check();
  EXPECT_EQ(red.code, 99);
  EXPECT_NE(red.out.find("\nkv.held_at_end_tokens "), std::string::npos) << red.out;
  // 2,048 blocks of 16, a hundredth of their tokens, in whole blocks: 21.
  EXPECT_NE(red.out.find("\nwhy: tokens still held at the end (a leak) 0 -> 336"),
            std::string::npos)
      << red.out;
}

// The bound is a row of its own, wins nothing, and its refusal is nobody's mistake.
TEST(OptimalRow, IsThereWhereSomethingWasEvicted) {
  const auto best = Registry<EvictionPolicy>::entries().at("lru").make;
  const Replaced<EvictionPolicy> replaced(std::string(kOptimalEviction), best);
  const std::vector<std::string> words{"demo",  "--json",
                                       "--set", "/cache/allocator=contiguous,paged,radix",
                                       "--set", "/cache/eviction=mru,fifo"};
  const auto json = parse_json(run(compare_verb, words).out, "x");
  ASSERT_EQ(json["variants"].size(), 8U) << "one bound of paged, one of radix";
  EXPECT_EQ(json["variants"][6]["label"], "allocator=paged eviction=optimal");
  EXPECT_EQ(json["variants"][6]["settings"]["/cache/eviction"], "optimal");
  EXPECT_EQ(json["variants"][6]["bound"], true);
  EXPECT_EQ(json["variants"][5]["bound"], false);
  EXPECT_EQ(json["verdict"].get<std::string>().find("optimal"), std::string::npos);
  std::vector<std::string> without = words;
  without.emplace_back("--no-optimal");
  EXPECT_EQ(parse_json(run(compare_verb, without).out, "x")["variants"].size(), 6U);
}

TEST(OptimalRow, IsLeftOutWhereTheFutureIsUnknown) {
  const Replaced<EvictionPolicy> replaced(
      std::string(kOptimalEviction),
      [](const EvictionPolicy::Setup&) -> std::unique_ptr<EvictionPolicy> {
        throw InputError("defaults", "/cache/eviction", "the future is unknown");
      });
  testing::internal::CaptureStderr();
  const Said said = run(compare_verb, {"demo", "--csv", "--set", "/cache/eviction=lru,fifo"});
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "kvsim compare: no row of optimal eviction: defaults: /cache/eviction: the future is "
            "unknown\n");
  EXPECT_EQ(said.code, 0);
  EXPECT_EQ(said.out.find("optimal"), std::string::npos);
}

}  // namespace
}  // namespace kvsim
