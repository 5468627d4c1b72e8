#include "reports/requests_jsonl.h"

#include <string>

namespace kvsim {
namespace {

std::string or_null(const std::optional<double>& ms) {
  return ms ? fmt::format("{:.3f}", *ms) : "null";
}

}  // namespace

void RequestsJsonl::on_reject(Time /*now*/, const Request& r, Rejection why) {
  write(rejected_row(r, why));
}

void RequestsJsonl::on_finish(Time now, const Sequence& s, ReplicaId /*where*/) {
  write(completed_row(now, s));
}

void RequestsJsonl::on_lost(Time /*now*/, const Sequence& s, ReplicaId /*where*/) {
  write(lost_row(s));
}

void RequestsJsonl::on_end(Time /*now*/) { out_.flush(); }

// Nothing in a row needs escaping.
void RequestsJsonl::write(const EndedRequest& row) {
  out_.print(R"({{"id":{},"session":{},"turn":{},"priority":{},"arrival_s":{:.6f},)", row.id,
             row.session ? fmt::to_string(*row.session) : "null", row.turn, row.priority,
             row.arrival_s);
  out_.print(R"("prompt_tokens":{},"output_tokens":{},"hit_tokens":{},"status":"{}","reason":{},)",
             row.prompt_tokens, row.output_tokens, row.hit_tokens, row.status(),
             row.reason.empty() ? "null" : fmt::format("\"{}\"", row.reason));
  out_.print(R"("queue_ms":{},"ttft_ms":{},"tpot_ms":{},"e2e_ms":{},)", or_null(row.queue_ms),
             or_null(row.ttft_ms), or_null(row.tpot_ms), or_null(row.e2e_ms));
  out_.print("\"preemptions\":{},\"recomputed_tokens\":{}}}\n", row.preemptions,
             row.recomputed_tokens);
}

}  // namespace kvsim
