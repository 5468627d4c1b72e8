#include "sim/core/config_view.h"

#include <cmath>
#include <map>

#include <nlohmann/json.hpp>

#include "sim/core/check.h"
#include "sim/core/config_schema.h"
#include "sim/core/hash.h"
#include "sim/core/json_text.h"
#include "sim/core/spelling.h"

namespace kvsim {

struct ConfigPlace {
  std::string file;   // or "--set"
  std::string above;  // what comes before the pointers said there
  [[nodiscard]] InputError error(const std::string& pointer, std::string_view problem) const {
    return {file, above + pointer, problem};
  }
};

namespace {

using Json = nlohmann::ordered_json;

std::string last_token(std::string_view pointer) {
  return std::string(pointer.substr(pointer.rfind('/') + 1));
}

// The names one level below `pointer`: what a misspelt key may have meant.
std::vector<std::string> siblings(const std::string& parent) {
  std::vector<std::string> names;
  for (const auto& [pointer, field] : config_fields()) {
    if (!pointer.starts_with(parent + "/")) continue;
    const std::size_t end = pointer.find('/', parent.size() + 1);
    std::string name = pointer.substr(parent.size() + 1, end - parent.size() - 1);
    if (names.empty() || names.back() != name) names.push_back(std::move(name));
  }
  return names;
}

bool has_fields_below(const std::string& pointer) {
  const auto below = config_fields().lower_bound(pointer + "/");
  return below != config_fields().end() && below->first.starts_with(pointer + "/");
}

[[noreturn]] void unknown_field(const std::string& pointer, const ConfigPlace& place) {
  const std::string parent = pointer.substr(0, pointer.rfind('/'));
  const std::vector<std::string> known = siblings(parent);
  const std::string hint = did_you_mean(last_token(pointer), known);
  throw place.error(pointer, hint.empty()
                                 ? fmt::format("unknown field; known here: {}", joined(known))
                                 : "unknown field" + hint);
}

void check_range(const ConfigField& field, double n, const Json& value, const ConfigPlace& place) {
  if (std::isfinite(n) && n >= field.low && n <= field.high) return;
  throw place.error(field.pointer,
                    fmt::format("expected {} to {}, got {}", field.low, field.high, shown(value)));
}

void check_word(const ConfigField& field, const Json& value, const ConfigPlace& place) {
  const std::vector<std::string> known = field.words();
  const std::string word = value.is_string() ? value.get<std::string>() : value.dump();
  for (const std::string& candidate : known)
    if (candidate == word) return;
  throw place.error(field.pointer, fmt::format("no {} named '{}'; known: {}{}", field.noun, word,
                                               joined(known), did_you_mean(word, known)));
}

void check_value(const ConfigField& field, const Json& value, const ConfigPlace& place) {
  const auto expect = [&](bool right, std::string_view what) {
    if (!right)
      throw place.error(field.pointer, fmt::format("expected {}, got {}", what, shown(value)));
  };
  if (value.is_null()) {
    expect(field.fallback == "null", "a value");
    return;
  }
  switch (field.kind) {
    case FieldKind::kInteger:
      expect(value.is_number_integer(), "an integer");
      check_range(field, value.get<double>(), value, place);
      return;
    case FieldKind::kNumber:
      expect(value.is_number(), "a number");
      check_range(field, value.get<double>(), value, place);
      return;
    case FieldKind::kBoolean:
      expect(value.is_boolean(), "true or false");
      return;
    case FieldKind::kText:
      expect(value.is_string(), "a string");
      return;
    case FieldKind::kWord:
      check_word(field, value, place);
      return;
    case FieldKind::kTree:
      return;
  }
}

}  // namespace

struct Given {
  Json value;
  ConfigPlace place;
};
struct ConfigView::Said {
  std::map<std::string, Given> given;  // by pointer; already checked
};

ConfigView::ConfigView(const Json& document, std::string file) : file_(std::move(file)) {
  if (!document.is_object())
    throw InputError(file_, "/", "expected an object of config fields, got " + shown(document));
  const auto said = std::make_shared<Said>();
  take(document, "", {file_, ""}, *said);
  said_ = said;
}

ConfigView ConfigView::parse(std::string_view text, std::string file) {
  const Json document = parse_json(text, file);
  return {document, std::move(file)};
}

void ConfigView::set(std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos || !assignment.starts_with('/'))
    throw InputError("--set", std::string(assignment),
                     "expected /json/pointer=value, as in /cache/block_size=32");
  const std::string_view text = assignment.substr(equals + 1);
  Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) value = std::string(text);
  set(std::string(assignment.substr(0, equals)), value, "--set");
}

void ConfigView::set(const std::string& pointer, const Json& value, const std::string& origin) {
  const auto said = said_ ? std::make_shared<Said>(*said_) : std::make_shared<Said>();
  take(value, pointer, {origin, ""}, *said);
  said_ = said;
}

ConfigView ConfigView::overlaid(const std::string& pointer, const std::string& inside,
                                const Json& patch) const {
  ConfigView both = *this;
  both.patch_ = std::make_shared<ConfigPlace>(ConfigPlace{origin(pointer), pointer + inside});
  const auto said = said_ ? std::make_shared<Said>(*said_) : std::make_shared<Said>();
  take(patch, "", *both.patch_, *said);
  both.said_ = said;
  return both;
}

// A declared field is checked and kept; anything else must be an object that leads to some.
void ConfigView::take(const Json& node, const std::string& pointer, const ConfigPlace& place,
                      Said& said) const {
  const auto field = config_fields().find(pointer);
  if (field != config_fields().end()) {
    check_value(field->second, node, place);
    said.given.insert_or_assign(pointer, Given{node, place});
    return;
  }
  if (!pointer.empty() && !has_fields_below(pointer)) {
    // A pointer into a declared tree edits that tree in place.
    for (std::size_t cut = pointer.rfind('/'); cut != 0 && cut != std::string::npos;
         cut = pointer.rfind('/', cut - 1)) {
      const std::string above = pointer.substr(0, cut);
      const auto owner = config_fields().find(above);
      if (owner == config_fields().end() || owner->second.kind != FieldKind::kTree) continue;
      Json edited = value(above);
      try {
        edited[Json::json_pointer(pointer.substr(cut))] = node;
      } catch (const Json::exception&) {
        throw place.error(pointer, "there is no such place in " + shown(edited));
      }
      said.given.insert_or_assign(above, Given{edited, place});
      return;
    }
    unknown_field(pointer, place);
  }
  if (!node.is_object()) throw place.error(pointer, "expected an object, got " + shown(node));
  for (const auto& [key, child] : node.items()) {
    const std::string below = fmt::format("{}/{}", pointer, key);
    if (key.find('/') != std::string::npos) unknown_field(below, place);
    take(child, below, place, said);
  }
}

Json ConfigView::value(const std::string& pointer) const {
  if (said_) {
    const auto found = said_->given.find(pointer);
    if (found != said_->given.end()) return found->second.value;
  }
  const auto field = config_fields().find(pointer);
  KVSIM_CHECK(field != config_fields().end(), "only declared fields are read");
  return Json::parse(field->second.fallback);
}

bool ConfigView::has(const std::string& pointer) const { return !value(pointer).is_null(); }
std::int64_t ConfigView::integer(const std::string& pointer) const {
  return value(pointer).get<std::int64_t>();
}
double ConfigView::number(const std::string& pointer) const { return value(pointer).get<double>(); }
bool ConfigView::boolean(const std::string& pointer) const { return value(pointer).get<bool>(); }
std::string ConfigView::text(const std::string& pointer) const {
  return value(pointer).get<std::string>();
}
Json ConfigView::tree(const std::string& pointer) const { return value(pointer); }

void ConfigView::fail(const std::string& pointer, std::string_view inside,
                      std::string_view problem) const {
  if (patch_) throw patch_->error(pointer + std::string(inside), problem);
  throw InputError(origin(pointer), pointer + std::string(inside), problem);
}

std::string ConfigView::origin(const std::string& pointer) const {
  if (!said_) return file_;
  const auto found = said_->given.find(pointer);
  return found == said_->given.end() ? file_ : found->second.place.file;
}

Json ConfigView::resolved() const {
  Json tree = Json::object();
  for (const auto& [pointer, field] : config_fields())
    tree[Json::json_pointer(pointer)] = value(pointer);
  return tree;
}

Json ConfigView::identity() const {
  Json apart = Json::object();
  for (const auto& [pointer, field] : config_fields()) {
    Json said = value(pointer);
    if (field.note || said == Json::parse(field.fallback)) continue;
    if (field.kind == FieldKind::kText && said.is_string())
      said = last_token(said.get<std::string>());
    apart[pointer] = said;
  }
  return apart;
}

std::string ConfigView::digest() const {
  Digest digest;
  const Json apart = identity();
  for (const auto& [pointer, said] : apart.items()) {
    digest.add(pointer);
    digest.add(said.dump());
  }
  return fmt::format("{:016x}", digest.value());
}

}  // namespace kvsim
