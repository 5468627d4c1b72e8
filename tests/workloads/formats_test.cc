// One worked example and the traps of every format.
#include <fstream>
#include <zlib.h>

#include <gtest/gtest.h>

#include "tests/workloads/drain.h"
#include "tests/workloads/trace_samples.h"

namespace kvsim {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

std::vector<Request> sample(const std::string& format) {
  return drain(*trace_of("x", trace_samples().at(format)));
}
std::vector<Span> spans(const Request& r) {
  return {r.content.spans().begin(), r.content.spans().end()};
}

TEST(Azure, KeepsSevenDecimalsAndRebasesToTheFirstRow) {
  const auto all = drain(*trace_of("x.csv",
                                   "TIMESTAMP,ContextTokens,GeneratedTokens\n"
                                   "2023-11-16 23:59:59.9799600,4808,10\n"
                                   "2023-11-17 00:00:00.0319601,3180,8"));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].arrival, Time(Duration(0)));
  EXPECT_EQ(all[1].arrival, Time(nanoseconds(52'000'100)));
  EXPECT_EQ(spans(all[0]), (std::vector<Span>{{private_content(0), 0, 4818}}));
  EXPECT_EQ(spans(all[1]), (std::vector<Span>{{private_content(1), 0, 3188}}));
}

TEST(Azure, TellsMistakesWithTheirPlace) {
  const std::string header = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
  EXPECT_EQ(error_in("x.csv", header + "2023-11-16 18:17:03,48,12a\n"),
            "x.csv:2:24: GeneratedTokens: expected an integer, got '12a'");
  EXPECT_EQ(error_in("x.csv", header + "\n\n2023-11-16 18:17:03,-1,12\n"),
            "x.csv:4:21: ContextTokens: expected 1 to 2147483648, got '-1'");
  EXPECT_EQ(error_in("x.csv", header + "2023-02-30 18:17:03,1,12\n"),
            "x.csv:2:1: TIMESTAMP: expected a time like 2023-11-16 18:17:03.9799600, got "
            "'2023-02-30 18:17:03'");
  EXPECT_EQ(error_in("x.csv", header + "2023-11-16 18:17:03,1\n"),
            "x.csv:2:1: expected 3 columns, got 2");
  EXPECT_EQ(error_in("x.csv", header), "x.csv:1:1: the trace has no requests");
  EXPECT_EQ(error_in("x.csv", "TIMESTAMP,ContextTokens\n", R"({"workload": {"format": "azure"}})"),
            "x.csv:1:1: no column 'generatedtokens'; columns here: TIMESTAMP, ContextTokens");
}

TEST(BurstGpt, SkipsAndCountsFailures) {
  const auto source = trace_of("x", trace_samples().at("burstgpt"));
  const auto all = drain(*source);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(source->identity().skipped, 1);
  EXPECT_EQ(all[1].arrival, Time(std::chrono::seconds(113)));
  EXPECT_EQ(all[0].session, 0U);
  EXPECT_EQ(all[1].session, Request::kNoSession);
}

TEST(Vidur, ReadsBothHeaders) {
  EXPECT_EQ(sample("vidur")[1].arrival, Time(milliseconds(14750)));
  const std::string bare =
      "num_prefill_tokens,num_decode_tokens,num_total_tokens,pd_ratio\n"
      "374,44,418,8.5\n396,109.0,505,3.6\n";
  const auto at_once = drain(*trace_of("x", bare));
  ASSERT_EQ(at_once.size(), 2U);
  EXPECT_EQ(at_once[1].arrival, Time(Duration(0)));
  const auto spread = drain(
      *trace_of("x", bare, R"({"workload": {"arrivals": {"process": "constant", "rate": 4}}})"));
  EXPECT_EQ(spread[0].arrival, Time(Duration(0)));
  EXPECT_EQ(spread[1].arrival, Time(milliseconds(250)));
}

TEST(Splitwise, ReadsSeconds) {
  const auto all = sample("splitwise");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].arrival, Time(milliseconds(4310)));
  EXPECT_EQ(all[1].prompt, Tokens(396));
}

// Seconds and 16-token blocks; the second row leaves out the id of its partial block.
TEST(QwenBailian, MapsBlocksAndLinksChats) {
  const auto all = sample("qwen-bailian");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].arrival, Time(milliseconds(886)));
  EXPECT_EQ(common_prefix(all[0].content, Tokens(0), all[1].content, Tokens(0)), Tokens(32));
  EXPECT_EQ(all[0].session, 159U);
  EXPECT_EQ(all[1].session, 159U);
  EXPECT_EQ(all[1].turn, 1U);
  EXPECT_EQ(error_in("x", R"({"chat_id":1,"timestamp":1,"input_length":33,"output_length":1,)"
                          R"("hash_ids":[1]})"),
            "x:1:75: hash_ids: expected 3 ids (33 tokens in blocks of 16), got 1; is "
            "/workload/trace_block_tokens right?");
}

TEST(TokenIds, SaysTheTokensThemselves) {
  const auto all = sample("token-ids");
  EXPECT_EQ(spans(all[0]), (std::vector<Span>{{kVocabulary, 1, 4}, {kVocabulary, 9, 1}}));
  EXPECT_EQ(error_in("x", R"({"input_toks":3,"output_toks":2,"input_tok_ids":[1,2]})"),
            "x:1:1: input_tok_ids: expected as many as input_toks says (3), got 2");
}

// The second call comes when the first has ended and its tool has run; it repeats its context.
TEST(TokenIds, ChainsTheCallsOfAnAgent) {
  const auto source = trace_of("x", trace_samples().at("token-ids"));
  Request r;
  source->take(r);
  source->take(r);
  EXPECT_EQ(r.prompt, Tokens(1472));
  EXPECT_EQ(source->upcoming(), std::nullopt);
  const Content context = r.content;
  const Time end = r.arrival + std::chrono::seconds(2);
  source->ended(r, end);
  ASSERT_EQ(source->upcoming(), end + nanoseconds(127348767));
  source->take(r);
  EXPECT_EQ(r.turn, 1U);
  EXPECT_EQ(common_prefix(context, Tokens(0), r.content, Tokens(0)), Tokens(1605));
  source->ended(r, r.arrival);
  EXPECT_EQ(source->upcoming(), std::nullopt);
}

// A turn adds to what was said; it waits for the turn before and then for its delay.
TEST(AiPerf, PlaysSessionsInAClosedLoop) {
  const auto source = trace_of("x", trace_samples().at("aiperf"));
  Request a, b, next;
  source->take(a);
  source->take(b);
  EXPECT_EQ(b.session, 1U);
  EXPECT_EQ(source->upcoming(), std::nullopt) << "both sessions are being answered";
  source->ended(b, Time(milliseconds(5000)));
  source->ended(a, Time(milliseconds(5000)));
  ASSERT_EQ(source->upcoming(), Time(nanoseconds(5'250'500'000)));
  source->take(next);
  EXPECT_EQ(next.session, 0U);
  EXPECT_EQ(next.priority, 2);
  EXPECT_EQ(next.prompt, Tokens(600 + 5 + 40));
  EXPECT_EQ(common_prefix(a.content, Tokens(0), next.content, Tokens(0)), Tokens(605));
  source->take(next);
  EXPECT_EQ(next.arrival, Time(milliseconds(6000)));
  EXPECT_EQ(next.id, 3U);
}

TEST(AiPerf, MayTellFullPrompts) {
  const auto all =
      drain(*trace_of("x",
                      "{\"session_id\": 1, \"input_length\": 10, \"output_length\": 5}\n"
                      "{\"session_id\": 1, \"input_length\": 18, \"output_length\": 5}\n",
                      "{}", {0, History::kFull}));
  EXPECT_EQ(all[1].prompt, Tokens(18));
  EXPECT_EQ(common_prefix(all[0].content, Tokens(0), all[1].content, Tokens(0)), Tokens(15));
}

TEST(Spans, RefusesALengthThatDoesNotAddUp) {
  EXPECT_EQ(error_in("x", R"({"input_length": 3, "output_length": 1, "spans": [[1, 0, 3]]})"),
            "x:1:1: spans: expected 4 tokens (input_length + output_length), got 3");
}

TEST(TraceFile, SaysWhatItSawAndWhatItKnows) {
  EXPECT_EQ(error_in("x.csv", "a,b\n1,2\n"),
            "x.csv:1:1: no known trace format starts like 'a,b'; known: aiperf, azure, burstgpt, "
            "measured, "
            "mooncake, qwen-bailian, spans, splitwise, token-ids, vidur; if it is one of them, "
            "name it (/workload/format or --format)");
  EXPECT_EQ(error_in("x.csv", "\n \n"), "x.csv:2:1: expected a trace, got an empty file");
}

TEST(TraceFile, ReadsBomCrLfBlankLinesAndNoFinalNewline) {
  const auto all = drain(*trace_of("x.csv",
                                   "\xEF\xBB\xBF\"arrived_at\" , num_prefill_tokens,"
                                   "num_decode_tokens\r\n\r\n 1.5 ,3, 4\r\n2,5,\"6\""));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].arrival, Time(milliseconds(500)));
  EXPECT_EQ(all[1].output, Tokens(6));
}

TEST(TraceFile, ObeysLimitAndRateScale) {
  const auto all =
      drain(*trace_of("x", trace_samples().at("mooncake"), R"({"workload": {"rate_scale": 4}})"));
  EXPECT_EQ(all[1].arrival, Time(nanoseconds(6'870'500'000)));
  EXPECT_EQ(
      drain(*trace_of("x", trace_samples().at("mooncake"), R"({"workload": {"limit": 1}})")).size(),
      1U);
}

std::string file_error(const std::string& path) {
  const ConfigView config =
      ConfigView::parse(R"({"workload": {"trace": ")" + path + R"("}})", "test.json");
  try {
    (void)drain(*Registry<WorkloadSource>::make(workload_kind(config), {config, 0}));
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(TraceFile, TellsWhyAFileCannotBeRead) {
  EXPECT_EQ(file_error("/no/such.csv"), "/no/such.csv: cannot open: No such file or directory");
  EXPECT_EQ(file_error("/tmp"), "/tmp: cannot open: Is a directory");
}

TEST(TraceFile, ReadsGzipAndNoticesThatItStopsShort) {
  const std::string path = testing::TempDir() + "kvsim_formats_test.csv.gz";
  std::string text = "arrived_at,num_prefill_tokens,num_decode_tokens\n";
  for (int i = 0; i < 5000; ++i)
    text += fmt::format("{},{},{}\n", i, i * 7919 % 977 + 1, i % 89 + 1);
  gzFile file = gzopen(path.c_str(), "wb");
  ASSERT_EQ(gzwrite(file, text.data(), static_cast<unsigned>(text.size())),
            static_cast<int>(text.size()));
  gzclose(file);
  EXPECT_EQ(file_error(path), "no error");
  std::string bytes;
  {
    std::ifstream in(path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  std::ofstream(path, std::ios::binary) << bytes.substr(0, bytes.size() / 2);
  const std::string error = file_error(path);
  EXPECT_TRUE(error.starts_with(path + ":")) << error;
  EXPECT_TRUE(error.ends_with(":1: the gzip data stops short: the file is truncated")) << error;
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x55);
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_NE(file_error(path), "no error");
  std::remove(path.c_str());
}

TEST(TextInput, RefusesALineWithoutEnd) {
  EXPECT_EQ(error_in("x", "{\"input_length\": 1" + std::string(TextInput::kLongestLine, ' ')),
            "x:1:1: the line is longer than 64 MiB");
}

}  // namespace
}  // namespace kvsim
