#include "sim/cli/plan/demand.h"

#include <numeric>

#include "sim/engine/prefix_history.h"
#include "sim/model/workload_source.h"

namespace kvsim {
namespace {

using Stage = PrefixHistory::Stage;

class Reader {
 public:
  void take(WorkloadSource& source) {
    source.take(request_);
    if (demand_.asks.empty()) first_ = request_.arrival;
    last_ = request_.arrival;
    const Tokens all = request_.prompt + request_.output;
    const Tokens known = history_.known(request_, all, Stage::kStarted);
    demand_.asks.push_back({request_.prompt.value(), request_.output.value(),
                            std::max(request_.prompt - known, Tokens(0)).value()});
    demand_.distinct_tokens += (all - known).value();
    history_.record(request_, all, Stage::kStarted);
  }
  [[nodiscard]] const Request& last() const { return request_; }
  [[nodiscard]] Demand done(bool open_loop) {
    demand_.span_s = seconds(last_ - first_);
    demand_.open_loop = open_loop;
    return std::move(demand_);
  }

 private:
  Demand demand_;
  PrefixHistory history_;
  Request request_;
  Time first_{}, last_{};
};

}  // namespace

std::int64_t Demand::prompt_tokens() const {
  return std::accumulate(asks.begin(), asks.end(), std::int64_t{0},
                         [](std::int64_t sum, const Ask& ask) { return sum + ask.prompt; });
}

std::int64_t Demand::output_tokens() const {
  return std::accumulate(asks.begin(), asks.end(), std::int64_t{0},
                         [](std::int64_t sum, const Ask& ask) { return sum + ask.output; });
}

double Demand::requests_per_s() const {
  return span_s > 0 ? static_cast<double>(requests() - 1) / span_s : 0;
}

// First all that come unanswered; if answers bring more, it is a closed loop.
Demand read_demand(const ConfigView& config) {
  const auto source = open_workload({config, static_cast<std::uint64_t>(config.integer("/seed"))});
  Reader reader;
  std::vector<std::pair<Request, Time>> unanswered;
  bool open_loop = true;
  while (source->upcoming() || !unanswered.empty()) {
    if (!source->upcoming()) {
      for (const auto& [request, at] : std::exchange(unanswered, {})) source->ended(request, at);
      if (source->upcoming()) open_loop = false;
      continue;
    }
    const Time at = *source->upcoming();
    reader.take(*source);
    unanswered.emplace_back(reader.last(), at);
  }
  return reader.done(open_loop);
}

}  // namespace kvsim
