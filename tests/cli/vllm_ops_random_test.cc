// Random vLLM operations of the recorded kinds, right and wrong ones, on small pools: the books
// balance after each, and what a record shows adds up.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sim/cli/ops/dialect.h"
#include "sim/core/rng.h"
#include "tests/support/repetitions.h"

namespace kvsim {
namespace {

using Json = OpsDialect::Json;

class RandomVllmOps : public testing::TestWithParam<std::string> {
 protected:
  Json next() {
    switch (below(16)) {
      case 0:
      case 1:
        return with_tokens({{"op", "request"}, {"id", fresh()}});
      case 2:
      case 3:
        return {{"op", "get_computed"}, {"id", id()}};
      case 4:
      case 5:
        return {{"op", "admit"}, {"id", id()}, {"chunk", below(3) * 5}, {"lookahead", below(3)}};
      case 6:
        return {{"op", "allocate"},
                {"id", id()},
                {"num_new_tokens", below(9)},
                {"full_sequence_must_fit", below(2) == 0},
                {"advance", true}};
      case 7:
        return {{"op", "preempt"}, {"id", id()}};
      case 8:
        return {{"op", "free"}, {"id", id()}};
      case 9:
        return below(4) == 0 ? Json{{"op", "reset"}}
                             : Json{{"op", "evict_blocks"}, {"block_ids", {1 + below(12)}}};
      case 10:
        return {{"op", "common_prefix"}, {"id", id()}};
      case 11:
        return below(2) == 0 ? Json{{"op", "new_step"}} : Json{{"op", "state"}};
      default:
        return {{"op", "advance"},   {"id", id()},       {"token", below(3)},
                {"chunk", below(8)}, {"spec", below(4)}, {"accept", below(4)}};
    }
  }
  // Fewer come than can be served: some always wait, never thousands.
  Json next_of_scheduler() {
    switch (below(14)) {
      case 0:
        return with_tokens({{"op", "add"},
                            {"id", fresh()},
                            {"max_tokens", 1 + below(20)},
                            {"priority", below(3)},
                            {"arrival", static_cast<std::int64_t>(made_)}});
      case 1:
        return {{"op", "drafts_all"}, {"n", below(4)}};
      case 2:
        return below(4) == 0 ? Json{{"op", "abort"}, {"id", id()}} : Json{{"op", "state"}};
      default:
        return {{"op", "step"}, {"accept_all", below(3)}};
    }
  }
  static void expect_that_it_adds_up(const Json& record, std::int64_t usable) {
    if (!record.contains("ref_cnt")) return;
    const auto users = static_cast<std::int64_t>(record["ref_cnt"].size());
    EXPECT_EQ(users + record["free"].get<std::int64_t>(), usable);
    EXPECT_EQ(static_cast<std::int64_t>(record["free_queue"].size()),
              record["free"].get<std::int64_t>());
  }

 private:
  std::int64_t below(std::uint64_t n) { return static_cast<std::int64_t>(rng_.below(n)); }
  std::string fresh() { return fmt::format("r{}", made_++); }
  // Somebody recent, who may be gone, or be no more than a name.
  std::string id() {
    const std::uint64_t back = rng_.below(10);
    return fmt::format("r{}", made_ > back ? made_ - back : 0);
  }
  // Prompts share prefixes.
  Json with_tokens(Json op) {
    const std::int64_t shared = below(5) * 7;
    Json runs = Json::array();
    for (std::int64_t i = below(6); i > 0; --i) runs.push_back({below(3), 1 + below(4)});
    op["tokens"] = {{"range", {1000, 1001 + shared}}, {"runs", runs}};
    return op;
  }

  Rng rng_{11, "vllm ops"};
  std::uint64_t made_ = 0;
};

TEST_P(RandomVllmOps, KeepTheBooks) {
  const std::unique_ptr<OpsDialect> dialect = make_vllm_ops();
  const Json config = Json::parse(GetParam());
  const bool scheduler = config["op"] == "sched_config";
  constexpr std::size_t kOps = repetitions<std::size_t>(20'000);
  constexpr std::size_t kTrace = 150;  // then who was forgotten holds most blocks: begin anew
  std::size_t refused = 0;
  std::size_t evicted = 0;
  for (std::size_t i = 0; i < kOps; ++i) {
    if (i % kTrace == 0) (void)dialect->answer(config, i);
    try {
      const Json record = dialect->answer(scheduler ? next_of_scheduler() : next(), i);
      evicted += record.contains("evicted") ? record["evicted"].size() : 0;
      expect_that_it_adds_up(record, config["num_blocks"].get<std::int64_t>() - 1);
    } catch (const OpError&) {
      ++refused;
    }
    if (i % 8 == 0) dialect->check_books();
  }
  EXPECT_EQ(evicted > kOps / 50, config.value("enable_prefix_caching", true)) << evicted;
  EXPECT_GT(refused, kOps / 1000) << "wrong operations are among them";
  EXPECT_LT(refused, 3 * kOps / 4) << "but not only";
}

INSTANTIATE_TEST_SUITE_P(
    Configs, RandomVllmOps,
    testing::Values(
        R"({"op": "config", "num_blocks": 24, "block_size": 4})",
        R"({"op": "config", "num_blocks": 24, "block_size": 4, "semantics": "vllm-2026-03"})",
        R"({"op": "config", "num_blocks": 24, "block_size": 4, "enable_prefix_caching": false})",
        R"({"op": "config", "num_blocks": 24, "block_size": 4, "use_eagle": true})",
        R"({"op": "config", "num_blocks": 24, "block_size": 4, "sliding_window": 9})",
        R"({"op": "config", "num_blocks": 40, "block_size": 4, "groups": [{"type": "full"},)"
        R"( {"type": "sliding_window", "sliding_window": 8}]})",
        R"({"op": "config", "num_blocks": 40, "block_size": 4, "use_eagle": true, "groups": )"
        R"([{"type": "full"}, {"type": "sliding_window", "sliding_window": 8}, {"type": "full"}]})",
        R"({"op": "config", "num_blocks": 40, "block_size": 4, "groups": [{"type": "full"},)"
        R"( {"type": "chunked_local", "chunk": 8}]})",
        R"({"op": "config", "num_blocks": 40, "block_size": 4, "groups": [{"type": "full"},)"
        R"( {"type": "mamba", "mode": "align", "num_speculative_blocks": 2}]})",
        R"({"op": "config", "num_blocks": 40, "block_size": 4, "groups": [{"type": "full"},)"
        R"( {"type": "mamba", "mode": "all"}]})",
        R"({"op": "config", "num_blocks": 60, "block_size": 4, "groups": [{"type": "full"},)"
        R"( {"type": "sliding_window", "sliding_window": 8, "block_size": 2},)"
        R"( {"type": "full", "block_size": 6}]})",
        R"({"op": "sched_config", "num_blocks": 24, "block_size": 4, "max_num_batched_tokens": 24,)"
        R"( "max_num_seqs": 5, "max_model_len": 80})",
        R"({"op": "sched_config", "num_blocks": 24, "block_size": 4, "max_num_batched_tokens": 24,)"
        R"( "max_num_seqs": 5, "max_model_len": 80, "policy": "priority", "semantics": )"
        R"("vllm-2026-03"})",
        R"({"op": "sched_config", "num_blocks": 24, "block_size": 4, "max_num_batched_tokens": 24,)"
        R"( "max_num_seqs": 5, "max_model_len": 80, "num_speculative_tokens": 3,)"
        R"( "speculative_method": "eagle"})"));

}  // namespace
}  // namespace kvsim
