#include "reports/requests_csv.h"

namespace kvsim {
namespace {

constexpr std::string_view kHeader =
    "id,session,turn,priority,arrival_s,prompt_tokens,output_tokens,hit_tokens,status,reason,"
    "queue_ms,ttft_ms,tpot_ms,e2e_ms,preemptions,recomputed_tokens\n";

}  // namespace

RequestsCsv::RequestsCsv(Sink sink) : out_(std::move(sink)) {
  out_.print("{}", kHeader);
  out_.flush();
}

void RequestsCsv::on_reject(Time /*now*/, const Request& r, Rejection why) {
  write(rejected_row(r, why));
}

void RequestsCsv::on_finish(Time now, const Sequence& s, ReplicaId /*where*/) {
  write(completed_row(now, s));
}

void RequestsCsv::on_lost(Time /*now*/, const Sequence& s, ReplicaId /*where*/) {
  write(lost_row(s));
}

void RequestsCsv::on_end(Time /*now*/) { out_.flush(); }

void RequestsCsv::write(const EndedRequest& row) {
  out_.print("{},", row.id);
  if (row.session) out_.print("{}", *row.session);
  out_.print(",{},{},{:.6f},{},{},{},{},{}", row.turn, row.priority, row.arrival_s,
             row.prompt_tokens, row.output_tokens, row.hit_tokens, row.status(), row.reason);
  for (const std::optional<double>& ms : {row.queue_ms, row.ttft_ms, row.tpot_ms, row.e2e_ms}) {
    out_.print(",");
    if (ms) out_.print("{:.3f}", *ms);
  }
  out_.print(",{},{}\n", row.preemptions, row.recomputed_tokens);
}

}  // namespace kvsim
