#include "kernels/gpu/cpu/machine.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <new>
#include <numeric>
#include <span>
#include <utility>

#include <fmt/format.h>

namespace kvsim::gpu {
namespace {

constexpr std::align_val_t kSharedAlignment{1024};
constexpr int kMaxThreads = 1024;
constexpr std::size_t kResidentBlocks = 3;

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

using Thread = Machine::Thread;
using Block = Machine::Block;
using Threads = std::span<const std::unique_ptr<Thread>>;

Threads warp_threads(const Block& block, std::size_t warp) {
  return Threads(block.threads).subspan(warp * kWarpThreads, kWarpThreads);
}

bool all_in(Threads threads, Thread::State state) {
  return std::all_of(threads.begin(), threads.end(),
                     [&](const auto& thread) { return thread->state == state; });
}

/// Do they wait for the same?
bool all_wait(Threads threads, Thread::State state) {
  const Thread& first = *threads.front();
  return all_in(threads, state) &&
         std::all_of(threads.begin(), threads.end(), [&](const auto& thread) {
           return thread->site == first.site && thread->collective == first.collective;
         });
}

bool perform_collective(Threads threads) {
  if (!all_wait(threads, Thread::State::kAtCollective)) return false;
  std::array<void*, kWarpThreads> operands{};
  std::transform(threads.begin(), threads.end(), operands.begin(),
                 [](const auto& thread) { return thread->operand; });
  threads.front()->collective(operands);
  for (const auto& thread : threads) thread->state = Thread::State::kReady;
  return true;
}

MachineError stuck(const Block& block) {
  std::map<std::string, std::vector<int>> waiting;
  for (const auto& thread : block.threads) {
    const bool done = thread->state == Thread::State::kDone;
    waiting[done ? "the end" : describe(thread->site)].push_back(thread->index);
  }
  std::string text =
      fmt::format("block ({},{},{}): threads wait at different places:", block.place.x,
                  block.place.y, block.place.z);
  for (const auto& [place, threads] : waiting)
    text += fmt::format(" {} of them (first {}) at {};", threads.size(), threads.front(), place);
  text.pop_back();
  return MachineError(text);
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
  Machine* outer = std::exchange(running_machine, this);
  try {
    run_blocks();
  } catch (...) {
    running_machine = outer;
    throw;
  }
  running_machine = outer;
}

void Machine::run_blocks() {
  const Grid& grid = launch_->grid;
  std::vector<int> waiting(static_cast<std::size_t>(grid.x) * static_cast<std::size_t>(grid.y) *
                           static_cast<std::size_t>(grid.z));
  std::iota(waiting.rbegin(), waiting.rend(), 0);
  shuffle(waiting);
  const auto next = [&] {
    const int index = waiting.back();
    waiting.pop_back();
    return index;
  };
  std::vector<std::unique_ptr<Block>> resident;
  while (resident.size() < kResidentBlocks && !waiting.empty()) {
    resident.push_back(make_block());
    start(*resident.back(), next());
  }
  while (!resident.empty()) {
    Block* chosen = nullptr;
    std::size_t warp = 0;
    for (const auto& block : resident)
      for (std::size_t w = 0; w < block->warps.size(); ++w)
        if (block->warps[w].ready &&
            (chosen == nullptr || block->warps[w].priority > chosen->warps[warp].priority)) {
          chosen = block.get();
          warp = w;
        }
    if (chosen == nullptr) throw stuck(*resident.front());
    run_warp(*chosen, warp);
    release_barrier(*chosen);
    if (!all_in(chosen->threads, Thread::State::kDone)) continue;
    if (!waiting.empty()) {
      start(*chosen, next());
    } else {
      std::erase_if(resident, [&](const auto& block) { return block.get() == chosen; });
    }
  }
}

std::unique_ptr<Block> Machine::make_block() const {
  auto block = std::make_unique<Block>();
  // Exactly as large as asked for, so that AddressSanitizer sees the end.
  block->shared.reset(
      static_cast<std::byte*>(::operator new(launch_->shared_bytes, kSharedAlignment)));
  block->warps.resize(static_cast<std::size_t>(launch_->threads / kWarpThreads));
  for (int i = 0; i < launch_->threads; ++i) {
    block->threads.push_back(std::make_unique<Thread>());
    block->threads.back()->index = i;
    block->threads.back()->block = block.get();
  }
  return block;
}

void Machine::release_barrier(Block& block) {
  if (!all_wait(block.threads, Thread::State::kAtBarrier)) return;
  for (const auto& thread : block.threads) {
    thread->state = Thread::State::kReady;
    ++thread->barriers;
  }
  make_ready(block);
}

void Machine::make_ready(Block& block) {
  const Grid& place = block.place;
  const int index = (place.z * launch_->grid.y + place.y) * launch_->grid.x + place.x;
  for (std::size_t w = 0; w < block.warps.size(); ++w) {
    const std::uint64_t by_number = ~(static_cast<std::uint64_t>(index) * block.warps.size() + w);
    block.warps[w] = {options_.seed == 0 ? by_number : random_(), true};
  }
}

void Machine::start(Block& block, int index) {
  const Grid& grid = launch_->grid;
  block.landings.assign(launch_->shared_bytes / 16, {});
  block.place = {index % grid.x, index / grid.x % grid.y, index / grid.x / grid.y};
  std::memset(block.shared.get(), std::to_integer<int>(kPoison), launch_->shared_bytes);
  for (const auto& thread : block.threads) {
    thread->state = Thread::State::kReady;
    thread->failure = nullptr;
    thread->copies.clear();
    thread->groups.clear();
    thread->committed = 0;
    thread->barriers = 0;
    thread->fiber.start(&Machine::thread_main, thread.get());
  }
  make_ready(block);
}

/// Until every lane waits at the barrier, is done, or is stuck.
void Machine::run_warp(Block& block, std::size_t warp) {
  std::vector<int> lanes(kWarpThreads);
  std::iota(lanes.begin(), lanes.end(), 0);
  const Threads threads = warp_threads(block, warp);
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
  } while (perform_collective(threads));
  block.warps[warp].ready = false;
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
  if (dropped(site)) return;
  thread_->collective = nullptr;
  wait(Thread::State::kAtBarrier, site);
}

void Machine::warp_barrier(const Site& site) {
  if (dropped(site)) return;
  collective(site, &thread_->barriers, [](const auto& counts) {
    for (void* count : counts) ++*static_cast<std::uint64_t*>(count);
  });
}

void Machine::collective(const Site& site, void* operand, Collective perform) {
  thread_->operand = operand;
  thread_->collective = perform;
  wait(Thread::State::kAtCollective, site);
}

std::size_t Machine::shared_index(const void* address, const char* operation) const {
  const std::byte* first = static_cast<const std::byte*>(address);
  const std::byte* shared = shared_memory();
  if (!aligned16(address) || first < shared || first + 16 > shared + launch_->shared_bytes)
    throw MachineError(
        fmt::format("{}: byte {} is not the first of 16 aligned ones in shared memory", operation,
                    first - shared));
  return static_cast<std::size_t>(first - shared) / 16;
}

void Machine::check_row(const void* row, const char* operation) const {
  const Block::Landing& landing = thread_->block->landings[shared_index(row, operation)];
  if (landing.thread != nullptr && landing.thread->barriers == landing.barriers)
    throw MachineError(fmt::format("{}: thread {} copied this row and passed no barrier since",
                                   operation, landing.thread->index));
}

void Machine::copy_async(void* shared, const void* global, bool valid) {
  (void)shared_index(shared, "cp_async16");
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
    thread.block->landings[shared_index(copy.to, "cp_async_wait")] = {&thread, thread.barriers};
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
