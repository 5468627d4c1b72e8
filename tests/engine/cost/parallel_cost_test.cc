// Steps over many GPUs: layers cut, experts dealt out, ranks that share them.
#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

#include "sim/core/input_error.h"
#include "sim/core/rng.h"
#include "sim/engine/cost/expert_prices.h"
#include "tests/engine/cost/priced.h"

namespace kvsim {
namespace {

Priced with(const std::string& fields) { return Priced("{" + fields + "}"); }

constexpr const char* kBig = R"("cost": "roofline", "model": "llama-3.1-70b")";

TEST(TensorParallel, OverTwoNodesCostsMoreThanInOne) {
  for (const std::string cost : {"roofline", "auto"}) {
    const std::string fields =
        R"("model": "llama-3.1-70b", "tensor_parallel_size": 8, "cost": ")" + cost + '"';
    const Priced one = with(fields);
    const Priced two = with(fields + R"(, "topology": {"gpus_per_node": 4})");
    for (const std::int64_t batch : {1, 100})
      EXPECT_GT(two.ms(decodes(batch, 100)), one.ms(decodes(batch, 100))) << cost;
    EXPECT_GT(two.ms(prompt(0, 8192)), one.ms(prompt(0, 8192))) << cost;
  }
}

// Eight KV heads on 16 GPUs: each is held twice, so a GPU reads as much KV as one of eight.
TEST(TensorParallel, ReadsCopiedKvHeadsWhole) {
  const auto kv = [](int ways) {
    const Priced p = with(fmt::format(R"({}, "tensor_parallel_size": {})", kBig, ways));
    return p.ms(decodes(64, 8192)) - p.ms(decodes(64, 1));
  };
  EXPECT_NEAR(kv(8), kv(4) / 2, 1e-5);
  EXPECT_NEAR(kv(16), kv(8), 1e-5);
}

/// The busiest of `gpus` over the mean, by drawing each token's distinct experts.
double drawn_imbalance(std::int64_t tokens, std::int64_t per_token, std::int64_t experts,
                       std::int64_t gpus, Rng& rng) {
  std::vector<std::int64_t> load(static_cast<std::size_t>(gpus));
  std::vector<std::int64_t> order(static_cast<std::size_t>(experts));
  std::iota(order.begin(), order.end(), 0);
  for (std::int64_t t = 0; t < tokens; ++t)
    for (std::int64_t k = 0; k < per_token; ++k) {
      const auto rest = static_cast<std::uint64_t>(experts - k);
      const auto i = static_cast<std::size_t>(k) + static_cast<std::size_t>(rng.below(rest));
      std::swap(order[static_cast<std::size_t>(k)], order[i]);
      ++load[static_cast<std::size_t>(order[static_cast<std::size_t>(k)] * gpus / experts)];
    }
  const double mean = static_cast<double>(tokens * per_token) / static_cast<double>(gpus);
  return static_cast<double>(*std::max_element(load.begin(), load.end())) / mean;
}

TEST(Experts, ImbalanceIsThatOfTokensDrawnAtRandom) {
  Rng rng(5, "imbalance");
  for (const auto& [per_token, experts] : {std::pair{2, 8}, std::pair{8, 256}})
    for (const int gpus : {2, 4, 8})
      for (const int tokens : {8, 64, 1024}) {
        double sum = 0;
        constexpr int kDraws = 400;
        for (int i = 0; i < kDraws; ++i)
          sum += drawn_imbalance(tokens, per_token, experts, gpus, rng);
        const double expected = expected_imbalance(tokens, per_token, experts, gpus);
        EXPECT_NEAR(expected / (sum / kDraws), 1, 0.07)
            << per_token << " of " << experts << " on " << gpus << ", " << tokens << " tokens";
      }
  EXPECT_EQ(expected_imbalance(10, 2, 8, 1), 1);
  EXPECT_NEAR(expected_imbalance(1e9, 8, 256, 64), 1, 1e-3) << "evens out";
}

// Eight experts on eight GPUs, one each or a slice of every one: the same bytes and FLOPs.
TEST(Experts, DealtOutEvenlyCostWhatCutOnesDo) {
  const std::string mixtral =
      R"("cost": "roofline", "model": "mixtral-8x7b", "tensor_parallel_size": 8)";
  const Priced cut = with(mixtral);
  const Priced even =
      with(mixtral + R"(, "enable_expert_parallel": true, "moe": {"imbalance": 1})");
  const Priced drawn = with(mixtral + R"(, "enable_expert_parallel": true)");
  for (const StepShape& shape : {decodes(3, 500), prompt(0, 4096)})
    EXPECT_EQ(even.cost->price(shape), cut.cost->price(shape));
  EXPECT_EQ(drawn.cost->price(decodes(3, 500)), cut.cost->price(decodes(3, 500)))
      << "few tokens read weights, whoever has how many";
  EXPECT_GT(drawn.cost->price(prompt(0, 4096)), cut.cost->price(prompt(0, 4096)));
}

TEST(Experts, WeighOnEachGpuWhatItHolds) {
  const ModelSpec deepseek = with(R"("model": "deepseek-v3")").model;
  const std::int64_t all = count_parameters(deepseek).experts;
  EXPECT_EQ(count_parameters(deepseek, Sharding{8, 1, 16}).experts * 16, all);
  EXPECT_EQ(count_parameters(deepseek, Sharding{8, 1, 8}).experts * 8, all);
  // 256 over 24: eleven on the fullest.
  EXPECT_EQ(count_parameters(deepseek, Sharding{8, 1, 24}).experts * 256, all * 11);
  EXPECT_EQ(count_parameters(deepseek, Sharding{8, 1, 16}).attention,
            count_parameters(deepseek, 8).attention);
}

// Mixtral on 8 ranks of one GPU: 32 layers, each gathers 8 * 100 tokens of 8,192 bytes and
// scatters their sums: 2 * (5 us + 7/8 * 6,553,600 B / (0.79 * 450 GB/s)).
TEST(DataParallel, GathersTokensAndScattersTheirSums) {
  const Priced p = with(R"("cost": "roofline", "model": "mixtral-8x7b")");
  RoutedExperts experts;
  experts.count = 8;
  experts.per_token = 2;
  experts.layers = 32;
  experts.gpus = experts.ranks = 8;
  const auto exchange = [&](const ConfigView& config) {
    return ExpertPrices(experts, 4096, {1, 1}, Collectives(p.device, config), config).exchange(100);
  };
  const double link = 0.79 * 450e9;
  EXPECT_NEAR(exchange(p.config), 32 * 2 * (5e-6 + 7.0 / 8 * 6'553'600 / link), 1e-9);
  // Each token once to the 8 (1 - (7/8)^2) = 1.875 GPUs that have one of its two, and back.
  ConfigView direct = p.config;
  direct.set("/all2all_backend=deepep_high_throughput");
  EXPECT_NEAR(exchange(direct), 32 * 2 * (5e-6 + 7.0 / 8 * 100 * 1.875 * 8192 / link), 1e-9);
  // Of two nodes it reaches 2 (1 - (1/2)^2) = 1.5, half of them not its own.
  direct.set("/topology/gpus_per_node=4");
  EXPECT_NEAR(
      exchange(direct),
      32 * 2 *
          (5e-6 + 3.0 / 4 * 100 * 1.875 * 8192 / link + 5e-6 + 1.0 / 2 * 100 * 1.5 * 8192 / 40e9),
      1e-9);
}

TEST(DataParallel, RanksReadTheirShareOfTheExperts) {
  const std::string model = R"("cost": "roofline", "model": "mixtral-8x7b")";
  const Priced alone = with(model);
  const Priced rank = with(model + R"(, "data_parallel_size": 4, "enable_expert_parallel": true)");
  EXPECT_LT(rank.ms(decodes(64, 100)), alone.ms(decodes(64, 100)));
}

TEST(Experts, NeverChargeLessForMoreTokens) {
  for (
      const std::string layout :
      {R"("tensor_parallel_size": 8)",
       R"("tensor_parallel_size": 8, "enable_expert_parallel": true)",
       R"("tensor_parallel_size": 4, "data_parallel_size": 8, "enable_expert_parallel": true)",
       R"("tensor_parallel_size": 8, "pipeline_parallel_size": 4, "enable_expert_parallel": true)"})
    for (const std::string model : {"deepseek-v3", "mixtral-8x7b"}) {
      if (model == "mixtral-8x7b" && layout.find("data") != std::string::npos) continue;
      const Priced p = with(R"("cost": "roofline", "model": ")" + model + "\", " + layout);
      Duration last{};
      for (std::int64_t batch = 1; batch < 3000; batch += 1 + batch / 3) {
        const Duration now = p.cost->price(decodes(batch, 200));
        EXPECT_GT(now, last) << model << ' ' << layout << ' ' << batch;
        last = now;
      }
    }
}

std::string error_of(const std::string& fields) {
  try {
    (void)with(fields);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Layouts, AreRefusedWhereTheyMakeNoSense) {
  EXPECT_EQ(error_of(R"("data_parallel_size": 2)"),
            "a.json: /data_parallel_size: the ranks of llama-3.1-8b would share nothing, it has no "
            "experts; use /replicas");
  EXPECT_EQ(error_of(R"("model": "mixtral-8x7b", "data_parallel_size": 2)"),
            "a.json: /data_parallel_size: ranks are modelled that share whole experts; set "
            "enable_expert_parallel too, or use /replicas");
  EXPECT_EQ(error_of(R"("enable_expert_parallel": true)"),
            "a.json: /enable_expert_parallel: llama-3.1-8b has no experts");
  EXPECT_EQ(error_of(R"("model": "mixtral-8x7b", "tensor_parallel_size": 8,
                        "data_parallel_size": 2, "enable_expert_parallel": true)"),
            "a.json: /enable_expert_parallel: 8 experts cannot be dealt out to 16 GPUs; use less "
            "tensor_parallel_size or data_parallel_size");
}

}  // namespace
}  // namespace kvsim
