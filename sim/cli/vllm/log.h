#pragma once
// --vllm-log: how many KV blocks a real server found room for, out of its start-up log.
//
// Nothing moves a simulation more than the size of the cache, and nothing is harder to compute than
// what a process leaves of a GPU's memory; the server has counted it. Lines that are understood
// (vLLM 0.4 to 0.27):
//
//   # GPU blocks: 18038            num_gpu_blocks is: 18038
//   GPU KV cache size: 288,608 tokens
//   Maximum concurrency for 131,072 tokens per request: 2.20x

#include <string>
#include <vector>

#include "sim/core/config_view.h"

namespace kvsim {

/// Pins /cache/num_gpu_blocks_override to what the log says, and /max_model_len where `config` says
/// none; returns what was read, a line for each. Ranks that differ: the smallest counts, as in
/// vLLM. Throws InputError for a log without such lines, and where layers form several groups, of
/// which a count of tokens does not say the blocks.
[[nodiscard]] std::vector<std::string> set_vllm_log(const std::string& file, ConfigView& config);

}  // namespace kvsim
