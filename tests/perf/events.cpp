// A bare event: the next one is popped and another put in its place.
#include "sim/core/event_queue.h"
#include "sim/core/rng.h"
#include "tests/perf/bench.h"

namespace kvsim::perf {
namespace {

Figures pop_and_schedule(int pending) {
  constexpr std::int64_t kEvents = 5'000'000;
  constexpr std::uint64_t kFar = 1'000'000;
  EventQueue queue;
  Rng rng(1, "events");
  const auto later = [&] { return Duration(static_cast<std::int64_t>(rng.below(kFar))); };
  for (int i = 0; i < pending; ++i) queue.schedule(Time(later()), EventKind::kArrival);
  const Stopwatch watch;
  for (std::int64_t i = 0; i < kEvents; ++i) {
    const Event event = queue.pop();
    queue.schedule(event.at + later(), EventKind::kStepDone);
  }
  return {{"", watch.seconds() / kEvents * 1e9, "ns"}};
}

void events(Bench& bench) {
  for (const int pending : {10, 1'000, 100'000})
    bench.measure(std::to_string(pending) + " pending",
                  [pending] { return pop_and_schedule(pending); });
}

const Subject kEvents{"events", events};

}  // namespace
}  // namespace kvsim::perf
