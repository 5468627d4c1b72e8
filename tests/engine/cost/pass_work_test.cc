// What a pass asks of a GPU adds up to the model.
#include "sim/engine/cost/pass_work.h"

#include <gtest/gtest.h>

#include "sim/engine/catalog.h"
#include "sim/model/builtin_configs.h"

namespace kvsim {
namespace {

double weights_of(const PassWork& work) {
  double sum = 0;
  for (const Linear& linear : work.linears) sum += linear.out * linear.in * linear.count;
  return sum;
}

// Every projection of every model, cut any way: the matrices hold the parameters that
// model_spec_test compares with published counts, but for biases and a Mamba mixer's convolution.
TEST(PassWork, MultipliesByEveryWeightOnce) {
  for (const std::string& name : builtin_config_names("models"))
    for (const int ways : {1, 2, 4, 8}) {
      const ConfigView config =
          ConfigView::parse(fmt::format(R"({{"model": "{}"}})", name), "a.json");
      const ModelSpec model = load_model(config);
      if (sharding_problem(model, {ways, 1})) continue;
      Deployment d = read_deployment(model, config);
      d.shards.tensor = ways;
      const ParameterCount all = count_parameters(model, ways);
      const auto expected =
          static_cast<double>(all.attention + all.feed_forward + all.shared_experts + all.mamba);
      const double actual = weights_of(PassWork(model, d));
      const bool plain = !model.attention.qkv_bias && !model.attention.out_bias &&
                         !model.feed_forward.bias && !model.mamba;
      if (plain)
        EXPECT_EQ(actual, expected) << name << " on " << ways;
      else
        EXPECT_NEAR(actual / expected, 1, 0.01) << name << " on " << ways;
    }
}

TEST(PassWork, FusesProjectionsAsVllmDoes) {
  const ConfigView config = ConfigView::parse(R"({"tensor_parallel_size": 2})", "a.json");
  const ModelSpec model = load_model(config);
  const PassWork work(model, read_deployment(model, config));
  // Llama-3.1-8B over two GPUs: q, k, v are 16 + 4 + 4 heads of 128; gate and up 7,168 each.
  const auto has = [&work](double out, double in, double count) {
    return std::any_of(work.linears.begin(), work.linears.end(), [&](const Linear& l) {
      return l.out == out && l.in == in && l.count == count;
    });
  };
  EXPECT_EQ(work.linears.size(), 4U);
  EXPECT_TRUE(has(24 * 128, 4096, 32));
  EXPECT_TRUE(has(4096, 2048, 32));
  EXPECT_TRUE(has(14336, 4096, 32));
  EXPECT_TRUE(has(4096, 7168, 32));
  EXPECT_EQ(work.head.out, 128256 / 2);
}

}  // namespace
}  // namespace kvsim
