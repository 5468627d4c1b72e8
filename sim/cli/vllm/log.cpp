#include "sim/cli/vllm/log.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reports/text.h"
#include "sim/cli/config_file.h"
#include "sim/engine/catalog.h"
#include "sim/engine/deployment.h"

namespace kvsim {
namespace {

constexpr std::array<std::string_view, 4> kBlocks{
    "# GPU blocks: ", "# cuda blocks: ", "num_gpu_blocks is: ", "num_gpu_blocks: "};
constexpr std::array<std::string_view, 1> kTokens{"GPU KV cache size: "};
constexpr std::array<std::string_view, 1> kLongest{"Maximum concurrency for "};

// "288,608 tokens" as 288608; nothing if no digit comes first, or far too many do.
std::optional<std::int64_t> grouped_number(std::string_view text) {
  constexpr std::size_t kDigits = 15;
  std::string digits;
  for (const char c : text) {
    if (c >= '0' && c <= '9')
      digits += c;
    else if (c != ',' || digits.empty())
      break;
  }
  if (digits.empty() || digits.size() > kDigits) return std::nullopt;
  return std::stoll(digits);
}

/// The smallest number that stands behind one of these.
std::optional<std::int64_t> smallest(std::string_view log,
                                     std::span<const std::string_view> marks) {
  std::optional<std::int64_t> least;
  for (const std::string_view mark : marks)
    for (std::size_t at = log.find(mark); at != std::string_view::npos;
         at = log.find(mark, at + mark.size())) {
      const auto number = grouped_number(log.substr(at + mark.size()));
      if (number && *number > 0) least = std::min(least.value_or(*number), *number);
    }
  return least;
}

std::int64_t blocks_of(std::int64_t tokens, const std::string& file, const ConfigView& config) {
  const KvLayout layout = read_deployment(load_model(config), config).layout;
  if (layout.groups.size() > 1)
    throw InputError(
        file, "GPU KV cache size",
        fmt::format("the layers of {} share the pool in {} groups, so tokens do not "
                    "say blocks: log with VLLM_LOGGING_LEVEL=DEBUG for 'num_gpu_blocks "
                    "is', or set /cache/num_gpu_blocks_override",
                    config.text("/model"), layout.groups.size()));
  // Newer versions count whole requests, so a few tokens of the last block may be missing.
  const std::int64_t block = layout.block.value();
  return (tokens + block / 2) / block;
}

}  // namespace

std::vector<std::string> set_vllm_log(const std::string& file, ConfigView& config) {
  const std::string log = read_text_file(file);
  std::vector<std::string> told;
  const auto set = [&](const std::string& pointer, std::int64_t value) {
    config.set(pointer, value, file);
    told.push_back(fmt::format("{}: {}={}", file, pointer, value));
  };
  const auto longest = smallest(log, kLongest);
  if (longest && !config.has("/max_model_len")) set("/max_model_len", *longest);
  const auto blocks = smallest(log, kBlocks);
  const auto tokens = smallest(log, kTokens);
  if (!blocks && !tokens)
    throw InputError(file, "no line of its KV cache",
                     "expected 'GPU KV cache size: N tokens' or '# GPU blocks: N', as vLLM prints "
                     "when it starts");
  set("/cache/num_gpu_blocks_override", blocks ? *blocks : blocks_of(*tokens, file, config));
  if (!blocks)
    told.back() += fmt::format(", for {} tokens in blocks of {}", grouped(*tokens),
                               config.integer("/cache/block_size"));
  return told;
}

}  // namespace kvsim
