#include "reports/timeline_csv.h"

#include <iterator>

#include <fmt/format.h>

namespace kvsim {
namespace {

constexpr std::string_view kHeader =
    "time_s,vllm:num_requests_running,vllm:num_requests_waiting,vllm:kv_cache_usage_perc,"
    "vllm:prefix_cache_queries,vllm:prefix_cache_hits,vllm:num_preemptions,"
    "kvsim:used_tokens,kvsim:reserved_tokens,kvsim:internal_tokens,kvsim:external_tokens,"
    "kvsim:cached_tokens,kvsim:free_tokens\n";

}  // namespace

std::string timeline_csv(const Timeline& timeline) {
  std::string text(kHeader);
  for (const auto& [at, state] : timeline.rows()) {
    const MemoryUse& m = state.memory;
    fmt::format_to(std::back_inserter(text), "{:.6f},{},{},{:.6f},{},{},{},{},{},{},{},{},{}\n",
                   seconds(at.time_since_epoch()), state.running, state.waiting, state.usage(),
                   state.queries, state.hits, state.preemptions, m.used.value(), m.reserved.value(),
                   m.internal.value(), m.external.value(), m.cached.value(), m.free.value());
  }
  return text;
}

}  // namespace kvsim
