#include "tests/perf/bench.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <map>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace kvsim::perf {
namespace {

using Json = nlohmann::ordered_json;

std::map<std::string, void (*)(Bench&)>& subjects() {
  static std::map<std::string, void (*)(Bench&)> all;
  return all;
}

Json written(const Figures& figures) {
  Json all = Json::array();
  for (const Figure& f : figures)
    all.push_back({{"name", f.what}, {"value", f.value}, {"unit", f.unit}});
  return all;
}

Figures read(const std::string& text) {
  Figures figures;
  for (const Json& f : Json::parse(text))
    figures.push_back({f["name"], f["value"].get<double>(), f["unit"]});
  return figures;
}

std::string everything_from(int pipe) {
  std::string text;
  std::array<char, 4096> piece{};
  for (ssize_t n = 0; (n = ::read(pipe, piece.data(), piece.size())) > 0;)
    text.append(piece.data(), static_cast<std::size_t>(n));
  return text;
}

// The child's whole life.
[[noreturn]] void answer(int pipe, const std::function<Figures()>& body) {
  int code = 1;
  try {
    const std::string text = written(body()).dump();
    code = ::write(pipe, text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
  }
  _exit(code);
}

Figures in_a_child(const std::function<Figures()>& body) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) throw std::runtime_error("no pipe");
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("no fork");
  if (child == 0) answer(ends[1], body);
  close(ends[1]);
  const std::string text = everything_from(ends[0]);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0) throw std::runtime_error("the benchmark failed");
  return read(text);
}

}  // namespace

Figures Bench::measure(const std::string& name, const std::function<Figures()>& body) {
  const std::string full = subject_ + " " + name;
  if (full.find(wishes_.filter) == std::string::npos) return {};
  Figures figures = in_a_child(body);
  for (const Figure& f : figures) add(full, f);
  return figures;
}

void Bench::ratio(const std::string& name, const Figures& numerator, const Figures& denominator,
                  const std::string& what) {
  const auto named = [&](const Figure& f) { return f.what == what; };
  const auto top = std::find_if(numerator.begin(), numerator.end(), named);
  const auto bottom = std::find_if(denominator.begin(), denominator.end(), named);
  if (top == numerator.end() || bottom == denominator.end()) return;
  add(subject_ + " " + name, {what, top->value / bottom->value, "x"});
}

void Bench::add(const std::string& name, const Figure& figure) {
  Figure row = figure;
  row.what = figure.what.empty() ? name : name + ": " + figure.what;
  fmt::print(stderr, "{:<60} {:>14.2f} {}\n", row.what, row.value, row.unit);
  rows_.push_back(row);
}

std::string Bench::json() const { return written(rows_).dump(1) + "\n"; }

double Stopwatch::now() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

Figure peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return {"peak memory", static_cast<double>(usage.ru_maxrss) / 1024, "MiB"};
}

Subject::Subject(std::string name, void (*run)(Bench&)) {
  subjects().emplace(std::move(name), run);
}

void run_subjects(Bench& bench) {
  for (const auto& [name, run] : subjects()) {
    bench.begin(name);
    run(bench);
  }
}

}  // namespace kvsim::perf
