#include "kernels/calibrate/host/cases.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "kernels/calibrate/host/grids.h"
#include "kernels/calibrate/host/options.h"
#include "kernels/calibrate/host/text.h"

namespace kvsim::calibrate {
namespace {

// Rates of an H200 as published kernels reach them (kernels/README.md). For estimates of how long
// a calibration takes, and for nothing else.
constexpr double kReadRate = 4e12, kFlopRate = 4e14, kLinkRate = 45e9, kLaunch = 8e-6;
// A case is warmed up and replayed so many times, each of at least so long (replay.h); and it is
// set up: page tables, plan, upload, graph.
constexpr double kReplays = 15, kShortestReplay = 2e-3, kSetUp = 0.015;

std::string size_text(std::int64_t bytes) {
  if (bytes >= 1 << 20) return text(bytes >> 20, " MiB");
  if (bytes >= 1 << 10) return text(bytes >> 10, " KiB");
  return text(bytes, " B");
}

std::int64_t sum(const std::vector<std::int32_t>& lengths) {
  return std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0});
}

std::string batch_text(const std::vector<std::int32_t>& lengths) {
  const auto count = std::max<std::int64_t>(1, std::ssize(lengths));
  const bool equal =
      std::adjacent_find(lengths.begin(), lengths.end(), std::not_equal_to<>()) == lengths.end();
  return text(lengths.size(), equal ? " x " : " x about ", sum(lengths) / count);
}

// ---- labels ----

std::string heads_text(const Heads& h) { return text(h.q, '/', h.kv, '/', h.dim); }
std::string layout_text(int page) { return page == 0 ? "contiguous" : text("page ", page); }

std::string label(const DecodeCase& c) {
  return text(heads_text(c.heads), ' ', c.kv, ' ', layout_text(c.page),
              c.window > 0 ? text(" window ", c.window, '+', c.sinks) : "", ", ",
              batch_text(c.lengths));
}
std::string label(const CascadeCase& c) {
  return text(heads_text(c.heads), c.shared ? " shared, " : " plain, ", c.sequences, " x (",
              c.prefix, " + ", c.suffix, ')');
}
std::string label(const MlaCase& c) {
  return text(c.heads, " heads, ", c.sequences, " x ", c.length);
}
std::string label(const PrefillCase& c) {
  return text(heads_text(c.heads), ' ', layout_text(c.page), c.warpgroups ? " wgmma, " : ", ",
              c.sequences, " x ", c.fresh, " after ", c.prior);
}
std::string label(const AppendCase& c) {
  return text(heads_text(c.heads), ' ', c.kv, ", ", c.tokens, " tokens");
}
std::string label(const CopyCase& c) {
  return text(c.blocks, " blocks of ", size_text(c.block_bytes));
}
std::string label(const SwapCase& c) {
  constexpr const char* kWords[] = {"to host", "to device", "both ways"};
  return text(kWords[static_cast<int>(c.direction)], c.by_kernel ? " by kernel, " : " by copies, ",
              c.pieces, " x ", size_text(c.piece_bytes));
}
std::string label(const GemmCase& c) { return text(c.dtype, " m ", c.m, ", n ", c.n, ", k ", c.k); }
std::string label(const ElementwiseCase& c) { return text(c.kernel, ' ', c.rows, " x ", c.width); }
std::string label(const StepCase& c) {
  std::string chunks;
  for (const Chunk& chunk : c.chunks)
    chunks += text(", prefill ", chunk.fresh, " after ", chunk.prior);
  return text("decode ", batch_text(c.lengths), chunks);
}
std::string label(const CeilingCase& c) {
  return c.bytes > 0 ? text(c.what, ' ', size_text(c.bytes)) : c.what;
}

// ---- how long one launch should take, in seconds ----

double launch_time(const DecodeCase& c) { return kv_bytes(c) / kReadRate; }
double launch_time(const CascadeCase& c) {
  const double tokens = c.prefix * (c.shared ? 1.0 : c.sequences) + 1.0 * c.sequences * c.suffix;
  return tokens * c.heads.kv * kv_token_bytes(c.heads, "bf16") / kReadRate;
}
double launch_time(const MlaCase& c) {
  constexpr double kRowBytes = 1152;
  constexpr double kMultiplyAdds = 576 + 512;
  const double tokens = 1.0 * c.sequences * c.length;
  return std::max(tokens * kRowBytes / kReadRate, 2 * kMultiplyAdds * c.heads * tokens / kFlopRate);
}
double launch_time(const PrefillCase& c) {
  const double pairs = c.fresh * (c.prior + 0.5 * (c.fresh + 1));
  return 4.0 * c.heads.q * c.heads.dim * c.sequences * pairs / kFlopRate;
}
double launch_time(const AppendCase& c) {
  return 4.0 * c.tokens * c.heads.kv * kv_token_bytes(c.heads, "bf16") / kReadRate;
}
double launch_time(const CopyCase& c) {
  return 2.0 * c.blocks * static_cast<double>(c.block_bytes) / kReadRate;
}
double launch_time(const SwapCase& c) {
  return c.pieces * static_cast<double>(c.piece_bytes) / kLinkRate;
}
double launch_time(const GemmCase& c) {
  const double element = c.dtype == "bf16" ? 2 : 1;
  return std::max(element * c.n * c.k / kReadRate, 2.0 * c.m * c.n * c.k / kFlopRate);
}
double launch_time(const ElementwiseCase& c) { return 6.0 * c.rows * c.width / kReadRate; }
double launch_time(const StepCase& c) {
  constexpr double kWeightBytes = 15e9, kTokenBytes = 131072, kTokenFlops = 15e9;  // Llama-3-8B
  double tokens = static_cast<double>(c.lengths.size());
  for (const Chunk& chunk : c.chunks) tokens += chunk.fresh;
  return std::max(kWeightBytes / kReadRate, tokens * kTokenFlops / kFlopRate) +
         static_cast<double>(sum(c.lengths)) * kTokenBytes / kReadRate;
}
double launch_time(const CeilingCase& c) {
  const bool link = c.what == "to_host" || c.what == "to_device";
  return static_cast<double>(c.bytes) / (link ? kLinkRate : kReadRate);
}

}  // namespace

int kv_token_bytes(const Heads& heads, const std::string& kv) {
  constexpr int kScaleBytes = 4;  // fp16, of K and of V
  if (kv == "bf16" || kv == "fp16") return 4 * heads.dim;
  if (kv == "fp8" || kv == "int8") return 2 * heads.dim + kScaleBytes;
  if (kv == "int4") return heads.dim + kScaleBytes;
  throw BadInput(text("no KV format named '", kv, "'; known: bf16, fp16, fp8, int8, int4"));
}

double kv_bytes(const DecodeCase& c) {
  double tokens = 0;
  for (const std::int32_t length : c.lengths)
    tokens += c.window == 0 ? length : std::min(length, c.window + c.sinks);
  return tokens * c.heads.kv * kv_token_bytes(c.heads, c.kv);
}

Case make_case(const std::string& family, What what) {
  Case made{family, {}, std::move(what)};
  made.label = std::visit([](const auto& c) { return label(c); }, made.what);
  const double once = kLaunch + std::visit([](const auto& c) { return launch_time(c); }, made.what);
  made.seconds = kSetUp + kReplays * std::max(once, kShortestReplay);
  return made;
}

std::vector<std::size_t> spread_order(std::size_t count) {
  std::vector<std::size_t> order;
  const int bits = static_cast<int>(std::bit_width(count == 0 ? 0 : count - 1));
  for (std::size_t i = 0; i < std::size_t{1} << bits; ++i) {
    std::size_t reversed = 0;
    for (int b = 0; b < bits; ++b) reversed |= (i >> b & 1u) << (bits - 1 - b);
    if (reversed < count) order.push_back(reversed);
  }
  return order;
}

std::vector<Case> interleaved(const std::vector<std::vector<Case>>& families) {
  // The next case is of the family that lags behind most, as a share of its length (Bresenham).
  std::vector<Case> all;
  std::vector<std::size_t> done(families.size());
  while (true) {
    std::size_t next = families.size();
    const auto share = [&](std::size_t f) {
      return (static_cast<double>(done[f]) + 0.5) / static_cast<double>(families[f].size());
    };
    for (std::size_t f = 0; f < families.size(); ++f)
      if (done[f] < families[f].size() && (next == families.size() || share(f) < share(next)))
        next = f;
    if (next == families.size()) return all;
    all.push_back(families[next][done[next]++]);
  }
}

}  // namespace kvsim::calibrate
