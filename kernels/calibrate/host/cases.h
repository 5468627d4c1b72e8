#pragma once
// What is timed: launches by family, each with its shape and the time that timing it should take.
//
// The grid is what a law is fitted to; mixed batches, whose lengths follow seven laws, are fitted
// in part and held out in part. What is held out is never a random row of the grid: its neighbours
// would tell. Sizes follow kernels/README.md, "Calibration".

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace kvsim::calibrate {

struct Heads {
  int q = 32, kv = 8, dim = 128;
  friend bool operator==(const Heads&, const Heads&) = default;
};

/// Decode attention of one layer.
struct DecodeCase {
  Heads heads{};
  std::string kv = "bf16";  ///< bf16, fp16, fp8, int8 or int4.
  int page = 16;            ///< 0: contiguous.
  int window = 0, sinks = 0;
  std::vector<std::int32_t> lengths{};
};

/// Decode of sequences that share a prefix of `prefix` tokens; lengths are without it.
struct CascadeCase {
  Heads heads{};
  int page = 16;
  int sequences = 1, prefix = 0, suffix = 0;
  bool shared = true;  ///< false: the same batch by plain decode, for the break-even.
};

/// Latent attention (DeepSeek): rows of 512 + 64 values in pages of 64.
struct MlaCase {
  int heads = 16, sequences = 1, length = 0;
};

/// `fresh` new tokens each on top of `prior`, causal.
struct PrefillCase {
  Heads heads{};
  int page = 16;
  int sequences = 1, fresh = 0, prior = 0;
  bool warpgroups = false;  ///< By wgmma: compared with the other, until it is the default.
};

struct AppendCase {
  Heads heads{};
  std::string kv = "bf16";
  int tokens = 0;
};

struct CopyCase {
  int blocks = 0;
  std::int64_t block_bytes = 0;
};

struct SwapCase {
  enum class Direction { kToHost, kToDevice, kBoth };
  Direction direction = Direction::kToHost;
  bool by_kernel = false;  ///< Through mapped memory; else one batch of copies.
  int pieces = 0;
  std::int64_t piece_bytes = 0;
};

struct GemmCase {
  int m = 0, n = 0, k = 0;
  std::string dtype = "bf16";  ///< bf16 or fp8.
};

struct ElementwiseCase {
  std::string kernel;  ///< rms_norm, add_rms_norm, silu_mul, embed or argmax
  int rows = 0, width = 0;
};

/// New tokens of one sequence on top of earlier ones.
struct Chunk {
  int fresh = 0, prior = 0;
};

/// One forward pass of the model: decodes of these lengths, and chunks of prompts.
struct StepCase {
  std::vector<std::int32_t> lengths{};
  std::vector<Chunk> chunks{};
};

struct CeilingCase {
  std::string what;  ///< read, copy, empty_node, empty_launch, to_host, to_device
  std::int64_t bytes = 0;
};

using What = std::variant<DecodeCase, CascadeCase, MlaCase, PrefillCase, AppendCase, CopyCase,
                          SwapCase, GemmCase, ElementwiseCase, StepCase, CeilingCase>;

struct Case {
  std::string family;  ///< One of families().
  std::string label;   ///< "32/8/128 bf16 page 16, 64 x 4096"
  What what;
  double seconds = 0;  ///< That timing it should take, on an H200.
  bool held_out = false;
  std::string law = {};  ///< Of the lengths of a mixed batch.
};

/// Bytes of one layer's KV that a decode reads, scales included.
[[nodiscard]] double kv_bytes(const DecodeCase& c);
/// K and V of a token of one KV head, scales included. Throws BadInput for no such format.
[[nodiscard]] int kv_token_bytes(const Heads& heads, const std::string& kv);

/// All cases of a family, in an order whose every beginning covers the whole range. Launches with
/// more KV than `memory` bytes are left out.
[[nodiscard]] std::vector<Case> cases_of(const std::string& family, double memory,
                                         std::uint64_t seed);

/// Timed at the start, the middle and the end of everything: a drift of the device shows in them.
[[nodiscard]] std::vector<Case> sentinels();

/// Indices 0 .. count - 1, by bit reversal (van der Corput): every beginning is spread over all.
[[nodiscard]] std::vector<std::size_t> spread_order(std::size_t count);

/// Several families in turn, each in proportion to its length: drift of the device meets all alike,
/// and where time runs out, it runs out for all alike.
[[nodiscard]] std::vector<Case> interleaved(const std::vector<std::vector<Case>>& families);

}  // namespace kvsim::calibrate
