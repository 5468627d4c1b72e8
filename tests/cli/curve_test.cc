// kvsim curve, end to end.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "sim/core/config_view.h"
#include "tests/support/program.h"

namespace kvsim {
namespace {

// Requests of up to three blocks of 512; the second and third start like the first.
constexpr const char* kTrace =
    R"({"timestamp": 0, "input_length": 1500, "output_length": 5, "hash_ids": [0, 1, 2]}
{"timestamp": 10, "input_length": 1030, "output_length": 5, "hash_ids": [0, 1, 3]}
{"timestamp": 20, "input_length": 1500, "output_length": 5, "hash_ids": [0, 1, 2]}
)";

TEST(CurveVerb, CountsBlocksAndTokens) {
  const ScratchFolder folder;
  const std::string trace = folder.with("t.jsonl", kTrace);
  const Outcome outcome =
      run_program("curve " + trace + " --block-tokens 512 --policies lru,optimal " +
                  "--capacities 3,inf --rule tree --json -");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto document = parse_json(outcome.out, "x");
  EXPECT_EQ(document["distinct_blocks"], 4);
  EXPECT_EQ(document["block_tokens"], 512);
  ASSERT_EQ(document["rows"].size(), 4U);
  // Three blocks of memory: lru gives up block 2 for block 3 and pays; optimal leaves 3 out.
  const auto row = [](const std::string& policy, auto capacity, int hits, int tokens, int in,
                      int out) {
    return nlohmann::ordered_json{
        {"rule", "tree"},       {"policy", policy},   {"capacity_blocks", capacity},
        {"block_refs", 9},      {"block_hits", hits}, {"token_refs", 4030},
        {"token_hits", tokens}, {"insertions", in},   {"evictions", out}};
  };
  EXPECT_EQ(document["rows"][0], row("lru", 3, 4, 2048, 5, 2));
  EXPECT_EQ(document["rows"][1], row("lru", nullptr, 5, 1024 + 1500, 4, 0));
  EXPECT_EQ(document["rows"][2], row("optimal", 3, 5, 1024 + 1500, 3, 0));
  EXPECT_EQ(document["rows"][3], row("optimal", nullptr, 5, 1024 + 1500, 4, 0));
}

TEST(CurveVerb, NeedsNothingAndShowsEveryPolicy) {
  const Outcome outcome = run_program("curve");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  for (const char* word : {"rule tree", "\nlru ", "\noptimal ", "\nsieve ", "working set"})
    EXPECT_NE(outcome.out.find(word), std::string::npos) << word << outcome.out;
}

TEST(CurveVerb, SaysTheSameOnAnyNumberOfThreads) {
  const std::string arguments =
      "curve --policies lru,arc,s3fifo,optimal --rule tree,flat --csv --jobs ";
  const Outcome one = run_program(arguments + "1");
  ASSERT_EQ(one.code, 0) << one.err;
  EXPECT_EQ(run_program(arguments + "4").out, one.out);
}

TEST(CurveVerb, TakesFractionsAndSamplesAndWritesFiles) {
  const ScratchFolder folder;
  const std::string file = folder / "c.json";
  const Outcome outcome =
      run_program("curve --policies lru,min --capacities 0.1,0.5 --sample 0.5 " +
                  std::string("--json ") + file);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto document = parse_json(text_of(file), file);
  EXPECT_EQ(document["sample"], 0.5);
  const auto blocks = document["distinct_blocks"].get<std::int64_t>();
  EXPECT_EQ(document["rows"][0]["capacity_blocks"], blocks / 10);
  EXPECT_EQ(document["rows"][1]["capacity_blocks"], blocks / 2);
  EXPECT_GT(document["rows"][0]["block_hit_rate_error"].get<double>(), 0);
  EXPECT_NE(outcome.out.find("An estimate from 50 % of the blocks"), std::string::npos);
}

TEST(CurveVerb, TellsMistakesInOneLine) {
  const auto expect = [](const std::string& arguments, const std::string& err) {
    const Outcome outcome = run_program("curve " + arguments);
    EXPECT_EQ(outcome.code, 2) << arguments;
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err, "kvsim curve: " + err + "\n");
  };
  const std::string capacities =
      "--capacities: expected a number of blocks (1 or more), a share of the working set (above 0, "
      "below 1) or inf, got ";
  expect("--capacities 0", capacities + "'0'");
  expect("--capacities 10,1.5", capacities + "'1.5'");
  expect("--capacities 10,,20", capacities + "''");
  expect("--capacities nan", capacities + "'nan'");
  expect("--rule forest", "--rule: no rule named 'forest'; known: flat, tree");
  expect("--sample 0", "--sample: expected a share above 0, at most 1, got 0");
  expect("--jobs 0", "--jobs: expected 1 or more");
  expect("--block-tokens 0", "--block-tokens: expected 1 to 1048576, got 0");
  expect("--json - --csv", "options: only one of --json - and --csv");
  expect("a.jsonl b.jsonl", "b.jsonl: one trace at a time");
  const Outcome policy = run_program("curve --policies lru,fifi");
  EXPECT_EQ(policy.code, 2);
  EXPECT_NE(policy.err.find("--policies: no policy named 'fifi'; known: arc, fifo,"),
            std::string::npos);
  EXPECT_NE(policy.err.find("(did you mean 'fifo'?)"), std::string::npos);
  const ScratchFolder folder;
  EXPECT_EQ(run_program("curve --json " + (folder / "no/such/c.json")).code, 2);
}

}  // namespace
}  // namespace kvsim
