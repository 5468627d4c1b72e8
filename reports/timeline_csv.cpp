#include "reports/timeline_csv.h"

#include <array>
#include <iterator>

#include <fmt/format.h>

#include "sim/core/check.h"

namespace kvsim {
namespace {

constexpr std::string_view kHeader =
    "time_s,vllm:num_requests_running,vllm:num_requests_waiting,vllm:kv_cache_usage_perc,"
    "vllm:prefix_cache_queries,vllm:prefix_cache_hits,vllm:num_preemptions,"
    "kvsim:used_tokens,kvsim:reserved_tokens,kvsim:internal_tokens,kvsim:external_tokens,"
    "kvsim:cached_tokens,kvsim:free_tokens\n";

constexpr std::array kMemoryParts{&MemoryUse::capacity, &MemoryUse::used,     &MemoryUse::reserved,
                                  &MemoryUse::internal, &MemoryUse::external, &MemoryUse::cached,
                                  &MemoryUse::free};

}  // namespace

TimelineCsv::TimelineCsv(Sink sink, Duration interval, std::size_t most_rows)
    : sink_(std::move(sink)), interval_(interval), most_rows_(most_rows) {
  KVSIM_CHECK(interval.count() > 0 && most_rows > 0 && most_rows % 2 == 0,
              "an interval, and a number of rows that can be halved");
}

void TimelineCsv::on_arrival(Time now, const Request& /*r*/, ReplicaId where) {
  advance(now);
  Load& load = take_out(where);
  ++load.waiting;
  put_back(load);
  last_arrival_ = where;
}

void TimelineCsv::on_reject(Time now, const Request& /*r*/, Rejection /*why*/) {
  advance(now);
  Load& load = take_out(last_arrival_);
  --load.waiting;
  put_back(load);
}

void TimelineCsv::on_admit(Time now, const Sequence& s, Tokens hit, ReplicaId /*where*/) {
  advance(now);
  if (s.admitted) return;  // again, after a preemption: finding its own blocks is no hit
  now_.queries += s.request.prompt.value();
  now_.hits += hit.value();
}

void TimelineCsv::on_preempt(Time now, const Sequence& /*s*/, ReplicaId /*where*/) {
  advance(now);
  ++now_.preemptions;
}

void TimelineCsv::on_step(const StepRecord& step) {
  advance(step.start);
  Load& load = take_out(step.replica);
  load.running = static_cast<std::int64_t>(step.running);
  load.waiting = static_cast<std::int64_t>(step.waiting);
  load.memory = step.memory;
  put_back(load);
}

void TimelineCsv::on_finish(Time now, const Sequence& /*s*/, ReplicaId where) {
  advance(now);
  Load& load = take_out(where);
  --load.running;
  put_back(load);
}

void TimelineCsv::on_memory(Time now, ReplicaId where, const MemoryUse& memory) {
  advance(now);
  Load& load = take_out(where);
  load.memory = memory;
  put_back(load);
}

void TimelineCsv::on_end(Time now) {
  advance(now);
  sink_(kHeader);
  std::string text;
  for (std::size_t i = 0; i < rows_.size(); ++i)
    write_row(origin_ + interval_ * static_cast<std::int64_t>(i), rows_[i], text);
  write_row(now, now_, text);
  sink_(text);
}

void TimelineCsv::advance(Time now) {
  if (!started_) {
    started_ = true;
    origin_ = now;
  }
  while (origin_ + interval_ * static_cast<std::int64_t>(rows_.size()) < now) {
    rows_.push_back(now_);
    if (rows_.size() == most_rows_) thin_out();
  }
}

void TimelineCsv::thin_out() {
  for (std::size_t i = 0; 2 * i < rows_.size(); ++i) rows_[i] = rows_[2 * i];
  rows_.resize(rows_.size() / 2);
  interval_ *= 2;
}

TimelineCsv::Load& TimelineCsv::take_out(ReplicaId where) {
  if (where.index >= replicas_.size()) replicas_.resize(where.index + 1);
  Load& load = replicas_[where.index];
  now_.load.running -= load.running;
  now_.load.waiting -= load.waiting;
  for (const auto part : kMemoryParts) now_.load.memory.*part -= load.memory.*part;
  return load;
}

void TimelineCsv::put_back(const Load& load) {
  now_.load.running += load.running;
  now_.load.waiting += load.waiting;
  for (const auto part : kMemoryParts) now_.load.memory.*part += load.memory.*part;
}

void TimelineCsv::write_row(Time at, const Row& row, std::string& text) const {
  const MemoryUse& m = row.load.memory;
  const double usage = m.capacity.value() == 0 ? 0
                                               : static_cast<double>(m.held().value()) /
                                                     static_cast<double>(m.capacity.value());
  fmt::format_to(std::back_inserter(text), "{:.6f},{},{},{:.6f},{},{},{},{},{},{},{},{},{}\n",
                 seconds(at.time_since_epoch()), row.load.running, row.load.waiting, usage,
                 row.queries, row.hits, row.preemptions, m.used.value(), m.reserved.value(),
                 m.internal.value(), m.external.value(), m.cached.value(), m.free.value());
}

}  // namespace kvsim
