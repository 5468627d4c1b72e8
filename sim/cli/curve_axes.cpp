#include "sim/cli/curve_axes.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "sim/cli/variants.h"
#include "sim/core/input_error.h"
#include "sim/core/registry.h"
#include "sim/core/spelling.h"
#include "sim/model/eviction_policy.h"

namespace kvsim {
namespace {

std::vector<std::string> known_words(const std::string& option, const std::string& list,
                                     std::string_view what, const std::vector<std::string>& known) {
  std::vector<std::string> words = split_values(list);
  for (const std::string& word : words)
    if (std::find(known.begin(), known.end(), word) == known.end())
      throw InputError("kvsim curve", option,
                       fmt::format("no {} named '{}'; known: {}{}", what, word, joined(known),
                                   did_you_mean(word, known)));
  return words;
}

template <class Number>
std::optional<Number> whole(const std::string& word) {
  Number value{};
  const char* end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<std::int64_t> capacity_from(const std::string& word, std::int64_t working_set) {
  if (word == "inf") return std::nullopt;
  if (const auto blocks = whole<std::int64_t>(word); blocks && *blocks >= 1) return blocks;
  const auto share = whole<double>(word);
  if (!share || !(*share > 0 && *share < 1))
    throw InputError("kvsim curve", "--capacities",
                     fmt::format("expected a number of blocks (1 or more), a share of the working "
                                 "set (above 0, below 1) or inf, got '{}'",
                                 word));
  const double blocks = std::floor(*share * static_cast<double>(working_set));
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(blocks));
}

}  // namespace

std::vector<std::string> rules_from(const std::string& list) {
  return known_words("--rule", list, "rule", {"flat", "tree"});
}

std::vector<std::string> policies_from(const std::string& list) {
  std::vector<std::string> known = Registry<EvictionPolicy>::names();
  if (list.empty()) return known;
  known.insert(std::upper_bound(known.begin(), known.end(), kForcedMin), kForcedMin);
  return known_words("--policies", list, "policy", known);
}

std::vector<std::optional<std::int64_t>> capacities_from(const std::string& list,
                                                         std::int64_t working_set) {
  std::vector<std::optional<std::int64_t>> capacities;
  for (const std::string& word : split_values(list))
    capacities.push_back(capacity_from(word, working_set));
  return capacities;
}

}  // namespace kvsim
