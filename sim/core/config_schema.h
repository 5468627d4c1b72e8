#pragma once
// Every config field, declared once, in the room that reads it.
//
// A room writes, in one of its .cpp files,
//     const DeclaredFields kFields{{"/cache/block_size", FieldKind::kInteger, "16", "tokens",
//     ...}};
// and gets for free: the default, the range check, the unknown-key check, `kvsim describe`.

#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <vector>

namespace kvsim {

enum class FieldKind : std::uint8_t {
  kInteger,
  kNumber,
  kBoolean,
  kText,  ///< A string; a path or a free name.
  kWord,  ///< A string out of `words`.
  kTree,  ///< Any JSON below this pointer; whoever reads it checks it.
};

struct ConfigField {
  std::string pointer;  ///< JSON pointer of the field, "/cache/block_size".
  FieldKind kind = FieldKind::kInteger;
  std::string fallback;  ///< The default, as JSON text. "null": absent unless set.
  std::string unit;      ///< "tokens", "requests/s"; empty if it has none.
  double low = 0;        ///< Range of numbers, inclusive.
  double high = 0;
  std::function<std::vector<std::string>()> words;  ///< kWord only: what may be said.
  std::string noun;                                 ///< kWord only: "policy", "model", "format".
  std::string summary;                              ///< One sentence.
  bool note = false;  ///< Says nothing about a run itself, so it is part of no digest.
};

/// Sorted by pointer.
[[nodiscard]] std::map<std::string, ConfigField>& config_fields();

struct DeclaredFields {
  DeclaredFields(std::initializer_list<ConfigField> fields);
};

// Short ways to write a field down.
ConfigField integer_field(std::string pointer, std::string fallback, std::string unit, double low,
                          double high, std::string summary);
ConfigField number_field(std::string pointer, std::string fallback, std::string unit, double low,
                         double high, std::string summary);
ConfigField boolean_field(std::string pointer, std::string fallback, std::string summary);
ConfigField text_field(std::string pointer, std::string fallback, std::string summary);
ConfigField tree_field(std::string pointer, std::string fallback, std::string summary);
/// `field` as a note: what a run is held to or described by changes no digest.
ConfigField note(ConfigField field);
/// `fallback` is the bare word here (it is quoted for you), or "null".
ConfigField word_field(std::string pointer, std::string fallback, std::string noun,
                       std::function<std::vector<std::string>()> words, std::string summary);

}  // namespace kvsim
