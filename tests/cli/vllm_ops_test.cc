// The vLLM dialect: every record that vLLM's own block manager and scheduler (July 2026) answered,
// answered by the classes that simulations use; and by hand what those recordings do not show.
#include <gtest/gtest.h>

#include "tests/support/recordings.h"

namespace kvsim {
namespace {

using Json = OpsDialect::Json;

TEST(VllmOps, AnswersAsTheRecordingsInTheRepository) {
  const auto found = recordings(KVSIM_SOURCE_DIR "/tests/golden/ops", "vllm_");
  ASSERT_EQ(found.size(), 3U);
  for (const auto& ops : found) expect_recorded_answers(*make_vllm_ops(), ops);
}

TEST(VllmOps, AnswersAsEveryRecording) {
  const char* folder = std::getenv("KVSIM_OPS");
  if (folder == nullptr) GTEST_SKIP() << "KVSIM_OPS names no folder of recordings";
  const auto found = recordings(folder, "vllm_");
  ASSERT_FALSE(found.empty()) << folder;
  for (const auto& ops : found) expect_recorded_answers(*make_vllm_ops(), ops);
}

class VllmAsked : public testing::Test {
 protected:
  Json ask(const std::string& op) {
    const Json answer = dialect_->answer(Json::parse(op), line_++);
    dialect_->check_books();
    return answer;
  }
  std::string error(const std::string& op) {
    try {
      return "no error: " + ask(op).dump();
    } catch (const OpError& error) {
      dialect_->check_books();
      return error.what();
    }
  }
  void admitted(const std::string& id, const std::string& tokens) {
    ask(R"({"op": "request", "id": ")" + id + R"(", "tokens": )" + tokens + "}");
    ask(R"({"op": "get_computed", "id": ")" + id + R"("})");
    ask(R"({"op": "admit", "id": ")" + id + R"(", "chunk": 0, "lookahead": 0})");
  }

 private:
  std::unique_ptr<OpsDialect> dialect_ = make_vllm_ops();
  std::size_t line_ = 0;
};
using VllmManagerAsked = VllmAsked;
using VllmSchedulerAsked = VllmAsked;

TEST_F(VllmManagerAsked, UsageIsZeroWithOnlyTheNullBlockTaken) {
  EXPECT_EQ(ask(R"({"op": "config", "num_blocks": 5, "block_size": 4})")["usage"], 0.0);
  admitted("a", R"({"range": [0, 13]})");
  EXPECT_EQ(ask(R"({"op": "usage"})")["usage"], 1.0);
}

TEST_F(VllmManagerAsked, SaltsAndLorasAreNamespaces) {
  ask(R"({"op": "config", "num_blocks": 20, "block_size": 4})");
  admitted("a", "[1, 2, 3, 4, 5]");
  ask(R"({"op": "request", "id": "b", "tokens": [1, 2, 3, 4, 5], "cache_salt": "x"})");
  EXPECT_EQ(ask(R"({"op": "get_computed", "id": "b"})")["computed"], 0);
  ask(R"({"op": "request", "id": "c", "tokens": [1, 2, 3, 4, 5], "lora": "x"})");
  EXPECT_EQ(ask(R"({"op": "get_computed", "id": "c"})")["computed"], 0);
  ask(R"({"op": "request", "id": "d", "tokens": [1, 2, 3, 4, 5]})");
  EXPECT_EQ(ask(R"({"op": "get_computed", "id": "d"})")["computed"], 4);
}

// The same placeholder tokens mean different images; blocks before the image are shared.
TEST_F(VllmManagerAsked, MediaTellPlaceholdersApart) {
  ask(R"({"op": "config", "num_blocks": 40, "block_size": 4})");
  const auto prompt = [&](const char* id, const char* image) {
    return std::string(R"({"op": "request", "id": ")") + id +
           R"(", "tokens": [1, 2, 3, 4, 0, 0, 0, 0, 0, 5, 6, 7, 8], "mm": [{"hash": ")" + image +
           R"(", "offset": 4, "length": 5}]})";
  };
  ask(prompt("a", "cat"));
  ask(R"({"op": "get_computed", "id": "a"})");
  ask(R"({"op": "admit", "id": "a", "chunk": 0})");
  ask(prompt("b", "cat"));
  EXPECT_EQ(ask(R"({"op": "get_computed", "id": "b"})")["computed"], 12);
  ask(prompt("c", "dog"));
  EXPECT_EQ(ask(R"({"op": "get_computed", "id": "c"})")["computed"], 4);
}

TEST_F(VllmManagerAsked, WhoSkipsReadingTheCacheStillWritesIt) {
  ask(R"({"op": "config", "num_blocks": 20, "block_size": 4})");
  ask(R"({"op": "request", "id": "a", "tokens": [1, 2, 3, 4, 5], "skip_reading_prefix_cache": true})");
  EXPECT_EQ(ask(R"({"op": "get_computed", "id": "a"})")["computed"], 0);
  ask(R"({"op": "admit", "id": "a", "chunk": 0})");
  ask(R"({"op": "request", "id": "b", "tokens": [1, 2, 3, 4, 5], "skip_reading_prefix_cache": true})");
  EXPECT_EQ(ask(R"({"op": "get_computed", "id": "b"})")["computed"], 0);
  ask(R"({"op": "request", "id": "c", "tokens": [1, 2, 3, 4, 5]})");
  EXPECT_EQ(ask(R"({"op": "get_computed", "id": "c"})")["computed"], 4);
}

TEST_F(VllmManagerAsked, CachingCanBePutOff) {
  ask(R"({"op": "config", "num_blocks": 20, "block_size": 4})");
  ask(R"({"op": "request", "id": "a", "tokens": [1, 2, 3, 4, 5]})");
  const Json put_off =
      ask(R"({"op": "allocate", "id": "a", "num_new_tokens": 5, "delay_cache_blocks": true,)"
          R"( "advance": true, "dump": true})");
  EXPECT_EQ(put_off["num_computed"], 5);
  EXPECT_TRUE(put_off["cached"].empty());
  EXPECT_EQ(ask(R"({"op": "cache_blocks", "id": "a", "n": 5, "dump": true})")["cached"].size(), 1U);
}

// Withdrawn while free: it keeps its place, and its turn is no eviction.
TEST_F(VllmManagerAsked, EvictedByIdABlockKeepsItsPlace) {
  ask(R"({"op": "config", "num_blocks": 5, "block_size": 2})");
  admitted("a", "[1, 2, 3, 4, 5, 6, 7, 8]");
  ask(R"({"op": "free", "id": "a"})");
  const Json evicted = ask(R"({"op": "evict_blocks", "block_ids": [3], "dump": true})");
  EXPECT_EQ(evicted["evicted"], Json::parse("[[3, 0, 2]]"));
  EXPECT_EQ(evicted["free_queue"], Json({4, 3, 2, 1}));
  admitted("b", "[9, 9, 9, 9]");
  EXPECT_EQ(ask(R"({"op": "reset"})")["ok"], false) << "b is running";
  ask(R"({"op": "free", "id": "b"})");
  EXPECT_EQ(ask(R"({"op": "reset"})")["ok"], true);
  EXPECT_TRUE(ask(R"({"op": "state"})")["cached"].empty());
}

TEST_F(VllmManagerAsked, TouchedBlocksAreInUse) {
  ask(R"({"op": "config", "num_blocks": 5, "block_size": 2})");
  const Json touched = ask(R"({"op": "touch", "block_ids": [2, 2, 0], "dump": true})");
  EXPECT_EQ(touched["free"], 3);
  EXPECT_EQ(touched["ref_cnt"], Json({{"2", 2}}));
  EXPECT_EQ(touched["free_queue"], Json({1, 3, 4}));
}

// A look-up alone takes nothing: who then goes on without its hits computes from the start.
TEST_F(VllmManagerAsked, HitsThatAreNotTakenDoNotCount) {
  ask(R"({"op": "config", "num_blocks": 7, "block_size": 4,
          "groups": [{"type": "sliding_window", "sliding_window": 2}]})");
  admitted("a", R"({"range": [0, 13]})");
  ask(R"({"op": "preempt", "id": "a"})");
  EXPECT_EQ(ask(R"({"op": "get_computed", "id": "a"})")["computed"], 12);
  const Json answer = ask(R"({"op": "advance", "id": "a", "token": 5, "chunk": 4})");
  EXPECT_EQ(answer["num_new"], 4);
  EXPECT_EQ(answer["table"][0].size(), 1U);
  EXPECT_EQ(answer["table"], answer["new_blocks"]);
}

// What the real code raises is a record; what is wrong with the file is an error.
TEST_F(VllmManagerAsked, TellsMistakesFromExceptions) {
  EXPECT_EQ(error(R"({"op": "usage"})"), "op: a `config` or `sched_config` must come first");
  ask(R"({"op": "config", "num_blocks": 20, "block_size": 4})");
  ask(R"({"op": "request", "id": "a", "tokens": [1, 2, 3]})");
  EXPECT_TRUE(ask(R"({"op": "allocate", "id": "a", "num_new_tokens": 0})").contains("error"));
  EXPECT_EQ(error(R"({"op": "request", "id": "a", "tokens": [1]})"), "id: 'a' is in use already");
  EXPECT_EQ(error(R"({"op": "request", "id": "b", "tokens": []})"),
            "tokens: a prompt has at least one token");
  EXPECT_EQ(error(R"({"op": "admit", "id": "b", "chunk": 0})"),
            "id: no request named 'b' (never made, or freed)");
  EXPECT_EQ(error(R"({"op": "admit", "id": "a", "chunk": -1})"),
            "chunk: expected an integer from 0 to 4194304, got -1");
  ask(R"({"op": "free", "id": "a"})");
  EXPECT_EQ(error(R"({"op": "free", "id": "a"})"),
            "id: no request named 'a' (never made, or freed)");
  EXPECT_EQ(error(R"({"op": "touch", "block_ids": [20]})"),
            "block_ids: expected an integer from 0 to 19, got 20");
  EXPECT_EQ(error(R"({"op": "config", "num_blocks": 1, "block_size": 4})"),
            "num_blocks: expected an integer from 2 to 1048576, got 1");
  EXPECT_EQ(error(R"({"op": "config", "num_blocks": 9, "block_size": 4, "groups": []})"),
            "groups: expected 1 to 16 groups");
  EXPECT_EQ(error(R"({"op": "fly"})"), "op: no operation named 'fly'");
}

TEST_F(VllmSchedulerAsked, AnAbortFreesWhoRunsAndWhoWaits) {
  ask(R"({"op": "sched_config", "num_blocks": 9, "block_size": 4, "max_num_seqs": 1})");
  ask(R"({"op": "add", "id": "a", "tokens": [1, 2, 3], "max_tokens": 9})");
  ask(R"({"op": "add", "id": "b", "tokens": [4, 5, 6], "max_tokens": 9})");
  EXPECT_EQ(ask(R"({"op": "step"})")["waiting"], Json({"b"}));
  ask(R"({"op": "abort", "id": "b"})");
  EXPECT_EQ(ask(R"({"op": "abort", "id": "a"})")["free"], 8);
  EXPECT_EQ(ask(R"({"op": "step"})")["finished"], Json({"a", "b"}));
  EXPECT_EQ(error(R"({"op": "abort", "id": "c"})"), "id: no request named 'c'");
}

TEST_F(VllmSchedulerAsked, SampledTokensAreSaid) {
  ask(R"({"op": "sched_config", "num_blocks": 9, "block_size": 2, "num_speculative_tokens": 2})");
  ask(R"({"op": "add", "id": "a", "tokens": [1, 2, 3], "max_tokens": 9})");
  ask(R"({"op": "step"})");
  ask(R"({"op": "drafts", "drafts": {"a": [7, 8]}})");
  const Json step = ask(R"({"op": "step", "sampled": {"a": [7, 9]}})");
  EXPECT_EQ(step["spec"]["a"], Json({7, 8}));
  EXPECT_EQ(step["num_computed"]["a"], 5) << "one of two drafts was right";
}

}  // namespace
}  // namespace kvsim
