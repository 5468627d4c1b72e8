#include "reports/run_table.h"

#include <fmt/format.h>

#include "reports/text.h"
#include "reports/turned_away.h"

namespace kvsim {
namespace {

std::string line(const std::string& name, const std::string& text) {
  return fmt::format("{:<14}{}\n", name, text);
}

std::string heading(const Report& r) {
  const Report::Provenance& p = r.provenance;
  return fmt::format("kvsim {}: {} ({}), seed {}\n\n", p.version,
                     p.trace_name.empty() ? "no trace" : p.trace_name,
                     p.trace_format.empty() ? "no format" : p.trace_format, p.seed);
}

std::string work(const Report& r) {
  std::string text =
      line("requests", fmt::format("{} completed of {} in {} s", grouped(r.requests.completed),
                                   grouped(r.requests.total), grouped(r.duration_s, 3)));
  text += line("tokens", fmt::format("{} prompt, {} output, {} computed", grouped(r.prompt_tokens),
                                     grouped(r.output_tokens), grouped(r.computed_tokens)));
  text += line("throughput", fmt::format("{} req/s, {} output tok/s, {} total tok/s",
                                         grouped(r.throughput.request_per_s, 3),
                                         grouped(r.throughput.output_tok_per_s, 1),
                                         grouped(r.throughput.total_tok_per_s, 1)));
  return text;
}

std::string latencies(const Report& r) {
  Cells rows{{"", "mean", "p50", "p90", "p95", "p99", "max"}};
  const auto add = [&rows](const std::string& name, const Quantiles& q) {
    std::vector<std::string> row{name};
    for (const double x : {q.mean, q.p50, q.p90, q.p95, q.p99, q.max})
      row.push_back(q.count == 0 ? "-" : grouped(x, 2));
    rows.push_back(std::move(row));
  };
  add("TTFT ms", r.ttft_ms);
  add("TPOT ms", r.tpot_ms);
  add("ITL ms", r.itl_ms);
  add("E2E ms", r.e2e_ms);
  add("queue ms", r.queue_ms);
  return aligned(rows);
}

std::string objectives(const Report& r) {
  if (!r.slo) return "";
  std::string missed;
  const auto add = [&missed](const char* name, const std::optional<SloTerm>& term) {
    if (!term) return;
    missed += fmt::format("{}{} missed {} {} ms", missed.empty() ? "" : ", ", grouped(term->missed),
                          name, grouped(term->limit_ms, 0));
  };
  add("TTFT", r.slo->ttft);
  add("TPOT", r.slo->tpot);
  add("E2E", r.slo->e2e);
  return line("goodput",
              fmt::format("{}/s: {} of {} good; {}", grouped(r.throughput.goodput_per_s, 2),
                          grouped(r.slo->good), grouped(r.requests.completed), missed)) +
         "\n";
}

std::string memory(const Report& r) {
  const Report::Kv& kv = r.kv;
  std::string text =
      line("KV memory",
           fmt::format("{} tokens ({} of {})", grouped(kv.capacity_tokens),
                       counted(kv.capacity_blocks, "block"), counted(kv.block_tokens, "token")));
  text += line("  utilization", fmt::format("{} of what sequences were given holds tokens",
                                            percent(kv.utilization.mean)));
  text += line("  waste",
               fmt::format("{} reserved, {} internal, {} external", percent(kv.waste.reserved),
                           percent(kv.waste.internal), percent(kv.waste.external)));
  text += line("  usage",
               fmt::format("{} of capacity given to sequences, p99 {}, max {}",
                           percent(kv.usage.mean), percent(kv.usage.p99), percent(kv.usage.max)));
  text += line("  cached", fmt::format("{} of capacity kept for reuse", percent(kv.cached)));
  return text;
}

std::string cache(const Report& r) {
  const Report::PrefixCache& c = r.prefix_cache;
  if (c.query_tokens == 0) return line("prefix cache", "none");
  std::string text =
      line("prefix cache", fmt::format("{} hit: {} of {} prompt tokens", percent(c.hit_rate),
                                       grouped(c.hit_tokens), grouped(c.query_tokens)));
  if (c.query_tokens > c.hit_tokens)
    text += line("  misses", fmt::format("{} first seen, {} evicted, {} granularity, {} last "
                                         "token, {} in flight",
                                         grouped(c.miss.first_seen), grouped(c.miss.capacity),
                                         grouped(c.miss.granularity), grouped(c.miss.last_token),
                                         grouped(c.miss.in_flight)));
  if (c.loaded)
    text += line("  loaded", fmt::format("{} tokens from elsewhere", grouped(c.loaded->tokens)));
  return text;
}

// A line per tier behind the pools, if there are any.
std::string tiers(const Report& r) {
  if (r.tiers.empty()) return "";
  Cells cells{{"tier", "tokens", "hit", "looked for", "loaded", "stored", "given up", "GB in",
               "GB out", "busy in", "busy out"}};
  for (const Report::Tier& row : r.tiers)
    cells.push_back({row.name, grouped(row.capacity_tokens), percent(row.hit_rate),
                     grouped(row.query_tokens), grouped(row.loaded_tokens),
                     grouped(row.stored_tokens), grouped(row.evicted_tokens),
                     grouped(static_cast<double>(row.bytes_in) * 1e-9, 1),
                     grouped(static_cast<double>(row.bytes_out) * 1e-9, 1), percent(row.busy_in),
                     percent(row.busy_out)});
  return fmt::format("\n{}", aligned(cells));
}

std::string guesses(const Report& r) {
  if (!r.speculation) return "";
  const SpeculationReport& s = *r.speculation;
  return line("speculation", fmt::format("{} of {} guesses right, {} tokens a verification",
                                         percent(s.acceptance_rate), grouped(s.num_draft_tokens),
                                         grouped(s.mean_acceptance_length, 2)));
}

// A line per turn of the conversations, if there are any.
std::string turns(const Report& r) {
  const auto& rows = r.prefix_cache.by_turn;
  if (rows.size() < 2) return "";
  Cells cells{{"turn", "requests", "prompt tokens", "hit"}};
  for (const Report::PrefixCache::Turn& row : rows) {
    const bool last = row.turn + 1 == static_cast<std::int64_t>(Report::PrefixCache::kTurnRows);
    cells.push_back({fmt::format("{}{}", row.turn, last ? " and later" : ""), grouped(row.requests),
                     grouped(row.query_tokens), percent(row.hit_rate)});
  }
  return fmt::format("\n{}", aligned(cells));
}

// A line per priority, if there are several.
std::string priorities(const Report& r) {
  if (r.by_priority.empty()) return "";
  Cells cells{{"priority", "completed", "hit", "TTFT mean ms", "TTFT p99 ms", "TPOT mean ms",
               "E2E mean ms"}};
  for (const Report::Priority& row : r.by_priority)
    cells.push_back({grouped(row.priority), grouped(row.completed), percent(row.hit_rate),
                     grouped(row.ttft_ms.mean, 2), grouped(row.ttft_ms.p99, 2),
                     grouped(row.tpot_ms.mean, 2), grouped(row.e2e_ms.mean, 2)});
  return fmt::format("\n{}", aligned(cells));
}

// A line per pool, if there are several.
std::string pools(const Report& r) {
  if (r.pools.empty()) return "";
  Cells cells{{"pool", "replicas", "GPUs", "requests", "completed", "busy", "KV usage", "hit"}};
  for (const Report::Pool& row : r.pools)
    cells.push_back({row.name, grouped(row.replicas), grouped(row.gpus), grouped(row.requests),
                     grouped(row.completed), percent(row.busy), percent(row.usage),
                     percent(row.hit_rate)});
  return fmt::format("\n{}", aligned(cells));
}

std::string machine(const Report& r) {
  std::string text =
      line("batch", fmt::format("{} running on average, {} at most; {} waiting at most; {}",
                                grouped(r.batch.mean_running, 1), grouped(r.batch.max_running),
                                grouped(r.batch.max_waiting), counted(r.batch.steps, "step")));
  text += line("preemptions", fmt::format("{} ({} recomputed)", grouped(r.preemptions),
                                          counted(r.recomputed_tokens, "token")));
  if (r.requests.retries)
    text +=
        line("retries", fmt::format("{} after a replica went down", grouped(*r.requests.retries)));
  if (r.failed_loads && r.failed_loads->loads > 0)
    text +=
        line("failed loads", fmt::format("{} ({} computed instead)", grouped(r.failed_loads->loads),
                                         counted(r.failed_loads->tokens, "token")));
  if (r.transfers > 0) text += line("transfers", counted(r.transfers, "block"));
  text += line("evictions",
               fmt::format("{}; {}", grouped(r.evictions),
                           r.cow_copies == 1 ? "1 copy on write"
                                             : grouped(r.cow_copies) + " copies on write"));
  return text;
}

std::string provenance(const Report& r) {
  const Report::Provenance& p = r.provenance;
  std::string text = line("times", times_of(p));
  if (p.cost_steps_outside > 0)
    text += line("", fmt::format("{} of {} steps beyond the shapes that were timed",
                                 grouped(p.cost_steps_outside), grouped(r.batch.steps)));
  text += line("identity", fmt::format("config {}, trace {}, fingerprint {}", p.config_digest,
                                       p.trace_digest, p.fingerprint));
  return text;
}

std::string warnings(const Report& r) {
  const Report::Requests& q = r.requests;
  std::string text;
  if (q.rejected_too_long + q.rejected_too_large > 0)
    text += fmt::format(
        "warning: {} rejected: {} longer than max_model_len, {} larger than the KV "
        "memory\n",
        counted(q.rejected_too_long + q.rejected_too_large, "request"),
        grouped(q.rejected_too_long), grouped(q.rejected_too_large));
  for (const TurnedAway& some : turned_away(q))
    text += fmt::format("warning: {} {}\n", counted(some.requests, "request"), some.why);
  if (q.unfinished > 0)
    text += fmt::format("warning: {} unfinished when the run ended\n",
                        counted(q.unfinished, "request"));
  if (q.skipped_rows > 0)
    text += fmt::format("warning: {} of the trace skipped: no requests\n",
                        counted(q.skipped_rows, "row"));
  return text;
}

}  // namespace

std::string times_of(const Report::Provenance& p) {
  const std::string error = p.cost_holdout_error < 0
                                ? ""
                                : fmt::format(", hold-out error {}", percent(p.cost_holdout_error));
  return fmt::format("{}: {}{}", p.cost_kind, p.cost_profile, error);
}

std::string run_table(const Report& r) {
  const std::string groups = tiers(r) + turns(r) + priorities(r) + pools(r);
  std::string text = heading(r) + work(r) + "\n" + latencies(r) + "\n" + objectives(r) + memory(r) +
                     cache(r) + guesses(r) + groups + (groups.empty() ? "" : "\n") + machine(r) +
                     "\n" + provenance(r);
  const std::string told = warnings(r);
  return told.empty() ? text : text + "\n" + told;
}

}  // namespace kvsim
