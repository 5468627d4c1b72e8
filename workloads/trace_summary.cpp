#include "workloads/trace_summary.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "workloads/block_ids.h"

namespace kvsim {
namespace {

Quantiles quantiles(std::vector<std::int64_t>& values) {
  Quantiles q;
  q.count = std::ssize(values);
  if (values.empty()) return q;
  std::sort(values.begin(), values.end());
  double sum = 0;
  for (const std::int64_t value : values) sum += static_cast<double>(value);
  q.mean = sum / static_cast<double>(q.count);
  const auto at = [&](double share) {
    const double place = share * static_cast<double>(q.count - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    const double part = place - static_cast<double>(below);
    return (1 - part) * static_cast<double>(values[below]) +
           part * static_cast<double>(values[above]);
  };
  q.p50 = at(0.50);
  q.p90 = at(0.90);
  q.p95 = at(0.95);
  q.p99 = at(0.99);
  q.max = static_cast<double>(values.back());
  return q;
}

class ReuseCount {
 public:
  explicit ReuseCount(std::int64_t block_tokens) : ids_(block_tokens) {}

  void add(const Request& r) {
    if (has_nothing_in_common(r)) {
      const std::int64_t blocks = blocks_for(r.prompt, Tokens(ids_.block_tokens())).value();
      reuse_.blocks += blocks;
      reuse_.unique_blocks += blocks;
      reuse_.tokens += r.prompt.value();
      return;
    }
    const std::size_t seen = ids_.distinct();
    ids_.of(r.content, r.prompt, names_);
    // Ids count up, so the first that is new ends the known prefix; chained ids know no other hit.
    std::int64_t hits = 0;
    while (hits < std::ssize(names_) && names_[static_cast<std::size_t>(hits)] < seen) ++hits;
    reuse_.blocks += std::ssize(names_);
    reuse_.block_hits += hits;
    reuse_.tokens += r.prompt.value();
    reuse_.token_hits += std::min(hits * ids_.block_tokens(), r.prompt.value());
    reuse_.requests_with_hit += hits > 0 ? 1 : 0;
  }
  [[nodiscard]] TraceSummary::Reuse total() const {
    TraceSummary::Reuse total = reuse_;
    total.block_tokens = ids_.block_tokens();
    total.unique_blocks += static_cast<std::int64_t>(ids_.distinct());
    return total;
  }

 private:
  // Millions of blocks that nobody else can have need not be remembered.
  static bool has_nothing_in_common(const Request& r) {
    const auto spans = r.content.spans();
    return r.session == Request::kNoSession && spans.size() == 1 && is_private(spans[0].content);
  }

  BlockIds ids_;
  std::vector<std::uint64_t> names_;
  TraceSummary::Reuse reuse_;
};

}  // namespace

TraceSummary summarise(WorkloadSource& source, std::int64_t block_tokens) {
  TraceSummary summary;
  std::vector<std::int64_t> prompts;
  std::vector<std::int64_t> outputs;
  std::unordered_map<std::uint64_t, std::int64_t> turns;  // by session; never iterated
  ReuseCount reuse(block_tokens);
  Time first{};
  Request r;
  while (source.upcoming()) {
    source.take(r);
    if (prompts.empty()) first = r.arrival;
    prompts.push_back(r.prompt.value());
    outputs.push_back(r.output.value());
    ++summary.priorities[r.priority];
    if (r.session != Request::kNoSession)
      summary.longest_session = std::max(summary.longest_session, ++turns[r.session]);
    reuse.add(r);
    summary.duration_s = static_cast<double>((r.arrival - first).count()) / 1e9;
    source.ended(r, r.arrival);
  }
  summary.requests = std::ssize(prompts);
  summary.sessions = std::ssize(turns);
  if (summary.duration_s > 0)
    summary.requests_per_s = static_cast<double>(summary.requests) / summary.duration_s;
  summary.prompt_tokens = quantiles(prompts);
  summary.output_tokens = quantiles(outputs);
  summary.reuse = reuse.total();
  return summary;
}

}  // namespace kvsim
