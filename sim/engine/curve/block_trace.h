#pragma once
// BlockTrace: a workload reduced to the blocks of its prompts, for replays without time.
//
// A block stands for its whole prefix, so every block has one parent and one place on every path
// that holds it. Blocks are numbered 0, 1, 2, ... in order of first appearance.

#include <cstdint>
#include <span>
#include <vector>

#include "sim/model/request.h"

namespace kvsim {

class BlockTrace {
 public:
  static constexpr std::uint32_t kNone = 0xffff'ffff;
  struct Block {
    std::uint32_t parent = kNone;
    std::uint32_t depth = 0;  ///< Blocks before it.
    std::uint32_t tokens = 0;
  };
  /// What a policy may know of whoever asks.
  struct Client {
    std::int32_t priority = 0;
    std::uint32_t turn = 0;
  };

  explicit BlockTrace(std::int64_t block_tokens) : block_tokens_(block_tokens) {}

  /// `ids` name the blocks of `r`'s prompt: equal prefixes equal names, and only they; new names
  /// count up from blocks(). Throws std::length_error beyond 2^32 - 1 blocks.
  void add(const Request& r, std::span<const std::uint64_t> ids);
  /// Only the blocks that a hash picks, about `rate` of them, on shortened paths. What a policy
  /// does on this trace in `rate` times the memory is an estimate of what it does on the whole:
  /// spatial sampling (Waldspurger et al., SHARDS, FAST 2015; miniature simulations, ATC 2017).
  /// For LRU the only error is the draw; a policy whose choice depends on where leaves are may also
  /// be off because paths got shorter (fifo, 10 % of mooncake_conversation: by 2.5 points).
  [[nodiscard]] BlockTrace sample(double rate) const;

  [[nodiscard]] std::size_t requests() const { return clients_.size(); }
  [[nodiscard]] std::span<const std::uint32_t> path(std::size_t request) const {
    return std::span(refs_).subspan(starts_[request], starts_[request + 1] - starts_[request]);
  }
  /// References before those of `request`.
  [[nodiscard]] std::size_t start(std::size_t request) const { return starts_[request]; }
  [[nodiscard]] const Client& client(std::size_t request) const { return clients_[request]; }
  [[nodiscard]] const Block& block(std::uint32_t id) const { return blocks_[id]; }
  /// The working set: different blocks.
  [[nodiscard]] std::size_t blocks() const { return blocks_.size(); }
  [[nodiscard]] std::size_t refs() const { return refs_.size(); }
  [[nodiscard]] std::int64_t tokens() const { return tokens_; }
  [[nodiscard]] std::int64_t block_tokens() const { return block_tokens_; }
  /// For each reference the next request that repeats it; kNone if there is none. O(refs).
  [[nodiscard]] std::vector<std::uint32_t> next_requests() const;

 private:
  void end_request(Client client);

  std::int64_t block_tokens_;
  std::int64_t tokens_ = 0;
  std::vector<Block> blocks_;
  std::vector<std::uint32_t> refs_;  // the paths, back to back
  std::vector<std::size_t> starts_{0};
  std::vector<Client> clients_;
};

}  // namespace kvsim
