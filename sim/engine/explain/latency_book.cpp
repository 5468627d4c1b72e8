#include "sim/engine/explain/latency_book.h"

#include <algorithm>
#include <span>

namespace kvsim {
namespace {

using Life = Explanation::Life;

double between_s(Time from, Time to) { return std::chrono::duration<double>(to - from).count(); }

Life mean_of(std::span<const Life> lives) {
  Life mean;
  for (const Life& life : lives) {
    mean.queue_s += life.queue_s;
    mean.prefill_s += life.prefill_s;
    mean.decode_s += life.decode_s;
    mean.preemptions += life.preemptions;
  }
  const auto count = static_cast<double>(std::max<std::size_t>(lives.size(), 1));
  mean.queue_s /= count;
  mean.prefill_s /= count;
  mean.decode_s /= count;
  return mean;
}

}  // namespace

void LatencyBook::on_finish(Time now, const Sequence& s, ReplicaId /*where*/) {
  lives_.push_back({s.request.id, between_s(s.request.arrival, s.admitted_at),
                    between_s(s.admitted_at, s.first_token_at), between_s(s.first_token_at, now),
                    s.preemptions});
}

Explanation::Tail LatencyBook::tail(std::size_t worst) const {
  std::vector<Life> slowest = lives_;
  std::stable_sort(slowest.begin(), slowest.end(),
                   [](const Life& a, const Life& b) { return a.ttft_s() > b.ttft_s(); });
  constexpr std::size_t kHundredth = 100;
  slowest.resize((lives_.size() + kHundredth - 1) / kHundredth);
  Explanation::Tail tail;
  tail.requests = std::ssize(slowest);
  tail.mean = mean_of(slowest);
  tail.typical = mean_of(lives_);
  slowest.resize(std::min(slowest.size(), worst));
  tail.worst = std::move(slowest);
  return tail;
}

}  // namespace kvsim
