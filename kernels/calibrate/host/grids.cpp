#include "kernels/calibrate/host/grids.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <numbers>
#include <numeric>
#include <random>

#include "kernels/calibrate/host/options.h"

namespace kvsim::calibrate {
namespace {

using Cases = std::vector<Case>;
using Lengths = std::vector<std::int32_t>;

constexpr std::array kBatches{1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256};

Lengths equal(int sequences, std::int32_t length) {
  return Lengths(static_cast<std::size_t>(sequences), length);
}

/// [0, 1), the same on every machine (std::uniform_real_distribution is not).
double unit(std::mt19937_64& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }

/// Standard normal (Box & Muller 1958).
double normal(std::mt19937_64& random) {
  const double radius = std::sqrt(-2 * std::log(1 - unit(random)));
  return radius * std::cos(2 * std::numbers::pi * unit(random));
}

void shuffle(std::vector<int>& list, std::mt19937_64& random) {  // Fisher & Yates
  for (std::size_t i = list.size(); i > 1; --i) std::swap(list[i - 1], list[random() % i]);
}

std::vector<int> permutation(int count, std::mt19937_64& random) {
  std::vector<int> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  shuffle(order, random);
  return order;
}

/// A point of [low, high) by logarithm.
double log_point(double low, double high, double share) {
  return low * std::pow(high / low, share);
}

bool one_length(const Case& c) {
  const Lengths& lengths = std::get<DecodeCase>(c.what).lengths;
  return std::adjacent_find(lengths.begin(), lengths.end(), std::not_equal_to<>()) == lengths.end();
}

// ---- families of decode ----

Cases decode_grid(std::uint64_t /*seed*/) {
  Lengths contexts{64, 128};
  for (const std::int32_t c : half_octaves(256, 32768)) contexts.push_back(c);
  contexts.insert(contexts.end(), {65536, 131072});
  Cases cases;
  for (const int batch : kBatches)
    for (const std::int32_t context : contexts)
      cases.push_back(make_case("decode", DecodeCase{.lengths = equal(batch, context)}));
  return cases;
}

/// Small grid of a secondary family.
void add_grid(const std::string& family, const DecodeCase& shape, Cases& cases) {
  for (const int batch : {1, 4, 16, 64, 256})
    for (const std::int32_t context : {128, 512, 2048, 8192, 32768}) {
      DecodeCase c = shape;
      c.lengths = equal(batch, context);
      cases.push_back(make_case(family, c));
    }
}

/// The points at which page sizes and contiguous KV are compared.
constexpr std::array<std::array<int, 2>, 8> kComparisons{{{1, 2048},
                                                          {1, 32768},
                                                          {8, 4096},
                                                          {16, 4096},
                                                          {32, 2048},
                                                          {64, 2048},
                                                          {64, 8192},
                                                          {256, 4096}}};

Cases contiguous_cases(std::uint64_t /*seed*/) {
  Cases cases;
  for (const auto [batch, context] : kComparisons)
    cases.push_back(
        make_case("contiguous", DecodeCase{.page = 0, .lengths = equal(batch, context)}));
  return cases;
}

Cases page_cases(std::uint64_t /*seed*/) {
  Cases cases;
  for (const int page : {8, 32, 64, 128, 256})
    for (const auto [batch, context] : kComparisons)
      cases.push_back(
          make_case("pages", DecodeCase{.page = page, .lengths = equal(batch, context)}));
  return cases;
}

Cases head_cases(std::uint64_t /*seed*/) {
  Cases cases;
  for (const Heads heads :
       {Heads{32, 32, 128}, Heads{64, 8, 128}, Heads{16, 2, 128}, Heads{8, 1, 128},
        Heads{64, 4, 128}, Heads{32, 1, 128}, Heads{32, 8, 64}, Heads{16, 8, 256}})
    add_grid("heads", {.heads = heads}, cases);
  return cases;
}

Cases format_cases(std::uint64_t /*seed*/) {
  Cases cases;
  for (const char* kv : {"fp16", "fp8", "int8", "int4"}) add_grid("formats", {.kv = kv}, cases);
  return cases;
}

Cases window_cases(std::uint64_t /*seed*/) {
  Cases cases;
  for (const int window : {512, 1024, 4096})
    for (const int sinks : {0, 4, 128})
      for (const auto [batch, context] : {std::array{4, 16384}, {64, 8192}})
        cases.push_back(make_case(
            "window",
            DecodeCase{.window = window, .sinks = sinks, .lengths = equal(batch, context)}));
  return cases;
}

Cases cascade_cases(std::uint64_t /*seed*/) {
  Cases cases;
  for (const int prefix : {1024, 8192, 32768})
    for (const int sequences : {2, 4, 8, 32, 128})
      for (const bool shared : {true, false})
        cases.push_back(make_case(
            "cascade",
            CascadeCase{
                .sequences = sequences, .prefix = prefix, .suffix = 512, .shared = shared}));
  return cases;
}

Cases mla_cases(std::uint64_t /*seed*/) {
  Cases cases;
  for (const int heads : {16, 128})
    for (const int sequences : {1, 8, 32, 128})
      for (const int length : {1024, 4096, 16384})
        cases.push_back(make_case("mla", MlaCase{heads, sequences, length}));
  return cases;
}

// ---- the rest ----

Cases prefill_cases(std::uint64_t /*seed*/) {
  Cases cases;
  const auto add = [&cases](Heads heads, int page, int sequences, int fresh, int prior) {
    cases.push_back(make_case("prefill", PrefillCase{heads, page, sequences, fresh, prior}));
  };
  for (const int fresh : {16, 64, 128, 256, 512, 1024, 2048, 4096, 8192})
    for (const int prior : {0, 512, 2048, 8192, 32768, 131072})
      if (fresh * (prior + 0.5 * fresh) < 3e8) add({}, 16, 1, fresh, prior);
  for (const Heads heads : {Heads{32, 32, 128}, Heads{64, 8, 128}, Heads{32, 8, 64}})
    for (const int fresh : {128, 512, 2048, 8192})
      for (const int prior : {0, 8192}) add(heads, 16, 1, fresh, prior);
  for (const int page : {0, 64})
    for (const int fresh : {512, 2048, 8192}) add({}, page, 1, fresh, 0);
  for (const int fresh : {512, 1024, 2048, 4096, 8192}) {
    PrefillCase c;
    c.fresh = fresh;
    c.warpgroups = true;
    cases.push_back(make_case("prefill", c));
  }
  for (const auto [sequences, fresh] : {std::array{4, 512}, {16, 128}, {8, 2048}})
    for (const int prior : {0, 2048}) add({}, 16, sequences, fresh, prior);
  return cases;
}

Cases append_cases(std::uint64_t /*seed*/) {
  Cases cases;
  for (const char* kv : {"bf16", "fp8", "int8", "int4"})
    for (const int tokens : {1, 16, 64, 256, 1024, 2048, 8192})
      cases.push_back(make_case("append", AppendCase{.kv = kv, .tokens = tokens}));
  return cases;
}

Cases copy_cases(std::uint64_t /*seed*/) {
  constexpr std::int64_t kMost = std::int64_t{4} << 30;
  Cases cases;
  for (const int blocks : {1, 8, 64, 512, 4096})
    for (const std::int64_t bytes : {8 << 10, 32 << 10, 128 << 10, 512 << 10, 2 << 20})
      if (blocks * bytes <= kMost) cases.push_back(make_case("copy", CopyCase{blocks, bytes}));
  return cases;
}

Cases swap_cases(std::uint64_t /*seed*/) {
  constexpr std::int64_t kTotal = 128 << 20;
  using Direction = SwapCase::Direction;
  Cases cases;
  for (const auto direction : {Direction::kToHost, Direction::kToDevice, Direction::kBoth})
    for (const bool by_kernel : {false, true})
      for (const std::int64_t piece : {4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20}) {
        const auto pieces = static_cast<int>(std::min<std::int64_t>(2048, kTotal / piece));
        cases.push_back(make_case("swap", SwapCase{direction, by_kernel, pieces, piece}));
      }
  return cases;
}

/// Linear layers (n x k) of Llama-3-8B, and of 70B on 1, 2, 4 and 8 GPUs: qkv, attention's output,
/// gate and up, down, head.
constexpr std::array<std::array<int, 2>, 19> kLinears{{{6144, 4096},
                                                       {4096, 4096},
                                                       {28672, 4096},
                                                       {4096, 14336},
                                                       {128256, 4096},
                                                       {10240, 8192},
                                                       {8192, 8192},
                                                       {57344, 8192},
                                                       {8192, 28672},
                                                       {5120, 8192},
                                                       {8192, 4096},
                                                       {28672, 8192},
                                                       {8192, 14336},
                                                       {2560, 8192},
                                                       {8192, 2048},
                                                       {14336, 8192},
                                                       {8192, 7168},
                                                       {1280, 8192},
                                                       {16032, 8192}}};

Cases gemm_cases(std::uint64_t /*seed*/) {
  Cases cases;
  for (const char* dtype : {"bf16", "fp8"})
    for (const auto [n, k] : kLinears)
      for (const int m : {1,   2,   4,   8,   16,  24,   32,   48,   64,   65,   96,   128, 129,
                          192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192}) {
        // fp8 multiplies need rows in multiples of 16 (cuBLAS: "Narrow precision data types
        // usage").
        if (std::string_view(dtype) == "fp8" && m % 16 != 0) continue;
        // Of a prompt only the last token needs logits.
        if (n > 100000 && m > 1024) continue;
        cases.push_back(make_case("gemm", GemmCase{m, n, k, dtype}));
        // Between knots a price is interpolated: these rows say how well.
        cases.back().held_out = m == 24 || m == 96 || m == 384 || m == 1536 || m == 6144;
      }
  return cases;
}

Cases elementwise_cases(std::uint64_t /*seed*/) {
  Cases cases;
  for (const char* kernel : {"rms_norm", "add_rms_norm", "silu_mul", "embed", "argmax"})
    for (const int width : {4096, 14336})
      for (const int rows : {1, 16, 128, 512, 2048, 8192})
        cases.push_back(make_case("elementwise", ElementwiseCase{kernel, rows, width}));
  return cases;
}

Cases step_cases(std::uint64_t seed) {
  constexpr int kSteps = 30;
  std::mt19937_64 random(seed ^ 0x57e95);
  const std::vector<int> batches = permutation(kSteps, random);
  const std::vector<int> means = permutation(kSteps, random);
  Cases cases;
  for (std::size_t i = 0; i < kSteps; ++i) {
    StepCase c;
    const auto batch = static_cast<int>(log_point(1, 257, (batches[i] + unit(random)) / kSteps));
    const double mean = log_point(128, 8192, (means[i] + unit(random)) / kSteps);
    c.lengths = lengths_by(static_cast<LengthLaw>(i % kLengthLaws), batch, mean, random());
    // One step in five has a chunk of a prompt beside the decodes.
    if (i % 5 == 4) c.chunks.push_back({512, static_cast<int>(512 * (i % 3))});
    cases.push_back(make_case("steps", c));
  }
  return cases;
}

Cases ceiling_cases(std::uint64_t /*seed*/) {
  Cases cases;
  for (const char* what : {"read", "copy"})
    for (const std::int64_t bytes : {16, 64, 256, 1024, 4096})
      cases.push_back(make_case("ceilings", CeilingCase{what, bytes << 20}));
  for (const char* what : {"to_host", "to_device"})
    for (const std::int64_t bytes : {1, 16, 256})
      cases.push_back(make_case("ceilings", CeilingCase{what, bytes << 20}));
  for (const char* what : {"empty_node", "empty_launch"})
    cases.push_back(make_case("ceilings", CeilingCase{what, 0}));
  return cases;
}

constexpr int kMixedBatches = 200;

/// Bytes of KV that the launch needs room for.
double room(const What& what) {
  if (const auto* c = std::get_if<DecodeCase>(&what)) {
    DecodeCase whole = *c;
    whole.window = 0;
    return kv_bytes(whole);
  }
  if (const auto* c = std::get_if<CascadeCase>(&what))
    return 1.0 * (c->prefix + c->suffix) * c->sequences * c->heads.kv *
           kv_token_bytes(c->heads, "bf16");
  if (const auto* c = std::get_if<PrefillCase>(&what))
    return 1.0 * (c->fresh + c->prior) * c->sequences * c->heads.kv *
           kv_token_bytes(c->heads, "bf16");
  return 0;
}

}  // namespace

std::vector<std::int32_t> half_octaves(std::int32_t first, std::int32_t last) {
  Lengths points;
  for (std::int32_t octave = first; octave <= last; octave *= 2) {
    points.push_back(octave);
    const auto half = static_cast<std::int32_t>(std::lround(octave * std::numbers::sqrt2));
    if (half <= last) points.push_back(half);
  }
  return points;
}

const char* word_of(LengthLaw law) {
  constexpr std::array<const char*, kLengthLaws> kWords{
      "constant",       "uniform", "log-normal 0.5", "log-normal 1",
      "log-normal 1.5", "bimodal", "one long"};
  return kWords[static_cast<std::size_t>(law)];
}

std::vector<std::int32_t> lengths_by(LengthLaw law, int sequences, double mean,
                                     std::uint64_t seed) {
  constexpr double kRare = 16, kLong = 32;
  constexpr double kLongest = 131072;
  std::mt19937_64 random(seed);
  const auto log_normal = [&](double sigma) {
    return mean * std::exp(sigma * normal(random) - sigma * sigma / 2);
  };
  Lengths lengths;
  for (int i = 0; i < sequences; ++i) {
    double length = mean;
    if (law == LengthLaw::kUniform) length = 2 * mean * unit(random);
    if (law == LengthLaw::kNarrow) length = log_normal(0.5);
    if (law == LengthLaw::kMedium) length = log_normal(1);
    if (law == LengthLaw::kWide) length = log_normal(1.5);
    if (law == LengthLaw::kBimodal)
      length = mean * kRare / (2 * kRare - 1) * (unit(random) < 1 / kRare ? kRare : 1);
    if (law == LengthLaw::kOneLong)
      length = mean * sequences / (kLong + sequences - 1) * (i == 0 ? kLong : 1);
    lengths.push_back(static_cast<std::int32_t>(std::clamp(std::round(length), 1.0, kLongest)));
  }
  return lengths;
}

std::vector<Case> mixed_batches(int count, std::uint64_t seed) {
  constexpr int kHeldOutOfTen = 3;
  std::mt19937_64 random(seed ^ 0xba7c4);
  const std::vector<int> batches = permutation(count, random);
  const std::vector<int> means = permutation(count, random);
  Cases cases;
  int varied = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const auto law = static_cast<LengthLaw>(i % kLengthLaws);
    const auto batch = static_cast<int>(log_point(1, 257, (batches[i] + unit(random)) / count));
    const double mean = log_point(128, 16384, (means[i] + unit(random)) / count);
    Case made = make_case("mixed", DecodeCase{.lengths = lengths_by(law, batch, mean, random())});
    made.law = word_of(law);
    made.held_out = one_length(made) || varied++ % 10 < kHeldOutOfTen;
    cases.push_back(std::move(made));
  }
  return cases;
}

std::vector<Case> cases_of(const std::string& family, double memory, std::uint64_t seed) {
  static const std::map<std::string, std::function<Cases(std::uint64_t)>> makers{
      {"ceilings", ceiling_cases},
      {"decode", decode_grid},
      {"mixed", [](std::uint64_t s) { return mixed_batches(kMixedBatches, s); }},
      {"contiguous", contiguous_cases},
      {"pages", page_cases},
      {"heads", head_cases},
      {"formats", format_cases},
      {"window", window_cases},
      {"cascade", cascade_cases},
      {"mla", mla_cases},
      {"prefill", prefill_cases},
      {"append", append_cases},
      {"copy", copy_cases},
      {"swap", swap_cases},
      {"gemm", gemm_cases},
      {"elementwise", elementwise_cases},
      {"steps", step_cases}};
  Cases cases = makers.at(family)(seed);
  std::erase_if(cases, [memory](const Case& c) { return room(c.what) > memory; });
  Cases spread;
  for (const std::size_t i : spread_order(cases.size())) spread.push_back(std::move(cases[i]));
  return spread;
}

std::vector<Case> sentinels() {
  Cases cases;
  for (const auto [batch, context] : {std::array{1, 512}, {8, 4096}, {64, 4096}, {256, 2048}})
    cases.push_back(make_case("decode", DecodeCase{.lengths = equal(batch, context)}));
  cases.push_back(make_case("gemm", GemmCase{256, 6144, 4096, "bf16"}));
  return cases;
}

}  // namespace kvsim::calibrate
