#include "reports/latency_timeline.h"

#include <algorithm>

namespace kvsim {
namespace {

constexpr std::array kFirstTokenMs{1,     5,     10,    20,     40,     60,     80,   100,
                                   250,   500,   750,   1000,   2500,   5000,   7500, 10000,
                                   20000, 40000, 80000, 160000, 640000, 2560000};
constexpr std::array kInterTokenMs{10,  25,   50,   75,   100,  150,   200,   300,   400,  500,
                                   750, 1000, 2500, 5000, 7500, 10000, 20000, 40000, 80000};
constexpr std::array kRequestMs{300,   500,    800,    1000,   1500,   2000,    2500,
                                5000,  10000,  15000,  20000,  30000,  40000,   50000,
                                60000, 120000, 240000, 480000, 960000, 1920000, 7680000};

constexpr std::array kFamilies{
    LatencyTimeline::Family{"vllm:time_to_first_token_seconds",
                            "From a request's arrival to its first output token.", kFirstTokenMs},
    LatencyTimeline::Family{"vllm:inter_token_latency_seconds",
                            "Between two steps that gave a request output tokens.", kInterTokenMs},
    LatencyTimeline::Family{"vllm:e2e_request_latency_seconds",
                            "From a request's arrival to its last token.", kRequestMs},
    LatencyTimeline::Family{"vllm:request_queue_time_seconds",
                            "From a request's arrival to its first admission.", kRequestMs}};
static_assert(kFirstTokenMs.size() < LatencyTimeline::Histogram::kMostBuckets);

}  // namespace

std::span<const LatencyTimeline::Family> LatencyTimeline::families() { return kFamilies; }

void LatencyTimeline::on_arrival(Time now, const Request& /*r*/, ReplicaId /*where*/) {
  samples_.from(now);
}

void LatencyTimeline::on_token(Time now, const Sequence& s) {
  if (s.generated == Tokens(1))
    observe(now, kFirstToken, now - s.request.arrival);
  else if (now > s.last_token_at)  // tokens of one step are one delivery
    observe(now, kInterToken, now - s.last_token_at);
}

void LatencyTimeline::on_tokens(Time now, std::int64_t count, Duration gap, ReplicaId /*where*/) {
  observe(now, kInterToken, gap, count);
}

void LatencyTimeline::on_finish(Time now, const Sequence& s, ReplicaId /*where*/) {
  observe(now, kEndToEnd, now - s.request.arrival);
  observe(now, kQueue, s.admitted_at - s.request.arrival);
}

void LatencyTimeline::on_end(Time now) { samples_.end(now); }

void LatencyTimeline::observe(Time now, Kind kind, Duration value, std::int64_t times) {
  Histogram& histogram = samples_.from(now)[kind];
  const std::span<const int> bounds = kFamilies[kind].bounds_ms;
  const auto bucket =
      std::lower_bound(bounds.begin(), bounds.end(), value,
                       [](int bound, Duration v) { return std::chrono::milliseconds(bound) < v; });
  histogram.counts[static_cast<std::size_t>(bucket - bounds.begin())] += times;
  histogram.sum += value * times;
}

}  // namespace kvsim
