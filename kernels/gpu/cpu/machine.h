#pragma once
// Machine: runs a kernel on the CPU, block after block, one fiber per thread, so that it finds
// bugs.
//
// A few blocks are resident at once, as on a multiprocessor. Every warp of theirs has a random
// priority, a new one after each barrier, and the highest that can run does, until it waits: so one
// warp falls as far behind the others as barriers allow, and a bug that needs two threads in the
// wrong order shows within some tens of seeds (after Burckhardt et al., "A randomized scheduler
// with probabilistic guarantees of finding bugs", ASPLOS 2010). A kernel whose blocks wait for each
// other would hang here, and on a GPU with fewer multiprocessors as well.

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <random>
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
    std::uint64_t seed = 0;    ///< Order of blocks, warps and lanes; 0: as numbered.
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

  struct Block;
  struct Thread {
    int index = 0;
    Block* block = nullptr;
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
    std::uint64_t barriers = 0;       // Passed, of a warp or the block.
    std::exception_ptr failure;
  };

  struct FreeShared {
    void operator()(std::byte* memory) const;
  };
  /// A resident block.
  struct Block {
    struct Warp {
      std::uint64_t priority = 0;
      bool ready = false;
    };
    Grid place;
    std::vector<std::unique_ptr<Thread>> threads;
    /// Of 16 bytes of shared memory: whose asynchronous copy landed there, after how many barriers.
    struct Landing {
      const Thread* thread = nullptr;
      std::uint64_t barriers = 0;
    };
    std::vector<Warp> warps;
    std::vector<Landing> landings;
    std::unique_ptr<std::byte, FreeShared> shared;
  };

  [[nodiscard]] static Machine& current() { return *running_machine; }
  [[nodiscard]] const Thread& thread() const { return *thread_; }
  [[nodiscard]] const Launch& launch() const { return *launch_; }
  [[nodiscard]] std::byte* shared_memory() const { return thread_->block->shared.get(); }
  void barrier(const Site& site);
  void warp_barrier(const Site& site);
  void collective(const Site& site, void* operand, Collective perform);
  void copy_async(void* shared, const void* global, bool valid);
  void commit_copies();
  void wait_copies(const Site& site, std::size_t in_flight);
  /// A collective reads 16 bytes of shared memory. Throws if they are not aligned in it, or were
  /// copied by a thread that has not passed a barrier since: other lanes may not see them yet.
  void check_row(const void* row, const char* operation) const;

 private:
  void run_blocks();
  [[nodiscard]] std::unique_ptr<Block> make_block() const;
  void start(Block& block, int index);
  void make_ready(Block& block);
  void run_warp(Block& block, std::size_t warp);
  void release_barrier(Block& block);
  void wait(Thread::State state, const Site& site);
  /// Which 16 bytes of shared memory these are. Throws if they are not aligned in it.
  std::size_t shared_index(const void* address, const char* operation) const;
  [[nodiscard]] bool dropped(const Site& site);
  void shuffle(std::vector<int>& order);
  static void thread_main(void* argument);

  Options options_;
  std::mt19937_64 random_;
  std::vector<Site> sites_;
  const Launch* launch_ = nullptr;
  const std::function<void()>* kernel_ = nullptr;
  Thread* thread_ = nullptr;  // The one that runs.
};

}  // namespace kvsim::gpu
