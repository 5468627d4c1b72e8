#include "reports/chrome_trace.h"

#include <algorithm>
#include <string>

#include "reports/ended_request.h"

namespace kvsim {
namespace {

// Microseconds, to the nanosecond.
std::string micros(Duration d) {
  return fmt::format("{}.{:03}", d.count() / 1000, d.count() % 1000);
}
std::string micros(Time at) { return micros(at.time_since_epoch()); }

// Process 0 is the idle task of an operating system to Perfetto.
std::uint32_t process(ReplicaId where) { return where.index + 1; }

const char* kind_of(const StepShape& shape) {
  if (shape.prefills == 0) return "decode";
  return shape.decodes == 0 ? "prefill" : "mixed";
}

}  // namespace

ChromeTrace::ChromeTrace(Sink sink, Window window, std::int64_t most_events)
    : out_(std::move(sink)), window_(window), left_(most_events) {
  out_.print("{}", R"({"displayTimeUnit":"ms","traceEvents":[)");
}

void ChromeTrace::on_arrival(Time now, const Request& r, ReplicaId where) {
  live_[r.id] = {"queued", now, where, r.prompt.value(), r.output.value()};
}

void ChromeTrace::on_reject(Time now, const Request& r, Rejection why) {
  const auto life = live_.find(r.id);
  if (visible(now)) {
    introduce(life->second.where);
    event(R"({{"ph":"n","cat":"request","id":{},"pid":{},"tid":0,"ts":{},"name":"rejected: {}"}})",
          r.id, process(life->second.where), micros(now), name_of(why));
    count(now);
  }
  live_.erase(life);
}

void ChromeTrace::on_admit(Time now, const Sequence& s, Tokens /*hit*/, ReplicaId /*where*/) {
  const bool goes_on = s.generated > Tokens(0) && s.preemptions == 0;
  enter(now, s.request.id, goes_on ? "decode" : "prefill");
}

void ChromeTrace::on_hand_over(Time now, const Request& r, ReplicaId /*from*/, ReplicaId /*to*/) {
  enter(now, r.id, "handed over");
}

void ChromeTrace::on_fork(Time now, const Sequence& s, Tokens /*shared*/, ReplicaId /*where*/) {
  enter(now, s.request.id, "prefill");
}

void ChromeTrace::on_preempt(Time now, const Sequence& s, ReplicaId /*where*/) {
  enter(now, s.request.id, "preempted");
}

void ChromeTrace::on_step(const StepRecord& step) {
  for (const SequenceId id : step.plan.swapped_in)
    enter(step.start, step.sequences[id].request.id, "decode");
  on_memory(step.start, step.replica, step.memory);
  if (!visible(step.start)) return;
  const std::uint32_t pid = process(step.replica);
  event(R"({{"ph":"X","pid":{},"tid":{},"ts":{},"dur":{},"name":"{}","args":{{"decodes":{},)"
        R"("prefills":{},"tokens":{},"preempted":{}}}}})",
        pid, thread_of(step), micros(step.start), micros(step.took), kind_of(step.shape),
        step.shape.decodes, step.shape.prefills, step.shape.tokens().value(),
        step.plan.preempted.size());
  event(R"({{"ph":"C","pid":{},"ts":{},"name":"requests","args":{{"running":{},"waiting":{}}}}})",
        pid, micros(step.start), step.running, step.waiting);
  count(step.start);
}

void ChromeTrace::on_token(Time now, const Sequence& s) {
  if (s.generated > Tokens(1) && s.preemptions == 0) return;  // decoding already
  enter(now, s.request.id, "decode");
}

void ChromeTrace::on_finish(Time now, const Sequence& s, ReplicaId /*where*/) {
  leave(now, s.request.id);
}

void ChromeTrace::on_memory(Time now, ReplicaId where, const MemoryUse& m) {
  if (!visible(now)) return;
  introduce(where);
  event(R"({{"ph":"C","pid":{},"ts":{},"name":"KV tokens","args":{{"used":{},"reserved":{},)"
        R"("waste":{},"cached":{},"free":{}}}}})",
        process(where), micros(now), m.used.value(), m.reserved.value(),
        (m.internal + m.external).value(), m.cached.value(), m.free.value());
  count(now);
}

void ChromeTrace::on_end(Time now) {
  while (!live_.empty()) leave(now, live_.begin()->first);
  if (cut_ == now) cut_.reset();  // it was the end anyway
  out_.print("\n],\"otherData\":{{\"producer\":\"kvsim {}\"}}}}\n", KVSIM_VERSION);
  out_.flush();
}

void ChromeTrace::introduce(ReplicaId where) {
  if (where.index >= introduced_.size()) introduced_.resize(where.index + 1);
  if (introduced_[where.index]) return;
  introduced_[where.index] = true;
  const std::uint32_t pid = process(where);
  event(R"({{"ph":"M","pid":{},"name":"process_name","args":{{"name":"replica {}"}}}})", pid,
        where.index);
  event(R"({{"ph":"M","pid":{},"tid":1,"name":"thread_name","args":{{"name":"steps"}}}})", pid);
}

std::size_t ChromeTrace::thread_of(const StepRecord& step) {
  if (step.replica.index >= ends_.size()) ends_.resize(step.replica.index + 1);
  std::vector<Time>& ends = ends_[step.replica.index];
  const auto idle =
      std::find_if(ends.begin(), ends.end(), [&](Time end) { return end <= step.start; });
  const auto thread = static_cast<std::size_t>(idle - ends.begin()) + 1;
  if (idle == ends.end()) {
    ends.emplace_back();
    if (thread > 1)
      event(R"({{"ph":"M","pid":{},"tid":{},"name":"thread_name","args":{{"name":"steps"}}}})",
            process(step.replica), thread);
  }
  ends[thread - 1] = step.start + step.took;
  return thread;
}

void ChromeTrace::enter(Time now, std::uint64_t id, const char* phase) {
  Life& life = live_.at(id);
  if (life.phase == std::string_view(phase)) return;
  write_phase(id, life, now);
  life.phase = phase;
  life.since = now;
}

// A request's own span begins with the first of its phases that is seen: they then nest, whatever
// the window cuts off.
void ChromeTrace::write_phase(std::uint64_t id, Life& life, Time end) {
  const Time from = std::max(life.since, window_.from);
  const Time to = std::min(end, window_.until);
  if (from >= to) return;
  introduce(life.where);
  const std::uint32_t pid = process(life.where);
  if (!life.told)
    event(R"({{"ph":"b","cat":"request","id":{},"pid":{},"tid":0,"ts":{},"name":"request {}",)"
          R"("args":{{"prompt_tokens":{},"output_tokens":{}}}}})",
          id, pid, micros(from), id, life.prompt, life.output);
  life.told = true;
  for (const auto& [ph, at] : {std::pair{'b', from}, std::pair{'e', to}})
    event(R"({{"ph":"{}","cat":"request","id":{},"pid":{},"tid":0,"ts":{},"name":"{}"}})", ph, id,
          pid, micros(at), life.phase);
  count(end);
}

void ChromeTrace::leave(Time now, std::uint64_t id) {
  Life& life = live_.at(id);
  write_phase(id, life, now);
  if (life.told)
    event(R"({{"ph":"e","cat":"request","id":{},"pid":{},"tid":0,"ts":{},"name":"request {}"}})",
          id, process(life.where), micros(std::min(now, window_.until)), id);
  live_.erase(id);
}

void ChromeTrace::count(Time now) {
  if (left_ > 0 || now >= window_.until) return;
  cut_ = window_.until = now;
}

template <class... Values>
void ChromeTrace::event(fmt::format_string<Values...> format, Values&&... values) {
  out_.print("{}", first_ ? "\n" : ",\n");
  first_ = false;
  --left_;
  out_.print(format, std::forward<Values>(values)...);
}

}  // namespace kvsim
