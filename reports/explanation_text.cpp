#include "reports/explanation_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "reports/text.h"

namespace kvsim {
namespace {

using Work = Explanation::Work;

double share(std::int64_t part, std::int64_t all) {
  return all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
}

std::string tokens_of(std::uint64_t request, std::int64_t first, std::int64_t count) {
  return fmt::format("tokens {}-{} of request {}", first, first + count - 1, request);
}

std::string needed_by(std::uint64_t request) {
  return request == kNoRequest ? std::string("a batch") : fmt::format("request {}", request);
}

std::string misses(const Explanation& why) {
  Cells rows{{"prompt tokens", "", "share", "compute s"}};
  const auto add = [&](const char* name, std::int64_t tokens, const std::string& seconds) {
    rows.push_back({name, grouped(tokens), percent(share(tokens, why.queries)), seconds});
  };
  const auto missed = [&](const char* name, const Work& work) {
    add(name, work.tokens, grouped(work.seconds, 3));
  };
  add("found in the cache", why.hits, "-");
  if (why.loaded > 0) add("loaded from elsewhere", why.loaded, "-");
  missed("never seen before", why.first_seen);
  missed("evicted, then wanted", why.capacity);
  missed("still being prefilled", why.in_flight);
  missed("past the last whole block", why.granularity);
  missed("last block or token, computed anyway", why.last_token);
  add("asked for", why.queries, "");
  return aligned(rows);
}

std::string evictions(const Explanation& why) {
  if (why.evictions == 0) return "evictions: none\n";
  std::string text = fmt::format(
      "evictions: {} ({} tokens); of {} something was wanted again: {} tokens, {} s of compute\n",
      grouped(why.evictions), grouped(why.evicted_tokens), grouped(why.regretted),
      grouped(why.regret.tokens), grouped(why.regret.seconds, 3));
  if (why.capacity.tokens > why.regret.tokens)
    text += fmt::format("  {} missed tokens had been computed but were never kept to be found\n",
                        grouped(why.capacity.tokens - why.regret.tokens));
  return text;
}

std::string pieces(const Explanation& why) {
  if (why.worst_pieces.empty()) return "";
  Cells rows{{"costliest pieces of prompts", "prompts with it", "entries evicted", "wanted again",
              "compute s"}};
  for (const Explanation::Piece& piece : why.worst_pieces)
    rows.push_back({tokens_of(piece.request, piece.first, piece.tokens), grouped(piece.asked),
                    grouped(piece.evictions), grouped(piece.wanted.tokens),
                    grouped(piece.wanted.seconds, 3)});
  return fmt::format("\n{}", aligned(rows));
}

std::string single_evictions(const Explanation& why) {
  if (why.worst_evictions.empty()) return "";
  Cells rows{
      {"costliest evictions", "at s", "idle s", "hits", "made room for", "wanted", "compute s"}};
  for (const Explanation::Evicted& gone : why.worst_evictions)
    rows.push_back({tokens_of(gone.writer, gone.depth, gone.tokens), grouped(gone.at_s, 3),
                    grouped(gone.idle_s, 3), grouped(gone.hits),
                    needed_by(gone.needed_by) + (gone.followed ? " (hung from a victim)" : ""),
                    grouped(gone.wanted.tokens), grouped(gone.wanted.seconds, 3)});
  return fmt::format("\n{}", aligned(rows));
}

std::string preemptions(const Explanation& why) {
  if (why.preemptions == 0) return "\npreemptions: none\n";
  std::string text =
      fmt::format("\npreemptions: {}; {} tokens computed again, {} s\n", grouped(why.preemptions),
                  grouped(why.recomputed.tokens), grouped(why.recomputed.seconds, 3));
  Cells rows{{"costliest preemptions", "at s", "had computed", "waited s", "again", "compute s"}};
  for (const Explanation::Preempted& lost : why.worst_preemptions)
    rows.push_back({fmt::format("request {}", lost.request), grouped(lost.at_s, 3),
                    grouped(lost.reached), lost.waited_s < 0 ? "-" : grouped(lost.waited_s, 3),
                    grouped(lost.recomputed.tokens), grouped(lost.recomputed.seconds, 3)});
  return text + aligned(rows);
}

std::string tail(const Explanation::Tail& tail) {
  if (tail.requests == 0) return "";
  Cells rows{{"where the time goes, s", "queue", "prefill", "TTFT", "decode", "preempted"}};
  const auto add = [&](const std::string& name, const Explanation::Life& life) {
    rows.push_back({name, grouped(life.queue_s, 3), grouped(life.prefill_s, 3),
                    grouped(life.ttft_s(), 3), grouped(life.decode_s, 3),
                    grouped(life.preemptions)});
  };
  add("all requests, mean", tail.typical);
  add(fmt::format("slowest {} to a first token", grouped(tail.requests)), tail.mean);
  for (const Explanation::Life& life : tail.worst)
    add(fmt::format("  request {}", life.request), life);
  return fmt::format("\n{}", aligned(rows));
}

}  // namespace

std::string explanation_text(const Explanation& why, const Report& report) {
  std::string text = fmt::format("why: {} ({}), {} requests, {} s of steps\n\n",
                                 report.provenance.trace_name, report.provenance.trace_format,
                                 grouped(report.requests.total), grouped(why.step_seconds, 3));
  text += misses(why);
  text += fmt::format("\n{}{}{}{}", evictions(why), pieces(why), single_evictions(why),
                      preemptions(why));
  text += tail(why.tail);
  return text + "compute s: a step's time, shared equally among the tokens it computes\n";
}

}  // namespace kvsim
