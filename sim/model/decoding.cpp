#include "sim/model/decoding.h"

#include "sim/core/config_schema.h"

namespace kvsim {
namespace {

constexpr int kMostSiblings = 256;

const DeclaredFields kFields{
    integer_field("/workload/samples", "1", "answers", 1, kMostSiblings,
                  "Answers to every prompt, drawn independently: vLLM's n."),
    integer_field(
        "/workload/beam_width", "1", "beams", 1, kMostSiblings,
        "Beams kept for every prompt; 1: no beam search. Batching vllm-v0 forks them; "
        "for others a client asks for one token of each beam at a time, as with vLLM V1."),
    number_field("/workload/beam_peak", "6", "nats", 0, 100,
                 "Mean distance in log-probability of a beam's best next token from its second."),
};

}  // namespace

Decoding decoding_of(const ConfigView& config) {
  Decoding d;
  d.samples = static_cast<std::uint32_t>(config.integer("/workload/samples"));
  d.beam_width = static_cast<std::uint32_t>(config.integer("/workload/beam_width"));
  d.beam_peak = config.number("/workload/beam_peak");
  d.server_keeps_beams = config.text("/scheduler/batching") == "vllm-v0";
  if (d.beams() && d.samples > 1)
    config.fail("/workload/samples",
                "expected 1 where beam_width is more than 1: a search has as "
                "many answers as beams");
  return d;
}

}  // namespace kvsim
