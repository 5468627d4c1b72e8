#pragma once
// ChunkNames: what the chunks of every live sequence are called, and what is known of them: how
// many the tiers have been told of, and where the tiers were found to have them.
//
// A name is the chained key of all tokens up to the chunk's end, so that equal names mean equal
// prefixes. Names are kept by the sequence's id and made anew for the next request that has it.
// Cost: amortised O(spans of a chunk) per chunk of a request.

#include <vector>

#include "sim/core/check.h"
#include "sim/engine/transfer/tier.h"
#include "sim/model/block_keys.h"
#include "sim/model/memory_map.h"
#include "sim/model/sequence.h"

namespace kvsim {

/// Neighbouring tokens of a prompt that lie in one tier.
struct TierRun {
  std::size_t level = 0;  ///< Of the tier, in order of look-up.
  Tokens count;
  Time ready{};           ///< When all of them are, or were, there.
  std::uint8_t from = 0;  ///< Tiers that they depend on, a bit each: this one, and where what is
                          ///< still on its way here comes from.
};

class ChunkNames {
 public:
  struct Track {
    std::uint64_t request = kNoRequest;
    BlockKeys keys;
    std::size_t kept = 0;         ///< Leading chunks that the tiers have been told of.
    bool looked_up = false;       ///< The tiers were asked for it once.
    std::vector<TierRun> runs;    ///< What was found for it last.
    std::uint8_t loads_from = 0;  ///< Tiers that its last load depends on, a bit each.
  };
  explicit ChunkNames(Tokens chunk) : chunk_(chunk) {}

  [[nodiscard]] Track& of(const Sequence& s) {
    if (tracks_.size() <= s.id.index) tracks_.resize(s.id.index + 1);
    Track& track = tracks_[s.id.index];
    if (track.request == s.request.id) return track;
    track.request = s.request.id;
    track.keys.restart(s.request.cache_salt);
    track.kept = 0;
    track.looked_up = false;
    return track;
  }
  /// The same of one that was asked for before.
  [[nodiscard]] const Track& known(const Sequence& s) const { return tracks_[s.id.index]; }
  /// The key of chunk `i`, all of whose tokens `s` has.
  [[nodiscard]] Key128 key(const Sequence& s, std::size_t i) {
    Track& track = of(s);
    track.keys.extend(s.request, i + 1, chunk_);
    return track.keys[i];
  }
  [[nodiscard]] TierChunk chunk(const Sequence& s, std::size_t i) {
    TierChunk chunk{.key = key(s, i), .parent = {}};
    if (i > 0) chunk.parent = key(s, i - 1);
    chunk.depth = static_cast<std::uint32_t>(static_cast<std::int64_t>(i) * chunk_.value());
    chunk.priority = -s.request.priority;
    chunk.writer = s.request.id;
    chunk.turn = s.request.turn;
    return chunk;
  }

 private:
  Tokens chunk_;
  std::vector<Track> tracks_;  // by SequenceId
};

}  // namespace kvsim
