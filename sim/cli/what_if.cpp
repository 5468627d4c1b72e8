#include "sim/cli/what_if.h"

#include <fmt/format.h>

#include "sim/core/registry.h"
#include "sim/model/eviction_policy.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

class Planner {
 public:
  explicit Planner(const ConfigView& config) : config_(config) {}

  void add(std::string label, const std::vector<std::pair<const char*, Json>>& settings) {
    PlannedRun run{std::move(label), Json::object(), config_};
    for (const auto& [pointer, value] : settings) {
      run.config.set(pointer, value, "what if");
      run.settings[pointer] = value;
    }
    runs.push_back(std::move(run));
  }
  std::vector<PlannedRun> runs;

 private:
  const ConfigView& config_;
};

}  // namespace

std::int64_t blocks_of_a_replica(const ConfigView& config, const Report& report) {
  const std::int64_t null_block = config.text("/cache/allocator") == "paged" ? 1 : 0;
  return report.kv.capacity_blocks / config.integer("/replicas") + null_block;
}

namespace {

// More memory; the same memory in other pieces.
void add_memories(const ConfigView& config, const Report& report, Planner& planner) {
  constexpr const char* kBlocks = "/cache/num_gpu_blocks_override";
  constexpr const char* kBlockSize = "/cache/block_size";
  const std::int64_t blocks = blocks_of_a_replica(config, report);
  planner.add("+20 % blocks", {{kBlocks, blocks + blocks / 5}});
  if (config.text("/cache/allocator") == "contiguous") return;
  const std::int64_t size = config.integer(kBlockSize);
  if (size % 2 == 0)
    planner.add(fmt::format("blocks of {}", size / 2),
                {{kBlockSize, size / 2}, {kBlocks, blocks * 2}});
  if (blocks >= 4)
    planner.add(fmt::format("blocks of {}", size * 2),
                {{kBlockSize, size * 2}, {kBlocks, blocks / 2}});
}

}  // namespace

std::vector<PlannedRun> plan_what_ifs(const ConfigView& config, const Report& report) {
  Planner planner(config);
  // Pools differ in their blocks.
  if (config.tree("/pools").empty()) add_memories(config, report, planner);
  if (report.prefix_cache.query_tokens > 0) {
    planner.add("no prefix cache", {{"/cache/enable_prefix_caching", false}});
    for (const std::string& name : Registry<EvictionPolicy>::names())
      if (name == "optimal" && config.text("/cache/eviction") != name)
        planner.add("optimal eviction", {{"/cache/eviction", name}});
  }
  return planner.runs;
}

}  // namespace kvsim
