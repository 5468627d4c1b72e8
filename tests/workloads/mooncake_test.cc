// Mooncake rows become spans of shared blocks; AIPerf sessions become closed loops.
#include <gtest/gtest.h>

#include "tests/workloads/drain.h"

namespace kvsim {
namespace {

using std::chrono::milliseconds;

std::vector<Span> spans(const Request& r) {
  return {r.content.spans().begin(), r.content.spans().end()};
}

TEST(Mooncake, MapsHashesToSharedSpansAndAnswersToPrivateOnes) {
  // 600 tokens are one block of 512 and one of 88.
  const auto all = drain(*trace_of(
      "x.jsonl",
      "{\"timestamp\": 100, \"input_length\": 600, \"output_length\": 5, \"hash_ids\": [0, 7]}\n"
      "{\"timestamp\": 350, \"input_length\": 512, \"output_length\": 6, \"hash_ids\": [0]}\n"));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].prompt, Tokens(600));
  EXPECT_EQ(all[0].output, Tokens(5));
  EXPECT_EQ(all[0].arrival, Time(milliseconds(0)));
  EXPECT_EQ(all[1].arrival, Time(milliseconds(250)));
  EXPECT_EQ(all[1].id, 1U);
  EXPECT_EQ(all[1].session, Request::kNoSession);
  EXPECT_EQ(spans(all[0]), (std::vector<Span>{{shared_content(0), 0, 512},
                                              {shared_content(7), 0, 88},
                                              {private_content(0), 0, 5}}));
  EXPECT_EQ(common_prefix(all[0].content, Tokens(0), all[1].content, Tokens(0)), Tokens(512));
}

TEST(Mooncake, TellsMistakesWithTheirPlace) {
  EXPECT_EQ(error_in("x.jsonl",
                     "{\"timestamp\": 0, \"input_length\": 3, \"output_length\": 1}\n"
                     "{\"timestamp\": 1, \"output_length\": 1}\n"),
            "x.jsonl:2:1: input_length: missing");
  EXPECT_EQ(error_in("x.jsonl", "{\"input_length\": \"12\", \"output_length\": 1}"),
            "x.jsonl:1:18: input_length: expected an integer, got '\"12\"'");
  EXPECT_EQ(error_in("x.jsonl", "{\"input_length\": 0, \"output_length\": 1}"),
            "x.jsonl:1:18: input_length: expected 1 to 2147483648, got '0'");
  EXPECT_EQ(error_in("x.jsonl", "{\"input_length\": 3000000000, \"output_length\": 1}"),
            "x.jsonl:1:18: input_length: expected 1 to 2147483648, got '3000000000'");
  EXPECT_EQ(error_in("x.jsonl", "{\"timestamp\": 0, \"input_length\": 3, \"output_length\""),
            "x.jsonl:1:52: the line stops short: expected ':'");
  EXPECT_EQ(error_in("x.jsonl", "{\"timestamp\": 0, \"input_length\": 3, \"hash_ids\": [1, 2"),
            "x.jsonl:1:54: the line stops short: expected ',' or ']'");
  EXPECT_EQ(error_in("x.jsonl", "{\"input_length\": 513, \"output_length\": 1, \"hash_ids\": [1]}"),
            "x.jsonl:1:55: hash_ids: expected 2 ids (513 tokens in blocks of 512), got 1; is "
            "/workload/trace_block_tokens right?");
  EXPECT_EQ(error_in("x.jsonl",
                     "{\"timestamp\": 2000, \"input_length\": 3, \"output_length\": 1}\n"
                     "{\"timestamp\": 500, \"input_length\": 3, \"output_length\": 1}\n"),
            "x.jsonl:2:15: the time goes back by 1.5 s: sort the trace by arrival");
}

}  // namespace
}  // namespace kvsim
