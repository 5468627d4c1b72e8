#include "reports/html/finding.h"

#include <fmt/format.h>

#include "reports/run_table.h"
#include "reports/text.h"
#include "reports/turned_away.h"

namespace kvsim {
namespace {

double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

// Milliseconds, as people say them.
std::string span(double ms) {
  return ms < 10'000 ? grouped(ms, 1) + " ms" : grouped(ms / 1000, 1) + " s";
}

std::string lost(const Report& r) {
  std::string text =
      fmt::format("{} of {} were not served: {} too long, {} too large, {} unfinished",
                  grouped(r.requests.unserved()), counted(r.requests.total, "request"),
                  grouped(r.requests.rejected_too_long), grouped(r.requests.rejected_too_large),
                  grouped(r.requests.unfinished));
  for (const TurnedAway& some : turned_away(r.requests))
    text += fmt::format(", {} {}", grouped(some.requests), some.why);
  return text;
}

std::string short_of_memory(const Report& r, double again) {
  return fmt::format("Memory ran short: {} cost {} of all computed tokens; p99 TTFT is {}",
                     counted(r.preemptions, "preemption"), percent(again), span(r.ttft_ms.p99));
}

std::string queueing(const Report& r) {
  return fmt::format(
      "Requests mostly wait: of a mean {} to the first token {} are queueing, with {}"
      " of the memory held at the peak",
      span(r.ttft_ms.mean), span(r.queue_ms.mean), percent(r.kv.usage.max));
}

std::string wasteful(const Report& r) {
  const Report::Kv::Waste& w = r.kv.waste;
  return fmt::format(
      "{} of the memory that sequences were given held no token: {} reserved, {} "
      "internal, {} external",
      percent(w.reserved + w.internal + w.external), percent(w.reserved), percent(w.internal),
      percent(w.external));
}

std::string fine(const Report& r) {
  const std::string cache =
      r.prefix_cache.query_tokens > 0
          ? fmt::format(" and the cache gave {} of the prompts", percent(r.prefix_cache.hit_rate))
          : "";
  return fmt::format("Memory was enough: at most {} of it was held{}; p99 TTFT is {}",
                     percent(r.kv.usage.max), cache, span(r.ttft_ms.p99));
}

}  // namespace

std::string finding(const Report& r) {
  if (r.requests.unserved() > 0) return lost(r);
  const double again =
      share(static_cast<double>(r.recomputed_tokens), static_cast<double>(r.computed_tokens));
  if (again >= 0.01) return short_of_memory(r, again);
  if (share(r.queue_ms.mean, r.ttft_ms.mean) > 0.5) return queueing(r);
  // Nobody has a first token where each request is served alone, outside of time.
  const bool timeless = r.ttft_ms.count == 0;
  if (timeless || (r.kv.utilization.count > 0 && r.kv.utilization.mean < 0.5)) return wasteful(r);
  return fine(r);
}

std::string source_of(const Report& r) {
  const Report::Provenance& p = r.provenance;
  return fmt::format("{} ({}), {}, seed {}; times {}; kvsim {}",
                     p.trace_name.empty() ? "no trace" : p.trace_name,
                     p.trace_format.empty() ? "no format" : p.trace_format,
                     counted(r.requests.total, "request"), p.seed, times_of(p), p.version);
}

}  // namespace kvsim
