#include "kernels/gpu/cpu/machine.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <new>
#include <numeric>
#include <utility>

#include <fmt/format.h>

namespace kvsim::gpu {
namespace {

constexpr std::align_val_t kSharedAlignment{1024};
constexpr int kMaxThreads = 1024;

void check_shape(const Launch& launch) {
  const Grid& grid = launch.grid;
  if (launch.threads <= 0 || launch.threads > kMaxThreads || launch.threads % kWarpThreads != 0)
    throw MachineError(fmt::format("launch: {} threads are not whole warps, at most {}",
                                   launch.threads, kMaxThreads));
  if (launch.shared_bytes > kMaxSharedBytes)
    throw MachineError(fmt::format("launch: {} bytes of shared memory, a block has {}",
                                   launch.shared_bytes, kMaxSharedBytes));
  if (grid.x <= 0 || grid.y <= 0 || grid.z <= 0)
    throw MachineError(fmt::format("launch: empty grid {}x{}x{}", grid.x, grid.y, grid.z));
}

template <class Threads, class State>
bool all_in(const Threads& threads, State state) {
  return std::all_of(threads.begin(), threads.end(),
                     [&](const auto& thread) { return thread->state == state; });
}

bool aligned16(const void* address) { return reinterpret_cast<std::uintptr_t>(address) % 16 == 0; }

}  // namespace

std::string describe(const Site& site) {
  const std::string_view path = site.where.file;
  return fmt::format("{}:{} ({})", path.substr(path.rfind('/') + 1), site.where.line,
                     site.operation);
}

void Machine::FreeShared::operator()(std::byte* memory) const {
  ::operator delete(memory, kSharedAlignment);
}

void Machine::run(const Launch& launch, const std::function<void()>& kernel) {
  check_shape(launch);
  launch_ = &launch;
  kernel_ = &kernel;
  // Exactly as large as asked for, so that AddressSanitizer sees the end.
  shared_.reset(static_cast<std::byte*>(::operator new(launch.shared_bytes, kSharedAlignment)));
  while (threads_.size() < static_cast<std::size_t>(launch.threads)) {
    threads_.push_back(std::make_unique<Thread>());
    threads_.back()->index = static_cast<int>(threads_.size()) - 1;
  }

  const Grid grid = launch.grid;
  std::vector<int> blocks(static_cast<std::size_t>(grid.x) * static_cast<std::size_t>(grid.y) *
                          static_cast<std::size_t>(grid.z));
  std::iota(blocks.begin(), blocks.end(), 0);
  shuffle(blocks);
  Machine* outer = std::exchange(running_machine, this);
  try {
    for (const int block : blocks) {
      for (const auto& thread : block_threads()) {
        thread->block = {block % grid.x, block / grid.x % grid.y, block / grid.x / grid.y};
      }
      run_block();
    }
  } catch (...) {
    running_machine = outer;
    throw;
  }
  running_machine = outer;
}

Machine::Threads Machine::block_threads() const {
  return Threads(threads_).first(static_cast<std::size_t>(launch_->threads));
}

Machine::Threads Machine::warp_threads(int warp) const {
  return Threads(threads_).subspan(static_cast<std::size_t>(warp) * kWarpThreads, kWarpThreads);
}

void Machine::run_block() {
  std::memset(shared_.get(), std::to_integer<int>(kPoison), launch_->shared_bytes);
  for (const auto& thread : block_threads()) {
    thread->state = Thread::State::kReady;
    thread->failure = nullptr;
    thread->copies.clear();
    thread->groups.clear();
    thread->committed = 0;
    thread->fiber.start(&Machine::thread_main, thread.get());
  }
  std::vector<int> order(static_cast<std::size_t>(launch_->threads / kWarpThreads));
  std::iota(order.begin(), order.end(), 0);
  do {
    shuffle(order);
    for (const int warp : order) run_warp(warp);
  } while (release_barrier());
  if (!all_in(block_threads(), Thread::State::kDone)) throw stuck();
}

/// Until every lane waits at the barrier, is done, or is stuck.
void Machine::run_warp(int warp) {
  std::vector<int> lanes(kWarpThreads);
  std::iota(lanes.begin(), lanes.end(), 0);
  const Threads threads = warp_threads(warp);
  do {
    shuffle(lanes);
    for (const int lane : lanes) {
      Thread& thread = *threads[static_cast<std::size_t>(lane)];
      if (thread.state != Thread::State::kReady) continue;
      thread_ = &thread;
      thread.fiber.resume();
      if (thread.fiber.done()) thread.state = Thread::State::kDone;
      if (thread.failure) std::rethrow_exception(thread.failure);
    }
  } while (perform_collective(warp));
}

bool Machine::perform_collective(int warp) {
  const Threads threads = warp_threads(warp);
  const Thread& leader = *threads.front();
  const auto with_leader = [&](const auto& thread) {
    return thread->site == leader.site && thread->collective == leader.collective;
  };
  if (!all_in(threads, Thread::State::kAtCollective) ||
      !std::all_of(threads.begin(), threads.end(), with_leader))
    return false;
  std::array<void*, kWarpThreads> operands{};
  std::transform(threads.begin(), threads.end(), operands.begin(),
                 [](const auto& thread) { return thread->operand; });
  leader.collective(operands);
  for (const auto& thread : threads) thread->state = Thread::State::kReady;
  return true;
}

bool Machine::release_barrier() {
  const Threads threads = block_threads();
  const auto with_first = [&](const auto& thread) { return thread->site == threads.front()->site; };
  if (!all_in(threads, Thread::State::kAtBarrier) ||
      !std::all_of(threads.begin(), threads.end(), with_first))
    return false;
  for (const auto& thread : threads) thread->state = Thread::State::kReady;
  return true;
}

MachineError Machine::stuck() const {
  std::map<std::string, std::vector<int>> waiting;
  for (const auto& thread : block_threads()) {
    const bool done = thread->state == Thread::State::kDone;
    waiting[done ? "the end" : describe(thread->site)].push_back(thread->index);
  }
  const Grid& block = threads_.front()->block;
  std::string text =
      fmt::format("block ({},{},{}): threads wait at different places:", block.x, block.y, block.z);
  for (const auto& [place, threads] : waiting)
    text += fmt::format(" {} of them (first {}) at {};", threads.size(), threads.front(), place);
  text.pop_back();
  return MachineError(text);
}

void Machine::shuffle(std::vector<int>& order) {
  if (options_.seed != 0) std::shuffle(order.begin(), order.end(), random_);
}

void Machine::thread_main(void* argument) {
  auto* thread = static_cast<Thread*>(argument);
  try {
    (*running_machine->kernel_)();
  } catch (...) {
    thread->failure = std::current_exception();
  }
}

void Machine::wait(Thread::State state, const Site& site) {
  Thread& thread = *thread_;
  thread.state = state;
  thread.site = site;
  thread.fiber.suspend();
}

bool Machine::dropped(const Site& site) {
  if (std::find(sites_.begin(), sites_.end(), site) == sites_.end()) sites_.push_back(site);
  return options_.drop && *options_.drop == site;
}

void Machine::barrier(const Site& site) {
  if (!dropped(site)) wait(Thread::State::kAtBarrier, site);
}

void Machine::warp_barrier(const Site& site) {
  if (!dropped(site)) collective(site, nullptr, [](const auto&) {});
}

void Machine::collective(const Site& site, void* operand, Collective perform) {
  thread_->operand = operand;
  thread_->collective = perform;
  wait(Thread::State::kAtCollective, site);
}

void Machine::check_shared(const void* address, const char* operation) const {
  const std::byte* first = static_cast<const std::byte*>(address);
  if (!aligned16(address) || first < shared_.get() ||
      first + 16 > shared_.get() + launch_->shared_bytes)
    throw MachineError(
        fmt::format("{}: address {} from the start of shared memory is not 16 "
                    "aligned bytes in it",
                    operation, first - shared_.get()));
}

void Machine::copy_async(void* shared, const void* global, bool valid) {
  check_shared(shared, "cp_async16");
  if (!aligned16(global)) throw MachineError("cp_async16: the source is not aligned to 16 bytes");
  // Its old contents are gone from now on, the new ones are not there before the wait.
  std::memset(shared, std::to_integer<int>(kPoison), 16);
  thread_->copies.push_back(
      {static_cast<std::byte*>(shared), valid ? static_cast<const std::byte*>(global) : nullptr});
}

void Machine::commit_copies() {
  thread_->groups.push_back(thread_->copies.size() - thread_->committed);
  thread_->committed = thread_->copies.size();
}

void Machine::wait_copies(const Site& site, std::size_t in_flight) {
  if (dropped(site)) return;
  Thread& thread = *thread_;
  std::size_t landing = 0;
  const std::size_t groups =
      thread.groups.size() > in_flight ? thread.groups.size() - in_flight : 0;
  for (std::size_t i = 0; i < groups; ++i) landing += thread.groups[i];
  for (std::size_t i = 0; i < landing; ++i) {
    const Thread::Copy& copy = thread.copies[i];
    if (copy.from != nullptr) {
      std::memcpy(copy.to, copy.from, 16);
    } else {
      std::memset(copy.to, 0, 16);
    }
  }
  thread.copies.erase(thread.copies.begin(),
                      thread.copies.begin() + static_cast<std::ptrdiff_t>(landing));
  thread.groups.erase(thread.groups.begin(),
                      thread.groups.begin() + static_cast<std::ptrdiff_t>(groups));
  thread.committed -= landing;
}

}  // namespace kvsim::gpu
