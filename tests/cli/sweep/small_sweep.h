#pragma once
// A sweep of many points that are over at once: a trace of 30 requests at constant prices.

#include <string>

#include <fmt/format.h>

#include "tests/support/program.h"

namespace kvsim {

/// Config and trace for a sweep, in a folder; the words that follow `kvsim sweep plan`.
struct SmallSweep {
  explicit SmallSweep(const ScratchFolder& folder)
      : config(folder.with("c.json", R"({"cost": "constant", "max_model_len": 1024,
            "cache": {"num_gpu_blocks_override": 256}, "workload": {"trace": "t.jsonl"}})")) {
    std::string trace;
    for (int i = 0; i < 30; ++i)
      trace += fmt::format(
          R"({{"timestamp": {}, "input_length": {}, "output_length": {}, "hash_ids": [{}]}})"
          "\n",
          i * 20, 300 + 37 * (i % 5), 5 + i % 7, i % 3);
    (void)folder.with("t.jsonl", trace);
  }
  /// 20 points on each of `seeds` seeds.
  [[nodiscard]] std::string of(int seeds, const std::string& out) const {
    return fmt::format(
        "{} --set /cache/block_size=4,8,16,32 --set /cache/eviction=lru,fifo,lfu,mru,slru "
        "--seeds {} --out {}",
        config, seeds, out);
  }
  std::string config;
};

}  // namespace kvsim
