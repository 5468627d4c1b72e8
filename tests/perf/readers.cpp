// Trace readers: megabytes per second of plain text, by format. The text is made up, one line like
// the next, in a folder of its own.
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <unistd.h>

#include <fmt/format.h>

#include "sim/core/check.h"
#include "tests/perf/bench.h"
#include "workloads/trace_file.h"

namespace kvsim::perf {
namespace {

struct Lines {
  std::string header;
  std::function<std::string(int)> line;
};

/// `count` numbers from `first` on, as in a list.
std::string numbers(int first, int count) {
  std::string list = std::to_string(first);
  for (int i = 1; i < count; ++i) list += fmt::format(", {}", first + i);
  return list;
}

std::map<std::string, Lines> formats() {
  return {
      {"aiperf",
       {"",
        [](int i) {
          return fmt::format(
              R"({{"timestamp": {}, "input_length": 10000, "output_length": 5, "hash_ids": [{}]}})",
              i, numbers(i, 20));
        }}},
      {"azure",
       {"TIMESTAMP,ContextTokens,GeneratedTokens",
        [](int i) {
          return fmt::format("2023-11-16 {:02}:{:02}:{:02}.9799600,4808,10", i / 3600 % 24,
                             i / 60 % 60, i % 60);
        }}},
      {"burstgpt",
       {"Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,"
        "Log Type",
        [](int i) { return fmt::format("{},s{},2,GPT-4,417,276,693,API log", i, i); }}},
      {"mooncake",
       {"",
        [](int i) {
          return fmt::format(R"({{"timestamp": {}, "input_length": 10000, "output_length": 52, )"
                             R"("hash_ids": [{}]}})",
                             i, numbers(i, 20));
        }}},
      {"qwen-bailian",
       {"",
        [](int i) {
          return fmt::format(R"({{"chat_id":{},"parent_chat_id":-1,"timestamp":{},)"
                             R"("input_length":320,"output_length":132,"type":"text","turn":1,)"
                             R"("hash_ids":[{}]}})",
                             i, i, numbers(i, 20));
        }}},
      {"spans",
       {"",
        [](int i) {
          return fmt::format(R"({{"timestamp": {}, "input_length": 20, "output_length": 4, )"
                             R"("spans": [[{}, 0, 16], [13835058055282163715, 0, 8]]}})",
                             i, i);
        }}},
      {"splitwise",
       {"request_id,request_type,application_id,arrival_timestamp,batch_size,prompt_size,"
        "token_size",
        [](int i) { return fmt::format("{},0,0,{}.25,1,374,44", i, i); }}},
      {"token-ids",
       {"",
        [](int i) {
          return fmt::format(R"({{"input_toks":100,"output_toks":2,"arrival_time_ns":{},)"
                             R"("input_tok_ids":[{}],"output_tok_ids":[4,9]}})",
                             i, numbers(i, 100));
        }}},
      {"vidur",
       {"arrived_at,num_prefill_tokens,num_decode_tokens",
        [](int i) { return fmt::format("{}.5,374,44", i); }}},
  };
}

std::string write_trace(const std::filesystem::path& path, const Lines& lines) {
  constexpr std::size_t kBytes = std::size_t{20} << 20;
  std::string text = lines.header.empty() ? "" : lines.header + "\n";
  for (int i = 0; text.size() < kBytes; ++i) text += lines.line(i) + "\n";
  std::ofstream(path, std::ios::binary) << text;
  return path.string();
}

Figures read_trace(const std::string& format, const std::filesystem::path& path,
                   const Lines& lines) {
  const std::string file = write_trace(path, lines);
  constexpr int kRounds = 3;
  double fastest = 1e9;
  std::int64_t rows = 0;
  for (int i = 0; i < kRounds; ++i) {
    rows = 0;
    const Stopwatch watch;
    TraceFile trace(TextInput(file), format, {});
    TraceRow row;
    while (trace.next(row)) ++rows;
    fastest = std::min(fastest, watch.seconds());
  }
  const auto bytes = static_cast<double>(std::filesystem::file_size(path));
  return {{"bytes", bytes / fastest / 1e6, "MB/s"},
          {"rows", static_cast<double>(rows) / fastest / 1e6, "M rows/s"}};
}

void readers(Bench& bench) {
  const auto folder =
      std::filesystem::temp_directory_path() / fmt::format("kvsim_perf.{}", getpid());
  std::filesystem::create_directories(folder);
  for (const auto& [format, lines] : formats())
    bench.measure(format, [&, &name = format, &text = lines] {
      return read_trace(name, folder / name, text);
    });
  std::filesystem::remove_all(folder);
}

const Subject kSubject{"readers", readers};

}  // namespace
}  // namespace kvsim::perf
