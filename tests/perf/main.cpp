// kvsim_perf: how fast is it? A row per figure; asserts nothing about time. README.md says more.
//
//   kvsim_perf [FILTER] [--json] [--long]

#include <cstdio>
#include <exception>
#include <string_view>

#include <fmt/format.h>

#include "tests/perf/bench.h"

int main(int argc, char** argv) {
  using kvsim::perf::Bench;
  Bench::Wishes wishes;
  bool json = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--json") {
      json = true;
    } else if (word == "--long") {
      wishes.all = true;
    } else if (word.substr(0, 1) != "-" && wishes.filter.empty()) {
      wishes.filter = word;
    } else {
      fmt::print(stderr, "usage: kvsim_perf [FILTER] [--json] [--long]\n");
      return 2;
    }
  }
  try {
    Bench bench(wishes);
    run_subjects(bench);
    if (json) fmt::print("{}", bench.json());
  } catch (const std::exception& error) {
    fmt::print(stderr, "kvsim_perf: {}\n", error.what());
    return 1;
  }
  return 0;
}
