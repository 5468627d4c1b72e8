// The free queue of a block pool as a question of the trade: what is it kept in? Blocks are taken
// at the front, or, when a prompt finds them cached, wherever they stand; they come back at the
// end. A deque is best as long as nobody takes from the middle; then it has to search. std::list
// takes anywhere if somebody keeps its iterators, but every block is an allocation of its own. A
// list of indices into one array needs neither.
#include <algorithm>
#include <deque>
#include <list>
#include <vector>

#include <fmt/format.h>

#include "sim/core/index_list.h"
#include "sim/core/rng.h"
#include "tests/perf/bench.h"

namespace kvsim::perf {
namespace {

using Block = BlockId;

class Intrusive {
 public:
  explicit Intrusive(std::uint32_t blocks) : queue_(blocks) {}
  [[nodiscard]] Block front() const { return queue_.front(); }
  void take(Block block) { queue_.erase(block); }
  void give(Block block) { queue_.push_back(block); }

 private:
  IndexList<Block> queue_;
};

class Deque {
 public:
  explicit Deque(std::uint32_t /*blocks*/) {}
  [[nodiscard]] Block front() const { return queue_.front(); }
  void take(Block block) {
    if (queue_.front() == block) return queue_.pop_front();
    queue_.erase(std::find(queue_.begin(), queue_.end(), block));
  }
  void give(Block block) { queue_.push_back(block); }

 private:
  std::deque<Block> queue_;
};

class List {
 public:
  explicit List(std::uint32_t blocks) : place_(blocks) {}
  [[nodiscard]] Block front() const { return queue_.front(); }
  void take(Block block) { queue_.erase(place_[block.index]); }
  void give(Block block) { place_[block.index] = queue_.insert(queue_.end(), block); }

 private:
  std::list<Block> queue_;
  std::vector<std::list<Block>::iterator> place_;
};

// Every block is free; one is taken and given back, over and over.
template <class Queue>
Figures take_and_give(std::uint32_t blocks) {
  Queue queue(blocks);
  Rng rng(1, "free queue");
  std::vector<Block> order(blocks);  // as after hours of service
  for (std::uint32_t i = 0; i < blocks; ++i) order[i] = Block{i};
  for (std::uint32_t i = blocks; i > 1; --i) std::swap(order[i - 1], order[rng.below(i)]);
  for (const Block block : order) queue.give(block);
  const auto nanoseconds = [&](int times, auto&& next) {
    const Stopwatch watch;
    for (int i = 0; i < times; ++i) {
      const Block block = next();
      queue.take(block);
      queue.give(block);
    }
    return watch.seconds() / times * 1e9;
  };
  constexpr int kTimes = 1'000'000;
  const int searches = std::is_same_v<Queue, Deque> ? 200 : kTimes;
  const double front = nanoseconds(kTimes, [&] { return queue.front(); });
  const auto anywhere = [&] { return Block{static_cast<std::uint32_t>(rng.below(blocks))}; };
  const double middle = nanoseconds(searches, anywhere);
  return {{"from the front", front, "ns"}, {"from anywhere", middle, "ns"}, peak_memory()};
}

void free_queue(Bench& bench) {
  for (const std::uint32_t blocks : {10'000U, 1'000'000U}) {
    const auto row = [&](std::string_view kind, Figures (*body)(std::uint32_t)) {
      bench.measure(fmt::format("{}, {} blocks", kind, blocks), [=] { return body(blocks); });
    };
    row("index list", take_and_give<Intrusive>);
    row("std::list", take_and_give<List>);
    row("std::deque", take_and_give<Deque>);
  }
}

const Subject kFreeQueue{"free queue", free_queue};

}  // namespace
}  // namespace kvsim::perf
