#include "sim/engine/curve/block_trace.h"

#include <algorithm>
#include <stdexcept>

#include "sim/core/check.h"
#include "sim/core/hash.h"

namespace kvsim {

void BlockTrace::add(const Request& r, std::span<const std::uint64_t> ids) {
  std::int64_t left = r.prompt.value();
  std::uint32_t parent = kNone;
  for (const std::uint64_t id : ids) {
    KVSIM_CHECK(id <= blocks_.size(), "new blocks are numbered in order");
    if (id >= kNone) throw std::length_error("more than 2^32 - 1 different blocks");
    if (id == blocks_.size()) {
      const std::uint32_t depth = parent == kNone ? 0 : blocks_[parent].depth + 1;
      blocks_.push_back({parent, depth, static_cast<std::uint32_t>(std::min(left, block_tokens_))});
    }
    parent = static_cast<std::uint32_t>(id);
    refs_.push_back(parent);
    left -= block_tokens_;
  }
  tokens_ += r.prompt.value();
  end_request({r.priority, r.turn});
}

void BlockTrace::end_request(Client client) {
  starts_.push_back(refs_.size());
  clients_.push_back(client);
}

// An ancestor is picked or not whoever asks, so the picked blocks of a path are again a chain.
BlockTrace BlockTrace::sample(double rate) const {
  constexpr double kRange = 0x1p64;
  const auto limit = static_cast<std::uint64_t>(std::min(rate, 1 - 0x1p-53) * kRange);
  BlockTrace picked(block_tokens_);
  std::vector<std::uint32_t> number(blocks_.size(), kNone);
  for (std::size_t i = 0; i < requests(); ++i) {
    std::uint32_t parent = kNone;
    for (const std::uint32_t block : path(i)) {
      if (rate < 1 && mix64(block + 1) >= limit) continue;
      if (number[block] == kNone) {
        const std::uint32_t depth = parent == kNone ? 0 : picked.blocks_[parent].depth + 1;
        number[block] = static_cast<std::uint32_t>(picked.blocks_.size());
        picked.blocks_.push_back({parent, depth, blocks_[block].tokens});
      }
      parent = number[block];
      picked.refs_.push_back(parent);
      picked.tokens_ += blocks_[block].tokens;
    }
    picked.end_request(clients_[i]);
  }
  return picked;
}

std::vector<std::uint32_t> BlockTrace::next_requests() const {
  std::vector<std::uint32_t> next(refs_.size(), kNone);
  std::vector<std::uint32_t> coming(blocks_.size(), kNone);
  for (std::size_t i = requests(); i-- > 0;)
    for (std::size_t at = starts_[i]; at < starts_[i + 1]; ++at) {
      next[at] = coming[refs_[at]];
      coming[refs_[at]] = static_cast<std::uint32_t>(i);
    }
  return next;
}

}  // namespace kvsim
