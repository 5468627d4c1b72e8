// `kvsim ops`: what it prints for good lines and bad ones, and how it ends.
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/program.h"

namespace kvsim {
namespace {

using Json = nlohmann::json;

std::vector<Json> records_of(const Outcome& outcome) {
  std::vector<Json> records;
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);) records.push_back(Json::parse(line));
  return records;
}

TEST(Ops, PrintsARecordPerOperation) {
  const ScratchFolder folder;
  const std::string file =
      folder.with("good.jsonl", R"({"op": "config", "size": 4})"
                                "\n\n"
                                R"({"op": "req_auto", "id": "a", "tokens": [1, 2]})"
                                "\n");
  for (const std::string& command :
       {"ops " + file + " --dialect sglang", "ops - --dialect=sglang < " + file}) {
    const Outcome outcome = run_program(command);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    const auto records = records_of(outcome);
    ASSERT_EQ(records.size(), 2U);
    EXPECT_EQ(records[0]["available"], 4);
    EXPECT_EQ(records[1]["i"], 2) << "the number of its line";
    EXPECT_EQ(records[1]["new_indices"], Json({1, 2}));
  }
}

TEST(Ops, ABadLineIsAnErrorRecordAndTheRestGoesOn) {
  const ScratchFolder folder;
  const std::vector<std::pair<std::string, std::string>> lines{
      {R"({"op": "insert", "key": [1]})", "op: 'insert' needs a config before it"},
      {R"({"op": "config", "size": 8})", ""},
      {R"({"op": "req", "id": "a", "tokens": [1, 2, 3]})", ""},
      {R"({"op": "dance", "id": "a"})", "op: no operation named 'dance'"},
      {R"({"op": "finish", "id": "b"})", "id: no request 'b' is running; a req starts one"},
      {R"({"op": "finish", "id": "a"})", ""},
      {R"({"op": "finish", "id": "a"})", "id: no request 'a' is running; a req starts one"},
      {R"({"op": "evict", "n": -3})", "n: expected an integer from 0 to 9007199254740992, got -3"},
      {R"({"op": "evict", "n": 1e99})",
       "n: expected an integer from 0 to 9007199254740992, got 1e+99"},
      {R"({"op": "evict", "n": 18446744073709551615})",
       "n: expected an integer from 0 to 9007199254740992, got 18446744073709551615"},
      {R"({"op": "evict"})", "n: is missing"},
      {R"({"op": "req", "id": "c", "tokens": "abc"})", "tokens: expected a list of tokens"},
      {R"({"op": "req", "id": "c", "tokens": {"runs": [[1, 1e9]]}})", "tokens: expected an int"},
      {R"({"op": "req", "id": ["c"], "tokens": [1]})", "id: expected an integer"},
      {R"({"op": "evict", "n": 1)", "not JSON: write one operation per line"},
      {R"(7)", "expected an operation as a JSON object, got 7"},
      {R"({"n": 1})", "op: is missing"},
      {std::string(100, '['), "nested too deeply: no operation needs that"},
      {R"({"op": "state"})", ""},
  };
  std::string text;
  for (const auto& [line, problem] : lines) text += line + "\n";
  const std::string file = folder.with("bad.jsonl", text);
  const Outcome outcome = run_program("ops " + file + " --dialect sglang");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.err, file + ":1: op: 'insert' needs a config before it (first of 15)\n");
  const auto records = records_of(outcome);
  ASSERT_EQ(records.size(), lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(records[i]["i"], i);
    const std::string said = records[i].value("error", "");
    EXPECT_EQ(said.substr(0, lines[i].second.size()), lines[i].second);
    EXPECT_EQ(said.empty(), lines[i].second.empty()) << said;
  }
  EXPECT_EQ(records[3]["op"], "dance");
  EXPECT_EQ(records[3]["id"], "a");
}

TEST(Ops, RefusesInOneLine) {
  const ScratchFolder folder;
  const std::string empty = folder.with("empty.jsonl", "\n");
  const std::vector<std::pair<std::string, std::string>> cases{
      {"ops", "kvsim ops: --dialect: is missing; give vllm or sglang\n"},
      {"ops --dialect sglang", "kvsim ops: FILE: is missing; see kvsim ops --help\n"},
      {"ops x y --dialect sglang", "kvsim ops: y: one FILE at a time; see kvsim ops --help\n"},
      {"ops " + empty + " --dialect sglong",
       "kvsim ops: --dialect: no dialect named 'sglong'; known: sglang, vllm (did you mean "
       "'sglang'?)\n"},
      {"ops " + empty + " --dialect sglang", empty + ": line 1: no operation in it\n"},
  };
  for (const auto& [command, problem] : cases) {
    const Outcome outcome = run_program(command);
    EXPECT_EQ(outcome.code, 2) << command;
    EXPECT_EQ(outcome.out, "") << command;
    EXPECT_EQ(outcome.err, problem) << command;
  }
  const Outcome missing = run_program("ops nowhere.jsonl --dialect sglang");
  EXPECT_EQ(missing.code, 2);
  EXPECT_EQ(missing.err.substr(0, 15), "nowhere.jsonl: ") << missing.err;
}

}  // namespace
}  // namespace kvsim
