// steps.jsonl: which steps are kept, and what is said of one.
#include "reports/steps_jsonl.h"

#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sim/model/allocator.h"
#include "tests/support/program.h"

namespace kvsim {
namespace {

using Json = nlohmann::json;

std::vector<Json> rows_of(const std::string& text) {
  std::vector<Json> rows;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) rows.push_back(Json::parse(line));
  return rows;
}

/// Token t of any sequence lies in block 7 - t / 4, at 16 slots a block; tokens 4 .. 7 are gone.
class Backwards final : public Allocator {
 public:
  [[nodiscard]] bool can_ever_fit(const Request&, bool) const override { return true; }
  [[nodiscard]] Tokens lookup(const Sequence&) override { return {}; }
  [[nodiscard]] bool admit(const Sequence&, Tokens, Tokens, const AdmitRule&) override {
    return true;
  }
  [[nodiscard]] bool grow(const Sequence&, Tokens) override { return true; }
  void commit(const Sequence&) override {}
  void release(const Sequence&, Release) override {}
  [[nodiscard]] std::int64_t slot(const Sequence&, std::size_t, Tokens position) const override {
    const std::int64_t block = position / Tokens(4);
    return block == 1 ? -1 : (7 - block) * 16 + (position % Tokens(4)).value();
  }
  [[nodiscard]] std::int64_t slots_per_block() const override { return 16; }
  [[nodiscard]] Tokens block() const override { return Tokens(4); }
  [[nodiscard]] MemoryUse memory() const override { return {}; }
  [[nodiscard]] Counters counters() const override { return {}; }
  [[nodiscard]] MemoryMap map() const override { return {}; }
  void check_books() const override {}
};

class World {
 public:
  explicit World(std::size_t count, std::uint64_t seed = 1)
      : steps([this](std::string_view piece) { text += piece; }, count, seed) {
    plan.work.push_back({sequences.take(), Tokens(8), Tokens(1)});
  }
  void step(std::int64_t ms) {
    steps.on_step({ReplicaId{2}, Time(std::chrono::milliseconds(ms)),
                   Duration(std::chrono::microseconds(1500)), shape, plan, sequences, MemoryUse{},
                   0, 1, &cache});
  }
  [[nodiscard]] std::set<int> kept(int of) {
    for (int i = 0; i < of; ++i) step(i);
    steps.on_end(Time{});
    std::set<int> numbers;
    for (const Json& row : rows_of(text)) numbers.insert(row.at("step").get<int>());
    return numbers;
  }
  StepShape shape;
  StepPlan plan;
  Sequences sequences;
  Backwards cache;
  std::string text;
  StepsJsonl steps;
};

TEST(StepsJsonl, SaysWhereTheTokensLie) {
  World world(1);
  world.plan.work.push_back({world.plan.work[0].sequence, Tokens(9), Tokens(0)});  // only samples
  world.step(250);
  world.steps.on_end(Time{});
  EXPECT_EQ(world.text,
            R"({"step":0,"start_s":0.250000,"took_us":1500.000,"replica":2,"block_tokens":4,)"
            R"("work":[{"context":8,"compute":1,"blocks":[7,-1,5]}]})"
            "\n");
}

TEST(StepsJsonl, KeepsAllOfAShortRun) { EXPECT_EQ(World(5).kept(3), (std::set<int>{0, 1, 2})); }

TEST(StepsJsonl, EveryStepIsEquallyLikely) {
  // 4 of 16, 2000 times: each 500 times, give or take five standard deviations of 19.
  std::array<int, 16> times{};
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const std::set<int> kept = World(4, seed).kept(16);
    ASSERT_EQ(kept.size(), 4U);
    for (const int step : kept) ++times[static_cast<std::size_t>(step)];
  }
  for (const int count : times) EXPECT_NEAR(count, 500, 97);
}

TEST(StepsJsonl, SameSeedSameSteps) {
  EXPECT_EQ(World(4, 9).kept(100), World(4, 9).kept(100));
  EXPECT_NE(World(4, 9).kept(100), World(4, 10).kept(100));
}

TEST(RunVerb, WritesStepsWithTheirBlockTables) {
  const ScratchFolder folder;
  ASSERT_EQ(run_program("run --steps 7 --out " + (folder / "a")).code, 0);
  const auto rows = rows_of(text_of(folder / "a/steps.jsonl"));
  ASSERT_EQ(rows.size(), 7U);
  for (const Json& row : rows) {
    const int block = row.at("block_tokens");
    EXPECT_GT(row.at("took_us").get<double>(), 0);
    ASSERT_FALSE(row.at("work").empty());
    std::map<int, int> users;
    for (const Json& work : row.at("work")) {
      const int tokens = work.at("context").get<int>() + work.at("compute").get<int>();
      EXPECT_EQ(work.at("blocks").size(), static_cast<std::size_t>((tokens + block - 1) / block));
      // What a sequence writes now is in a block of its own.
      ++users[work.at("blocks").back().get<int>()];
    }
    for (const auto& [id, count] : users) {
      EXPECT_EQ(count, 1) << "block " << id;
      EXPECT_GE(id, 0);
    }
  }
  ASSERT_EQ(run_program("run --steps 7 --out " + (folder / "b")).code, 0);
  EXPECT_EQ(text_of(folder / "a/steps.jsonl"), text_of(folder / "b/steps.jsonl"));
  ASSERT_EQ(run_program("run --out " + (folder / "c")).code, 0);
  EXPECT_EQ(text_of(folder / "c/steps.jsonl"), "");
  EXPECT_EQ(text_of(folder / "a/summary.json"), text_of(folder / "c/summary.json"));
}

TEST(RunVerb, RefusesStepsItCannotWrite) {
  const Outcome nowhere = run_program("run --steps 7");
  EXPECT_EQ(nowhere.code, 2);
  EXPECT_EQ(nowhere.err, "kvsim run: --steps: needs --out DIR to write to\n");
  const ScratchFolder folder;
  const Outcome none = run_program("run --steps 0 --out " + (folder / "x"));
  EXPECT_EQ(none.code, 2);
  EXPECT_EQ(none.err, "kvsim run: --steps: expected 1 to 10000, got 0\n");
  EXPECT_EQ(folder.entries(), 0U);
}

}  // namespace
}  // namespace kvsim
