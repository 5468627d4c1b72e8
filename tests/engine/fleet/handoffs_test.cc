// Prompts computed by one pool, answered by another: what moves, what it delays, what is kept.

#include "sim/engine/fleet/handoffs.h"

#include <gtest/gtest.h>

#include "tests/support/clients.h"
#include "tests/support/repetitions.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

using tiny::ms;

constexpr std::int64_t kBlock = 16;

// Two pools with prices and memory of their own.
struct Split {
  ConfigView config;
  std::vector<Request> requests;
  tiny::PriceList prefill{[](const StepShape&) { return ms(100); }};
  tiny::PriceList decode{[](const StepShape&) { return ms(10); }};
  std::int64_t prefills = 1, decodes = 1;
  Tokens prefill_capacity{kBlock * 1001}, decode_capacity{kBlock * 1001};
  Bytes token{1'000'000};
  std::int64_t layers = 10;

  [[nodiscard]] PoolParts pool(Role role) const {
    const bool first = role != Role::kDecode;
    PoolParts parts{
        config,     first ? prefill : decode, first ? prefill_capacity : decode_capacity,
        Tokens(16), Tokens(100'000),          {}};
    parts.replicas = first ? prefills : decodes;
    parts.name = word_of(role);
    parts.role = role;
    parts.token_bytes = token;
    parts.layers = layers;
    return parts;
  }
  Report run(const std::vector<Observer*>& watchers = {}) const {
    tiny::Listed listed(requests);
    return simulate({config, listed, {pool(Role::kPrefill), pool(Role::kDecode)}}, watchers, {});
  }
};

// A prompt of 160 tokens is 160 MB: 16 ms at 10 GB/s.
Split one_request() {
  Split split;
  split.config.set("/disaggregation/gbytes_per_s=10");
  split.config.set("/disaggregation/latency_us=500");
  split.requests = {tiny::lonely(0, 160, 3)};
  return split;
}

TEST(Handoffs, SerialTransferStandsBetweenTheFirstTokenAndTheSecond) {
  Split split = one_request();
  split.config.set("/disaggregation/transfer=serial");
  const Report r = split.run();
  EXPECT_EQ(r.ttft_ms.mean, 100);
  EXPECT_DOUBLE_EQ(r.e2e_ms.mean, 100 + 16 + 0.5 + 2 * 10);
  EXPECT_EQ(r.itl_ms.max, 16 + 0.5 + 10);
  EXPECT_EQ(r.requests.completed, 1);
  EXPECT_EQ(r.computed_tokens, 162);  // nothing twice
}

TEST(Handoffs, LayeredTransferLeavesTheLastLayer) {
  const Report r = one_request().run();
  EXPECT_DOUBLE_EQ(r.e2e_ms.mean, 100 + 1.6 + 0.5 + 2 * 10);
}

TEST(Handoffs, LayeredTransferMovesNoMoreThanThePrefillLeftTimeFor) {
  Split split = one_request();
  split.config.set("/disaggregation/gbytes_per_s=1");  // 160 ms in all, 100 of them hidden
  EXPECT_DOUBLE_EQ(split.run().e2e_ms.mean, 100 + 60 + 0.5 + 2 * 10);
}

TEST(Handoffs, WhatTheDecodeReplicaHasCachedDoesNotMove) {
  Split split = one_request();
  split.config.set("/disaggregation/transfer=serial");
  const std::vector<Span> prompt{{shared_content(1), 0, 160}};
  split.requests = {tiny::request(0, prompt, 2), tiny::request(1000, prompt, 2)};
  const Report r = split.run();
  // The second finds its 160 tokens there: all blocks of the prompt, as its first token is known.
  EXPECT_EQ(r.itl_ms.count, 2);
  EXPECT_DOUBLE_EQ(r.itl_ms.mean, (26.5 + 10) / 2);
}

TEST(Handoffs, OneTokenAnswersStay) {
  Split split = one_request();
  split.requests = {tiny::lonely(0, 160, 1)};
  const Report r = split.run();
  EXPECT_EQ(r.e2e_ms.mean, 100);
  EXPECT_EQ(r.pools[0].completed, 1);
  EXPECT_EQ(r.pools[1].completed, 0);
}

// Either replica holds one sequence at a time. The second stays in the prefill replica until the
// first has been answered; only then is there room for the third prompt.
TEST(Handoffs, AFullDecodePoolBacksUpIntoThePrefillPool) {
  Split split = one_request();
  split.config.set("/disaggregation/gbytes_per_s=100000");
  split.config.set("/disaggregation/latency_us=0");
  split.config.set("/disaggregation/transfer=serial");
  split.config.set("/cache/enable_prefix_caching=false");
  split.prefill_capacity = Tokens(kBlock * 17);
  split.decode_capacity = Tokens(kBlock * 15);
  split.requests = {tiny::lonely(0, 160, 61), tiny::lonely(0, 160, 61), tiny::lonely(0, 160, 61)};
  split.config.set("/scheduler/max_num_batched_tokens=160");
  const Report r = split.run();
  EXPECT_EQ(r.requests.completed, 3);
  // Prefills end at 100 and 200 ms; the first answer's 60 steps at 700; then the third begins.
  EXPECT_NEAR(r.ttft_ms.max, 100 + 600 + 100, 1);
}

TEST(Handoffs, RefusesWhatTheDecodePoolCouldNeverHold) {
  Split split = one_request();
  split.decode_capacity = Tokens(kBlock * 8);
  const Report r = split.run();
  EXPECT_EQ(r.requests.rejected_too_large, 1);
}

// DistServe (arXiv 2401.09670), figure 1: a GPU that only prefills keeps up with 5.6 requests/s,
// one that only decodes with 10. Two of the first and one of the second serve 10 on three GPUs: 3.3
// each, 2.1 times the 1.6 of a GPU that does both.
TEST(Handoffs, TwoPrefillAndOneDecodeServeWhatTheirPhasesAllow) {
  Split split;
  split.config.set("/disaggregation/latency_us=0");
  split.token = Bytes(1000);
  split.prefills = 2;
  split.config.set("/scheduler/max_num_batched_tokens=512");
  split.config.set("/scheduler/max_num_seqs=25");
  split.config.set("/routing=least-loaded");
  // A prompt at a time, 1/5.6 s each; 25 answers of 64 tokens at a time, 25 in 2.5 s.
  const Duration prompt = round_to_ns(1 / 5.6);
  const Duration token = round_to_ns(2.5 / 63);
  split.prefill = tiny::PriceList([prompt](const StepShape&) { return prompt; });
  split.decode = tiny::PriceList([token](const StepShape&) { return token; });
  split.prefill_capacity = split.decode_capacity = Tokens(kBlock * 4001);
  for (int i = 0; i < 3000; ++i) split.requests.push_back(tiny::lonely(0, 512, 64));
  const Report r = split.run();
  const double per_gpu = r.throughput.request_per_s / 3;
  EXPECT_NEAR(per_gpu, 10 / 3.0, 0.02 * 10 / 3.0);
  EXPECT_NEAR(per_gpu / 1.6, 2.1, 0.05);
  // A third prefill replica adds nothing; without the second, prefill is what there is too little
  // of.
  split.prefills = 3;
  EXPECT_NEAR(split.run().throughput.request_per_s, 10, 0.2);
  split.prefills = 1;
  EXPECT_NEAR(split.run().throughput.request_per_s, 5.6, 0.2);
}

// Halfway: 8.5 of the 16.5 ms of a transfer have passed when its prefill replica goes down. The
// decode replica computes 161 tokens in one step, which gives the second token, and then the third.
TEST(Handoffs, KvOfAPrefillReplicaThatGoesDownDoesNotArrive) {
  Split split = one_request();
  split.config.set("/disaggregation/transfer=serial");
  split.config.set(
      R"(/faults=[{"kind": "replica-down", "replica": 0, "at_s": 0.1085, "for_s": 1}])");
  split.config.set("/verify=contents");
  const Report r = split.run();
  EXPECT_DOUBLE_EQ(r.e2e_ms.mean, 100 + 8.5 + 10 + 10);
  EXPECT_EQ(r.computed_tokens, 160 + 161 + 1);
  EXPECT_EQ(r.recomputed_tokens, 160);
  EXPECT_EQ(r.failed_loads->loads, 1);
  EXPECT_EQ(r.failed_loads->tokens, 160);
  EXPECT_EQ(r.requests.retries, 0) << "it had its first token, and lost no replica";
}

TEST(Handoffs, ASlowLinkTakesItsFactor) {
  for (const int replica : {0, 1}) {
    Split split = one_request();
    split.config.set("/disaggregation/transfer=serial");
    split.config.set(fmt::format(R"(/faults=[{{"kind": "slow-link", "link": "handoff",
                                     "replica": {}, "factor": 3, "at_s": 0.11, "for_s": 1}}])",
                                 replica));
    EXPECT_DOUBLE_EQ(split.run().e2e_ms.mean, 100 + 10 + 3 * 6 + 0.5 + 2 * 10) << replica;
  }
}

// Up to three replicas of either kind, short of memory, over slow links.
Split random_split(int seed, double mean_gap_ms, Rng& rng) {
  Split split;
  split.requests = tiny::random_requests(static_cast<std::uint64_t>(seed), 40, mean_gap_ms);
  split.prefills = 1 + static_cast<std::int64_t>(rng.below(3));
  split.decodes = 1 + static_cast<std::int64_t>(rng.below(3));
  split.prefill_capacity = Tokens(kBlock * static_cast<std::int64_t>(30 + rng.below(40)));
  split.decode_capacity = Tokens(kBlock * static_cast<std::int64_t>(30 + rng.below(40)));
  split.config.set(rng.below(2) == 0 ? "/disaggregation/transfer=serial" : "/seed=1");
  split.config.set("/disaggregation/gbytes_per_s=1");
  split.config.set("/verify=contents");
  return split;
}

TEST(Handoffs, LoseNothingUnderTightMemory) {
  for (int seed = 0; seed < repetitions(60); ++seed) {
    Rng rng(static_cast<std::uint64_t>(seed), "handoffs_test");
    Split split = random_split(seed, 20, rng);
    split.config.set(rng.below(2) == 0 ? "/cache/allocator=paged" : "/cache/allocator=radix");
    split.config.set(rng.below(2) == 0 ? "/scheduler/async_scheduling=true" : "/seed=2");
    const Report r = split.run();
    SCOPED_TRACE(seed);
    EXPECT_EQ(r.requests.total, r.requests.completed + r.requests.rejected);
    EXPECT_EQ(r.ttft_ms.count, r.requests.completed);
    EXPECT_EQ(r.kv.held_at_end_tokens, 0);
    EXPECT_EQ(r.provenance.fingerprint, split.run().provenance.fingerprint);
  }
}

TEST(Handoffs, LoseNothingWhenReplicasFail) {
  std::int64_t retries = 0;
  for (int seed = 0; seed < repetitions(60); ++seed) {
    Rng rng(static_cast<std::uint64_t>(seed), "handoffs_test faults");
    Split split = random_split(seed, 60, rng);
    split.config.set(R"(/faults=[{"kind": "replica-down", "mtbf_s": 2, "mttr_s": 0.3}])");
    split.config.set("/retry/attempts=1000");
    Clients clients(static_cast<std::size_t>(split.prefills + split.decodes));
    const Report r = split.run({&clients});
    SCOPED_TRACE(seed);
    EXPECT_EQ(r.requests.total, r.requests.completed + r.requests.rejected);
    EXPECT_EQ(clients.ended_, r.requests.total);
    EXPECT_EQ(r.provenance.fingerprint, split.run().provenance.fingerprint);
    retries += r.requests.retries.value_or(0);
  }
  EXPECT_GT(retries, 0);
}

}  // namespace
}  // namespace kvsim
