// Swapping against recomputing who was preempted, as the PagedAttention paper measured it (SOSP
// 2023, Fig. 19: OPT-13B on an A100 40 GB, block sizes 1 to 256).
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sim/engine/experiment.h"
#include "sim/model/builtin_configs.h"
#include "tests/engine/cost/priced.h"
#include "tests/support/scratch_folder.h"

namespace kvsim {
namespace {

std::string config_text(std::int64_t block, const std::string& device = "a100-40gb") {
  return fmt::format(R"({{"model": "opt-13b", "device": "{}", "cost": "roofline",
                          "cache": {{"block_size": {}}}}})",
                     device, block);
}

// Fig. 19 (a): many small copies waste the link, so swapping gets dearer as blocks get smaller, and
// recomputing, which knows no blocks, is far ahead there. With large blocks swapping is a matter of
// bytes, and how far ahead it is then of the link.
TEST(SwapShape, SmallBlocksMakeSwappingSlow) {
  constexpr std::int64_t kTokens = 256;
  double last = 1e9;
  for (const std::int64_t block : {1, 2, 4, 8, 16, 32, 64, 128, 256}) {
    const Priced p(config_text(block));
    const StepShape plain = decodes(1, kTokens);
    StepShape swapping = plain;
    swapping.swapped_tokens = Tokens(2 * kTokens);  // out and in again
    const double swap = p.ms(swapping) - p.ms(plain);
    // OPT-13B keeps 819,200 bytes a token, in 40 layers of K and V.
    const double copies = 2 * 80 * static_cast<double>(kTokens / block);
    EXPECT_NEAR(swap, 2 * kTokens * 819200 / 26e9 * 1e3 + copies * 2e-3, 1e-3);
    EXPECT_LT(swap, last) << block;
    if (block == 1) {
      EXPECT_GT(swap, 3 * p.ms(prompt(0, kTokens)));
    }
    last = swap;
  }
}

// The paper's machines are A2 instances of Google Cloud (section 6.1). These have Cascade Lake CPUs
// (Google's documentation of accelerator-optimized machines), whose PCI Express is of generation 3:
// 16 GB/s nominal for 16 lanes, 12 measured as the peak of such a link (BaM, arXiv 2203.04910,
// whose A100 reaches 25 on generation 4). Over that recomputing a prompt is at no block size
// above 1.2 times swapping it, as published; over the 26 GB/s that we assume of other machines it
// is 1.6 times.
TEST(SwapShape, RecomputingIsWhatThePapersLinkMadeIt) {
  auto a2 = nlohmann::json::parse(*builtin_config("devices", "a100-40gb"));
  a2["link"]["host_gbytes_per_s"]["value"] = 12;
  const ScratchFolder folder;
  const std::string file = folder.with("a2.json", a2.dump());
  constexpr std::int64_t kTokens = 256;
  const auto ratio = [&](std::int64_t block, const std::string& device) {
    const Priced p(config_text(block, device));
    const StepShape plain = decodes(1, kTokens);
    StepShape swapping = plain;
    swapping.swapped_tokens = Tokens(2 * kTokens);
    return p.ms(prompt(0, kTokens)) / (p.ms(swapping) - p.ms(plain));
  };
  for (const std::int64_t block : {1, 2, 4, 8, 16, 32, 64, 128, 256})
    EXPECT_LT(ratio(block, file), 1.2) << block;
  EXPECT_GT(ratio(256, "a100-40gb"), 1.2);
}

double mean_e2e_ms(std::int64_t block, const std::string& preemption_mode) {
  ConfigView config = ConfigView::parse(config_text(block), "test");
  for (const std::string& setting :
       {std::string("/scheduler/batching=vllm-v0"),
        std::string("/cache/enable_prefix_caching=false"), std::string("/cache/swap_space=100"),
        fmt::format("/cache/num_gpu_blocks_override={}", 14'000 / block),
        "/scheduler/preemption_mode=" + preemption_mode,
        std::string("/workload/generate/requests=300"),
        std::string("/workload/generate/prompt/mean=161"),
        std::string("/workload/generate/output/mean=338"),
        std::string("/workload/arrivals/rate=2.6")})
    config.set(setting);
  const Report report = run_experiment(config);
  EXPECT_GT(report.preemptions, 50);
  return report.e2e_ms.mean;
}

// Fig. 19 (b): a server short of memory, lengths as ShareGPT's, every block size at one rate.
// Recomputing is never above 1.2 times swapping, on a par with it at 16 to 64, and ahead at 1.
TEST(SwapShape, RecomputingIsNeverMuchWorse) {
  for (const std::int64_t block : {1, 8, 16, 32, 64, 128}) {
    const double ratio = mean_e2e_ms(block, "recompute") / mean_e2e_ms(block, "swap");
    EXPECT_LT(ratio, 1.2) << block;
    if (block == 1) {
      EXPECT_LT(ratio, 0.9);
    }
    if (block >= 16 && block <= 64) {
      EXPECT_NEAR(ratio, 1, 0.1) << block;
    }
  }
}

}  // namespace
}  // namespace kvsim
