// kvsim-fit: timings in, cost profile out.
//
//     kvsim-fit SAMPLES.json --out PROFILE.json
//
// stdout is the table of errors on held-out rows. Exit codes: 0 ok, 2 bad usage or samples.

#include <cstdio>
#include <exception>
#include <fstream>
#include <string>

#include <fmt/format.h>

#include "kernels/fit/make_profile.h"

namespace kvsim {
namespace {

constexpr int kBadInput = 2;

int fail(const std::string& problem) {
  fmt::print(stderr, "kvsim-fit: {}\n", problem);
  return kBadInput;
}

void print(const char* name, const ErrorSummary& e) {
  fmt::print("{:<26} {:>6} rows  median {:5.2f} %  p90 {:5.2f} %  p95 {:5.2f} %  bias {:+.2f} %\n",
             name, e.count, 100 * e.median, 100 * e.p90, 100 * e.p95, 100 * e.bias);
}

int run(const std::string& from, const std::string& to) {
  std::ifstream in(from);
  if (!in) return fail(fmt::format("{}: cannot read it", from));
  HoldoutErrors errors;
  std::string profile;
  try {
    profile = profile_text(make_profile(nlohmann::ordered_json::parse(in), errors));
  } catch (const std::exception& error) {
    return fail(
        fmt::format("{}: no samples as import_published.py writes them: {}", from, error.what()));
  }
  // Aside, then renamed: a profile is whole or not there.
  const std::string aside = to + ".part";
  {
    std::ofstream out(aside);
    out << profile;
    if (!out.flush()) return fail(fmt::format("{}: cannot write it", aside));
  }
  if (std::rename(aside.c_str(), to.c_str()) != 0)
    return fail(fmt::format("{}: cannot write it", to));
  print("decode, held out", errors.decode);
  print("  of them large KV", errors.large_decode);
  print("prefill, held out", errors.prefill);
  print("gemm, held out", errors.gemm);
  print("all-reduce, fitted rows", errors.all_reduce);
  return 0;
}

}  // namespace
}  // namespace kvsim

int main(int argc, char** argv) {
  const std::string option = argc == 4 ? argv[2] : "";
  if (option != "--out") return kvsim::fail("usage: kvsim-fit SAMPLES.json --out PROFILE.json");
  try {
    return kvsim::run(argv[1], argv[3]);
  } catch (const std::exception& error) {
    return kvsim::fail(error.what());
  }
}
