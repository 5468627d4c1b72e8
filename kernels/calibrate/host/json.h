#pragma once
// Json: just enough of JSON to write a profile and to read a model's config or a recorded step.
//
// The machine with the GPU need not have more than CUDA and a C++ compiler, so the calibrator
// depends on no library. Format: RFC 8259; numbers are doubles; keys keep their order. Comments
// (`//`, `/* */`) are read over, as in kvsim's own configs.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace kvsim::calibrate {

/// What is wrong with a text, with its line: "line 3: expected ',' or ']'".
class JsonError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Json {
 public:
  using List = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;

  Json() = default;  ///< null
  Json(bool value) : value_(value) {}
  Json(double value) : value_(value) {}
  Json(int value) : value_(static_cast<double>(value)) {}
  Json(std::int64_t value) : value_(static_cast<double>(value)) {}
  Json(std::size_t value) : value_(static_cast<double>(value)) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(List value) : value_(std::move(value)) {}
  template <class T>
  explicit Json(const std::vector<T>& list) : value_(List(list.begin(), list.end())) {}

  [[nodiscard]] static Json object(std::initializer_list<Member> members = {});
  [[nodiscard]] static Json list() { return {List{}}; }

  /// Throws JsonError.
  [[nodiscard]] static Json parse(std::string_view text);
  /// One line. Throws JsonError for a number that is not finite: a profile has none.
  [[nodiscard]] std::string text() const;

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  [[nodiscard]] bool is_number() const { return std::holds_alternative<double>(value_); }
  [[nodiscard]] bool is_list() const { return std::holds_alternative<List>(value_); }
  [[nodiscard]] bool is_object() const { return std::holds_alternative<Object>(value_); }

  // Each throws JsonError if the value is of another kind.
  [[nodiscard]] double number() const;
  [[nodiscard]] const std::string& string() const;
  [[nodiscard]] const List& items() const;
  [[nodiscard]] const Object& members() const;
  void push(Json item);

  /// The member, or null where there is none.
  [[nodiscard]] const Json* find(std::string_view key) const;
  /// The member. Throws JsonError that names it where there is none.
  [[nodiscard]] const Json& at(std::string_view key) const;
  /// The member, made if it is not there; null becomes an object.
  Json& operator[](std::string_view key);

 private:
  std::variant<std::monostate, bool, double, std::string, List, Object> value_;
};

/// A document for people and for diffs: a line for each member, and for each item of a list that is
/// a member.
[[nodiscard]] std::string document_text(const Json& object);

}  // namespace kvsim::calibrate
