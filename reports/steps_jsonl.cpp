#include "reports/steps_jsonl.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "sim/core/check.h"
#include "sim/model/allocator.h"

namespace kvsim {
namespace {

constexpr double kMicro = 1e6;

/// Blocks of the sequence's first `total` tokens, in the first group of layers.
void write_blocks(const Allocator& cache, const Sequence& s, Tokens total, std::string& text) {
  const Tokens block = cache.block();
  // A pool's slots are those of whole blocks; a tree's are counted through.
  const std::int64_t slots = std::max(cache.slots_per_block(), block.value());
  for (Tokens first; first < total; first += block) {
    const std::int64_t slot = cache.slot(s, 0, first);
    if (first > Tokens(0)) text += ',';
    fmt::format_to(std::back_inserter(text), "{}", slot < 0 ? -1 : slot / slots);
  }
}

std::string line_of(const StepRecord& step, std::uint64_t number) {
  std::string text = fmt::format(
      R"({{"step":{},"start_s":{:.6f},"took_us":{:.3f},"replica":{},"block_tokens":{},"work":[)",
      number, seconds(step.start.time_since_epoch()), kMicro * seconds(step.took),
      step.replica.index, step.cache->block().value());
  const char* comma = "";
  for (const StepWork& work : step.plan.work) {
    if (work.compute == Tokens(0)) continue;  // it only samples
    fmt::format_to(std::back_inserter(text), R"({}{{"context":{},"compute":{},"blocks":[)", comma,
                   work.context.value(), work.compute.value());
    write_blocks(*step.cache, step.sequences[work.sequence], work.context + work.compute, text);
    text += "]}";
    comma = ",";
  }
  return text + "]}\n";
}

}  // namespace

StepsJsonl::StepsJsonl(Sink sink, std::size_t count, std::uint64_t seed)
    : sink_(std::move(sink)), count_(count), random_(seed, "steps.jsonl") {
  KVSIM_CHECK(count > 0, "a sample of something");
}

void StepsJsonl::on_step(const StepRecord& step) {
  const std::uint64_t number = seen_++;
  if (step.cache == nullptr) return;
  if (picked_.size() < count_) {
    picked_.push_back(number);
  } else {
    const std::uint64_t place = random_.below(seen_);
    if (place >= count_) return;
    lines_.erase(picked_[place]);
    picked_[place] = number;
  }
  lines_[number] = line_of(step, number);
}

void StepsJsonl::on_end(Time /*now*/) {
  for (const auto& [number, line] : lines_) sink_(line);
}

}  // namespace kvsim
