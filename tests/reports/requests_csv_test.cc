// requests.csv: one row per request that ended.
#include "reports/requests_csv.h"

#include <gtest/gtest.h>

namespace kvsim {
namespace {

Time at_ms(std::int64_t ms) { return Time(std::chrono::milliseconds(ms)); }

Request request(std::uint64_t id, std::int64_t prompt, std::int64_t output) {
  Request r;
  r.id = id;
  r.arrival = at_ms(1500);
  r.prompt = Tokens(prompt);
  r.output = Tokens(output);
  return r;
}

constexpr std::string_view kHeader =
    "id,session,turn,priority,arrival_s,prompt_tokens,output_tokens,hit_tokens,status,reason,"
    "queue_ms,ttft_ms,tpot_ms,e2e_ms,preemptions,recomputed_tokens\n";

// Arrives at 1.5 s, admitted 10 ms later, first of 5 tokens after 50 ms, done after 90: 10 ms each.
TEST(RequestsCsv, WritesTheLifeOfARequest) {
  std::string text;
  RequestsCsv csv([&](std::string_view piece) { text += piece; });
  Sequence s;
  s.request = request(7, 100, 5);
  s.request.session = 3;
  s.request.turn = 2;
  s.request.priority = -1;
  s.first_hit = Tokens(64);
  s.admitted_at = at_ms(1510);
  s.first_token_at = at_ms(1550);
  s.preemptions = 1;
  s.recomputed = Tokens(36);
  csv.on_finish(at_ms(1590), s, ReplicaId{0});
  csv.on_end(at_ms(1590));
  EXPECT_EQ(text, std::string(kHeader) +
                      "7,3,2,-1,1.500000,100,5,64,completed,,10.000,50.000,10.000,90.000,1,36\n");
}

TEST(RequestsCsv, LeavesEmptyWhatDoesNotExist) {
  std::string text;
  RequestsCsv csv([&](std::string_view piece) { text += piece; });
  Sequence single;
  single.request = request(1, 10, 1);
  single.admitted_at = at_ms(1500);
  single.first_token_at = at_ms(1520);
  csv.on_finish(at_ms(1520), single, ReplicaId{0});
  csv.on_reject(at_ms(1500), request(2, 9999, 1), Rejection::kTooLong);
  csv.on_reject(at_ms(1500), request(3, 999, 1), Rejection::kTooLarge);
  csv.on_end(at_ms(1520));
  EXPECT_EQ(text, std::string(kHeader) +
                      "1,,0,0,1.500000,10,1,0,completed,,0.000,20.000,,20.000,0,0\n"
                      "2,,0,0,1.500000,9999,1,0,rejected,too_long,,,,,0,0\n"
                      "3,,0,0,1.500000,999,1,0,rejected,too_large,,,,,0,0\n");
}

TEST(RequestsCsv, StreamsInLargePieces) {
  std::size_t pieces = 0;
  std::size_t rows = 0;
  RequestsCsv csv([&](std::string_view piece) {
    ++pieces;
    rows += static_cast<std::size_t>(std::count(piece.begin(), piece.end(), '\n'));
  });
  for (std::uint64_t id = 0; id < 10'000; ++id)
    csv.on_reject(at_ms(0), request(id, 1, 1), Rejection::kTooLong);
  csv.on_end(at_ms(0));
  EXPECT_EQ(rows, 10'001U);
  EXPECT_LT(pieces, 20U);
  EXPECT_GT(pieces, 3U);
}

}  // namespace
}  // namespace kvsim
