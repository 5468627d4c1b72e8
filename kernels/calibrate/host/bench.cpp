#include "kernels/calibrate/host/bench.h"

#include <array>
#include <cstdio>

#include "kernels/calibrate/host/grids.h"

namespace kvsim::calibrate {
namespace {

using Unit = Target::Unit;

std::string fixed(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

// ---- published times: batch, context, microseconds, stack ----

struct Published {
  int batch, context;
  double us;
  const char* stack;
};

constexpr const char* kSglang = "SGLang";
constexpr const char* kVllm = "vLLM";
constexpr const char* kTrtllm = "TRT-LLM";

constexpr std::array<Published, 25> kDecodeBf16{
    {{1, 128, 8.98, kSglang},      {1, 512, 12.23, kSglang},    {1, 2048, 12.42, kSglang},
     {1, 4096, 13.53, kSglang},    {1, 8192, 16.24, kSglang},   {1, 16384, 28.19, kSglang},
     {1, 32768, 43.36, kSglang},   {8, 128, 9.87, kTrtllm},     {8, 512, 13.75, kSglang},
     {8, 2048, 27.22, kSglang},    {8, 4096, 42.21, kSglang},   {8, 8192, 72.99, kSglang},
     {8, 32768, 255.93, kSglang},  {32, 128, 13.01, kSglang},   {32, 512, 27.95, kSglang},
     {32, 2048, 72.83, kSglang},   {32, 4096, 130.97, kSglang}, {32, 8192, 248.19, kSglang},
     {32, 16384, 483.69, kSglang}, {64, 128, 18.99, kSglang},   {64, 2048, 135.66, kSglang},
     {64, 4096, 251.85, kSglang},  {64, 8192, 483.7, kSglang},  {256, 128, 67.81, kSglang},
     {256, 512, 145.88, kTrtllm}}};

constexpr std::array<Published, 9> kDecodeFp8{{{1, 128, 6.11, kTrtllm},
                                               {1, 2048, 9.26, kTrtllm},
                                               {1, 32768, 28.94, kTrtllm},
                                               {8, 4096, 31.13, kTrtllm},
                                               {32, 4096, 74.34, kTrtllm},
                                               {32, 16384, 254.25, kTrtllm},
                                               {64, 2048, 75.33, kTrtllm},
                                               {64, 4096, 135.13, kTrtllm},
                                               {64, 8192, 255.23, kTrtllm}}};

constexpr std::array<Published, 6> kPrefill{{{1, 512, 18.01, kSglang},
                                             {1, 1024, 29.19, kSglang},
                                             {1, 2048, 81.10, kSglang},
                                             {1, 4096, 265.53, kSglang},
                                             {1, 8192, 888.13, kSglang},
                                             {1, 16384, 3370.83, kVllm}}};

struct PublishedGemm {
  int m, n, k;
  double us;
  const char* stack;
};
constexpr std::array<PublishedGemm, 8> kGemm{{{1, 6144, 4096, 16.14, kVllm},
                                              {64, 6144, 4096, 16.42, kSglang},
                                              {256, 6144, 4096, 21.96, kTrtllm},
                                              {1024, 6144, 4096, 64.79, kVllm},
                                              {8192, 6144, 4096, 506.82, kVllm},
                                              {1, 8192, 8192, 34.54, kSglang},
                                              {64, 8192, 8192, 36.98, kVllm},
                                              {1024, 8192, 8192, 167.23, kVllm}}};

// ---- targets (kernels/README.md, "Speed to reach") ----

constexpr double kTinyKv = 4e6, kMediumKv = 250e6, kLargeKv = 1e9;

Target decode_target(const DecodeCase& c) {
  const double bytes = kv_bytes(c);
  if (bytes <= kTinyKv) return {Unit::kMicroseconds, 9};
  if (c.kv == "fp8" && bytes >= kMediumKv) return {Unit::kGbytesPerSecond, 4000};
  if (c.kv == "int4" && bytes >= kMediumKv) return {Unit::kGbytesPerSecond, 3400};
  if (bytes >= kLargeKv) return {Unit::kGbytesPerSecond, 4200};
  if (bytes >= kMediumKv) return {Unit::kGbytesPerSecond, 3700};
  return {Unit::kGbytesPerSecond, 0};
}

Target prefill_target(const PrefillCase& c) {
  if (c.fresh >= 8192) return {Unit::kTflopsPerSecond, 450};
  if (c.fresh >= 2048) return {Unit::kTflopsPerSecond, 300};
  return {Unit::kTflopsPerSecond, 0};
}

BenchRow decode_row(const std::string& kv, int page, const Published& p) {
  DecodeCase c;
  c.kv = kv;
  c.page = page;
  c.lengths.assign(static_cast<std::size_t>(p.batch), p.context);
  return {make_case("decode", c), kv_bytes(c), decode_target(c), p.us, p.stack};
}

void add_swaps(std::vector<BenchRow>& rows) {
  using Direction = SwapCase::Direction;
  for (const auto direction : {Direction::kToHost, Direction::kToDevice})
    for (const std::int64_t piece : {64 << 10, 256 << 10, 1 << 20}) {
      const SwapCase c{direction, false, static_cast<int>((128 << 20) / piece), piece};
      const double target = piece >= (256 << 10) ? 50 : 0;
      rows.push_back({make_case("swap", c),
                      c.pieces * static_cast<double>(piece),
                      {Unit::kGbytesPerSecond, target}});
    }
}

const char* unit_text(Unit unit) {
  if (unit == Unit::kGbytesPerSecond) return "GB/s";
  if (unit == Unit::kTflopsPerSecond) return "TFLOP/s";
  return "us";
}

}  // namespace

std::vector<BenchRow> bench_rows() {
  std::vector<BenchRow> rows;
  rows.reserve(2 * kDecodeBf16.size());
  for (const Published& p : kDecodeBf16) rows.push_back(decode_row("bf16", 16, p));
  // The control: the same kernel over contiguous KV. The cost of paging is the difference.
  for (const Published& p : kDecodeBf16)
    if (1.0 * p.batch * p.context * 4096 >= kMediumKv)
      rows.push_back(decode_row("bf16", 0, {p.batch, p.context, 0, ""}));
  for (const Published& p : kDecodeFp8) rows.push_back(decode_row("fp8", 16, p));
  for (const char* kv : {"int8", "int4"})
    for (const int context : {4096, 16384})
      rows.push_back(decode_row(kv, 16, {64, context, 0, ""}));
  for (const Published& p : kPrefill) {
    PrefillCase c;
    c.fresh = p.context;
    const double pairs = 0.5 * c.fresh * (c.fresh + 1.0);
    for (const bool warpgroups : {false, true}) {
      c.warpgroups = warpgroups;
      rows.push_back({make_case("prefill", c), 4.0 * c.heads.q * c.heads.dim * pairs,
                      prefill_target(c), p.us, p.stack});
    }
  }
  for (const PublishedGemm& g : kGemm) {
    const GemmCase c{g.m, g.n, g.k, "bf16"};
    rows.push_back(
        {make_case("gemm", c), 2.0 * g.m * g.n * g.k, {Unit::kTflopsPerSecond, 0}, g.us, g.stack});
  }
  for (const int tokens : {1, 64, 2048}) {
    AppendCase c;
    c.tokens = tokens;
    rows.push_back({make_case("append", c), 0, {Unit::kMicroseconds, tokens == 1 ? 3.0 : 0.0}});
  }
  add_swaps(rows);
  return rows;
}

double rate_of(const BenchRow& row, double microseconds) {
  if (row.target.unit == Unit::kGbytesPerSecond) return row.work / microseconds * 1e-3;
  if (row.target.unit == Unit::kTflopsPerSecond) return row.work / microseconds * 1e-6;
  return microseconds;
}

bool reaches(const BenchRow& row, double microseconds) {
  const double rate = rate_of(row, microseconds);
  return row.target.unit == Unit::kMicroseconds ? rate <= row.target.value
                                                : rate >= row.target.value;
}

std::string bench_markdown(const std::vector<BenchRow>& rows,
                           const std::vector<std::optional<Spread>>& timings,
                           const std::string& device) {
  std::string text =
      "Device: " + device +
      ". Median of graph replays over rotating memory; p90 / p10 - 1 in brackets.\n"
      "Published: NVIDIA aiconfigurator (Apache-2.0), H200 SXM, the fastest stack.\n\n"
      "| kernel | shape | us | rate | target | published us | ours / published |\n"
      "|---|---|---|---|---|---|---|\n";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const BenchRow& row = rows[i];
    text += "| " + row.launch.family + " | " + row.launch.label + " | ";
    const bool timed = timings[i].has_value();
    const double us = timed ? timings[i]->median : 0;
    const bool has_rate = row.target.unit != Unit::kMicroseconds;
    text +=
        timed ? fixed(us, 2) + " (" + fixed(100 * timings[i]->relative(), 1) + " %)" : "unmeasured";
    text += " | ";
    if (timed && has_rate) text += fixed(rate_of(row, us), 0) + " " + unit_text(row.target.unit);
    text += " | ";
    if (row.target.value > 0) {
      text += (has_rate ? ">= " : "<= ") + fixed(row.target.value, 0) + " " +
              unit_text(row.target.unit);
      if (timed) text += reaches(row, us) ? ", reached" : ", missed";
    }
    text += " | ";
    if (row.published > 0) text += fixed(row.published, 2) + " (" + row.stack + ")";
    text += " | ";
    if (timed && row.published > 0) text += fixed(us / row.published, 2);
    text += " |\n";
  }
  return text;
}

Json bench_json(const std::vector<BenchRow>& rows,
                const std::vector<std::optional<Spread>>& timings, const std::string& device) {
  Json list = Json::list();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const BenchRow& row = rows[i];
    Json item = Json::object({{"kernel", row.launch.family}, {"shape", row.launch.label}});
    if (timings[i]) {
      item["us_median"] = timings[i]->median;
      item["us_p10"] = timings[i]->p10;
      item["us_p90"] = timings[i]->p90;
      item["rate"] = rate_of(row, timings[i]->median);
      if (row.target.value > 0) item["reached"] = reaches(row, timings[i]->median);
    }
    item["unit"] = unit_text(row.target.unit);
    if (row.target.value > 0) item["target"] = row.target.value;
    if (row.published > 0) {
      item["published_us"] = row.published;
      item["published_by"] = row.stack;
    }
    list.push(std::move(item));
  }
  return Json::object({{"device", device},
                       {"published_source", "NVIDIA aiconfigurator (Apache-2.0), H200 SXM"},
                       {"rows", std::move(list)}});
}

}  // namespace kvsim::calibrate
