// The SGLang dialect: recorded answers of SGLang's own code, and by hand what those do not show.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/recordings.h"

namespace kvsim {
namespace {

using Json = OpsDialect::Json;

TEST(SglangOps, AnswersAsTheRecordingsInTheRepository) {
  const auto found = recordings(KVSIM_SOURCE_DIR "/tests/golden/ops", "sglang_");
  ASSERT_EQ(found.size(), 2U);
  for (const auto& ops : found) expect_recorded_answers(*make_sglang_ops(), ops);
}

TEST(SglangOps, AnswersAsEveryRecording) {
  const char* folder = std::getenv("KVSIM_OPS");
  if (folder == nullptr) GTEST_SKIP() << "KVSIM_OPS names no folder of recordings";
  const auto found = recordings(folder, "sglang_");
  ASSERT_FALSE(found.empty()) << folder;
  for (const auto& ops : found) expect_recorded_answers(*make_sglang_ops(), ops);
}

// A dialect that is asked one operation at a time; books are checked after each.
class Asked : public testing::Test {
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
  static Json slots(int first, int end) {
    Json all = Json::array();
    for (int i = first; i < end; ++i) all.push_back(i);
    return all;
  }

 private:
  std::unique_ptr<OpsDialect> dialect_ = make_sglang_ops();
  std::size_t line_ = 0;
};
using SglangTreeOps = Asked;
using SglangRequestOps = Asked;

TEST_F(SglangTreeOps, ExtraKeysAreNamespaces) {
  ask(R"({"op": "config"})");
  ask(R"({"op": "insert", "key": [1, 2, 3]})");
  EXPECT_EQ(ask(R"({"op": "match", "key": [1, 2, 3], "extra_key": "lora"})")["matched"], 0);
  EXPECT_EQ(ask(R"({"op": "insert", "key": [1, 2], "extra_key": "lora"})")["prefix_len"], 0);
  EXPECT_EQ(ask(R"({"op": "match", "key": [1, 2, 3], "extra_key": "lora"})")["matched"], 2);
  const Json tree = ask(R"({"op": "state"})")["tree"];
  ASSERT_EQ(tree.size(), 2U);
  EXPECT_EQ(tree[0]["extra"], nullptr);
  EXPECT_EQ(tree[1]["extra"], "lora");
}

TEST_F(SglangTreeOps, AnInsertBringsItsOwnValues) {
  ask(R"({"op": "config", "page_size": 2})");
  ask(R"({"op": "insert", "key": [1, 2, 3, 4, 5], "value": [70, 71, 72, 73, 74]})");
  const Json match = ask(R"({"op": "match", "key": [1, 2, 3, 4, 5]})");
  EXPECT_EQ(match["indices"], Json({70, 71, 72, 73}));
  EXPECT_EQ(error(R"({"op": "insert", "key": [6, 7], "value": [1]})"),
            "value: expected 2 values, got 1");
}

TEST_F(SglangTreeOps, TokensMayBeRunsAndRanges) {
  ask(R"({"op": "config"})");
  ask(R"({"op": "insert", "key": {"runs": [[7, 2]], "range": [10, 13]}})");
  EXPECT_EQ(ask(R"({"op": "match", "key": [7, 7, 10, 11, 99]})")["matched"], 4);
}

TEST_F(SglangTreeOps, AllocatedSlotsAreTakenAndDuplicatesGivenBack) {
  ask(R"({"op": "config", "size": 8, "page_size": 2})");
  EXPECT_EQ(ask(R"({"op": "insert", "key": [1, 2, 3, 4], "value": "alloc"})")["available"], 4);
  const Json again = ask(R"({"op": "insert", "key": [1, 2, 5, 6], "value": "alloc"})");
  EXPECT_EQ(again["prefix_len"], 2);
  EXPECT_EQ(again["available"], 2);
  const Json full = ask(R"({"op": "insert", "key": [8, 8, 8, 8], "value": "alloc"})");
  EXPECT_TRUE(full.contains("error"));
  EXPECT_EQ(full["available"], 2);
}

TEST_F(SglangTreeOps, ALockOutlivesASplitButNotAnEviction) {
  ask(R"({"op": "config"})");
  ask(R"({"op": "insert", "key": [1, 2, 3, 4]})");
  ask(R"({"op": "match", "key": [1, 2, 3, 4], "as": "all"})");
  EXPECT_EQ(ask(R"({"op": "inc_lock", "h": "all"})")["delta"], -4);
  ask(R"({"op": "match", "key": [1, 2], "as": "half"})");  // splits under the lock
  EXPECT_EQ(ask(R"({"op": "evict", "n": 4})")["num_evicted"], 0);
  EXPECT_EQ(error(R"({"op": "dec_lock", "h": "half"})"),
            "h: 'half' is not locked; inc_lock comes first");
  EXPECT_EQ(ask(R"({"op": "dec_lock", "h": "all"})")["delta"], 4);
  EXPECT_EQ(ask(R"({"op": "evict", "n": 1})")["num_evicted"], 2);
  EXPECT_EQ(error(R"({"op": "inc_lock", "h": "all"})"),
            "h: the node of 'all' was evicted; match again");
  ask(R"({"op": "insert", "key": [5, 6]})");  // takes the freed node id
  EXPECT_EQ(error(R"({"op": "inc_lock", "h": "all"})"),
            "h: the node of 'all' was evicted; match again");
  EXPECT_EQ(ask(R"({"op": "inc_lock", "h": "half"})")["delta"], -2);
}

TEST_F(SglangTreeOps, ResetForgetsTreeLocksAndHandles) {
  ask(R"({"op": "config", "size": 6})");
  ask(R"({"op": "insert", "key": [1, 2], "value": "alloc"})");
  ask(R"({"op": "match", "key": [1, 2], "as": "a"})");
  ask(R"({"op": "inc_lock", "h": "a"})");
  const Json reset = ask(R"({"op": "reset"})");
  EXPECT_EQ(reset["total"], 0);
  EXPECT_EQ(reset["available"], 6);
  EXPECT_EQ(error(R"({"op": "dec_lock", "h": "a"})"),
            "h: no handle named 'a'; a match makes one with \"as\"");
}

TEST_F(SglangTreeOps, DisabledKeepsNothing) {
  ask(R"({"op": "config", "disable": true, "size": 8})");
  EXPECT_EQ(ask(R"({"op": "insert", "key": [1, 2], "value": "alloc"})")["prefix_len"], 0);
  const Json match = ask(R"({"op": "match", "key": [1, 2]})");
  EXPECT_EQ(match["matched"], 0);
  EXPECT_EQ(match["clock"], 2) << "only the root's two readings";
}

// Pages of 2. Slots 0 and 1 are padding; a page goes out in order and comes back to the front.
TEST_F(SglangRequestOps, APromptInChunksThenOutput) {
  ask(R"({"op": "config", "size": 16, "page_size": 2})");
  Json r = ask(R"({"op": "req", "id": "a", "tokens": [1, 2, 3, 4, 5], "chunk": 2})");
  EXPECT_EQ(r["matched"], 0);
  EXPECT_EQ(r["new_indices"], slots(2, 4));
  EXPECT_EQ(error(R"({"op": "decode", "id": "a", "token": 9})"),
            "id: 'a' lacks input; a chunk comes first");
  EXPECT_EQ(error(R"({"op": "chunk", "id": "a", "upto": 5})"),
            "id: cache_unfinished comes between two chunks");
  r = ask(R"({"op": "cache_unfinished", "id": "a", "chunked": true})");
  EXPECT_EQ(r["protected_len"], 2);
  EXPECT_EQ(r["row"], slots(2, 4));
  EXPECT_EQ(error(R"({"op": "chunk", "id": "a", "upto": 6})"),
            "upto: expected an integer from 3 to 5, got 6");
  r = ask(R"({"op": "chunk", "id": "a", "upto": 5})");
  EXPECT_EQ(r["new_indices"], slots(4, 7));
  r = ask(R"({"op": "cache_unfinished", "id": "a"})");
  EXPECT_EQ(r["protected_len"], 4) << "the half page stays the request's own";
  EXPECT_EQ(r["row"], slots(2, 7));
  EXPECT_EQ(ask(R"({"op": "state"})")["tree"][0]["hit"], 1) << "a chunked insert counts no hit";
  r = ask(R"({"op": "decode", "id": "a", "token": 9})");
  EXPECT_EQ(r["index"], Json({7}));
  r = ask(R"({"op": "decode", "batch": [{"id": "a", "token": 9}]})");
  EXPECT_EQ(r["index"], Json({8}));
  EXPECT_EQ(r["available"], 8);
  r = ask(R"({"op": "finish", "id": "a"})");
  EXPECT_EQ(r["evictable"], 6) << "prompt and output in whole pages";
  EXPECT_EQ(r["available"], 10) << "the tail is free again";
}

TEST_F(SglangRequestOps, FinishWithoutInsertFreesWhatIsItsOwn) {
  ask(R"({"op": "config", "size": 8})");
  ask(R"({"op": "req", "id": "a", "tokens": [1, 2, 3]})");
  const Json done = ask(R"({"op": "finish", "id": "a", "is_insert": false})");
  EXPECT_EQ(done["total"], 0);
  EXPECT_EQ(done["available"], 8);
  ask(R"({"op": "config", "size": 8, "disable_finished_insert": true})");
  ask(R"({"op": "req", "id": "a", "tokens": [1, 2, 3]})");
  EXPECT_EQ(ask(R"({"op": "finish", "id": "a"})")["total"], 0);
}

// When short it evicts what it asks for, not what is missing: 3 wanted, 2 free, 3 evicted.
TEST_F(SglangRequestOps, EvictsTheFullAmount) {
  ask(R"({"op": "config", "size": 8})");
  for (const char* key : {"[1, 2]", "[3, 4]", "[5, 6]"})
    ask(R"({"op": "insert", "value": "alloc", "key": )" + std::string(key) + "}");
  const Json r = ask(R"({"op": "req", "id": "a", "tokens": [7, 8, 9]})");
  EXPECT_EQ(r["evicted"].size(), 2U);
  EXPECT_EQ(r["new_indices"], Json({7, 8, 1})) << "freed slots queue up behind the free ones";
}

TEST_F(SglangRequestOps, ARequestThatDoesNotFitLeavesNoTrace) {
  ask(R"({"op": "config", "size": 4})");
  ask(R"({"op": "insert", "key": [1, 2], "value": "alloc"})");
  const Json r = ask(R"({"op": "req", "id": "a", "tokens": [1, 2, 3, 4, 5, 6]})");
  EXPECT_EQ(r["ok"], false);
  EXPECT_EQ(r["matched"], 2);
  EXPECT_EQ(r["new_indices"], nullptr);
  EXPECT_EQ(r["protected"], 0);
  EXPECT_EQ(error(R"({"op": "finish", "id": "a"})"),
            "id: no request 'a' is running; a req starts one");
}

// Fewest output tokens first, ties: the longest prompt. Each comes back with its output as input.
TEST_F(SglangRequestOps, RetractsAndReadmits) {
  ask(R"({"op": "config", "size": 20})");
  ask(R"({"op": "req", "id": "long", "tokens": [1, 2, 3]})");
  ask(R"({"op": "req", "id": "old", "tokens": [4, 5, 6, 7]})");
  ask(R"({"op": "decode", "id": "old", "token": 50})");
  ask(R"({"op": "req", "id": "short", "tokens": [8]})");
  EXPECT_EQ(ask(R"({"op": "retract_auto"})")["retracted"], "long");
  EXPECT_EQ(ask(R"({"op": "retract_auto"})")["retracted"], "short");
  EXPECT_EQ(ask(R"({"op": "retract", "id": "old", "remaining": 0})")["available"], 20);
  EXPECT_EQ(error(R"({"op": "readmit", "id": "new"})"), "id: request 'new' was not retracted");
  EXPECT_EQ(ask(R"({"op": "readmit", "id": "old"})")["new_indices"].size(), 5U);
  EXPECT_EQ(error(R"({"op": "readmit", "id": "old"})"),
            "id: request 'old' is running already; finish it first");
}

TEST_F(SglangRequestOps, DecodeSaysWhatItNeeds) {
  ask(R"({"op": "config", "size": 4, "page_size": 2})");
  ask(R"({"op": "req", "id": "a", "tokens": [1, 2]})");
  ask(R"({"op": "req", "id": "b", "tokens": [3, 4]})");
  const Json r = ask(R"({"op": "decode_auto", "token": 9})");
  EXPECT_EQ(r["ok"], false);
  EXPECT_EQ(r["need"], 4);
  EXPECT_EQ(
      error(R"({"op": "decode", "batch": [{"id": "a", "token": 1}, {"id": "a", "token": 1}]})"),
      "batch: 'a' is in it twice");
}

// need_sort parks what is freed and sorts it in when the free list runs short.
TEST_F(SglangRequestOps, NeedSortHandsOutLowSlotsAgainOnlyWhenShort) {
  ask(R"({"op": "config", "size": 6, "need_sort": true})");
  ask(R"({"op": "req", "id": "a", "tokens": [1, 2]})");
  ask(R"({"op": "finish", "id": "a", "is_insert": false})");
  EXPECT_EQ(ask(R"({"op": "req", "id": "b", "tokens": [1, 2, 3]})")["new_indices"],
            Json({3, 4, 5}));
  EXPECT_EQ(ask(R"({"op": "req", "id": "c", "tokens": [1, 2]})")["new_indices"], Json({1, 2}));
}

TEST_F(SglangRequestOps, WhatCannotBeAskedIsSaid) {
  EXPECT_EQ(error(R"({"op": "state"})"), "op: 'state' needs a config before it");
  EXPECT_EQ(error(R"({"op": "config", "policy": "lur"})"),
            "policy: no policy named 'lur'; known: fifo, filo, lfu, lru, mru, priority, slru "
            "(did you mean 'lru'?)");
  EXPECT_EQ(error(R"({"op": "config", "size": 0})"),
            "size: expected an integer from 1 to 4194304, got 0");
  ask(R"({"op": "config"})");
  EXPECT_EQ(error(R"({"op": "req", "id": "a", "tokens": [1]})"),
            "op: 'req' needs a config with a size");
  EXPECT_EQ(error(R"({"op": "evict", "n": -1})"),
            "n: expected an integer from 0 to 9007199254740992, got -1");
  EXPECT_EQ(error(R"({"op": "insert", "key": {"runs": [[1, 99999999]]}})"),
            "key: expected an integer from 0 to 4194304, got 99999999");
  EXPECT_EQ(error(R"({"op": "insert", "key": {"range": [0, 99999999]}})"),
            "key: expected at most 4194304 tokens");
}

// A chain of nodes deeper than anything prints, one token each.
TEST_F(SglangTreeOps, ATreeTooDeepToPrintSaysSo) {
  ask(R"({"op": "config"})");
  for (int n = 1; n <= 600; ++n)
    ask(fmt::format(R"({{"op": "insert", "key": {{"range": [0, {}]}}}})", n));
  const Json state = ask(R"({"op": "state"})");
  EXPECT_EQ(state["error"], "the tree is over 500 nodes deep");
  EXPECT_EQ(state["evictable"], 600);
}

}  // namespace
}  // namespace kvsim
