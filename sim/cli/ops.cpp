// kvsim ops: replays memory-manager operations the way a real engine carries them out.

#include <cstdio>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "sim/cli/ops/dialect.h"
#include "sim/cli/ops/op_fields.h"
#include "sim/cli/options.h"
#include "sim/cli/verbs.h"
#include "sim/core/input_error.h"
#include "sim/core/spelling.h"
#include "workloads/text_input.h"

namespace kvsim {
namespace {

using Json = OpsDialect::Json;
namespace po = boost::program_options;

constexpr std::string_view kUsage =
    "FILE --dialect vllm|sglang\n"
    "Carries out one JSON operation per line of FILE (- is standard input) and prints one JSON\n"
    "record each. A line that cannot be carried out gives a record with \"error\", the rest goes "
    "on,\n"
    "and the exit code is 2.\n";

std::unique_ptr<OpsDialect> dialect_of(const po::variables_map& given) {
  if (given.count("dialect") == 0)
    throw InputError("kvsim ops", "--dialect", "is missing; give vllm or sglang");
  const auto& word = given["dialect"].as<std::string>();
  if (word == "vllm") return make_vllm_ops();
  if (word == "sglang") return make_sglang_ops();
  throw InputError("kvsim ops", "--dialect",
                   fmt::format("no dialect named '{}'; known: sglang, vllm{}", word,
                               did_you_mean(word, {"sglang", "vllm"})));
}

std::string file_of(const po::variables_map& given) {
  if (given.count("positional") == 0)
    throw InputError("kvsim ops", "FILE", "is missing; see kvsim ops --help");
  const auto& files = given["positional"].as<std::vector<std::string>>();
  if (files.size() > 1)
    throw InputError("kvsim ops", files[1], "one FILE at a time; see kvsim ops --help");
  return files[0];
}

// The library prints and copies nested values by recursion: bound it before it sees them.
bool too_deep(std::string_view text) {
  constexpr int kDeepest = 32;
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') quoted = !quoted;
    if (quoted && c == '\\') ++i;
    if (quoted) continue;
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (depth > kDeepest) return true;
  }
  return false;
}

Json parsed(std::string_view line) {
  if (too_deep(line)) throw OpError("nested too deeply: no operation needs that");
  Json op = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (op.is_discarded()) throw OpError("not JSON: write one operation per line");
  if (OpFields(op).text("op").empty()) OpFields::fail("op", "is empty");
  return op;
}

// Replays a file; remembers the first line that could not be carried out.
class Replay {
 public:
  explicit Replay(OpsDialect& dialect) : dialect_(dialect) {}

  [[nodiscard]] Json record_of(std::string_view line, std::size_t number) {
    Json op;
    ++records_;
    try {
      op = parsed(line);
      return dialect_.answer(op, number - 1);
    } catch (const OpError& error) {
      if (problems_++ == 0) first_ = fmt::format("{}: {}", number, error.what());
      Json record = record_head(op.is_object() ? op : Json::object(), number - 1);
      record["error"] = error.what();
      return record;
    }
  }
  [[nodiscard]] std::size_t records() const { return records_; }
  [[nodiscard]] std::size_t problems() const { return problems_; }
  [[nodiscard]] const std::string& first() const { return first_; }

 private:
  OpsDialect& dialect_;
  std::size_t records_ = 0;
  std::size_t problems_ = 0;
  std::string first_;
};

}  // namespace

int ops_verb(Arguments arguments) {
  po::options_description options("Options");
  options.add_options()("dialect", po::value<std::string>(), "whose operations: vllm or sglang");
  const auto given = parse_options("ops", kUsage, options, arguments);
  if (!given) return kExitOk;
  const std::unique_ptr<OpsDialect> dialect = dialect_of(*given);
  TextInput input(file_of(*given));
  Replay replay(*dialect);
  std::string_view line;
  while (input.next(line)) {
    const Json record = replay.record_of(line, input.line_number());
    fmt::print("{}\n", record.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  if (replay.records() == 0) throw InputError(input.name(), "line 1", "no operation in it");
  if (replay.problems() == 0) return kExitOk;
  fmt::print(stderr, "{}:{}{}\n", input.name(), replay.first(),
             replay.problems() == 1 ? "" : fmt::format(" (first of {})", replay.problems()));
  return kExitBadInput;
}

}  // namespace kvsim
