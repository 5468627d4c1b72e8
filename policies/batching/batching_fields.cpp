// The config fields that more than one batching policy reads. Names and defaults are vLLM's.

#include "sim/core/config_schema.h"
#include "sim/core/registry.h"
#include "sim/model/preemption_policy.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    integer_field("/scheduler/max_num_seqs", "256", "sequences", 1, 1 << 20,
                  "Sequences that may run at once on a replica."),
    integer_field("/scheduler/max_num_batched_tokens", "8192", "tokens", 1, 1 << 30,
                  "Tokens a step may compute (vllm)."),
    word_field(
        "/scheduler/policy", "fcfs", "policy",
        [] {
          return std::vector<std::string>{"fcfs", "priority"};
        },
        "Order of the waiting queue: arrival, or (priority, arrival)."),
    word_field("/scheduler/preemption", "null", "policy", Registry<PreemptionPolicy>::names,
               "Which running sequence gives way; by default last, or priority under policy "
               "priority (vllm), or least-progress (sglang)."),
};

}  // namespace
}  // namespace kvsim
