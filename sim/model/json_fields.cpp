#include "sim/model/json_fields.h"

#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sim/core/input_error.h"
#include "sim/core/json_text.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

JsonFields::JsonFields(const Json& object, std::string file, std::string at)
    : object_(object), file_(std::move(file)), at_(std::move(at)) {
  if (!object_.is_object())
    throw InputError(file_, at_.empty() ? "/" : at_, "expected an object, got " + shown(object_));
}

bool JsonFields::has(const std::string& key) const {
  const auto found = object_.find(key);
  return found != object_.end() && !found->is_null();
}

const Json& JsonFields::raw(const std::string& key) const { return wanted(key); }

const Json& JsonFields::wanted(const std::string& key) const {
  const auto found = object_.find(key);
  if (found == object_.end()) fail(key, "missing");
  return *found;
}

void JsonFields::fail(const std::string& key, std::string_view problem) const {
  throw InputError(file_, at_ + "/" + key, problem);
}

void JsonFields::expected(const std::string& key, std::string_view what) const {
  fail(key, fmt::format("expected {}, got {}", what, shown(wanted(key))));
}

std::int64_t JsonFields::integer(const std::string& key, std::int64_t low,
                                 std::int64_t high) const {
  const Json& value = wanted(key);
  if (!value.is_number_integer()) expected(key, "an integer");
  const bool too_big =
      value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(high);
  if (too_big || value.get<std::int64_t>() < low || value.get<std::int64_t>() > high)
    expected(key, fmt::format("{} to {}", low, high));
  return value.get<std::int64_t>();
}

std::int64_t JsonFields::integer_or(const std::string& key, std::int64_t fallback, std::int64_t low,
                                    std::int64_t high) const {
  return has(key) ? integer(key, low, high) : fallback;
}

double JsonFields::number(const std::string& key, double low, double high) const {
  const Json& value = wanted(key);
  if (!value.is_number()) expected(key, "a number");
  const double n = value.get<double>();
  if (!(n >= low && n <= high)) expected(key, fmt::format("{} to {}", low, high));
  return n;
}

std::string JsonFields::text(const std::string& key) const {
  if (!wanted(key).is_string()) expected(key, "a string");
  return wanted(key).get<std::string>();
}

bool JsonFields::boolean_or(const std::string& key, bool fallback) const {
  if (!has(key)) return fallback;
  if (!wanted(key).is_boolean()) expected(key, "true or false");
  return wanted(key).get<bool>();
}

JsonFields JsonFields::object(const std::string& key) const {
  return {wanted(key), file_, at_ + "/" + key};
}

}  // namespace kvsim
