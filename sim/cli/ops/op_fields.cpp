#include "sim/cli/ops/op_fields.h"

#include <fmt/format.h>

#include "sim/core/json_text.h"

namespace kvsim {
namespace {

using Json = OpsDialect::Json;

std::int64_t integer_of(const Json& value, std::string_view field, std::int64_t low,
                        std::int64_t high) {
  // Integers beyond 64 bits arrive as unsigned or floating-point numbers.
  const bool fits = value.is_number_integer() &&
                    !(value.is_number_unsigned() &&
                      value.get<std::uint64_t>() >
                          static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
  const std::int64_t n = fits ? value.get<std::int64_t>() : 0;
  if (!fits || n < low || n > high)
    OpFields::fail(
        field, fmt::format("expected an integer from {} to {}, got {}", low, high, shown(value)));
  return n;
}

void must_be_pair(const Json& value, std::string_view field, std::string_view what) {
  if (!value.is_array() || value.size() != 2)
    OpFields::fail(field, fmt::format("expected {}, got {}", what, shown(value)));
}

void append(Content& content, std::string_view field, std::int64_t first, std::int64_t count) {
  if (count > kMostTokens - content.tokens().value())
    OpFields::fail(field, fmt::format("expected at most {} tokens", kMostTokens));
  content.append({kVocabulary, first, count});
}

void append_run(Content& content, std::string_view field, const Json& run) {
  must_be_pair(run, field, "a run as [token, count]");
  const std::int64_t token = integer_of(run[0], field, -kLargestInteger, kLargestInteger);
  const std::int64_t count = integer_of(run[1], field, 0, kMostTokens);
  for (std::int64_t i = 0; i < count; ++i) append(content, field, token, 1);
}

void append_range(Content& content, std::string_view field, const Json& range) {
  must_be_pair(range, field, "a range as [first, end]");
  const std::int64_t first = integer_of(range[0], field, -kLargestInteger, kLargestInteger);
  const std::int64_t end = integer_of(range[1], field, -kLargestInteger, kLargestInteger);
  if (end > first) append(content, field, first, end - first);
}

}  // namespace

OpFields::OpFields(const Json& op) : op_(op) {
  if (!op.is_object())
    throw OpError(fmt::format("expected an operation as a JSON object, got {}", shown(op)));
}

void OpFields::fail(std::string_view field, std::string_view problem) {
  throw OpError(fmt::format("{}: {}", field, problem));
}

const Json* OpFields::find(std::string_view field) const {
  for (const auto& [key, value] : op_.get_ref<const Json::object_t&>())
    if (key == field) return value.is_null() ? nullptr : &value;
  return nullptr;
}

const Json& OpFields::value(std::string_view field) const {
  const Json* found = find(field);
  if (found == nullptr) fail(field, "is missing");
  return *found;
}

std::string OpFields::text(std::string_view field) const {
  const Json& given = value(field);
  if (!given.is_string()) fail(field, fmt::format("expected a text, got {}", shown(given)));
  return given.get<std::string>();
}

std::string OpFields::text_or(std::string_view field, std::string_view fallback) const {
  return has(field) ? text(field) : std::string(fallback);
}

std::string OpFields::name(std::string_view field) const {
  const Json& given = value(field);
  if (given.is_string()) return given.get<std::string>();
  return std::to_string(integer_of(given, field, -kLargestInteger, kLargestInteger));
}

std::int64_t OpFields::integer(std::string_view field, std::int64_t low, std::int64_t high) const {
  return integer_of(value(field), field, low, high);
}

std::int64_t OpFields::integer_or(std::string_view field, std::int64_t fallback, std::int64_t low,
                                  std::int64_t high) const {
  return has(field) ? integer(field, low, high) : fallback;
}

double OpFields::number_or(std::string_view field, double fallback, double low, double high) const {
  if (!has(field)) return fallback;
  const Json& given = value(field);
  const double number = given.is_number() ? given.get<double>() : low - 1;
  if (!(number >= low && number <= high))
    fail(field, fmt::format("expected a number from {} to {}, got {}", low, high, shown(given)));
  return number;
}

bool OpFields::boolean_or(std::string_view field, bool fallback) const {
  if (!has(field)) return fallback;
  const Json& given = value(field);
  if (!given.is_boolean()) fail(field, fmt::format("expected true or false, got {}", shown(given)));
  return given.get<bool>();
}

const Json& OpFields::list(std::string_view field) const {
  const Json& given = value(field);
  if (!given.is_array()) fail(field, fmt::format("expected a list, got {}", shown(given)));
  return given;
}

std::vector<std::int64_t> OpFields::integers(std::string_view field, std::int64_t low,
                                             std::int64_t high) const {
  std::vector<std::int64_t> all;
  for (const Json& item : list(field)) all.push_back(integer_of(item, field, low, high));
  return all;
}

Content OpFields::tokens(std::string_view field) const {
  const Json& given = value(field);
  Content content;
  if (given.is_array()) {
    for (const Json& token : given)
      append(content, field, integer_of(token, field, -kLargestInteger, kLargestInteger), 1);
    return content;
  }
  if (!given.is_object() || (!given.contains("runs") && !given.contains("range")))
    fail(field, fmt::format("expected a list of tokens, {{\"runs\": [[token, count], ...]}} or "
                            "{{\"range\": [first, end]}}, got {}",
                            shown(given)));
  if (given.contains("runs")) {
    for (const Json& run : OpFields(given).list("runs")) append_run(content, field, run);
  }
  if (given.contains("range")) append_range(content, field, given["range"]);
  return content;
}

std::vector<std::int64_t> token_ids(const Content& content) {
  std::vector<std::int64_t> all;
  all.reserve(static_cast<std::size_t>(content.tokens().value()));
  for (const Span& span : content.spans())
    for (std::int64_t i = 0; i < span.length; ++i) all.push_back(span.offset + i);
  return all;
}

Json record_head(const Json& op, std::size_t line) {
  Json record{{"i", line}};
  for (const char* field : {"op", "id"})
    if (op.contains(field)) record[field] = op[field];
  return record;
}

}  // namespace kvsim
