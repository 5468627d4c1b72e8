#pragma once
// Machine: runs a kernel on the CPU, block after block, one fiber per thread, so that it finds
// bugs.
//
// Warps take turns in a seeded order and each runs until it waits, so a missing barrier lets one
// run far ahead; blocks come in a seeded order too. Nothing is shared between blocks but global
// memory, and no block waits for another: a kernel whose blocks wait for each other would hang on
// a GPU with fewer multiprocessors as well.

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/gpu/cpu/fiber.h"
#include "kernels/gpu/launch.h"

namespace kvsim::gpu {

inline constexpr int kWarpThreads = 32;

/// What a real GPU would do wrongly or never end: a divergent barrier, a misaligned copy, ...
class MachineError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A line of a kernel: the caller's, as a default argument. (std::source_location, which clang 14
/// does not find in this standard library.)
struct Where {
  const char* file = "";
  int line = 0;
  static constexpr Where current(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
};

/// A place in a kernel where threads wait: the operation's name and the line that calls it.
struct Site {
  const char* operation = "";
  Where where;

  friend bool operator==(const Site& a, const Site& b) {
    return a.where.line == b.where.line && std::string_view(a.operation) == b.operation &&
           std::string_view(a.where.file) == b.where.file;
  }
};
/// "decode.cuh:120 (sync_block)"
[[nodiscard]] std::string describe(const Site& site);

class Machine;
/// The one whose kernel this thread is in.
inline constinit thread_local Machine* running_machine = nullptr;

class Machine {
 public:
  struct Options {
    std::uint64_t seed = 0;    ///< Order of warps, lanes and blocks; 0: as numbered.
    std::optional<Site> drop;  ///< A planted bug: this barrier or wait does nothing.
  };

  Machine() = default;
  explicit Machine(Options options) : options_(options), random_(options.seed) {}

  /// A launch's stream that runs on this machine.
  [[nodiscard]] Stream stream() { return {this}; }
  /// Runs `kernel` once per thread. Throws MachineError, or what the kernel threw.
  void run(const Launch& launch, const std::function<void()>& kernel);
  /// Barriers and waits that threads have come to, in the order of their first visit: what a test
  /// can drop.
  [[nodiscard]] const std::vector<Site>& sites() const { return sites_; }
  /// Poison: every byte of shared memory that nothing has been written to. As a bf16, fp16, e4m3
  /// or float it is not a number.
  static constexpr std::byte kPoison{0xff};

  // ---- what device.h builds on; called from kernel threads only ----

  /// Done once for the warp when its 32 lanes have all come: operands[lane] is what each brought.
  using Collective = void (*)(const std::array<void*, kWarpThreads>& operands);

  struct Thread {
    int index = 0;
    Grid block;
    Fiber fiber;
    enum class State : std::uint8_t { kReady, kAtCollective, kAtBarrier, kDone } state{};
    Site site;  // Where it waits.
    void* operand = nullptr;
    Collective collective = nullptr;
    struct Copy {
      std::byte* to;
      const std::byte* from;  // Null: zeros.
    };
    std::vector<Copy> copies;         // In flight, oldest first.
    std::vector<std::size_t> groups;  // Copies in each committed group, oldest first.
    std::size_t committed = 0;        // Copies in those groups.
    std::exception_ptr failure;
  };

  [[nodiscard]] static Machine& current() { return *running_machine; }
  [[nodiscard]] const Thread& thread() const { return *thread_; }
  [[nodiscard]] const Launch& launch() const { return *launch_; }
  [[nodiscard]] std::byte* shared_memory() { return shared_.get(); }
  void barrier(const Site& site);
  void warp_barrier(const Site& site);
  void collective(const Site& site, void* operand, Collective perform);
  void copy_async(void* shared, const void* global, bool valid);
  void commit_copies();
  void wait_copies(const Site& site, std::size_t in_flight);
  /// Throws unless [address, address + 16) lies aligned in shared memory.
  void check_shared(const void* address, const char* operation) const;

 private:
  struct FreeShared {
    void operator()(std::byte* memory) const;
  };

  void run_block();
  void run_warp(int warp);
  using Threads = std::span<const std::unique_ptr<Thread>>;
  [[nodiscard]] Threads block_threads() const;
  [[nodiscard]] Threads warp_threads(int warp) const;
  [[nodiscard]] bool perform_collective(int warp);
  [[nodiscard]] bool release_barrier();
  void wait(Thread::State state, const Site& site);
  [[nodiscard]] bool dropped(const Site& site);
  [[nodiscard]] MachineError stuck() const;
  void shuffle(std::vector<int>& order);
  static void thread_main(void* argument);

  Options options_;
  std::mt19937_64 random_;
  std::vector<Site> sites_;
  std::vector<std::unique_ptr<Thread>> threads_;
  std::unique_ptr<std::byte, FreeShared> shared_;
  const Launch* launch_ = nullptr;
  const std::function<void()>* kernel_ = nullptr;
  Thread* thread_ = nullptr;  // The one that runs.
};

}  // namespace kvsim::gpu
