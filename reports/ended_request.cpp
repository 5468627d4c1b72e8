#include "reports/ended_request.h"

#include <array>

namespace kvsim {
namespace {

EndedRequest asked(const Request& r) {
  EndedRequest row;
  row.id = r.id;
  if (r.session != Request::kNoSession) row.session = r.session;
  row.turn = r.turn;
  row.priority = r.priority;
  row.arrival_s = seconds(r.arrival.time_since_epoch());
  row.prompt_tokens = r.prompt.value();
  row.output_tokens = r.output.value();
  return row;
}

}  // namespace

EndedRequest rejected_row(const Request& r, Rejection why) {
  EndedRequest row = asked(r);
  row.reason = name_of(why);
  return row;
}

EndedRequest completed_row(Time now, const Sequence& s) {
  const Request& r = s.request;
  EndedRequest row = asked(r);
  row.hit_tokens = s.first_hit.value();
  row.queue_ms = milliseconds(s.admitted_at - r.arrival);
  row.ttft_ms = milliseconds(s.first_token_at - r.arrival);
  if (r.output > Tokens(1))
    row.tpot_ms = milliseconds((now - s.first_token_at) / (r.output.value() - 1));
  row.e2e_ms = milliseconds(now - r.arrival);
  row.preemptions = s.preemptions;
  row.recomputed_tokens = s.recomputed.value();
  return row;
}

EndedRequest lost_row(const Sequence& s) {
  EndedRequest row = asked(s.request);
  row.hit_tokens = s.first_hit.value();
  row.reason = "replica_down";
  row.lost = true;
  if (s.admitted) row.queue_ms = milliseconds(s.admitted_at - s.request.arrival);
  if (s.generated > Tokens(0)) row.ttft_ms = milliseconds(s.first_token_at - s.request.arrival);
  row.preemptions = s.preemptions;
  row.recomputed_tokens = s.recomputed.value();
  return row;
}

std::string_view name_of(Rejection why) {
  constexpr std::array<std::string_view, kRejections> kNames{"too_long", "too_large", "queue_full",
                                                             "tokens_full", "over_rate"};
  return kNames[static_cast<std::size_t>(why)];
}

}  // namespace kvsim
