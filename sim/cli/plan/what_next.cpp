#include "sim/cli/plan/what_next.h"

#include <nlohmann/json.hpp>

#include "sim/cli/what_if.h"

namespace kvsim {

std::vector<OtherWorld> other_worlds(const ConfigView& config, const Report& report) {
  std::vector<OtherWorld> worlds;
  const auto add = [&](std::string change, const std::string& pointer,
                       const nlohmann::ordered_json& value) {
    worlds.push_back({std::move(change), config});
    worlds.back().config.set(pointer, value, "what if");
  };
  const auto scaled = [&](const std::string& pointer, double factor) {
    return config.number(pointer) * factor;
  };
  add("+10 % output length", "/workload/output_scale", scaled("/workload/output_scale", 1.1));
  add("+10 % prompt length", "/workload/prompt_scale", scaled("/workload/prompt_scale", 1.1));
  add("+20 % rate", "/workload/rate_scale", scaled("/workload/rate_scale", 1.2));
  const std::int64_t blocks = blocks_of_a_replica(config, report);
  if (blocks >= 10) add("-10 % KV memory", "/cache/num_gpu_blocks_override", blocks - blocks / 10);
  if (report.prefix_cache.hit_tokens > 0)
    add("prefix sharing off", "/cache/enable_prefix_caching", false);
  return worlds;
}

}  // namespace kvsim
