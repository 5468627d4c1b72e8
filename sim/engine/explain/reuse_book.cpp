#include "sim/engine/explain/reuse_book.h"

#include <algorithm>

namespace kvsim {

void ReuseBook::asked(const Request& r) {
  trie_.extend(r, r.prompt, [&](Page& page, const Trie::Piece& piece) {
    if (page.asked++ == 0) {
      page.first_asked_by = r.id;
      page.first = piece.first;
    }
    page.length = std::max(page.length, piece.length);
  });
}

void ReuseBook::evicted(const Request& writer, Tokens from, Tokens to, ReplicaId where,
                        std::uint32_t eviction) {
  trie_.extend(writer, to, [&](Page& page, const Trie::Piece& piece) {
    const std::int64_t first = std::max<std::int64_t>(from.value() - piece.first, 0);
    const std::int64_t end = std::min(to.value() - piece.first, piece.length);
    if (first >= end) return;
    ++page.evictions;
    cover(page, where.index, first, {end, eviction});
  });
}

// Cuts what the new interval covers out of the older ones.
void ReuseBook::cover(Page& page, std::uint32_t replica, std::int64_t from,
                      const Page::Gone& gone) {
  auto at = page.gone.lower_bound({replica, from});
  if (at != page.gone.begin()) {
    const auto before = std::prev(at);
    if (before->first.first == replica && before->second.end > from) {
      const Page::Gone cut = before->second;
      before->second.end = from;
      if (cut.end > gone.end) page.gone.emplace(std::pair(replica, gone.end), cut);
    }
  }
  while (at != page.gone.end() && at->first.first == replica && at->first.second < gone.end) {
    const Page::Gone cut = at->second;
    at = page.gone.erase(at);
    if (cut.end > gone.end) at = page.gone.emplace(std::pair(replica, gone.end), cut).first;
  }
  page.gone.insert_or_assign({replica, from}, gone);
}

std::vector<ReuseBook::Claim> ReuseBook::claims(const Request& r, Tokens from, Tokens to,
                                                ReplicaId where) const {
  std::vector<Claim> claims;
  trie_.follow(r, to, [&](const Page& page, const Trie::Piece& piece) {
    const std::int64_t first = from.value() - piece.first;
    auto at = page.gone.upper_bound({where.index, first});
    if (at != page.gone.begin() && std::prev(at)->first.first == where.index) --at;
    for (; at != page.gone.end() && at->first.first == where.index; ++at) {
      const std::int64_t start = std::max({at->first.second, first, std::int64_t{0}});
      const std::int64_t end = std::min(at->second.end, piece.length);
      if (at->first.second >= piece.length) break;
      if (start < end)
        claims.push_back({piece.first + start, piece.first + end, at->second.eviction, piece.node});
    }
    return true;
  });
  return claims;
}

}  // namespace kvsim
