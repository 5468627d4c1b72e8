#include "kernels/calibrate/cuda/replay.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include <cuda_runtime.h>

#include "kernels/calibrate/cuda/cuda_check.h"

namespace kvsim::calibrate {
namespace {

constexpr double kRotatedBytes = 512e6;
constexpr int kMostSets = 64;
constexpr double kGraphMicroseconds = 2000;
constexpr int kMostLaunches = 1024;
constexpr int kWarmUps = 3, kReplays = 11, kMostReplays = 25;
constexpr double kWideSpread = 0.02;

/// Owns a CUDA handle.
template <class Handle, cudaError_t (*destroy)(Handle)>
class Owned {
 public:
  Owned() = default;
  ~Owned() {
    if (handle_ != nullptr) (void)destroy(handle_);
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  Handle* operator&() { return &handle_; }  // NOLINT: out-parameters of CUDA
  operator Handle() const { return handle_; }

 private:
  Handle handle_ = nullptr;
};
using Queue = Owned<cudaStream_t, cudaStreamDestroy>;
using Event = Owned<cudaEvent_t, cudaEventDestroy>;
using Graph = Owned<cudaGraph_t, cudaGraphDestroy>;
using GraphExec = Owned<cudaGraphExec_t, cudaGraphExecDestroy>;

class Stopwatch {
 public:
  Stopwatch() {
    // The queue does not wait for the default stream, on which data were made.
    check_cuda(cudaDeviceSynchronize(), "the kernel");
    check_cuda(cudaStreamCreateWithFlags(&queue_, cudaStreamNonBlocking), "stream");
    check_cuda(cudaEventCreate(&start_), "event");
    check_cuda(cudaEventCreate(&stop_), "event");
  }
  [[nodiscard]] cudaStream_t queue() const { return queue_; }
  [[nodiscard]] gpu::Stream stream() const { return {static_cast<cudaStream_t>(queue_)}; }

  /// Microseconds on the device of what `work` queues.
  template <class Work>
  double time(Work work) {
    check_cuda(cudaEventRecord(start_, queue_), "event");
    work();
    check_cuda(cudaEventRecord(stop_, queue_), "event");
    check_cuda(cudaEventSynchronize(stop_), "the kernel");
    float milliseconds = 0;
    check_cuda(cudaEventElapsedTime(&milliseconds, start_, stop_), "event");
    return 1e3 * static_cast<double>(milliseconds);
  }

 private:
  Queue queue_;
  Event start_, stop_;
};

/// Replays `work`, which makes `launches` of them, until the spread is known.
template <class Work>
Spread repeat(Stopwatch& watch, int launches, Work work) {
  for (int i = 0; i < kWarmUps; ++i) (void)watch.time(work);
  std::vector<double> times;
  Spread spread;
  while (std::ssize(times) < kReplays ||
         (std::ssize(times) < kMostReplays && spread.relative() > kWideSpread)) {
    times.push_back(watch.time(work) / launches);
    spread = spread_of(times);
  }
  return spread;
}

/// Launches for about 2 ms, every set at least once unless that takes much longer.
int launches_for(Stopwatch& watch, const Enqueue& enqueue, int sets) {
  enqueue(watch.stream(), 0);  // loads the kernel
  check_cuda(cudaStreamSynchronize(watch.queue()), "the kernel");
  const double once = std::max(1.0, watch.time([&] { enqueue(watch.stream(), sets - 1); }));
  const int wanted = static_cast<int>(std::ceil(kGraphMicroseconds / once));
  return std::clamp(std::max(wanted, sets), 1, kMostLaunches);
}

}  // namespace

int rotating_sets(double bytes) {
  return std::clamp(static_cast<int>(std::ceil(kRotatedBytes / std::max(bytes, 1.0))), 1,
                    kMostSets);
}

Spread time_replays(const Enqueue& enqueue, int sets) {
  Stopwatch watch;
  const int launches = launches_for(watch, enqueue, sets);
  Graph graph;
  check_cuda(cudaStreamBeginCapture(watch.queue(), cudaStreamCaptureModeThreadLocal), "capture");
  for (int i = 0; i < launches; ++i) enqueue(watch.stream(), i % sets);
  check_cuda(cudaStreamEndCapture(watch.queue(), &graph), "capture");
  GraphExec replay;
  check_cuda(cudaGraphInstantiate(&replay, graph, 0), "graph");
  return repeat(watch, launches,
                [&] { check_cuda(cudaGraphLaunch(replay, watch.queue()), "graph"); });
}

Spread time_launches(const Enqueue& enqueue, int sets) {
  Stopwatch watch;
  const int launches = launches_for(watch, enqueue, sets);
  return repeat(watch, launches, [&] {
    for (int i = 0; i < launches; ++i) enqueue(watch.stream(), i % sets);
  });
}

}  // namespace kvsim::calibrate
