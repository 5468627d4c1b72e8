#pragma once
// ConfigView: a JSON config that was checked against the declared fields, and is only read from.
//
// Checking happens once, when it is built: unknown keys, wrong types, values out of range and
// unknown words throw InputError naming the file, the JSON pointer and the cure. Whoever reads a
// field afterwards gets the value or the field's default and need not check anything.
// `//` and `/* */` comments are allowed in the text.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "sim/core/input_error.h"
#include "sim/core/json_text.h"

namespace kvsim {

struct ConfigPlace;  // where something was said

class ConfigView {
 public:
  /// A config of nothing but defaults.
  ConfigView() = default;
  /// `document` must be an object of declared fields. `file` names it in errors.
  ConfigView(const nlohmann::ordered_json& document, std::string file);
  [[nodiscard]] static ConfigView parse(std::string_view text, std::string file);

  /// Applies "/pointer=value" (of --set): the value is JSON if it parses as such, else a string.
  /// Errors name "--set" as their file.
  void set(std::string_view assignment);
  /// Sets one field; `origin` is named in errors.
  void set(const std::string& pointer, const nlohmann::ordered_json& value,
           const std::string& origin);

  /// This config with `patch`, an object of fields, laid over it. The patch was said at `inside` of
  /// the tree `pointer`; errors name that place before their own: "FILE: /pools/1/device: ...".
  [[nodiscard]] ConfigView overlaid(const std::string& pointer, const std::string& inside,
                                    const nlohmann::ordered_json& patch) const;

  // Readers. Each requires a declared field of that kind; a field whose default is null must be
  // asked with has() first.
  [[nodiscard]] bool has(const std::string& pointer) const;
  [[nodiscard]] std::int64_t integer(const std::string& pointer) const;
  [[nodiscard]] double number(const std::string& pointer) const;
  [[nodiscard]] bool boolean(const std::string& pointer) const;
  [[nodiscard]] std::string text(const std::string& pointer) const;  ///< kText and kWord.
  [[nodiscard]] nlohmann::ordered_json tree(const std::string& pointer) const;

  /// The user's mistake, found later than here (values that do not go together, a tree's insides).
  /// `inside` is appended to the pointer: fail("/workload/arrivals", "/rate", "missing").
  [[noreturn]] void fail(const std::string& pointer, std::string_view inside,
                         std::string_view problem) const;
  [[noreturn]] void fail(const std::string& pointer, std::string_view problem) const {
    fail(pointer, "", problem);
  }

  /// Every declared field with its value in force, as one tree in pointer order: what a run is
  /// defined by. Two configs that mean the same give the same bytes.
  [[nodiscard]] nlohmann::ordered_json resolved() const;
  /// What resolved() says apart from defaults and notes, by pointer; of paths only the file's name:
  /// where a file lies does not change a run.
  [[nodiscard]] nlohmann::ordered_json identity() const;
  /// Digest of identity(), 16 hex digits. A field that is added later changes no digest.
  [[nodiscard]] std::string digest() const;
  /// Where relative paths in this config start: the folder of its file, "" if there is none.
  [[nodiscard]] const std::string& file() const { return file_; }

 private:
  struct Said;  // what was said, by pointer; the rest is defaults
  void take(const nlohmann::ordered_json& node, const std::string& pointer,
            const ConfigPlace& place, Said& said) const;
  [[nodiscard]] std::string origin(const std::string& pointer) const;
  [[nodiscard]] nlohmann::ordered_json value(const std::string& pointer) const;

  std::string file_ = "defaults";
  std::shared_ptr<const Said> said_;          // shared by copies, replaced by set()
  std::shared_ptr<const ConfigPlace> patch_;  // of what is laid over it; null: nothing is
};

}  // namespace kvsim
