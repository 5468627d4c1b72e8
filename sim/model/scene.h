#pragma once
// What a reader of the textbook would draw: one step of a run with all its memory, or one request's
// life. sim/engine/explain fills them, reports/ draws them.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/model/memory_map.h"
#include "sim/model/memory_use.h"
#include "sim/model/observer.h"

namespace kvsim {

/// One scheduling step, as it begins.
struct StepScene {
  struct Work {
    std::uint64_t request = 0;
    Tokens context;  ///< Computed before.
    Tokens compute;  ///< Computed now.
    Tokens tokens;   ///< Prompt and output so far.
    Tokens prompt;
  };
  struct Admission {
    std::uint64_t request = 0;
    Tokens hit;
  };
  std::uint64_t number = 0;  ///< From 0, over all replicas.
  ReplicaId replica;
  Time start{};
  Duration took{};
  std::size_t waiting = 0, running = 0;
  MemoryUse memory;
  MemoryMap map;
  Tokens block;
  std::vector<Work> work;           ///< In scheduling order.
  std::vector<Admission> admitted;  ///< By the plan of this step.
  std::vector<std::uint64_t> preempted;
  std::vector<Eviction> evicted;
};

/// One request, moment by moment.
struct RequestLife {
  enum class Event : std::uint8_t {
    kArrived,  ///< amount: prompt tokens; more: output tokens.
    kRejected,
    kAdmitted,   ///< amount: tokens found in the cache.
    kForked,     ///< amount: tokens shared with its sibling.
    kMadeRoom,   ///< amount: cached tokens evicted for it.
    kLost,       ///< amount: cached tokens it had computed, evicted.
    kPrefilled,  ///< amount: tokens computed by now.
    kFirstToken,
    kPreempted,    ///< amount: tokens it had computed.
    kFinished,     ///< amount: tokens of the output.
    kRetried,      ///< Its replica went down. amount: tokens of the output delivered by then.
    kReplicaLost,  ///< The same, and the end of it.
    kRouted,       ///< It got a replica.
  };
  struct Moment {
    Time at{};
    Event event{};
    ReplicaId replica;
    std::int64_t amount = 0, more = 0;
    Time until{};  ///< When the last of it happened, where several were added up.
  };
  std::uint64_t request = 0;
  std::vector<Moment> moments;
  PromptFate fate;
  Rejection rejection{};
  Time arrival{}, admitted_at{}, first_token_at{}, finished_at{};
  Tokens prompt, output;
  std::uint32_t preemptions = 0;
  Tokens recomputed;
  bool admitted = false, finished = false;
};

}  // namespace kvsim
