#include "reports/html/latencies.h"

#include <bit>

namespace kvsim {
namespace {

// Numbers below 2^6 have buckets of their own, longer ones are known by their first 6 bits.
constexpr unsigned kBits = 6;
constexpr std::uint64_t kHalf = 1U << (kBits - 1);

std::size_t bucket_of(std::uint64_t value) {
  const auto width = static_cast<unsigned>(std::bit_width(value));
  const unsigned dropped = width > kBits ? width - kBits : 0;
  return dropped * kHalf + (value >> dropped);
}

std::uint64_t largest_in(std::size_t bucket) {
  if (bucket < 2 * kHalf) return bucket;
  const std::size_t dropped = bucket / kHalf - 1;
  return ((bucket - dropped * kHalf + 1) << dropped) - 1;
}

}  // namespace

void Histogram::add(Duration value, std::int64_t times) {
  const std::size_t bucket = bucket_of(static_cast<std::uint64_t>(value.count()));
  if (bucket >= counts_.size()) counts_.resize(bucket + 1);
  counts_[bucket] += times;
}

std::vector<Histogram::Bar> Histogram::bars() const {
  std::vector<Bar> bars;
  for (std::size_t i = 0; i < counts_.size(); ++i)
    if (counts_[i] > 0)
      bars.push_back(
          {milliseconds(Duration(static_cast<std::int64_t>(largest_in(i)))), counts_[i]});
  return bars;
}

void Latencies::on_admit(Time now, const Sequence& s, Tokens /*hit*/, ReplicaId /*where*/) {
  if (!s.admitted) queue.add(now - s.request.arrival);
}

void Latencies::on_fork(Time now, const Sequence& s, Tokens /*shared*/, ReplicaId /*where*/) {
  if (!s.admitted) queue.add(now - s.request.arrival);
}

void Latencies::on_token(Time now, const Sequence& s) {
  if (s.generated == Tokens(1))
    ttft.add(now - s.request.arrival);
  else if (now > s.last_token_at)
    itl.add(now - s.last_token_at);
}

void Latencies::on_tokens(Time /*now*/, std::int64_t count, Duration gap, ReplicaId /*where*/) {
  itl.add(gap, count);
}

void Latencies::on_finish(Time now, const Sequence& s, ReplicaId /*where*/) {
  e2e.add(now - s.request.arrival);
  if (s.generated > Tokens(1)) tpot.add((now - s.first_token_at) / (s.generated.value() - 1));
}

}  // namespace kvsim
