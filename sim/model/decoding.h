#pragma once
// Decoding: how many answers each prompt gets, and how they come about, as the config says.
//
// Parallel sampling asks for n independent answers (vLLM's n); beam search keeps the best `width`
// texts at every token. How they share memory is the serving side's: a server that knows sequence
// groups (vLLM V0) forks them; today's (vLLM V1) gets requests that only its prefix cache connects,
// and its beam search is a client's loop (vllm/entrypoints/llm.py beam_search).

#include <cstdint>

#include "sim/core/config_view.h"

namespace kvsim {

struct Decoding {
  std::uint32_t samples = 1;        ///< Independent answers to a prompt.
  std::uint32_t beam_width = 1;     ///< Beams; 1: no beam search.
  double beam_peak = 0;             ///< How peaked the next-token law is (beam_search.h).
  bool server_keeps_beams = false;  ///< Else the client does, token by token.

  [[nodiscard]] bool beams() const { return beam_width > 1; }
  [[nodiscard]] std::uint32_t siblings() const { return beams() ? beam_width : samples; }
};

/// Reads /workload. Throws InputError if both samples and beams are asked for.
[[nodiscard]] Decoding decoding_of(const ConfigView& config);

}  // namespace kvsim
