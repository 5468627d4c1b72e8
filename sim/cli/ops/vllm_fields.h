#pragma once
// What both levels of vLLM operations say about memory and requests.

#include <map>
#include <string>

#include "policies/allocator/paged_cache.h"
#include "sim/cli/ops/op_fields.h"
#include "sim/model/sequence.h"

namespace kvsim {

/// The cache that a `config` operation describes.
[[nodiscard]] PagedCache::Setup cache_setup(const OpFields& op);
/// Fills prompt, content, salt, media and priority of `request` from an operation that has tokens.
void read_request(const OpFields& op, Request& request);
/// Sequences by the names that operations give them.
class NamedSequences {
 public:
  /// A new sequence. Throws OpError if the name is in use.
  Sequence& add(const std::string& name);
  /// Throws OpError if nobody has that name (any more).
  [[nodiscard]] Sequence& at(const std::string& name);
  void erase(const std::string& name);
  [[nodiscard]] const std::string& name(SequenceId id) const { return names_[id.index]; }
  [[nodiscard]] Sequences& all() { return sequences_; }
  [[nodiscard]] bool has(const std::string& name) const { return by_name_.contains(name); }

 private:
  Sequences sequences_;
  std::map<std::string, SequenceId> by_name_;
  std::vector<std::string> names_;
  std::uint64_t added_ = 0;
};

}  // namespace kvsim
