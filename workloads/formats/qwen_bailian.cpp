// Qwen-Bailian usage traces (github.com/alibaba-edu/qwen-bailian-usagetraces-anon; "KVCache Cache
// in the Wild", USENIX ATC 2025).
//
//     {"chat_id": 159, "parent_chat_id": 55, "timestamp": 61.114, "input_length": 521,
//      "output_length": 132, "type": "text", "turn": 2, "hash_ids": [1089, 1090, 13148]}
//
// Seconds. A hash names the 16 tokens of one block and not what came before it. Every row is the
// full context and arrives when it says (open loop); chats are linked to their parents, and a
// session is what hangs together.

#include <limits>
#include <unordered_map>

#include "workloads/json_line.h"
#include "workloads/trace_format.h"

namespace kvsim {
namespace {

constexpr std::int64_t kBailianBlock = 16;
constexpr std::int64_t kLargestId = std::numeric_limits<std::int64_t>::max() - 1;

class BailianReader final : public TraceReader {
 public:
  BailianReader(TextInput& input, std::int64_t block_tokens)
      : input_(input), block_tokens_(block_tokens) {}

  bool next(TraceRow& row) override {
    std::string_view text;
    if (!input_.next(text)) return false;
    chat_ = parent_ = -1;
    hashes_.clear();
    hashes_column_ = 0;
    JsonLine line(input_, text);
    line.object([&](std::string_view key) { take(key, line, row); });
    line.end();
    need(row.at.has_value(), "timestamp");
    need(row.prompt > 0, "input_length");
    need(row.output > 0, "output_length");
    if (hashes_column_ != 0) say_blocks(row);
    if (chat_ >= 0) row.session = session();
    return true;
  }

 private:
  void take(std::string_view key, JsonLine& line, TraceRow& row) {
    if (line.null()) return;
    if (key == "timestamp") {
      row.at_column = line.column();
      row.at = read_duration(line.scalar(key), std::chrono::seconds(1));
    } else if (key == "input_length") {
      row.prompt = read_length(line.scalar(key));
    } else if (key == "output_length") {
      row.output = read_length(line.scalar(key));
    } else if (key == "chat_id") {
      chat_ = read_integer(line.scalar(key), -1, kLargestId);
    } else if (key == "parent_chat_id") {
      parent_ = read_integer(line.scalar(key), -1, kLargestId);
    } else if (key == "turn") {
      constexpr std::int64_t kMostTurns = std::int64_t{1} << 31;
      const std::int64_t turn = read_integer(line.scalar(key), 0, kMostTurns);
      row.turn = static_cast<std::uint32_t>(std::max<std::int64_t>(turn - 1, 0));
    } else if (key == "hash_ids") {
      hashes_column_ = line.column();
      hashes_.clear();
      line.array([&] { hashes_.push_back(read_integer(line.scalar(key), 0, kLargestId)); });
    } else {
      line.skip();
    }
  }
  void need(bool given, std::string_view key) const {
    if (!given) input_.fail(1, fmt::format("{}: missing", key));
  }
  // The last, partial block may have an id or not.
  void say_blocks(TraceRow& row) const {
    const std::int64_t whole = row.prompt / block_tokens_;
    const std::int64_t started = (row.prompt + block_tokens_ - 1) / block_tokens_;
    const std::int64_t given = std::ssize(hashes_);
    if (given != whole && given != started)
      input_.fail(hashes_column_,
                  fmt::format("hash_ids: expected {} ids ({} tokens in blocks of {}), got {}; is "
                              "/workload/trace_block_tokens right?",
                              started, row.prompt, block_tokens_, given));
    std::int64_t left = row.prompt;
    for (const std::int64_t hash : hashes_) {
      row.said.append(
          {shared_content(static_cast<std::uint64_t>(hash)), 0, std::min(block_tokens_, left)});
      left -= block_tokens_;
    }
  }
  // The chat that this one goes back to. Only chats with a parent are remembered.
  std::uint64_t session() {
    const auto chat = static_cast<std::uint64_t>(chat_);
    if (parent_ < 0) return chat;
    const auto parent = static_cast<std::uint64_t>(parent_);
    const auto found = roots_.find(parent);
    const std::uint64_t root = found == roots_.end() ? parent : found->second;
    roots_.insert_or_assign(chat, root);
    return root;
  }

  TextInput& input_;
  std::int64_t block_tokens_;
  std::int64_t chat_ = -1, parent_ = -1;
  std::vector<std::int64_t> hashes_;
  std::size_t hashes_column_ = 0;                           // 0: the row has none
  std::unordered_map<std::uint64_t, std::uint64_t> roots_;  // chat -> root; never iterated
};

class Bailian final : public TraceFormat {
 public:
  explicit Bailian(const Setup& /*setup*/) {}
  bool recognises(std::string_view line) const override {
    return has_key(line, "chat_id") && has_key(line, "input_length");
  }
  std::int64_t block_tokens() const override { return kBailianBlock; }
  std::unique_ptr<TraceReader> reader(TextInput& input, const ReadOptions& options) const override {
    return std::make_unique<BailianReader>(input, options.block_tokens);
  }
};

const Registered<TraceFormat, Bailian> kBailian{
    "qwen-bailian", "Qwen-Bailian jsonl: 16-token block hashes, seconds, chats."};

}  // namespace
}  // namespace kvsim
