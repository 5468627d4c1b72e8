#include "kernels/calibrate/host/features.h"

#include <algorithm>
#include <map>

#include "kernels/calibrate/host/options.h"
#include "kernels/calibrate/host/text.h"

namespace kvsim::calibrate {
namespace {

constexpr double kWide = 2;  // bytes of an activation

std::vector<LengthClass> classes_of(const std::vector<std::int32_t>& lengths) {
  std::map<std::int32_t, std::int64_t> count;
  for (const std::int32_t length : lengths) ++count[length];
  std::vector<LengthClass> classes;
  classes.reserve(count.size());
  for (const auto& [length, times] : count) classes.push_back({length, times});
  return classes;
}

HeadShape head_shape(const Heads& heads, const std::string& kv) {
  return {static_cast<double>(heads.q), static_cast<double>(heads.dim),
          static_cast<double>(heads.kv) * kv_token_bytes(heads, kv)};
}

/// Bytes alone, and pieces as sequences.
LaunchFeatures traffic(double bytes, double pieces) {
  LaunchFeatures f;
  f.bytes = bytes;
  f.sequences = pieces;
  f.u = std::max(1.0, pieces);
  f.v = std::max(1.0, bytes / f.u);
  return f;
}

struct Features {
  int multiprocessors;

  LaunchFeatures operator()(const DecodeCase& c) const {
    const DecodeDevice device = decode_device(decode_kernel_of(c), multiprocessors);
    const DecodeShape shape = decode_shape_of(c);
    return decode_launch(shape, device, decode_features(shape, device, classes_of(c.lengths)));
  }
  LaunchFeatures operator()(const CascadeCase& c) const {
    const double tokens = c.prefix * (c.shared ? 1.0 : c.sequences) + 1.0 * c.sequences * c.suffix;
    return decode_launch(head_shape(c.heads, "bf16"), c.sequences, tokens);
  }
  LaunchFeatures operator()(const MlaCase& c) const {
    constexpr double kRow = 576, kLatent = 512;
    const double tokens = 1.0 * c.sequences * c.length;
    LaunchFeatures f = traffic(tokens * kRow * kWide, c.sequences);
    f.flops = 2 * (kRow + kLatent) * c.heads * tokens;
    return f;
  }
  LaunchFeatures operator()(const PrefillCase& c) const {
    const double n = c.sequences;
    return prefill_launch(head_shape(c.heads, "bf16"), n, n * c.fresh, n * (c.prior + c.fresh),
                          n * c.fresh * (c.prior + 0.5 * (c.fresh + 1)));
  }
  LaunchFeatures operator()(const AppendCase& c) const {
    const double rows = 1.0 * c.tokens * c.heads.kv;
    constexpr double kSides = 2;
    return traffic(rows * (kSides * c.heads.dim * kWide + kv_token_bytes(c.heads, c.kv)), c.tokens);
  }
  LaunchFeatures operator()(const CopyCase& c) const {
    return traffic(2.0 * c.blocks * static_cast<double>(c.block_bytes), c.blocks);
  }
  LaunchFeatures operator()(const SwapCase& c) const {
    const double ways = c.direction == SwapCase::Direction::kBoth ? 2 : 1;
    return traffic(ways * c.pieces * static_cast<double>(c.piece_bytes), ways * c.pieces);
  }
  LaunchFeatures operator()(const GemmCase& c) const {
    return gemm_launch(c.m, c.n, c.k, c.dtype == "fp8" ? 1 : 2);
  }
  LaunchFeatures operator()(const ElementwiseCase& c) const {
    const double elements = 1.0 * c.rows * c.width;
    // Rows read and written: two in and two out, two in and one out, one of each, or read only.
    double passes = 2;
    if (c.kernel == "add_rms_norm") passes = 4;
    if (c.kernel == "silu_mul") passes = 3;
    if (c.kernel == "argmax") passes = 1;
    return traffic(passes * elements * kWide, c.rows);
  }
  LaunchFeatures operator()(const StepCase& c) const {
    double tokens = 0;
    for (const Chunk& chunk : c.chunks) tokens += chunk.prior + chunk.fresh;
    for (const std::int32_t length : c.lengths) tokens += length;
    return traffic(tokens * head_shape({}, "bf16").kv_token_bytes, 1);
  }
  LaunchFeatures operator()(const CeilingCase& c) const {
    return traffic(static_cast<double>(c.bytes), 1);
  }
};

}  // namespace

KvElement element_of(const std::string& kv) {
  if (kv == "bf16") return KvElement::kBf16;
  if (kv == "fp16") return KvElement::kFp16;
  if (kv == "fp8") return KvElement::kE4m3;
  if (kv == "int8") return KvElement::kInt8;
  if (kv == "int4") return KvElement::kInt4;
  throw BadInput(text("no KV format named '", kv, "'; known: bf16, fp16, fp8, int8, int4"));
}

DecodeKernel decode_kernel_of(const DecodeCase& c) {
  DecodeKernel kernel;
  kernel.element = element_of(c.kv);
  if (c.heads.dim != 64 && c.heads.dim != 128 && c.heads.dim != 256)
    throw BadInput(text("head_dim ", c.heads.dim, ": there are kernels for 64, 128 and 256"));
  if (c.heads.kv < 1 || c.heads.q % c.heads.kv != 0)
    throw BadInput(text(c.heads.q, " query heads cannot share ", c.heads.kv, " KV heads evenly"));
  kernel.head_dim = c.heads.dim;
  kernel.group = c.heads.q / c.heads.kv;
  kernel.paged = c.page > 0;
  return kernel;
}

DecodeShape decode_shape_of(const DecodeCase& c) {
  return {c.heads.q, c.heads.kv, c.heads.dim, kv_token_bytes(c.heads, c.kv),
          c.page,    c.window,   c.sinks};
}

LaunchFeatures features_of(const What& what, int multiprocessors) {
  return std::visit(Features{multiprocessors}, what);
}

}  // namespace kvsim::calibrate
