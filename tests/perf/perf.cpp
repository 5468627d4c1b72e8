// kvsim_perf: how fast is it? Prints one row per benchmark; asserts nothing about time.
//
//   ./build/tests/perf/kvsim_perf [--json]
// Rows: a block operation of each memory manager and eviction policy in steady state (taken and
// given back, evicting all the time), a step's price, a bare event, and whole simulations. With
// KVSIM_TRACES set to a folder of public traces, those too. Run it on an idle machine; compare rows
// of one run.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sim/core/event_queue.h"
#include "sim/core/rng.h"
#include "sim/engine/catalog.h"
#include "sim/engine/experiment.h"
#include "sim/model/allocator.h"
#include "sim/model/eviction_policy.h"
#include "tests/engine/curve/block_traces.h"
#include "tests/support/any_future.h"

namespace kvsim {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Row {
  std::string name;
  double value = 0;
  std::string unit;
};
std::vector<Row> rows;

void add(const std::string& name, double value, const std::string& unit) {
  rows.push_back({name, value, unit});
  fmt::print(stderr, "{:<44} {:>14.1f} {}\n", name, value, unit);
}

// Sequences of 64 blocks come and go in a pool of `blocks`, each with content of its own, so that
// every block taken evicts one. One operation = one block taken, cached and given back.
void block_operations(const std::string& allocator, const std::string& eviction,
                      std::int64_t blocks) {
  constexpr std::int64_t kBlock = 16;
  constexpr std::int64_t kLength = 64 * kBlock;
  constexpr std::size_t kLive = 8;
  ConfigView config;
  config.set("/cache/eviction", eviction, "perf");
  config.set("/cache/reserve", "oracle", "perf");
  AnyFuture future;
  const auto memory = Registry<Allocator>::make(allocator, {.capacity = Tokens(blocks * kBlock),
                                                            .block = Tokens(kBlock),
                                                            .max_model_len = Tokens(2 * kLength),
                                                            .config = config,
                                                            .future = &future});
  std::vector<Sequence> live(kLive);
  const std::int64_t rounds = 4 * blocks / 64 + 20'000;
  const std::int64_t warm = 2 * blocks / 64;
  Clock::time_point start;
  for (std::int64_t i = 0; i < rounds + warm; ++i) {
    if (i == warm) start = Clock::now();
    Sequence& s = live[static_cast<std::size_t>(i) % kLive];
    if (s.id.valid()) memory->release(s, Release::kFinished);
    s.id = SequenceId{static_cast<std::uint32_t>(static_cast<std::size_t>(i) % kLive)};
    s.request.content.clear();
    s.request.content.append({private_content(static_cast<std::uint64_t>(i)), 0, kLength + 1});
    s.request.prompt = Tokens(kLength);
    s.request.output = Tokens(1);
    const Tokens hit = memory->lookup(s);
    s.computed = Tokens(kLength);
    if (!memory->admit(s, hit, Tokens(kLength), {})) std::abort();
    memory->commit(s);
  }
  const double per_block = seconds_since(start) / static_cast<double>(rounds) / 64 * 1e9;
  add(fmt::format("block {} {} {}k", allocator, eviction, blocks / 1000), per_block, "ns/block");
}

void event_queue() {
  constexpr std::int64_t kEvents = 5'000'000;
  EventQueue queue;
  Rng rng(1, "events");
  for (int i = 0; i < 1000; ++i)
    queue.schedule(Time(Duration(static_cast<std::int64_t>(rng.below(1'000'000)))),
                   EventKind::kArrival);
  const auto start = Clock::now();
  for (std::int64_t i = 0; i < kEvents; ++i) {
    const Event event = queue.pop();
    queue.schedule(event.at + Duration(static_cast<std::int64_t>(rng.below(1'000'000))),
                   EventKind::kStepDone);
  }
  add("event pop and schedule, 1000 pending", seconds_since(start) / kEvents * 1e9, "ns");
}

std::int64_t peak_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

// A chunk of a prompt beside 64 decodes, whose lengths move on from price to price.
void step_price(const std::string& cost, const std::string& model) {
  ConfigView config;
  config.set("/cost", cost, "perf");
  config.set("/model", model, "perf");
  const ModelSpec spec = load_model(config);
  const DeviceSpec device = load_device(config);
  const auto prices = load_cost_model(spec, device, config);
  StepShape shape;
  for (std::int64_t i = 0; i < 64; ++i) shape.add_decode(Tokens(1000 + 50 * i), spec.local);
  shape.add_prefill(Tokens(2000), Tokens(512), spec.local);
  shape.samples = shape.decodes;
  constexpr int kPrices = 1'000'000;
  Duration sum(0);
  const Clock::time_point start = Clock::now();
  for (int i = 0; i < kPrices; ++i) {
    shape.decode_context += Tokens(shape.decodes);
    sum += prices->price(shape);
  }
  const double nanoseconds = seconds_since(start) / kPrices * 1e9;
  if (sum > Duration(0)) add(fmt::format("step price, {} {}", cost, model), nanoseconds, "ns");
}

void simulation(const std::string& name, const std::vector<std::string>& sets) {
  ConfigView config;
  for (const std::string& assignment : sets) config.set(assignment);
  const auto start = Clock::now();
  const Report report = run_experiment(config);
  const double took = seconds_since(start);
  add(name + ": wall", took, "s");
  add(name + ": requests", static_cast<double>(report.requests.total) / took, "requests/s");
  add(name + ": steps", static_cast<double>(report.batch.steps) / took, "steps/s");
  add(name + ": simulated tokens",
      static_cast<double>(report.prompt_tokens + report.output_tokens) / took, "tokens/s");
  add(name + ": peak memory so far", static_cast<double>(peak_mib()), "MiB");
}

void generated(std::int64_t requests) {
  simulation(fmt::format("generated {}k x 1000 in / 200 out", requests / 1000),
             {"/workload/generate/requests=" + std::to_string(requests),
              "/workload/generate/prompt/mean=1000", "/workload/generate/output/mean=200",
              "/workload/arrivals/rate=20"});
}

// Caches replayed without time, one at a time; LRU gives all sizes in its one pass.
void curve(const std::string& path) {
  const BlockTrace trace = blocks_of_file(path, 512);
  for (const std::string rule : {"tree", "flat"})
    for (const std::string& policy : Registry<EvictionPolicy>::names()) {
      constexpr int kRounds = 5;
      const auto start = Clock::now();
      for (int i = 0; i < kRounds; ++i) (void)cell(trace, rule, policy, 10'000);
      const double refs = kRounds * static_cast<double>(trace.refs());
      add(fmt::format("curve {} {}, 10,000 blocks", rule, policy),
          refs / seconds_since(start) / 1e6, "M refs/s");
    }
}

void run_all() {
  event_queue();
  for (const std::string cost : {"roofline", "imported"})
    for (const std::string model : {"llama-3.1-8b", "gemma-2-9b"}) step_price(cost, model);
  for (const std::string& allocator : Registry<Allocator>::names())
    block_operations(allocator, "lru", 50'000);
  for (const std::string& eviction : Registry<EvictionPolicy>::names())
    if (eviction != "lru") block_operations("paged", eviction, 50'000);
  block_operations("paged", "lru", 1'000'000);
  generated(20'000);
  if (const char* folder = std::getenv("KVSIM_TRACES")) {
    const std::string trace =
        (std::filesystem::path(folder) / "mooncake_conversation.jsonl.gz").string();
    curve(trace);
    for (const std::string& allocator : Registry<Allocator>::names())
      simulation("mooncake_conversation " + allocator,
                 {"/workload/trace=" + trace, "/cache/allocator=" + allocator});
    simulation("mooncake_conversation paged, 4 replicas",
               {"/workload/trace=" + trace, "/replicas=4"});
  }
}

}  // namespace
}  // namespace kvsim

int main(int argc, char** argv) {
  kvsim::run_all();
  if (argc > 1 && std::string_view(argv[1]) == "--json") {
    fmt::print("[");
    for (std::size_t i = 0; i < kvsim::rows.size(); ++i)
      fmt::print("{}\n {{\"name\": \"{}\", \"value\": {:.3f}, \"unit\": \"{}\"}}",
                 i == 0 ? "" : ",", kvsim::rows[i].name, kvsim::rows[i].value, kvsim::rows[i].unit);
    fmt::print("\n]\n");
  }
  return 0;
}
