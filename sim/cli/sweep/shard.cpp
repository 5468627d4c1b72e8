#include "sim/cli/sweep/shard.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "sim/core/input_error.h"

namespace kvsim {
namespace {

// Of a size that sums and products of two cannot overflow.
std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool all = error == std::errc() && end == text.data() + text.size();
  return all && number >= 0 && number <= kMostShards ? std::optional(number) : std::nullopt;
}

// A variable of the environment that must be there and be a number.
std::int64_t number_in(const Environment& environment, const char* name) {
  const char* text = environment(name);
  if (text == nullptr)
    throw InputError("kvsim sweep run", name,
                     "missing from the environment: --shard K/N says which part this is");
  const auto number = whole_number(text);
  if (!number)
    throw InputError("kvsim sweep run", name,
                     fmt::format("expected 0 to {}, got '{}'", kMostShards, text));
  return *number;
}

Shard checked(Shard shard, const char* origin) {
  if (shard.index < shard.count) return shard;
  throw InputError("kvsim sweep run", origin,
                   fmt::format("there is no shard {} of {}: they are numbered from 0", shard.index,
                               shard.count));
}

Shard of_slurm(const Environment& environment) {
  constexpr const char* kId = "SLURM_ARRAY_TASK_ID";
  const auto number = [&](const char* name, std::int64_t otherwise) {
    return environment(name) == nullptr ? otherwise : number_in(environment, name);
  };
  const std::int64_t id = number_in(environment, kId);
  const std::int64_t first = number("SLURM_ARRAY_TASK_MIN", 0);
  const std::int64_t step = std::max<std::int64_t>(1, number("SLURM_ARRAY_TASK_STEP", 1));
  const std::int64_t count = number_in(environment, "SLURM_ARRAY_TASK_COUNT");
  const std::int64_t last = number("SLURM_ARRAY_TASK_MAX", first + (count - 1) * step);
  if ((last - first) / step + 1 != count || id < first || (id - first) % step != 0)
    throw InputError("kvsim sweep run", kId,
                     "the array has gaps, so it does not say how many parts there are; --shard "
                     "K/N does (kvsim sweep emit slurm)");
  return checked({(id - first) / step, count}, kId);
}

}  // namespace

Shard parse_shard(const std::string& text) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  const auto index = whole_number(std::string_view(text).substr(0, slash));
  const auto count = whole_number(std::string_view(text).substr(std::min(slash + 1, text.size())));
  if (!index || !count)
    throw InputError("kvsim sweep run", "--shard",
                     fmt::format("expected K/N, as in 0/8, got '{}'", text));
  return checked({*index, *count}, "--shard");
}

Shard shard_from(const Environment& environment) {
  if (environment("SLURM_ARRAY_TASK_ID") != nullptr) return of_slurm(environment);
  for (const auto& [index, count] : {std::pair{"JOB_COMPLETION_INDEX", "KVSIM_SHARDS"},
                                     {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"}})
    if (environment(index) != nullptr)
      return checked({number_in(environment, index), number_in(environment, count)}, index);
  return {};
}

std::string index_ranges(const std::vector<std::int64_t>& indices) {
  std::string text;
  for (std::size_t i = 0; i < indices.size();) {
    std::size_t last = i;
    while (last + 1 < indices.size() && indices[last + 1] == indices[last] + 1) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ",", indices[i]);
    if (last > i) text += fmt::format("-{}", indices[last]);
    i = last + 1;
  }
  return text;
}

}  // namespace kvsim
