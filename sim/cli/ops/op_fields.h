#pragma once
// OpFields: reads the fields of one operation; whatever is wrong with one is an OpError.
//
// Errors read "FIELD: expected WHAT, got VALUE". Every quantity is bounded, so no operation can ask
// for more memory or time than a real one would.

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "sim/cli/ops/dialect.h"
#include "sim/model/content.h"

namespace kvsim {

/// Token values and counts that JSON keeps exact.
inline constexpr std::int64_t kLargestInteger = std::int64_t{1} << 53;
/// Tokens of one prompt: several times the longest context there is.
inline constexpr std::int64_t kMostTokens = std::int64_t{1} << 22;

class OpFields {
 public:
  using Json = OpsDialect::Json;
  /// Throws OpError unless `op` is an object. Keeps a reference to it.
  explicit OpFields(const Json& op);

  [[nodiscard]] const Json& json() const { return op_; }
  /// Given, and not null?
  [[nodiscard]] bool has(std::string_view field) const { return find(field) != nullptr; }
  /// Requires has() of whoever asks; otherwise an OpError.
  [[nodiscard]] const Json& value(std::string_view field) const;

  [[nodiscard]] std::string text(std::string_view field) const;
  [[nodiscard]] std::string text_or(std::string_view field, std::string_view fallback) const;
  /// The name of a request or handle: a text, or an integer as text.
  [[nodiscard]] std::string name(std::string_view field) const;
  [[nodiscard]] std::int64_t integer(std::string_view field, std::int64_t low = 0,
                                     std::int64_t high = kLargestInteger) const;
  [[nodiscard]] std::int64_t integer_or(std::string_view field, std::int64_t fallback,
                                        std::int64_t low = 0,
                                        std::int64_t high = kLargestInteger) const;
  [[nodiscard]] double number_or(std::string_view field, double fallback, double low,
                                 double high) const;
  [[nodiscard]] bool boolean_or(std::string_view field, bool fallback) const;
  [[nodiscard]] const Json& list(std::string_view field) const;
  [[nodiscard]] std::vector<std::int64_t> integers(std::string_view field, std::int64_t low,
                                                   std::int64_t high) const;
  /// A list of token ids, or {"runs": [[token, count], ...], "range": [first, end]}, runs first.
  [[nodiscard]] Content tokens(std::string_view field) const;

  [[noreturn]] static void fail(std::string_view field, std::string_view problem);

 private:
  [[nodiscard]] const Json* find(std::string_view field) const;

  const Json& op_;
};

/// The token ids of raw-token content, one by one.
[[nodiscard]] std::vector<std::int64_t> token_ids(const Content& content);

}  // namespace kvsim
