#pragma once
// RequestMap: which pages a running sequence's tokens lie in. The middle one of SGLang's levels.
//
// A row lists one page per `page` tokens: token i lies in slot pages[i / page] * page + i % page.
// Its head is the tree's (shared, locked through `node`), the rest is the sequence's own.
// Source: SGLang's ReqToTokenPool, python/sglang/srt/mem_cache/memory_pool.py, which lists slots.

#include <algorithm>
#include <vector>

#include "sim/core/units.h"

namespace kvsim {

struct RequestRow {
  std::vector<BlockId> pages;
  Tokens tokens;   ///< Those with a slot.
  Tokens shared;   ///< Leading ones that lie in the tree's pages: whole pages.
  EntryId node;    ///< Where the locked path ends; invalid: holds nothing.
  Tokens reserve;  ///< Tokens promised a slot at admission; those beyond `tokens` are not used yet.
  Tokens prompt;   ///< Tokens to compute before the next one can be sampled.
  std::uint64_t request = 0;  ///< Request::id.

  [[nodiscard]] bool held() const { return node.valid(); }
  /// Tokens that must have a slot once `total` of them are used.
  [[nodiscard]] Tokens room_for(Tokens total) const { return std::max(total, reserve); }
};

class RequestMap {
 public:
  [[nodiscard]] RequestRow& operator[](SequenceId id) {
    if (id.index >= rows_.size()) rows_.resize(id.index + std::size_t{1});
    return rows_[id.index];
  }
  /// Null for a sequence that never had one.
  [[nodiscard]] const RequestRow* find(SequenceId id) const {
    return id.index < rows_.size() ? &rows_[id.index] : nullptr;
  }
  [[nodiscard]] const std::vector<RequestRow>& rows() const { return rows_; }

 private:
  std::vector<RequestRow> rows_;  // a row keeps its storage for the next sequence of that id
};

}  // namespace kvsim
