#pragma once
// A cursor over one line of JSON (RFC 8259) that knows its column.
//
// A reader walks the object and takes what it knows; the rest is skipped, but checked to be JSON.
// Nothing is built in memory, and every mistake is told with its place; a general parser gives
// neither.

#include <string_view>

#include "workloads/field_text.h"

namespace kvsim {

class JsonLine {
 public:
  JsonLine(const TextInput& input, std::string_view text) : input_(&input), text_(text) { space(); }

  /// Walks the object here: `on_key(key)` is called at each value and must consume it. Keys come
  /// as written (no key of ours has an escape).
  template <class OnKey>
  void object(OnKey&& on_key) {
    for (bool more = open('{', '}'); more; more = next('}')) on_key(key());
  }
  /// Walks the array here: `on_item()` is called at each value and must consume it.
  template <class OnItem>
  void array(OnItem&& on_item) {
    for (bool more = open('[', ']'); more; more = next(']')) on_item();
  }
  /// The number, string (with its quotes) or literal here, as written.
  [[nodiscard]] FieldText scalar(std::string_view name);
  /// Passes over a null, if one is here.
  [[nodiscard]] bool null();
  /// Passes over the value here, whatever it is.
  void skip();
  /// Requires that nothing follows.
  void end();

  [[nodiscard]] std::size_t column() const { return at_ + 1; }
  [[noreturn]] void fail(std::string_view problem) const { input_->fail(column(), problem); }

 private:
  [[nodiscard]] bool open(char bracket, char closing);
  [[nodiscard]] bool next(char closing);
  [[nodiscard]] std::string_view key();
  [[noreturn]] void expected(std::string_view what) const;
  void string();
  void number();
  void literal(std::string_view word);
  void space();
  [[nodiscard]] char here() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  const TextInput* input_;
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace kvsim
