// The calibrator's JSON against nlohmann's, which it does without on the machine with the GPU.
#include <limits>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "kernels/calibrate/host/json.h"
#include "tests/support/scratch_folder.h"

namespace kvsim::calibrate {
namespace {

std::string error_of(const std::string& text) {
  try {
    (void)Json::parse(text);
  } catch (const JsonError& error) {
    return error.what();
  }
  return "";
}

TEST(CalibrateJson, SaysWhatNlohmannSays) {
  for (const char* text :
       {"{}", "[]", "null", "true", "-0.5e-7", "123456789012", "\"a\\\"b\\\\c\\n\\u0001\"",
        R"({"b":[1,2.25,{"x":null}],"a":{"deep":[[[]]]},"s":"é"})"}) {
    const auto ours = nlohmann::ordered_json::parse(Json::parse(text).text());
    EXPECT_EQ(ours, nlohmann::ordered_json::parse(text)) << text;
  }
  EXPECT_EQ(Json::parse(R"("\u00e9\u20ac")").string(), "é€");
}

TEST(CalibrateJson, ReadsEveryConfigOfThisRepository) {
  int read = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(KVSIM_SOURCE_DIR "/configs")) {
    if (entry.path().extension() != ".json") continue;
    const std::string text = text_of(entry.path().string());
    const auto expected = nlohmann::ordered_json::parse(text, nullptr, true, true);
    ASSERT_EQ(nlohmann::ordered_json::parse(Json::parse(text).text()), expected) << entry.path();
    ++read;
  }
  EXPECT_GT(read, 20);
}

TEST(CalibrateJson, KeepsEveryDigitAndTheOrderOfKeys) {
  Json json;
  json["z"] = 0.1;
  json["a"] = std::int64_t{1} << 50;
  EXPECT_EQ(json.text(), R"({"z":0.1,"a":1125899906842624})");
  json["z"] = "later";
  EXPECT_EQ(json.text(), R"({"z":"later","a":1125899906842624})");
}

TEST(CalibrateJson, WritesALineForEachItem) {
  const Json json = Json::object({{"a", 1}, {"rows", Json::List{1, 2}}, {"none", Json::list()}});
  EXPECT_EQ(document_text(json), "{\n\"a\": 1,\n\"rows\": [\n1,\n2],\n\"none\": []\n}\n");
}

TEST(CalibrateJson, NamesTheLineOfWhatIsWrong) {
  EXPECT_EQ(error_of("[1,\n2"), "line 2: expected ',' or ']'");
  EXPECT_EQ(error_of("{\"a\" 1}"), "line 1: expected ':'");
  EXPECT_EQ(error_of("{a: 1}"), "line 1: expected a key");
  EXPECT_EQ(error_of("[1] 2"), "line 1: expected nothing after the value");
  EXPECT_EQ(error_of("\"abc"), "line 1: a string without an end");
  EXPECT_EQ(error_of("\n\nnan"), "line 3: expected a value");
  EXPECT_EQ(error_of("\"\\x\""), "line 1: no such escape in a string");
  EXPECT_EQ(error_of("\"\\u12"), "line 1: no such escape in a string");
  EXPECT_EQ(error_of("1e999"), "line 1: expected a value");
  EXPECT_EQ(error_of(""), "line 1: expected a value, got the end");
  EXPECT_EQ(error_of(std::string(1000, '[')), "line 1: nested too deep");
  EXPECT_THROW((void)Json(std::numeric_limits<double>::quiet_NaN()).text(), JsonError);
  EXPECT_THROW((void)Json::parse("{}").at("missing"), JsonError);
  EXPECT_THROW((void)Json(1).string(), JsonError);
}

}  // namespace
}  // namespace kvsim::calibrate
