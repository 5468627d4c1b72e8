#pragma once
// What `kvsim calc` knows before it prints: a ladder from a GPU's memory to the requests it serves.
//
// Two budgets. vLLM's: per GPU, the memory CUDA reports, times gpu_memory_utilization, what the
// engine would compute at start-up. Pooled: the GPUs' memory as the box states it, in decimal GB,
// less what is given for weights and runtime, as on a whiteboard; any of those gifts selects it.

#include <optional>
#include <string>
#include <vector>

#include "sim/core/config_view.h"
#include "sim/engine/deployment.h"
#include "sim/engine/sizing.h"

namespace kvsim {

struct CalcRequest {
  ConfigView config;
  std::int64_t gpus = 1;
  BatchLimits limits;
  std::vector<Tokens> contexts;  ///< Empty: 4,096, 32,768 and the longest served.
  Tokens images;                 ///< Image tokens of every request, for cross-attention layers.
  // Of all GPUs together. Any of them selects the pooled budget.
  std::optional<Bytes> weights, runtime, kv;
  bool utilization_given = false;  ///< The pooled budget uses all memory otherwise.
  [[nodiscard]] bool pooled() const { return weights || runtime || kv; }
};

struct CalcSheet {
  std::string model, device;
  Deployment deployment;
  std::int64_t gpus = 1;
  std::int64_t replicas = 1;
  std::int64_t parameters = 0;
  std::int64_t active = 0;  ///< On one token.
  std::vector<LadderLine> ladder;
  Certainty certainty = Certainty::kExact;  ///< Of the capacity.

  Bytes kv;           ///< On all GPUs; negative: the model does not fit.
  Bytes token_bytes;  ///< Over the GPUs of a replica, copies counted.
  Blocks blocks;      ///< Of all replicas.
  Tokens capacity;

  struct Concurrency {
    Tokens context;
    Blocks blocks;  ///< Of one request of that length, over all groups.
    Bytes request;
    std::int64_t requests = 0;
    double uniform_waste = 0;  ///< Share no layer needs, if every layer kept every token.
  };
  std::vector<Concurrency> concurrency;
  bool uneven = false;              ///< Some layers need not keep every token.
  std::int64_t most_sequences = 0;  ///< Mamba states there is room for; 0: needs none.
  Tokens longest;                   ///< The model was made for no more.

  /// The same in the units of textbooks, where 1,024 and 1,000 are one: token_bytes in KiB read as
  /// KB, nK tokens as n * 1,000.
  struct Textbook {
    double token_kb = 0;
    double tokens = 0;
    struct Requests {
      std::int64_t kilotokens = 0;
      double requests = 0;
    };
    std::vector<Requests> requests;
  } textbook;

  struct Variant {
    std::string name;
    Bytes per_layer;  ///< Of one token, on one GPU.
    Bytes per_token;
    double saving = 1;  ///< Against MHA.
    bool this_one = false;
  };
  std::vector<Variant> variants;

  struct Suggestion {
    std::string change;
    Tokens capacity;
  };
  std::vector<Suggestion> suggestions;
};

/// Throws InputError for what does not go together; a model that does not fit is a result.
[[nodiscard]] CalcSheet calculate(const CalcRequest& request);

/// The sheet for people, and for programs.
[[nodiscard]] std::string as_text(const CalcSheet& sheet);
[[nodiscard]] std::string as_json(const CalcSheet& sheet);

}  // namespace kvsim
