// kvsim VERB ...: finds the verb, runs it, turns its mistakes into exit codes. Nothing more.

#include <array>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "sim/cli/verbs.h"
#include "sim/core/input_error.h"
#include "sim/core/spelling.h"

namespace kvsim {
namespace {

struct Verb {
  std::string_view name;
  std::string_view summary;
  int (*run)(Arguments);
};

constexpr std::array kVerbs{
    Verb{"run", "one simulation: a table, and files with --out", run_verb},
    Verb{"compare", "several settings or finished runs side by side", compare_verb},
    Verb{"explain", "why: every miss, eviction and preemption, and what if", explain_verb},
    Verb{"validate", "a measured server run, simulated: how far off?", validate_verb},
    Verb{"check", "the CI gate: thresholds and baselines, exit 99 if one is crossed", check_verb},
    Verb{"sweep", "thousands of what-ifs, on Slurm, Kubernetes or this machine", sweep_verb},
    Verb{"curve", "hit rate against cache size, every policy, no step timing", curve_verb},
    Verb{"calc", "does it fit? KV bytes, blocks and concurrency as a ladder", calc_verb},
    Verb{"plan", "the smallest fleet that meets an SLO, and the cheapest settings", plan_verb},
    Verb{"trace", "info, convert, generate: look at and make workloads", trace_verb},
    Verb{"ops", "replays memory-manager operations as vLLM or SGLang would", ops_verb},
    Verb{"list", "every policy, model, device and format by name", list_verb},
    Verb{"describe", "every config field with its unit, default and range", describe_verb},
    Verb{"new-policy", "writes a policy of your own to start from, with its test", new_policy_verb},
};

void print_usage(std::FILE* to) {
  fmt::print(to, "kvsim {}: what does a KV cache cost, and why?\n\n", KVSIM_VERSION);
  for (const Verb& verb : kVerbs) fmt::print(to, "  kvsim {:<10} {}\n", verb.name, verb.summary);
  fmt::print(to, "\n  kvsim VERB --help says more.\n");
}

int dispatch(const std::vector<std::string>& words) {
  if (words.empty()) {
    print_usage(stderr);
    return kExitBadInput;
  }
  if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    print_usage(stdout);
    return kExitOk;
  }
  if (words[0] == "--version") {
    fmt::print("kvsim {}\n", KVSIM_VERSION);
    return kExitOk;
  }
  std::vector<std::string> known;
  for (const Verb& verb : kVerbs) {
    if (verb.name == words[0]) return verb.run(Arguments(words).subspan(1));
    known.emplace_back(verb.name);
  }
  throw InputError(
      "kvsim", words[0],
      fmt::format("no such verb; known: {}{}", joined(known), did_you_mean(words[0], known)));
}

}  // namespace
}  // namespace kvsim

int main(int argc, char** argv) {
  try {
    return kvsim::dispatch({argv + 1, argv + argc});
  } catch (const kvsim::InputError& error) {
    fmt::print(stderr, "{}\n", error.what());
    return kvsim::kExitBadInput;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "kvsim: out of memory: use a smaller pool or a shorter trace\n");
    return kvsim::kExitBadInput;
  } catch (const std::exception& error) {
    fmt::print(stderr, "kvsim: internal error: {}\n", error.what());
    return kvsim::kExitBug;
  }
}
