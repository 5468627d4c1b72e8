// kvsim trace info FILE: what is in a trace?

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sim/cli/options.h"
#include "sim/cli/trace_verbs.h"
#include "workloads/trace_source.h"
#include "workloads/trace_summary.h"

namespace kvsim {
namespace {

namespace po = boost::program_options;
using Json = nlohmann::ordered_json;

constexpr std::int64_t kUsualBlock = 16;  // where the trace has no blocks of its own

double share(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

Json to_json(const Quantiles& q) {
  return {{"mean", q.mean}, {"p50", q.p50}, {"p90", q.p90}, {"p99", q.p99}, {"max", q.max}};
}

Json to_json(const TraceSummary::Reuse& reuse) {
  return {{"block_tokens", reuse.block_tokens},
          {"blocks", reuse.blocks},
          {"block_hits", reuse.block_hits},
          {"unique_blocks", reuse.unique_blocks},
          {"tokens", reuse.tokens},
          {"token_hits", reuse.token_hits},
          {"requests_with_hit", reuse.requests_with_hit}};
}

Json to_json(const WorkloadIdentity& identity, const TraceSummary& s) {
  Json priorities = Json::object();
  for (const auto& [priority, count] : s.priorities) priorities[std::to_string(priority)] = count;
  return {{"file", identity.name},
          {"format", identity.format},
          {"digest", identity.digest},
          {"requests", s.requests},
          {"skipped_rows", identity.skipped},
          {"duration_s", s.duration_s},
          {"requests_per_s", s.requests_per_s},
          {"prompt_tokens", to_json(s.prompt_tokens)},
          {"output_tokens", to_json(s.output_tokens)},
          {"sessions", s.sessions},
          {"longest_session_turns", s.longest_session},
          {"priorities", priorities},
          {"ideal_prefix_reuse", to_json(s.reuse)}};
}

void print_lengths(std::string_view name, const Quantiles& q) {
  fmt::print("{:<16}{:>12.1f}{:>12.0f}{:>12.0f}{:>12.0f}{:>12.0f}\n", name, q.mean, q.p50, q.p90,
             q.p99, q.max);
}

void print_text(const WorkloadIdentity& identity, const TraceSummary& s) {
  fmt::print("{}: {}, {} requests", identity.name, identity.format, s.requests);
  if (identity.skipped > 0) fmt::print(" ({} rows skipped: no requests)", identity.skipped);
  fmt::print("\n");
  if (s.requests_per_s > 0) {
    fmt::print("{:<16}{:.1f} s, {:.3f} requests/s\n", "arrivals", s.duration_s, s.requests_per_s);
  } else {
    fmt::print("{:<16}all at once\n", "arrivals");
  }
  if (s.sessions > 0)
    fmt::print("{:<16}{}, the longest of {} turns\n", "sessions", s.sessions, s.longest_session);
  if (s.priorities.size() > 1) {
    fmt::print("{:<16}", "priorities");
    std::string_view comma;
    for (const auto& [priority, count] : s.priorities) {
      fmt::print("{}{}: {}", comma, priority, count);
      comma = ", ";
    }
    fmt::print("\n");
  }
  fmt::print("{:<16}{:>12}{:>12}{:>12}{:>12}{:>12}\n", "tokens", "mean", "p50", "p90", "p99",
             "max");
  print_lengths("  prompt", s.prompt_tokens);
  print_lengths("  output", s.output_tokens);
  const TraceSummary::Reuse& r = s.reuse;
  fmt::print("ideal prefix reuse (blocks of {} tokens, unlimited memory, answers not kept)\n",
             r.block_tokens);
  fmt::print("  blocks        {} of {} found ({:.1f} %), {} different\n", r.block_hits, r.blocks,
             100 * share(r.block_hits, r.blocks), r.unique_blocks);
  fmt::print("  tokens        {} of {} found ({:.1f} %)\n", r.token_hits, r.tokens,
             100 * share(r.token_hits, r.tokens));
  fmt::print("  requests      {} of {} found something\n", r.requests_with_hit, s.requests);
}

}  // namespace

int trace_info(Arguments arguments) {
  po::options_description options("Options");
  options.add_options()                                                               //
      ("format", po::value<std::string>(), "format of FILE; found out if not given")  //
      ("block-tokens", po::value<std::int64_t>(), "block size to count reuse with")   //
      ("json", po::bool_switch(), "print JSON")                                       //
      ("set", po::value<std::vector<std::string>>()->composing(), "/workload/field=value");
  const auto given = parse_options("trace info", "FILE [options]", options, arguments);
  if (!given) return kExitOk;
  ConfigView config = config_from(*given);
  config.set("/workload/trace", positional(*given, "trace info", "FILE")[0], "kvsim trace info");
  TraceSource source({config, 0});
  std::int64_t block = block_tokens_from(*given, "trace info");
  if (block == 0) block = source.file().block_tokens();
  if (block == 0) block = kUsualBlock;
  const TraceSummary summary = summarise(source, block);
  if ((*given)["json"].as<bool>()) {
    fmt::print("{}\n", to_json(source.identity(), summary).dump(2));
  } else {
    print_text(source.identity(), summary);
  }
  return kExitOk;
}

}  // namespace kvsim
