// kvsim new-policy: a policy of your own to start from, with its test. No other file is touched.

#include <algorithm>
#include <cctype>
#include <filesystem>

#include <fmt/format.h>

#include "reports/atomic_file.h"
#include "sim/cli/console.h"
#include "sim/cli/options.h"
#include "sim/cli/verbs.h"
#include "sim/core/input_error.h"
#include "sim/core/registry.h"
#include "sim/model/eviction_policy.h"

namespace kvsim {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

constexpr std::string_view kUsage =
    "NAME [options]\n"
    "\n"
    "Writes policies/eviction/NAME.cpp and tests/policies/NAME_test.cc. Run it in the root of a\n"
    "kvsim checkout, then build: the policy is listed, selected and tested by its name.\n";

// @NAME@: the config word; @TYPE@: in CamelCase.
constexpr std::string_view kPolicy =
    R"(// @TYPE@: say in one sentence what goes first, and where the idea comes from.

#include "policies/eviction/ranked.h"

namespace kvsim {
namespace {

// The lowest is given up first. It is read when the entry becomes evictable, so it must depend on
// the entry alone; sim/model/eviction_policy.h says what there is to know of one.
auto worth(const CacheEntry& e) { return std::tuple(e.hits, e.last_used); }

const Registered<EvictionPolicy, RankedEviction<worth>> k@TYPE@{
    "@NAME@", "Least reused first, then least recently used."};

}  // namespace
}  // namespace kvsim
)";

constexpr std::string_view kTest =
    R"(// What @NAME@ promises. The laws of every policy run over it unasked (tests/engine/laws_test.cc).
#include <gtest/gtest.h>

#include "sim/model/eviction_policy.h"

namespace kvsim {
namespace {

TEST(@TYPE@, GivesUpTheLeastReusedThenTheOldest) {
  const ConfigView config;
  const auto policy = Registry<EvictionPolicy>::make("@NAME@", {3, config});
  const CacheEntry reused{.id = EntryId{0}, .hits = 5, .last_used = 1};
  const CacheEntry older{.id = EntryId{1}, .hits = 2, .last_used = 2};
  const CacheEntry newer{.id = EntryId{2}, .hits = 2, .last_used = 3};
  for (const CacheEntry& entry : {reused, newer, older}) policy->insert(entry);
  for (const CacheEntry& entry : {older, newer, reused}) {
    EXPECT_EQ(policy->victim(), entry.id);
    policy->erase(entry);
  }
}

}  // namespace
}  // namespace kvsim
)";

struct Names {
  std::string word, type, file;
};

Names names_of(const std::string& word) {
  Names names{word, "", word};
  std::replace(names.file.begin(), names.file.end(), '-', '_');
  bool capital = true;
  for (const char c : word) {
    if (c != '-') names.type += capital ? static_cast<char>(std::toupper(c)) : c;
    capital = c == '-';
  }
  return names;
}

std::string filled_in(std::string_view text, const Names& names) {
  std::string filled(text);
  for (const auto& [mark, value] : {std::pair{"@NAME@", names.word}, {"@TYPE@", names.type}})
    for (std::size_t at = filled.find(mark); at != std::string::npos; at = filled.find(mark, at))
      filled.replace(at, std::string_view(mark).size(), value);
  return filled;
}

[[noreturn]] void fail(const std::string& where, const std::string& problem) {
  throw InputError("kvsim new-policy", where, problem);
}

void check_name(const std::string& name) {
  const auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto good = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '-'; };
  if (name.empty() || !letter(name[0]) || name.back() == '-' ||
      name.find("--") != std::string::npos || !std::all_of(name.begin(), name.end(), good))
    fail(name, "expected words of lower-case letters and digits, joined by '-': deepest-first");
  const auto& taken = Registry<EvictionPolicy>::entries();
  if (const auto found = taken.find(name); found != taken.end())
    fail(name, fmt::format("there is one already: {}", found->second.file));
}

std::string new_file(const std::string& path) {
  std::error_code ignored;
  if (fs::exists(path, ignored)) fail(path, "exists already; choose another name");
  return path;
}

std::string name_from(const po::variables_map& given) {
  const auto words = given.count("positional") == 0
                         ? std::vector<std::string>()
                         : given["positional"].as<std::vector<std::string>>();
  if (words.size() != 1) fail("arguments", fmt::format("expected NAME, got {}", words.size()));
  return words[0];
}

}  // namespace

int new_policy_verb(Arguments arguments) {
  po::options_description options("options");
  options.add_options()("kind", po::value<std::string>()->default_value("eviction"),
                        "what the policy decides: eviction");
  const auto given = parse_options("new-policy", kUsage, options, arguments);
  if (!given) return kExitOk;
  if (const auto kind = (*given)["kind"].as<std::string>(); kind != "eviction")
    fail("--kind", fmt::format("expected eviction, got '{}'", kind));
  const std::string name = name_from(*given);
  check_name(name);
  std::error_code ignored;
  if (!fs::exists("policies/eviction/ranked.h", ignored) || !fs::exists("tests/policies", ignored))
    fail("this folder", "not the root of a kvsim checkout: no policies/eviction/ranked.h here");
  const Names names = names_of(name);
  AtomicFile policy(new_file(fmt::format("policies/eviction/{}.cpp", names.file)));
  AtomicFile test(new_file(fmt::format("tests/policies/{}_test.cc", names.file)));
  policy.write(filled_in(kPolicy, names));
  test.write(filled_in(kTest, names));
  policy.commit();
  test.commit();
  print_result(fmt::format("policies/eviction/{0}.cpp\ntests/policies/{0}_test.cc\n", names.file));
  return kExitOk;
}

}  // namespace kvsim
