#pragma once
// One line of a workload: what a client asked for. Fixed once read.

#include <cstdint>
#include <vector>

#include "sim/core/units.h"
#include "sim/model/content.h"

namespace kvsim {

/// An image, a video, a sound: a run of placeholder tokens of the prompt that mean `content`.
struct Medium {
  ContentId content = 0;
  Tokens offset;  ///< Its first token.
  Tokens length;
};

struct Request {
  std::uint64_t id = 0;  ///< Position in the workload, from 0; unique.
  Time arrival{};
  Tokens prompt;  ///< > 0.
  Tokens output;  ///< > 0. Known to the engine, hidden from policies (but `reserve: oracle`).
  /// What the prompt *and* the output say: prompt + output tokens in all.
  Content content;
  std::int32_t priority = 0;  ///< Smaller is served first, as in vLLM's priority scheduling.
  std::uint64_t session = kNoSession;  ///< Turns of one conversation share it.
  std::uint32_t turn = 0;              ///< From 0.
  std::uint64_t cache_salt = 0;        ///< Requests share cache only under equal salts.
  std::vector<Medium> media;           ///< In order of offset; most prompts have none.
  /// Siblings answer one prompt, each in its own words: parallel samples, or the beams of a search.
  /// They arrive together, one after the other.
  std::uint64_t family = 0;   ///< What siblings have in common; means nothing without any.
  std::uint32_t samples = 1;  ///< Siblings in the family.
  std::uint32_t sample = 0;   ///< Which of them, from 0.
  bool beam = false;          ///< Whoever serves it prunes and forks the family's texts.

  static constexpr std::uint64_t kNoSession = ~std::uint64_t{0};
};

}  // namespace kvsim
