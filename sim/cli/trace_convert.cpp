// kvsim trace convert IN OUT and kvsim trace generate OUT: writes workloads down.
//
// Closed-loop sessions are played with answers that take no time; formats that know closed loops
// keep the pauses, the others get the arrivals that follow from that.

#include <limits>
#include <unordered_set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sim/cli/options.h"
#include "sim/cli/trace_verbs.h"
#include "sim/core/spelling.h"
#include "workloads/common_fields.h"
#include "workloads/sample/sample.h"
#include "workloads/text_output.h"
#include "workloads/trace_source.h"

namespace kvsim {
namespace {

namespace po = boost::program_options;
using Formats = Registry<TraceFormat>;

// Which requests are written, and how fast they come. Times are those of the input.
struct Slice {
  Duration from{};
  Duration until = Duration::max();
  std::int64_t limit = std::numeric_limits<std::int64_t>::max();
  double rate_scale = 1;
};

template <class Number>
Number positive(const po::variables_map& given, std::string_view verb, const std::string& name,
                Number fallback) {
  if (given.count(name) == 0) return fallback;
  const Number value = given[name].as<Number>();
  if (!(value > 0 && value <= Number(1e9)))
    throw InputError(fmt::format("kvsim {}", verb), "--" + name,
                     fmt::format("expected more than 0 and at most 1e9, got {}", value));
  return value;
}

Slice slice_from(const po::variables_map& given) {
  constexpr std::string_view kVerb = "trace convert";
  Slice slice;
  slice.rate_scale = positive(given, kVerb, "rate-scale", 1.0);
  slice.limit = positive(given, kVerb, "limit", slice.limit);
  if (given.count("from") != 0) slice.from = round_to_ns(positive(given, kVerb, "from", 0.0));
  if (given.count("until") != 0) slice.until = round_to_ns(positive(given, kVerb, "until", 0.0));
  return slice;
}

std::int64_t write_requests(LoopSource& source, const Slice& slice, TraceWriter& writer,
                            TextOutput& out) {
  std::unordered_set<std::uint64_t> written;  // sessions: a first row has no turn to wait for
  std::int64_t count = 0;
  out.write(writer.header());
  Request r;
  for (std::optional<Time> at = source.upcoming();
       at && at->time_since_epoch() < slice.until && count < slice.limit; at = source.upcoming()) {
    source.take(r);
    const Time arrival = r.arrival;
    if (arrival.time_since_epoch() >= slice.from) {
      const bool first = r.session == Request::kNoSession || written.insert(r.session).second;
      r.arrival = Time(scaled(arrival.time_since_epoch() - slice.from, slice.rate_scale));
      out.write(writer.line(r, first ? std::nullopt : source.pause()));
      ++count;
    }
    source.ended(r, arrival);
  }
  return count;
}

std::unique_ptr<TraceFormat> target(const std::string& name, std::string_view verb) {
  std::vector<std::string> writable;
  for (const std::string& known : Formats::names())
    if (Formats::make(known, {})->writer({}) != nullptr) writable.push_back(known);
  for (const std::string& known : writable)
    if (known == name) return Formats::make(name, {});
  throw InputError(fmt::format("kvsim {}", verb), "--to",
                   fmt::format("no format named '{}' can be written; known: {}{}", name,
                               joined(writable), did_you_mean(name, writable)));
}

void tell_losses(const TraceFormat& format, const std::string& name) {
  if (!format.loses().empty())
    fmt::print(stderr, "note: {} does not keep {}\n", name, format.loses());
}

// Hashes mean the same in both files only where both chain them over the prefix.
bool same_hashes(const std::string& from, const std::string& to) {
  return from == to || (from == "mooncake" && to == "aiperf");
}

}  // namespace

int trace_convert(Arguments arguments) {
  po::options_description options("Options");
  options.add_options()                                                                       //
      ("to", po::value<std::string>()->required(), "format of OUT")                           //
      ("format", po::value<std::string>(), "format of IN; found out if not given")            //
      ("block-tokens", po::value<std::int64_t>(), "tokens that one block hash of OUT names")  //
      ("limit", po::value<std::int64_t>(), "write at most so many requests")                  //
      ("from", po::value<double>(), "leave out arrivals before this second")                  //
      ("until", po::value<double>(), "leave out arrivals from this second on")                //
      ("rate-scale", po::value<double>(), "arrivals come so many times as fast")              //
      ("set", po::value<std::vector<std::string>>()->composing(), "/workload/field=value");
  const std::string verb = "trace convert";
  const auto given = parse_options(
      verb, "IN OUT --to FORMAT [options]\n'-' is the standard input or output; .gz is compressed",
      options, arguments);
  if (!given) return kExitOk;
  const std::vector<std::string> files = positional(*given, verb, "IN OUT");
  const std::string& to = (*given)["to"].as<std::string>();
  const auto format = target(to, verb);
  ConfigView config = config_from(*given);
  config.set("/workload/trace", files[0], "kvsim trace convert");
  TraceSource source({config, 0});

  WriteOptions writing;
  writing.block_tokens = block_tokens_from(*given, verb);
  const std::int64_t block =
      writing.block_tokens != 0 ? writing.block_tokens : format->block_tokens();
  writing.keep_hashes =
      same_hashes(source.file().format(), to) && block == source.file().block_tokens();
  TextOutput out(files[1]);
  if (write_requests(source, slice_from(*given), *format->writer(writing), out) == 0)
    throw InputError("kvsim trace convert", files[0], "no request lies between --from and --until");
  out.finish();
  tell_losses(*format, to);
  return kExitOk;
}

int trace_generate(Arguments arguments) {
  po::options_description options("Options");
  options.add_options()                                                                       //
      ("to", po::value<std::string>()->default_value("spans"), "format of OUT")               //
      ("block-tokens", po::value<std::int64_t>(), "tokens that one block hash of OUT names")  //
      ("seed", po::value<std::uint64_t>()->default_value(1), "seed of the random numbers")    //
      ("set", po::value<std::vector<std::string>>()->composing(),
       "/workload/generate/field=value; /workload/source=sample for the embedded sample");
  const std::string verb = "trace generate";
  const auto given = parse_options(
      verb, "OUT [options]\n'-' is the standard output; .gz is compressed", options, arguments);
  if (!given) return kExitOk;
  const std::string file = positional(*given, verb, "OUT")[0];
  const std::string& to = (*given)["to"].as<std::string>();
  const auto format = target(to, verb);
  const ConfigView config = config_from(*given);
  Generator source = config.text("/workload/source") == "sample"
                         ? sample_workload(config)
                         : Generator({config, (*given)["seed"].as<std::uint64_t>()});
  TextOutput out(file);
  WriteOptions writing;
  writing.block_tokens = block_tokens_from(*given, verb);
  if (write_requests(source, {}, *format->writer(writing), out) == 0)
    throw InputError("kvsim trace generate", file, "no request: is duration_s too short?");
  out.finish();
  tell_losses(*format, to);
  return kExitOk;
}

}  // namespace kvsim
