#pragma once
// JsonFields: reads one JSON object strictly, and says exactly what is wrong with it.
//
// For files whose keys are not ours (a model's config.json, a device's data sheet): keys nobody
// asks for are left alone, but a key that is asked for is there, of its type and in range, or an
// InputError names the file and the JSON pointer.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace kvsim {

class JsonFields {
 public:
  /// Throws unless `object` is one. Keeps a reference to it. `at` is its own pointer ("" at the
  /// top).
  JsonFields(const nlohmann::ordered_json& object, std::string file, std::string at = "");

  /// There, and not null.
  [[nodiscard]] bool has(const std::string& key) const;
  [[nodiscard]] std::int64_t integer(const std::string& key, std::int64_t low,
                                     std::int64_t high) const;
  [[nodiscard]] std::int64_t integer_or(const std::string& key, std::int64_t fallback,
                                        std::int64_t low, std::int64_t high) const;
  [[nodiscard]] double number(const std::string& key, double low, double high) const;
  [[nodiscard]] std::string text(const std::string& key) const;
  [[nodiscard]] bool boolean_or(const std::string& key, bool fallback) const;
  [[nodiscard]] JsonFields object(const std::string& key) const;
  [[nodiscard]] const nlohmann::ordered_json& raw(const std::string& key) const;

  [[noreturn]] void fail(const std::string& key, std::string_view problem) const;

 private:
  [[nodiscard]] const nlohmann::ordered_json& wanted(const std::string& key) const;
  [[noreturn]] void expected(const std::string& key, std::string_view what) const;

  const nlohmann::ordered_json& object_;
  std::string file_;
  std::string at_;
};

}  // namespace kvsim
