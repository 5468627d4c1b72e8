// `kvsim trace`: what it prints, what it writes, and how it refuses.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/wait.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/workloads/drain.h"
#include "tests/workloads/trace_samples.h"

namespace kvsim {
namespace {

namespace fs = std::filesystem;

struct Outcome {
  int code = 0;
  std::string text;
};

// What the program says on `stream` ("1" or "2").
Outcome kvsim_trace(const std::string& arguments, const std::string& stream = "1") {
  const std::string other = stream == "1" ? " 2>/dev/null" : " 2>&1 >/dev/null";
  std::FILE* pipe = ::popen((KVSIM_PROGRAM " trace " + arguments + other).c_str(), "r");
  Outcome outcome;
  char piece[4096];
  for (std::size_t got = 0; (got = std::fread(piece, 1, sizeof piece, pipe)) > 0;)
    outcome.text.append(piece, got);
  outcome.code = WEXITSTATUS(::pclose(pipe));
  return outcome;
}

class Trace : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / fmt::format("kvsim_trace_{}", ::getpid());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
    return path(name);
  }
  std::vector<Request> read(const std::string& name, const std::string& more = "") const {
    const ConfigView config = ConfigView::parse(
        R"({"workload": {"trace": ")" + path(name) + "\"" + more + "}}", "test.json");
    TraceSource source({config, 1});
    return drain(source);
  }

 private:
  fs::path folder_;
};

void expect_equal(const std::vector<Request>& a, const std::vector<Request>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].arrival, b[i].arrival) << i;
    EXPECT_EQ(a[i].prompt, b[i].prompt) << i;
    EXPECT_EQ(a[i].output, b[i].output) << i;
    EXPECT_EQ(a[i].priority, b[i].priority) << i;
    EXPECT_EQ(a[i].turn, b[i].turn) << i;
    EXPECT_EQ(a[i].content, b[i].content) << i;
  }
}

TEST_F(Trace, ConvertsToTheSameFormatWithoutLoss) {
  for (const std::string format : {"aiperf", "azure", "mooncake", "spans", "vidur"}) {
    SCOPED_TRACE(format);
    const std::string in = file("in", trace_samples().at(format));
    EXPECT_EQ(kvsim_trace(fmt::format("convert {} {} --to {}", in, path("out"), format)).code, 0);
    expect_equal(read("in"), read("out"));
  }
}

// Nothing is lost through kvsim's own format, whatever the source.
TEST_F(Trace, ConvertsAnythingToSpans) {
  for (const auto& [format, text] : trace_samples()) {
    SCOPED_TRACE(format);
    const std::string in = file("in", text);
    EXPECT_EQ(kvsim_trace("convert " + in + " " + path("out.gz") + " --to spans").code, 0);
    expect_equal(read("in"), read("out.gz"));
  }
}

// The sample through AIPerf rows: the same lengths, times and reuse.
TEST_F(Trace, KeepsTheClosedLoopInAiPerfRows) {
  const std::string set = " --set /workload/source=sample";
  ASSERT_EQ(kvsim_trace("generate " + path("spans") + set).code, 0);
  ASSERT_EQ(kvsim_trace("generate " + path("rows") + " --to aiperf --block-tokens 16" + set).code,
            0);
  const auto spans = read("spans");
  const auto rows = read("rows", R"(, "trace_block_tokens": 16)");
  ASSERT_EQ(spans.size(), 600U);
  ASSERT_EQ(rows.size(), 600U);
  for (std::size_t i = 0; i < spans.size(); ++i) {
    EXPECT_EQ(spans[i].arrival, rows[i].arrival);
    EXPECT_EQ(spans[i].prompt, rows[i].prompt);
    EXPECT_EQ(spans[i].turn, rows[i].turn);
  }
  const auto reuse = [&](const std::string& more) {
    return nlohmann::json::parse(kvsim_trace("info --json --block-tokens 16 " + more).text)
        .at("ideal_prefix_reuse");
  };
  EXPECT_EQ(reuse(path("spans")), reuse(path("rows") + " --set /workload/trace_block_tokens=16"));
}

TEST_F(Trace, SlicesScalesAndLimits) {
  std::string text = "arrived_at,num_prefill_tokens,num_decode_tokens\n";
  for (int i = 0; i < 10; ++i) text += fmt::format("{},{},1\n", i, i + 1);
  const std::string in = file("in.csv", text);
  EXPECT_EQ(
      kvsim_trace("convert " + in + " - --to vidur --from 2 --until 8 --limit 3 --rate-scale 2")
          .text,
      "arrived_at,num_prefill_tokens,num_decode_tokens\n0,3,1\n0.5,4,1\n1,5,1\n");
  EXPECT_EQ(kvsim_trace("convert " + in + " - --to vidur --from 100", "2").text,
            "kvsim trace convert: " + in + ": no request lies between --from and --until\n");
  EXPECT_EQ(kvsim_trace("convert " + in + " - --to vidur", "2").text,
            "note: vidur does not keep sessions, priorities and what prompts have in common\n");
  EXPECT_EQ(kvsim_trace("convert " + in + " - --to vidur --from 100").code, 2);
}

TEST_F(Trace, TellsWhatIsInIt) {
  const std::string in = file("x.jsonl", trace_samples().at("mooncake"));
  const auto info = nlohmann::json::parse(kvsim_trace("info --json " + in).text);
  EXPECT_EQ(info.at("format"), "mooncake");
  EXPECT_EQ(info.at("requests"), 2);
  EXPECT_EQ(info.at("duration_s"), 27.482);
  EXPECT_EQ(info.at("prompt_tokens").at("mean"), 556);
  // Blocks 0 and 7, then 0 again: one hit of 512 tokens.
  EXPECT_EQ(info.at("ideal_prefix_reuse").dump(),
            R"({"block_hits":1,"block_tokens":512,"blocks":3,"requests_with_hit":1,)"
            R"("token_hits":512,"tokens":1112,"unique_blocks":2})");
}

TEST_F(Trace, RefusesInOneLineAndLeavesNothingBehind) {
  const std::string in = file("in.csv",
                              "TIMESTAMP,ContextTokens,GeneratedTokens\n"
                              "2023-11-16 18:17:03,1,1\n2023-11-16 18:17:04,1,x\n");
  const Outcome broken =
      kvsim_trace("convert " + in + " " + path("out.jsonl") + " --to spans", "2");
  EXPECT_EQ(broken.code, 2);
  EXPECT_EQ(broken.text, in + ":3:23: GeneratedTokens: expected an integer, got 'x'\n");
  EXPECT_EQ(std::distance(fs::directory_iterator(fs::path(in).parent_path()), {}), 1);
  EXPECT_EQ(kvsim_trace("convert " + in + " out --to azur", "2").text,
            "kvsim trace convert: --to: no format named 'azur' can be written; known: aiperf, "
            "azure, mooncake, spans, token-ids, vidur (did you mean 'azure'?)\n");
  EXPECT_EQ(kvsim_trace("info", "2").text,
            "kvsim trace info: arguments: expected FILE, got 0; see kvsim trace info --help\n");
  EXPECT_EQ(kvsim_trace("inof x", "2").text,
            "kvsim trace: inof: no such action; known: info, convert, generate (did you mean "
            "'info'?)\n");
  EXPECT_EQ(kvsim_trace("info --format csv " + in, "2").text.substr(0, 54),
            "--format: /workload/format: no trace format named 'csv");
  EXPECT_EQ(kvsim_trace("convert " + in + " /no/such/out --to azure --limit 1", "2").code, 2);
}

// The public traces are not part of the project: KVSIM_TRACES names the folder that has them.
class PublicTrace : public testing::Test {
 protected:
  nlohmann::json info(const std::string& name) {
    const char* folder = std::getenv("KVSIM_TRACES");
    const std::string file = fmt::format("{}/{}", folder == nullptr ? "" : folder, name);
    if (folder == nullptr || !fs::exists(file)) return {};
    return nlohmann::json::parse(kvsim_trace("info --json " + file).text);
  }
};

TEST_F(PublicTrace, MooncakeConversationHasItsPublishedReuse) {
  const auto seen = info("mooncake_conversation.jsonl.gz");
  if (seen.is_null()) GTEST_SKIP() << "set KVSIM_TRACES to a folder with the public traces";
  EXPECT_EQ(seen.at("requests"), 12031);
  EXPECT_EQ(seen.at("prompt_tokens").at("p50"), 6909);
  EXPECT_EQ(seen.at("ideal_prefix_reuse").dump(),
            R"({"block_hits":105710,"block_tokens":512,"blocks":288500,)"
            R"("requests_with_hit":12030,"token_hits":54098411,"tokens":144793823,)"
            R"("unique_blocks":182790})");
}

TEST_F(PublicTrace, MooncakeSyntheticHasItsPublishedReuse) {
  const auto seen = info("mooncake_synthetic.jsonl.gz");
  if (seen.is_null()) GTEST_SKIP() << "set KVSIM_TRACES to a folder with the public traces";
  EXPECT_EQ(seen.at("requests"), 3993);
  EXPECT_EQ(seen.at("ideal_prefix_reuse").at("block_hits"), 77953);
  EXPECT_EQ(seen.at("ideal_prefix_reuse").at("blocks"), 121877);
  EXPECT_EQ(seen.at("ideal_prefix_reuse").at("unique_blocks"), 43924);
}

TEST_F(PublicTrace, AzureAndVidurHaveTheirRequests) {
  const auto conversation = info("azure_2023_conv.csv.gz");
  const auto code = info("azure_2023_code.csv.gz");
  const auto arxiv = info("vidur_arxiv.csv.gz");
  if (conversation.is_null() || code.is_null() || arxiv.is_null())
    GTEST_SKIP() << "set KVSIM_TRACES to a folder with the public traces";
  EXPECT_EQ(conversation.at("requests"), 19366);
  EXPECT_EQ(code.at("requests"), 8819);
  EXPECT_EQ(arxiv.at("requests"), 28257);
  EXPECT_EQ(arxiv.at("duration_s"), 0);
}

}  // namespace
}  // namespace kvsim
