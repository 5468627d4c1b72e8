#include "sim/engine/transfer/resident_chunks.h"

namespace kvsim {

void ResidentChunks::note(const Sequence& s, const TierChunk& chunk) {
  if (blocks_.size() <= s.id.index) blocks_.resize(s.id.index + 1);
  Blocks& known = blocks_[s.id.index];
  if (known.request != s.request.id) {
    known.request = s.request.id;
    known.keys.restart(s.request.cache_salt);
  }
  const auto count = static_cast<std::size_t>((Tokens(chunk.depth) + chunk_) / block_);
  known.keys.extend(s.request, count, block_);
  const Key128 content{known.keys[count - 1].lo, 0};
  if (by_content_.find(content).valid()) return;
  const EntryId id = chunks_.take();
  chunks_[id] = chunk;
  by_content_.insert(content, id);
}

std::optional<TierChunk> ResidentChunks::take(const Eviction& gone) {
  if (Tokens(gone.entry.depth + gone.entry.tokens) % chunk_ != Tokens(0)) return std::nullopt;
  const Key128 content{gone.entry.content, 0};
  const EntryId id = by_content_.find(content);
  if (!id.valid()) return std::nullopt;
  by_content_.erase(content);
  chunks_.give_back(id);
  return chunks_[id];
}

}  // namespace kvsim
