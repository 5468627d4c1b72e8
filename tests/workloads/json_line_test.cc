// The cursor takes exactly the lines that a full JSON parser takes.
#include "workloads/json_line.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sim/core/rng.h"

namespace kvsim {
namespace {

bool accepts(const std::string& text) {
  const TextInput input = TextInput::from_memory("x", "");
  try {
    JsonLine line(input, text);
    line.skip();
    line.end();
  } catch (const InputError&) {
    return false;
  }
  return true;
}

TEST(JsonLine, AgreesWithAFullParserOnDamagedJson) {
  const std::string good =
      R"({"a": [1, -2.5e+3, 0, true], "b\n\u00e9": {"c": null, "d": []}, "e": "x\"y", "f": {}})";
  constexpr std::string_view kPieces = "\"{}[],:.-019eE+ \\untrfalse";
  Rng rng(3, "json");
  int accepted = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string text = good;
    for (std::uint64_t n = rng.below(3); n > 0; --n) {
      const std::size_t at = rng.below(text.size());
      const char c = kPieces[rng.below(kPieces.size())];
      if (rng.below(3) == 0)
        text.erase(at, 1);
      else if (rng.below(2) == 0)
        text.insert(at, 1, c);
      else
        text[at] = c;
    }
    const bool expected = nlohmann::json::accept(text);
    // A number may be too large for the parser, and a lone surrogate is text to us.
    if (accepts(text) != expected) ADD_FAILURE() << text << " expected " << expected;
    accepted += expected ? 1 : 0;
  }
  EXPECT_GT(accepted, 10'000);
}

TEST(JsonLine, SurvivesDeepNesting) {
  EXPECT_TRUE(accepts(std::string(1 << 20, '[') + std::string(1 << 20, ']')));
  EXPECT_FALSE(accepts(std::string(1 << 20, '[')));
}

}  // namespace
}  // namespace kvsim
