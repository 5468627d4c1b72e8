#include "sim/core/config_schema.h"

#include "sim/core/check.h"

namespace kvsim {

std::map<std::string, ConfigField>& config_fields() {
  static std::map<std::string, ConfigField> table;
  return table;
}

DeclaredFields::DeclaredFields(std::initializer_list<ConfigField> fields) {
  for (const ConfigField& field : fields) {
    const bool added = config_fields().try_emplace(field.pointer, field).second;
    KVSIM_CHECK(added, "a config field is declared once");
  }
}

namespace {

ConfigField field(std::string pointer, FieldKind kind, std::string fallback, std::string summary) {
  ConfigField made;
  made.pointer = std::move(pointer);
  made.kind = kind;
  made.fallback = std::move(fallback);
  made.summary = std::move(summary);
  return made;
}

ConfigField ranged(ConfigField made, std::string unit, double low, double high) {
  made.unit = std::move(unit);
  made.low = low;
  made.high = high;
  return made;
}

}  // namespace

ConfigField integer_field(std::string pointer, std::string fallback, std::string unit, double low,
                          double high, std::string summary) {
  return ranged(
      field(std::move(pointer), FieldKind::kInteger, std::move(fallback), std::move(summary)),
      std::move(unit), low, high);
}

ConfigField number_field(std::string pointer, std::string fallback, std::string unit, double low,
                         double high, std::string summary) {
  return ranged(
      field(std::move(pointer), FieldKind::kNumber, std::move(fallback), std::move(summary)),
      std::move(unit), low, high);
}

ConfigField boolean_field(std::string pointer, std::string fallback, std::string summary) {
  return field(std::move(pointer), FieldKind::kBoolean, std::move(fallback), std::move(summary));
}

ConfigField text_field(std::string pointer, std::string fallback, std::string summary) {
  return field(std::move(pointer), FieldKind::kText, std::move(fallback), std::move(summary));
}

ConfigField tree_field(std::string pointer, std::string fallback, std::string summary) {
  return field(std::move(pointer), FieldKind::kTree, std::move(fallback), std::move(summary));
}

ConfigField note(ConfigField field) {
  field.note = true;
  return field;
}

ConfigField word_field(std::string pointer, std::string fallback, std::string noun,
                       std::function<std::vector<std::string>()> words, std::string summary) {
  if (fallback != "null") fallback = '"' + fallback + '"';
  ConfigField made =
      field(std::move(pointer), FieldKind::kWord, std::move(fallback), std::move(summary));
  made.words = std::move(words);
  made.noun = std::move(noun);
  return made;
}

}  // namespace kvsim
