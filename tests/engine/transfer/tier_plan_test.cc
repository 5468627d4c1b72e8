// What /tiers and HiCache's flags come to, and what is refused.
#include "sim/engine/transfer/tier_plan.h"

#include <gtest/gtest.h>

namespace kvsim {
namespace {

// 1,000 bytes a token on each of 2 GPUs: a chunk of 256 tokens is 512,000 bytes.
TierSetting setting() {
  return {.block = Tokens(16),
          .block_bytes = Bytes(16'000),
          .pool = Tokens(1600),
          .gpus = 2,
          .host_bandwidth = 50e9};
}

std::optional<TierPlan> plan_of(const std::string& text) {
  return read_tier_plan(ConfigView::parse(text, "a.json"), setting());
}

std::string error_of(const std::string& text) {
  try {
    (void)plan_of(text);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(TierPlan, IsThereOnlyIfATierHasRoom) {
  EXPECT_FALSE(plan_of("{}"));
  EXPECT_FALSE(plan_of(R"({"tiers": {"prefetch": true, "load": "always"}})"));
}

TEST(TierPlan, CountsWholeChunksOfAllGpus) {
  const TierPlan plan = plan_of(R"({"tiers": {"host": {"gib": 1}, "disk": {"gib": 2}}})").value();
  EXPECT_EQ(plan.host->chunks, 1073741824 / 512'000);
  EXPECT_EQ(plan.disk->chunks, 2 * 1073741824LL / 512'000);
  EXPECT_FALSE(plan.remote);
  EXPECT_EQ(plan.gpu_bytes, Bytes(1000));
  EXPECT_EQ(plan.host_link.bytes_per_s, 50e9) << "the device's";
  EXPECT_EQ(plan.host_link.latency, Duration(10'000));
  EXPECT_EQ(plan.disk->link.bytes_per_s, 7e9);
}

// 2.5 pools of 1,600 tokens, in pages of 16.
TEST(TierPlan, TakesHiCachesFlags) {
  const TierPlan plan = plan_of(R"({"cache": {"allocator": "radix", "hicache_ratio": 2.5,
      "hicache_write_policy": "write_through_selective"}})")
                            .value();
  EXPECT_EQ(plan.host->chunks, 250);
  EXPECT_EQ(plan.chunk, Tokens(16));
  EXPECT_EQ(plan.threshold, 2U);
  EXPECT_TRUE(plan.closed);
  EXPECT_EQ(plan.least_load, Tokens(10));
  const TierPlan sized =
      plan_of(R"({"cache": {"allocator": "radix", "hicache_ratio": 2, "hicache_size": 0.016}})")
          .value();
  EXPECT_EQ(sized.host->chunks, 1000) << "0.016 GB on each GPU are 16,000 tokens";
}

TEST(TierPlan, RefusesWhatDoesNotGoTogether) {
  EXPECT_EQ(error_of(R"({"tiers": {"chunk_tokens": 40, "host": {"gib": 1}}})"),
            "a.json: /tiers/chunk_tokens: expected a multiple of block_size (16), got 40");
  EXPECT_EQ(error_of(R"({"tiers": {"prefetch": true, "disk": {"gib": 1}}})"),
            "a.json: /tiers/prefetch: prefetches go to the host's memory: set /tiers/host/gib");
  EXPECT_EQ(error_of(R"({"tiers": {"host": {"gib": 0.0001}}})"),
            "a.json: /tiers/host/gib: no room for a single chunk; raise it");
  EXPECT_EQ(error_of(R"({"tiers": {"host": {"gib": 1e8}}})"),
            "a.json: /tiers/host/gib: 209715200000 chunks are more than the 16777216 kvsim keeps "
            "track of; make chunks larger (/tiers/chunk_tokens, or block_size for HiCache)");
  EXPECT_EQ(error_of(R"({"tiers": {"host": {"gib": 1, "eviction": "optimal"}}})"),
            "a.json: /tiers/host/eviction: what a tier will be asked for is not known; use another "
            "policy");
  EXPECT_EQ(error_of(R"({"cache": {"allocator": "radix"},
                         "tiers": {"store": "on-evict", "host": {"gib": 1}}})"),
            "a.json: /tiers/store: on-evict goes with the allocator paged; use write-through");
  EXPECT_EQ(error_of(R"({"cache": {"hicache_ratio": 2}})"),
            "a.json: /cache/hicache_ratio: HiCache lies behind the allocator radix, not paged; use "
            "/tiers/host/gib");
  EXPECT_EQ(error_of(R"({"cache": {"allocator": "radix", "hicache_ratio": 2},
                         "tiers": {"host": {"gib": 1}}})"),
            "a.json: /cache/hicache_ratio: HiCache has the host's memory; leave /tiers/host/gib at "
            "0");
  EXPECT_EQ(
      error_of(R"({"cache": {"enable_prefix_caching": false}, "tiers": {"host": {"gib": 1}}})"),
      "a.json: /tiers: tiers hold prefixes: set /cache/enable_prefix_caching to true");
  EXPECT_EQ(
      error_of(R"({"scheduler": {"batching": "sglang"},
                         "tiers": {"load_async": true, "host": {"gib": 1}}})"),
      "a.json: /tiers/load_async: only vllm batching lets others run meanwhile; leave it null");
}

TEST(TierPlan, RefusesModelsThatKeepLessThanPrefixes) {
  std::vector<KvGroup> groups(2);
  groups[1].kind = KvGroup::Kind::kSlidingWindow;
  TierSetting windowed = setting();
  windowed.groups = groups;
  try {
    (void)read_tier_plan(ConfigView::parse(R"({"tiers": {"host": {"gib": 1}}})", "a.json"),
                         windowed);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(
        error.what(),
        "a.json: /cache/groups: tiers hold whole prefixes, and some of this model's layers "
        "keep less; set it to uniform (vLLM turns its hybrid KV cache manager off under a "
        "connector as well)");
  }
}

}  // namespace
}  // namespace kvsim
