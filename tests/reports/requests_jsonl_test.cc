// requests.jsonl: what requests.csv says, with types.
#include "reports/requests_jsonl.h"

#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "reports/requests_csv.h"
#include "tests/support/tiny_world.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, at);) parts.push_back(part);
  return parts;
}

// As the CSV writes a value: nothing for null, text without quotes, times to the microsecond.
std::string cell(const std::string& column, const Json& value) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  if (column == "arrival_s") return fmt::format("{:.6f}", value.get<double>());
  return value.is_number_float() ? fmt::format("{:.3f}", value.get<double>()) : value.dump();
}

TEST(RequestsJsonl, SaysWhatTheCsvSays) {
  std::string csv;
  std::string jsonl;
  RequestsCsv rows([&csv](std::string_view piece) { csv += piece; });
  RequestsJsonl objects([&jsonl](std::string_view piece) { jsonl += piece; });
  tiny::World world;
  world.max_model_len = Tokens(400);
  world.requests = tiny::random_requests(3, 100, 20);
  world.requests.front().session = 7;
  world.requests.push_back(tiny::lonely(1e5, 500, 1));  // longer than max_model_len
  const Report report = world.run({&rows, &objects});
  ASSERT_GT(report.requests.rejected, 0);
  ASSERT_GT(report.preemptions, 0);
  const auto table = split(csv, '\n');
  const auto lines = split(jsonl, '\n');
  ASSERT_EQ(lines.size() + 1, table.size());
  const auto columns = split(table[0], ',');
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Json object = Json::parse(lines[i]);
    std::string row;
    std::vector<std::string> keys;
    for (const auto& [key, value] : object.items()) {
      if (!keys.empty()) row += ',';
      row += cell(key, value);
      keys.push_back(key);
    }
    EXPECT_EQ(keys, columns);
    EXPECT_EQ(row, table[i + 1]);
  }
}

}  // namespace
}  // namespace kvsim
