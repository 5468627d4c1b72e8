#pragma once
// SglangRequests: the operations of whole requests, as SGLang's scheduler carries them out.
//
//     req -> cache_unfinished -> chunk ... -> decode ... -> finish | retract -> readmit ...
//
// A request's row lists the slots of its first tokens; `filled` of them are the input computed so
// far. Each operation asks for memory the way SGLang does: when short it evicts the full amount it
// wants, not what is missing.
// Sources: SGLang, April 2026: python/sglang/srt/mem_cache/common.py (alloc_for_extend,
// alloc_for_decode, evict_from_tree_cache), managers/schedule_batch.py (retract_decode).

#include <map>
#include <string>
#include <vector>

#include "sim/cli/ops/sglang_cache.h"

namespace kvsim {

class SglangRequests {
 public:
  using Json = OpsDialect::Json;
  explicit SglangRequests(SglangCache& world) : world_(world) {}

  [[nodiscard]] bool empty() const { return running_.empty(); }

  [[nodiscard]] Json req(const OpFields& op);
  [[nodiscard]] Json readmit(const OpFields& op);
  [[nodiscard]] Json chunk(const OpFields& op);
  [[nodiscard]] Json cache_unfinished(const OpFields& op);
  [[nodiscard]] Json decode(const OpFields& op);
  [[nodiscard]] Json finish(const OpFields& op);
  [[nodiscard]] Json retract(const OpFields& op);

  // The recorder's shorthands: several of the above in one operation, on whoever it concerns.
  [[nodiscard]] Json req_auto(const OpFields& op);
  [[nodiscard]] Json decode_auto(const OpFields& op);
  [[nodiscard]] Json finish_auto(const OpFields& op);
  [[nodiscard]] Json retract_auto();

  void add_rows(std::vector<RequestRow>& rows) const;

 private:
  struct Run {
    RequestRow row;
    Content content;  ///< The prompt, then the output.
    Tokens prompt;
    Tokens filled;  ///< Input tokens that have slots: SGLang's fill_ids.
    std::uint64_t salt = 0;
    RadixTree::Use use;
    bool cached = false;      ///< cache_unfinished since the last chunk.
    std::uint64_t batch = 0;  ///< The last decode that named it.

    [[nodiscard]] Tokens output() const { return content.tokens() - prompt; }
    [[nodiscard]] PrefixKey key(Tokens n) const { return {content, n, salt}; }
  };
  using Runs = std::map<std::string, Run>;  ///< In id order, which is that of texts.
  struct Next {
    Run* run;
    std::int64_t token;
  };

  [[nodiscard]] Runs::iterator find(const OpFields& op);
  [[nodiscard]] std::string new_id(const OpFields& op) const;
  [[nodiscard]] Run new_run(const OpFields& op);
  [[nodiscard]] Json admit(Run& run, Tokens chunk);
  [[nodiscard]] bool extend(Run& run, Tokens total);
  void adopt(Run& run, bool chunked);
  [[nodiscard]] std::vector<Next> batch_of(const OpFields& op);
  [[nodiscard]] Json decode_all(const std::vector<Next>& batch);
  void release(Run& run, bool insert);
  void retract(Runs::iterator run, std::int64_t remaining);

  SglangCache& world_;
  Runs running_;
  Runs retracted_;
  std::uint64_t batches_ = 0;
};

}  // namespace kvsim
