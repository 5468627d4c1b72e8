// Mooncake traces (github.com/kvcache-ai/Mooncake, FAST25-release) and the superset that AIPerf and
// genai-perf replay (github.com/ai-dynamo/aiperf, docs/benchmark-modes/trace-replay.md).
//
//     {"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [46, 47, 2354]}
//
// Milliseconds. A hash names 512 tokens (the file does not say so) and everything before them; the
// last block may be partial. Answers have no hashes. AIPerf adds sessions, whose later rows are
// closed-loop turns (`delay` ms after the turn before ended) that say what the turn *adds* to the
// conversation; rows without a timestamp have no schedule. `priority` is ours.

#include <limits>
#include <string>
#include <unordered_map>

#include "workloads/formats/mooncake_writer.h"
#include "workloads/json_line.h"
#include "workloads/trace_format.h"

namespace kvsim {
namespace {

using std::chrono::milliseconds;
constexpr std::int64_t kMooncakeBlock = 512;
constexpr std::int64_t kLargestHash = std::numeric_limits<std::int64_t>::max() - 1;

class MooncakeReader final : public TraceReader {
 public:
  MooncakeReader(TextInput& input, const ReadOptions& options) : input_(input), options_(options) {}

  bool next(TraceRow& row) override {
    std::string_view text;
    if (!input_.next(text)) return false;
    hashes_.clear();
    hashes_column_ = 0;
    JsonLine line(input_, text);
    line.object([&](std::string_view key) { take(key, line, row); });
    line.end();
    need(row.prompt > 0, "input_length");
    need(row.output > 0, "output_length");
    if (hashes_column_ != 0) say_blocks(row);
    return true;
  }

 private:
  void take(std::string_view key, JsonLine& line, TraceRow& row) {
    if (line.null()) return;
    if (key == "timestamp" || key == "created_time") {
      row.at_column = line.column();
      row.at = read_duration(line.scalar(key), milliseconds(1));
    } else if (key == "delay" || key == "delay_ms") {
      row.delay = read_duration(line.scalar(key), milliseconds(1));
    } else if (key == "input_length" || key == "input_tokens") {
      row.prompt = read_length(line.scalar(key));
    } else if (key == "output_length" || key == "output_tokens") {
      row.output = read_length(line.scalar(key));
    } else if (key == "hash_ids") {
      take_hashes(line);
    } else if (key == "session_id") {
      row.session = session(line.scalar(key).text);
      row.history = options_.turns;
    } else if (key == "priority") {
      constexpr std::int64_t kMost = std::int64_t{1} << 30;
      row.priority = static_cast<std::int32_t>(read_integer(line.scalar(key), -kMost, kMost));
    } else {
      line.skip();
    }
  }
  void take_hashes(JsonLine& line) {
    hashes_.clear();
    hashes_column_ = line.column();
    line.array([&] { hashes_.push_back(read_integer(line.scalar("hash_ids"), 0, kLargestHash)); });
  }
  void need(bool given, std::string_view key) const {
    if (!given) input_.fail(1, fmt::format("{}: missing", key));
  }
  void say_blocks(TraceRow& row) const {
    const std::int64_t block = options_.block_tokens;
    const std::int64_t expected = (row.prompt + block - 1) / block;
    if (std::ssize(hashes_) != expected)
      input_.fail(hashes_column_,
                  fmt::format("hash_ids: expected {} ids ({} tokens in blocks of {}), got {}; is "
                              "/workload/trace_block_tokens right?",
                              expected, row.prompt, block, hashes_.size()));
    for (std::int64_t i = 0; i < expected; ++i) {
      const std::uint64_t hash = static_cast<std::uint64_t>(hashes_[static_cast<std::size_t>(i)]);
      row.said.append({shared_content(hash), 0, std::min(block, row.prompt - i * block)});
    }
  }
  std::uint64_t session(std::string_view id) {
    return sessions_.try_emplace(std::string(id), sessions_.size()).first->second;
  }

  TextInput& input_;
  ReadOptions options_;
  std::vector<std::int64_t> hashes_;
  std::size_t hashes_column_ = 0;                            // 0: the row has none
  std::unordered_map<std::string, std::uint64_t> sessions_;  // never iterated
};

class Mooncake : public TraceFormat {
 public:
  explicit Mooncake(const Setup& /*setup*/) {}
  bool recognises(std::string_view line) const override { return rows(line) && !sessions(line); }
  std::int64_t block_tokens() const override { return kMooncakeBlock; }
  std::unique_ptr<TraceReader> reader(TextInput& input, const ReadOptions& options) const override {
    return std::make_unique<MooncakeReader>(input, options);
  }
  std::unique_ptr<TraceWriter> writer(const WriteOptions& options) const override {
    return make_mooncake_writer(sized(options), /*sessions=*/false);
  }
  std::string_view loses() const override {
    return "priorities, the closed loop of sessions and what prompts share of less than a block";
  }

 protected:
  static WriteOptions sized(WriteOptions options) {
    if (options.block_tokens == 0) options.block_tokens = kMooncakeBlock;
    return options;
  }
  static bool rows(std::string_view line) {
    const bool prompt = has_key(line, "input_length") || has_key(line, "input_tokens");
    return prompt && !has_key(line, "chat_id") && !has_key(line, "spans");
  }
  static bool sessions(std::string_view line) {
    return has_key(line, "session_id") || has_key(line, "delay") || has_key(line, "delay_ms") ||
           has_key(line, "input_tokens");
  }
};

class AiPerf final : public Mooncake {
 public:
  using Mooncake::Mooncake;
  bool recognises(std::string_view line) const override { return rows(line) && sessions(line); }
  std::unique_ptr<TraceWriter> writer(const WriteOptions& options) const override {
    return make_mooncake_writer(sized(options), /*sessions=*/true);
  }
  std::string_view loses() const override {
    return "what prompts of different sessions share of less than a block";
  }
};

const Registered<TraceFormat, Mooncake> kMooncake{
    "mooncake", "Mooncake jsonl: 512-token block hashes, milliseconds."};
const Registered<TraceFormat, AiPerf> kAiPerf{
    "aiperf", "AIPerf/genai-perf jsonl: Mooncake rows plus closed-loop sessions."};

}  // namespace
}  // namespace kvsim
