#include "reports/openmetrics.h"

#include <string>
#include <vector>

#include "reports/buffered_sink.h"

namespace kvsim {
namespace {

struct Metric {
  std::string_view name, type, help;
  double (*value)(const Timeline::State&);
};

double number(std::int64_t n) { return static_cast<double>(n); }

constexpr std::array kMetrics{
    Metric{"vllm:num_requests_running", "gauge", "Requests in the running batch.",
           [](const Timeline::State& s) { return number(s.running); }},
    Metric{"vllm:num_requests_waiting", "gauge", "Requests that wait to be admitted.",
           [](const Timeline::State& s) { return number(s.waiting); }},
    Metric{"vllm:kv_cache_usage_perc", "gauge", "KV memory held, 1 means all of it.",
           [](const Timeline::State& s) { return s.usage(); }},
    Metric{"vllm:prefix_cache_queries", "counter", "Prompt tokens asked of the prefix cache.",
           [](const Timeline::State& s) { return number(s.queries); }},
    Metric{"vllm:prefix_cache_hits", "counter", "Prompt tokens found in the prefix cache.",
           [](const Timeline::State& s) { return number(s.hits); }},
    Metric{"vllm:num_preemptions", "counter", "Times a running request lost its memory.",
           [](const Timeline::State& s) { return number(s.preemptions); }}};

// What a label's value may hold: OpenMetrics escapes three characters.
std::string label(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '"') escaped += '\\';
    escaped += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return fmt::format("model_name=\"{}\"", escaped);
}

// Prometheus keeps whole milliseconds, and takes one sample of each. Only the end of a run can come
// so soon after the row before it; that row then says nothing more.
template <class Row>
bool crowded_out(const std::vector<Row>& rows, std::size_t i) {
  return i + 1 < rows.size() && rows[i + 1].at - rows[i].at < std::chrono::milliseconds(2);
}

std::string stamp(Time at) { return fmt::format("{:.3f}", seconds(at.time_since_epoch())); }

void describe(std::string_view name, std::string_view type, std::string_view help,
              BufferedSink& out) {
  out.print("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

void write(const Metric& metric, const Timeline& timeline, const std::string& labels,
           BufferedSink& out) {
  describe(metric.name, metric.type, metric.help, out);
  const std::string_view suffix = metric.type == "counter" ? "_total" : "";
  const auto& rows = timeline.rows();
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (!crowded_out(rows, i))
      out.print("{}{}{{{}}} {} {}\n", metric.name, suffix, labels, metric.value(rows[i].state),
                stamp(rows[i].at));
}

// "0.025", "1.0": the form in which Prometheus' clients write a bucket's bound.
std::string bound(int ms) {
  return ms % 1000 == 0 ? fmt::format("{}.0", ms / 1000) : fmt::format("{}", ms / 1000.0);
}

void write(const LatencyTimeline::Family& family, const LatencyTimeline::Histogram& histogram,
           const std::string& labels, const std::string& at, BufferedSink& out) {
  std::int64_t count = 0;
  for (std::size_t b = 0; b <= family.bounds_ms.size(); ++b) {
    count += histogram.counts[b];
    const bool last = b == family.bounds_ms.size();
    out.print("{}_bucket{{{},le=\"{}\"}} {} {}\n", family.name, labels,
              last ? "+Inf" : bound(family.bounds_ms[b]), count, at);
  }
  out.print("{}_count{{{}}} {} {}\n{}_sum{{{}}} {:.9f} {}\n", family.name, labels, count, at,
            family.name, labels, seconds(histogram.sum), at);
}

}  // namespace

void write_openmetrics(const Timeline& timeline, const LatencyTimeline& latencies,
                       std::string_view model, const Sink& sink) {
  BufferedSink out(sink);
  const std::string labels = label(model);
  for (const Metric& metric : kMetrics) write(metric, timeline, labels, out);
  const auto& rows = latencies.rows();
  for (std::size_t kind = 0; kind < LatencyTimeline::families().size(); ++kind) {
    const LatencyTimeline::Family& family = LatencyTimeline::families()[kind];
    describe(family.name, "histogram", family.help, out);
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (!crowded_out(rows, i)) write(family, rows[i].state[kind], labels, stamp(rows[i].at), out);
  }
  out.print("# EOF\n");
  out.flush();
}

}  // namespace kvsim
