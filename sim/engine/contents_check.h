#pragma once
// ContentsCheck: does every sequence read back exactly what it wrote?
//
// A shadow of KV memory: each slot carries a tag of the token written there *and of everything
// before it*, since that is what KV depends on. A step makes its copies, writes its tokens, then
// every query reads all it may see; each read is compared with the sequence's own history. So a
// block reused while somebody needs it, a copy that was not made, a hit on the wrong prefix, or a
// rejected guess taken for real is found in the step that would have used it.
// Cost: O(context) per sequence and step: for tests and `"verify": "contents"`.
// Not covered: Mamba states (they are not read back token by token) and media.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/model/allocator.h"
#include "sim/model/step.h"

namespace kvsim {

class ContentsCheck {
 public:
  explicit ContentsCheck(const Allocator& memory) : memory_(memory) {}

  /// Carries out a step that has been planned. What is wrong with it, if anything: which sequence
  /// reads what it did not write, and where.
  [[nodiscard]] std::optional<std::string> step(const StepPlan& plan, const Sequences& sequences);
  /// The guesses at tokens `from` .. `from + count - 1` of `s` turned out right.
  void accept(const Sequence& s, Tokens from, Tokens count);
  /// Tokens `from` .. `end` - 1 of `s` came back from elsewhere, unharmed.
  void restore(const Sequence& s, Tokens from, Tokens end);

 private:
  void copy(const BlockCopy& copy);
  void write(const Sequence& s, Tokens from, Tokens end);
  [[nodiscard]] std::optional<std::string> read(const Sequence& s, const StepWork& work,
                                                std::size_t group) const;
  void read_history(const Sequence& s);
  [[nodiscard]] bool holds_tokens(std::size_t group) const {
    return memory_.group(group).kind != KvGroup::Kind::kMamba;
  }
  std::uint64_t& tag(std::int64_t slot);
  [[nodiscard]] std::uint64_t tag_at(std::int64_t slot) const;

  const Allocator& memory_;
  std::vector<std::uint64_t> tags_;     // by slot; 0: never written
  std::vector<std::uint64_t> history_;  // tags of one sequence's tokens, in order
};

}  // namespace kvsim
