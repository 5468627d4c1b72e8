#include "sim/cli/variants.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sim/core/input_error.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

// The memory managers of the textbook, and the eviction policies of the paged one.
constexpr std::string_view kDefaultVariants = R"({
  "contiguous max":    {"/cache/allocator": "contiguous", "/cache/reserve": "max"},
  "contiguous pow2":   {"/cache/allocator": "contiguous", "/cache/reserve": "pow2"},
  "contiguous oracle": {"/cache/allocator": "contiguous", "/cache/reserve": "oracle"},
  "paged lru":         {"/cache/allocator": "paged", "/cache/eviction": "lru"},
  "paged fifo":        {"/cache/allocator": "paged", "/cache/eviction": "fifo"},
  "paged lfu":         {"/cache/allocator": "paged", "/cache/eviction": "lfu"},
  "paged priority":    {"/cache/allocator": "paged", "/cache/eviction": "priority"},
  "paged hybrid":      {"/cache/allocator": "paged", "/cache/eviction": "hybrid"},
  "radix lru":         {"/cache/allocator": "radix", "/cache/eviction": "lru"}
})";

/// One --set, taken apart. Pointer and values are what ConfigView::set would make of them.
struct Assignment {
  std::string text;
  std::string pointer;
  std::vector<std::string> values;
  [[nodiscard]] bool is_list() const { return values.size() > 1; }
};

Assignment take_apart(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) return {text, "", {}};  // ConfigView::set will say what is wrong
  return {text, text.substr(0, equals), split_values(std::string_view(text).substr(equals + 1))};
}

std::vector<Assignment> taken_apart(const std::vector<std::string>& sets) {
  std::vector<Assignment> assignments;
  assignments.reserve(sets.size());
  for (const std::string& text : sets) assignments.push_back(take_apart(text));
  return assignments;
}

Json value_of(const std::string& text) {
  const Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return value.is_discarded() ? Json(text) : value;
}

// "block_size", or the whole pointer where two lists end in the same word.
std::string name_of(const Assignment& list, const std::vector<Assignment>& all) {
  const auto last = [](const std::string& pointer) {
    return pointer.substr(pointer.rfind('/') + 1);
  };
  const auto same = std::count_if(all.begin(), all.end(), [&](const Assignment& other) {
    return other.is_list() && last(other.pointer) == last(list.pointer);
  });
  return same > 1 ? list.pointer : last(list.pointer);
}

// The `index`-th point of the grid: a number in the mixed base of the lists' lengths.
PlannedRun grid_point(const LoadedConfig& loaded, const std::vector<Assignment>& assignments,
                      std::size_t index, std::size_t count) {
  PlannedRun run;
  run.config = loaded.config;
  for (const Assignment& assignment : assignments) {
    if (!assignment.is_list()) {
      run.config.set(assignment.text);
      continue;
    }
    count /= assignment.values.size();
    const std::string& value = assignment.values[index / count];
    index %= count;
    run.config.set(assignment.pointer + "=" + value);
    run.settings[assignment.pointer] = value_of(value);
    run.label += fmt::format("{}{}={}", run.label.empty() ? "" : " ",
                             name_of(assignment, assignments), value);
  }
  return run;
}

std::vector<PlannedRun> grid(const LoadedConfig& loaded, const std::vector<Assignment>& assignments,
                             std::size_t count) {
  std::vector<PlannedRun> runs;
  runs.reserve(count);
  for (std::size_t i = 0; i < count; ++i) runs.push_back(grid_point(loaded, assignments, i, count));
  return runs;
}

std::vector<PlannedRun> named(const LoadedConfig& loaded, const Json& variants,
                              const std::string& origin,
                              const std::vector<Assignment>& assignments) {
  std::vector<PlannedRun> runs;
  for (const auto& [label, settings] : variants.items()) {
    PlannedRun run{label, settings, loaded.config};
    for (const auto& [pointer, value] : settings.items())
      run.config.set(pointer, value, fmt::format("{}: /variants/{}", origin, label));
    for (const Assignment& assignment : assignments) run.config.set(assignment.text);
    runs.push_back(std::move(run));
  }
  return runs;
}

std::size_t grid_size(const std::vector<Assignment>& assignments, std::size_t most) {
  std::size_t count = 1;
  for (const Assignment& assignment : assignments) {
    if (assignment.is_list()) count *= assignment.values.size();
    if (count > most)
      throw InputError("--set", assignment.pointer, fmt::format("more than {} variants", most));
  }
  return count;
}

}  // namespace

std::vector<std::string> split_values(std::string_view list) {
  std::vector<std::string> values(1);
  int depth = 0;
  bool quoted = false;
  bool escaped = false;
  for (const char c : list) {
    if (c == ',' && depth <= 0 && !quoted) {
      values.emplace_back();
      continue;
    }
    if (c == '"' && !escaped) quoted = !quoted;
    escaped = quoted && c == '\\' && !escaped;
    if (!quoted && (c == '[' || c == '{')) ++depth;
    if (!quoted && (c == ']' || c == '}')) --depth;
    values.back() += c;
  }
  return values;
}

std::vector<PlannedRun> plan_points(const LoadedConfig& loaded,
                                    const std::vector<std::string>& sets) {
  const std::vector<Assignment> assignments = taken_apart(sets);
  const std::size_t count = grid_size(assignments, kMostVariants);
  if (count > 1 || loaded.variants.empty()) return grid(loaded, assignments, count);
  return named(loaded, loaded.variants, loaded.origin, assignments);
}

std::vector<PlannedRun> plan_variants(const LoadedConfig& loaded,
                                      const std::vector<std::string>& sets, std::size_t most) {
  const std::vector<Assignment> assignments = taken_apart(sets);
  const std::size_t count = grid_size(assignments, most);
  if (count > 1) return grid(loaded, assignments, count);
  if (!loaded.variants.empty()) return named(loaded, loaded.variants, loaded.origin, assignments);
  return named(loaded, Json::parse(kDefaultVariants), "kvsim compare", assignments);
}

}  // namespace kvsim
