// kvsim describe: every config field, as declared by the room that reads it.

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sim/cli/console.h"
#include "sim/cli/options.h"
#include "sim/cli/verbs.h"
#include "sim/core/config_schema.h"
#include "sim/core/input_error.h"
#include "sim/core/spelling.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;
namespace po = boost::program_options;
using Fields = std::vector<const ConfigField*>;

constexpr std::string_view kUsage =
    "[FIELD] [options]\n"
    "\n"
    "FIELD is a JSON pointer (/cache/block_size), a part of one, or nothing for all fields.\n";

std::string_view name_of(FieldKind kind) {
  switch (kind) {
    case FieldKind::kInteger:
      return "integer";
    case FieldKind::kNumber:
      return "number";
    case FieldKind::kBoolean:
      return "boolean";
    case FieldKind::kText:
      return "text";
    case FieldKind::kWord:
      return "word";
    case FieldKind::kTree:
      return "tree";
  }
  return "";
}

bool is_numeric(const ConfigField& field) {
  return field.kind == FieldKind::kInteger || field.kind == FieldKind::kNumber;
}

// The pointer itself, or else everything that has `wanted` in its pointer.
Fields matching(const std::string& wanted) {
  Fields found;
  const auto exact = config_fields().find(wanted);
  if (exact != config_fields().end()) return {&exact->second};
  for (const auto& [pointer, field] : config_fields())
    if (pointer.find(wanted) != std::string::npos) found.push_back(&field);
  return found;
}

[[noreturn]] void nothing_like(const std::string& wanted) {
  std::vector<std::string> known;
  for (const auto& [pointer, field] : config_fields()) {
    known.push_back(wanted.starts_with('/') ? pointer : pointer.substr(pointer.rfind('/') + 1));
  }
  const std::string hint = did_you_mean(wanted, known);
  throw InputError("kvsim describe", wanted,
                   "no such field" + (hint.empty() ? "; kvsim describe lists them all" : hint));
}

std::string as_text(const Fields& fields) {
  std::string text;
  for (const ConfigField* field : fields) {
    text += fmt::format("{}\n    {}\n    {}, default {}", field->pointer, field->summary,
                        name_of(field->kind), field->fallback);
    if (!field->unit.empty()) text += fmt::format(", in {}", field->unit);
    if (is_numeric(*field)) text += fmt::format(", {} to {}", field->low, field->high);
    if (field->kind == FieldKind::kWord) text += fmt::format(", one of {}", joined(field->words()));
    text += "\n";
  }
  return text;
}

std::string as_json(const Fields& fields) {
  Json list = Json::array();
  for (const ConfigField* field : fields) {
    Json item = {{"pointer", field->pointer},
                 {"kind", name_of(field->kind)},
                 {"default", Json::parse(field->fallback)},
                 {"unit", field->unit},
                 {"summary", field->summary}};
    if (is_numeric(*field)) {
      item["low"] = field->low;
      item["high"] = field->high;
    }
    if (field->kind == FieldKind::kWord) item["words"] = field->words();
    list.push_back(std::move(item));
  }
  return list.dump(2) + "\n";
}

}  // namespace

int describe_verb(Arguments arguments) {
  po::options_description options("options");
  options.add_options()("json", "print JSON");
  const auto values = parse_options("describe", kUsage, options, arguments);
  if (!values) return kExitOk;
  std::vector<std::string> words;
  if (values->count("positional") != 0)
    words = (*values)["positional"].as<std::vector<std::string>>();
  if (words.size() > 1) throw InputError("kvsim describe", words[1], "one field at a time");
  const std::string wanted = words.empty() ? "" : words[0];
  const Fields fields = matching(wanted);
  if (fields.empty()) nothing_like(wanted);
  print_result(values->count("json") != 0 ? as_json(fields) : as_text(fields));
  return kExitOk;
}

}  // namespace kvsim
