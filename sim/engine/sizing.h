#pragma once
// How much KV memory is left once weights and the rest are in: vLLM's start-up arithmetic.
//
// requested = ceil(total * gpu_memory_utilization); available = requested - weights - everything
// else that is not KV; blocks = available / block bytes. One step per line of a ladder, each marked
// with how sure it is. Source: vLLM v1 (gpu_worker.py, kv_cache_utils.py, July 2026).
// Deviation: what vLLM profiles at start-up (activations, CUDA graphs, communicators) is estimated.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/core/config_view.h"
#include "sim/core/units.h"
#include "sim/engine/deployment.h"
#include "sim/model/device_spec.h"
#include "sim/model/model_spec.h"

namespace kvsim {

/// How a number came about.
enum class Certainty : std::uint8_t { kExact, kMeasured, kEstimated };
[[nodiscard]] std::string_view word_of(Certainty certainty);

struct LadderLine {
  std::string label;
  std::int64_t value = 0;
  std::string unit;  ///< "bytes", "tokens", "blocks".
  Certainty certainty = Certainty::kExact;
  std::string why;  ///< One phrase.
};

/// What of the scheduler's limits matters for memory.
struct BatchLimits {
  std::int64_t sequences = 256;  ///< max_num_seqs
  std::int64_t tokens = 8192;    ///< max_num_batched_tokens
};

/// All bytes are those of one GPU, the fullest; tokens and blocks are the replica's.
struct KvBudget {
  Bytes total;
  Bytes requested;
  Bytes weights;
  Bytes drafter;  ///< Weights of the network that guesses tokens ahead.
  Bytes runtime;
  Bytes state;      ///< Mamba states of max_num_seqs sequences, if they lie outside the pool.
  Bytes scales;     ///< Per-tensor scales of a quantised cache.
  Bytes available;  ///< For KV blocks; negative if the model does not fit.
  Bytes per_block;  ///< Of one group; the drafter's KV included.
  Bytes per_token;  ///< In all layers, windows forgotten; per-channel scales left out.
  KvLayout layout;
  Blocks blocks;    ///< vLLM's null block is one of them.
  Tokens capacity;  ///< Slots: blocks * tokens of a block, whatever group has it.
  std::vector<LadderLine> ladder;
};

/// "GPU KV cache size" of vLLM's log: tokens there would be room for if every group kept them all.
[[nodiscard]] Tokens vllm_tokens(const KvLayout& layout, Blocks blocks);

/// The arithmetic alone: refuses nothing.
[[nodiscard]] KvBudget estimate_kv(const ModelSpec& model, const DeviceSpec& device,
                                   const ConfigView& config, BatchLimits limits = {});

/// What /cache/swap_space holds, in whole blocks.
[[nodiscard]] Tokens swap_capacity(const KvBudget& budget, const ConfigView& config);

/// Throws InputError if not one block is left, or one request of max_model_len tokens would not fit
/// (as vLLM refuses to start), saying what to change. num_gpu_blocks_override is taken as said.
[[nodiscard]] KvBudget size_kv(const ModelSpec& model, const DeviceSpec& device,
                               const ConfigView& config, BatchLimits limits = {});

}  // namespace kvsim
