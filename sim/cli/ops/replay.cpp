#include "sim/cli/ops/replay.h"

#include <fmt/format.h>

#include "sim/cli/ops/op_fields.h"

namespace kvsim {
namespace {

using Json = OpsDialect::Json;

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

std::string printed(const Json& record) {
  return record.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string OpsReplay::record_of(std::string_view line, std::size_t number) {
  Json op;
  ++records_;
  try {
    op = parsed(line);
    return printed(dialect_.answer(op, number - 1));
  } catch (const OpError& error) {
    if (problems_++ == 0) first_ = fmt::format("{}: {}", number, error.what());
    Json record = record_head(op.is_object() ? op : Json::object(), number - 1);
    record["error"] = error.what();
    return printed(record);
  }
}

}  // namespace kvsim
