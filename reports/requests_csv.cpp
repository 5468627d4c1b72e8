#include "reports/requests_csv.h"

#include <iterator>

namespace kvsim {
namespace {

constexpr std::string_view kHeader =
    "id,session,turn,priority,arrival_s,prompt_tokens,output_tokens,hit_tokens,status,reason,"
    "queue_ms,ttft_ms,tpot_ms,e2e_ms,preemptions,recomputed_tokens\n";
constexpr std::size_t kPiece = std::size_t{64} * 1024;

std::string_view name_of(Rejection why) {
  return why == Rejection::kTooLong ? "too_long" : "too_large";
}

}  // namespace

RequestsCsv::RequestsCsv(Sink sink) : sink_(std::move(sink)) { sink_(kHeader); }

void RequestsCsv::on_reject(Time /*now*/, const Request& r, Rejection why) {
  identify(r);
  fmt::format_to(std::back_inserter(text_), ",0,rejected,{},,,,,0,0", name_of(why));
  end_row();
}

void RequestsCsv::on_finish(Time now, const Sequence& s, ReplicaId /*where*/) {
  const Request& r = s.request;
  identify(r);
  fmt::format_to(std::back_inserter(text_), ",{},completed,,{:.3f},{:.3f},", s.first_hit.value(),
                 milliseconds(s.admitted_at - r.arrival),
                 milliseconds(s.first_token_at - r.arrival));
  if (r.output > Tokens(1)) {
    const Duration each = (now - s.first_token_at) / (r.output.value() - 1);
    fmt::format_to(std::back_inserter(text_), "{:.3f}", milliseconds(each));
  }
  fmt::format_to(std::back_inserter(text_), ",{:.3f},{},{}", milliseconds(now - r.arrival),
                 s.preemptions, s.recomputed.value());
  end_row();
}

void RequestsCsv::on_end(Time /*now*/) { flush(); }

void RequestsCsv::identify(const Request& r) {
  fmt::format_to(std::back_inserter(text_), "{},", r.id);
  if (r.session != Request::kNoSession) fmt::format_to(std::back_inserter(text_), "{}", r.session);
  fmt::format_to(std::back_inserter(text_), ",{},{},{:.6f},{},{}", r.turn, r.priority,
                 seconds(r.arrival.time_since_epoch()), r.prompt.value(), r.output.value());
}

void RequestsCsv::end_row() {
  text_.push_back('\n');
  if (text_.size() >= kPiece) flush();
}

void RequestsCsv::flush() {
  sink_({text_.data(), text_.size()});
  text_.clear();
}

}  // namespace kvsim
