// Token-id traces (the input of LLMServingSim 2.0): nanoseconds, and the tokens themselves.
//
//     {"input_toks": 3, "output_toks": 1, "arrival_time_ns": 0,
//      "input_tok_ids": [1, 2, 3], "output_tok_ids": [4]}
//     {"session_id": "t0", "arrival_time_ns": 4059740,
//      "sub_requests": [{"input_toks": 1472, "output_toks": 133, "tool_duration_ns": 127348767}]}
//
// The second form is an agent: its calls are turns of one closed loop, each made when the one
// before has ended and its tool has run. A call's prompt is its full context.

#include <algorithm>
#include <utility>
#include <vector>

#include "workloads/json_line.h"
#include "workloads/trace_format.h"

namespace kvsim {
namespace {

constexpr std::chrono::nanoseconds kUnit{1};
constexpr std::int64_t kLargestTokenId = std::int64_t{1} << 32;

class TokenIdsReader final : public TraceReader {
 public:
  explicit TokenIdsReader(TextInput& input) : input_(input) {}

  bool next(TraceRow& row) override {
    if (given_ == calls_.size() && !read_line()) return false;
    row = std::move(calls_[given_++]);
    return true;
  }

 private:
  // A request, or one call of an agent, while its keys come in.
  struct Call {
    TraceRow row;
    Content prompt, output;
    bool has_prompt_ids = false, has_output_ids = false;
    Duration tool{};  ///< From its end to the next call.
  };

  bool read_line() {
    std::string_view text;
    if (!input_.next(text)) return false;
    calls_.clear();
    given_ = 0;
    bool agent = false;
    Call single;
    Duration tool_before{};
    JsonLine line(input_, text);
    line.object([&](std::string_view key) {
      if (key != "sub_requests") return take(key, line, single);
      agent = true;
      line.array([&] {
        Call call;
        line.object([&](std::string_view inner) { take(inner, line, call); });
        finish(call);
        call.row.delay = std::exchange(tool_before, call.tool);
        calls_.push_back(std::move(call.row));
      });
    });
    line.end();
    if (agent) {
      link_calls(single.row);
    } else {
      finish(single);
      calls_.push_back(std::move(single.row));
    }
    return true;
  }

  void take(std::string_view key, JsonLine& line, Call& call) {
    if (line.null()) return;
    if (key == "arrival_time_ns") {
      call.row.at_column = line.column();
      call.row.at = read_duration(line.scalar(key), kUnit);
    } else if (key == "input_toks") {
      call.row.prompt = read_length(line.scalar(key));
    } else if (key == "output_toks") {
      call.row.output = read_length(line.scalar(key));
    } else if (key == "tool_duration_ns") {
      call.tool = read_duration(line.scalar(key), kUnit);
    } else if (key == "input_tok_ids") {
      call.has_prompt_ids = take_tokens(key, line, call.prompt);
    } else if (key == "output_tok_ids") {
      call.has_output_ids = take_tokens(key, line, call.output);
    } else {
      line.skip();
    }
  }
  // An empty list says nothing.
  static bool take_tokens(std::string_view key, JsonLine& line, Content& tokens) {
    tokens.clear();
    line.array([&] {
      tokens.append({kVocabulary, read_integer(line.scalar(key), 0, kLargestTokenId), 1});
    });
    return tokens.tokens() > Tokens(0);
  }

  void finish(Call& call) const {
    TraceRow& row = call.row;
    if (row.prompt == 0) input_.fail(1, "input_toks: missing");
    if (row.output == 0) input_.fail(1, "output_toks: missing");
    if (!call.has_prompt_ids) return;
    check_count("input_tok_ids", call.prompt, "input_toks", row.prompt);
    row.said = std::move(call.prompt);
    if (!call.has_output_ids) return;
    check_count("output_tok_ids", call.output, "output_toks", row.output);
    row.said.append(call.output);
  }
  void check_count(std::string_view ids, const Content& tokens, std::string_view length,
                   std::int64_t expected) const {
    if (tokens.tokens().value() != expected)
      input_.fail(1, fmt::format("{}: expected as many as {} says ({}), got {}", ids, length,
                                 expected, tokens.tokens().value()));
  }
  void link_calls(const TraceRow& session) {
    if (calls_.empty()) input_.fail(1, "sub_requests: expected at least one");
    for (TraceRow& call : calls_) {
      call.history = History::kFull;
      call.session = sessions_;
    }
    ++sessions_;
    calls_.front().at = session.at;
    calls_.front().at_column = session.at_column;
    calls_.front().delay.reset();
    calls_.back().last_turn = true;
  }

  TextInput& input_;
  std::vector<TraceRow> calls_;  // of the current line
  std::size_t given_ = 0;
  std::uint64_t sessions_ = 0;
};

class TokenIdsWriter final : public TraceWriter {
 public:
  std::string line(const Request& r, std::optional<Duration> /*delay*/) override {
    std::string text =
        fmt::format(R"({{"input_toks": {}, "output_toks": {}, "arrival_time_ns": {})",
                    r.prompt.value(), r.output.value(), r.arrival.time_since_epoch().count());
    add_ids(r.content, Tokens(0), r.prompt, "input_tok_ids", text);
    add_ids(r.content, r.prompt, r.output, "output_tok_ids", text);
    return text + "}\n";
  }

 private:
  static void add_ids(const Content& content, Tokens from, Tokens count, std::string_view key,
                      std::string& text) {
    Content part;
    part.append_slice(content, from, count);
    const auto spans = part.spans();
    if (!std::all_of(spans.begin(), spans.end(),
                     [](const Span& s) { return s.content == kVocabulary; }))
      return;
    text += fmt::format(", \"{}\": [", key);
    std::string_view comma;
    for (const Span& span : spans)
      for (std::int64_t i = 0; i < span.length; ++i) {
        text += fmt::format("{}{}", comma, span.offset + i);
        comma = ", ";
      }
    text += ']';
  }
};

class TokenIds final : public TraceFormat {
 public:
  explicit TokenIds(const Setup& /*setup*/) {}
  bool recognises(std::string_view line) const override {
    return has_key(line, "input_toks") || has_key(line, "sub_requests");
  }
  std::unique_ptr<TraceReader> reader(TextInput& input,
                                      const ReadOptions& /*options*/) const override {
    return std::make_unique<TokenIdsReader>(input);
  }
  std::unique_ptr<TraceWriter> writer(const WriteOptions& /*options*/) const override {
    return std::make_unique<TokenIdsWriter>();
  }
  std::string_view loses() const override {
    return "sessions, priorities and, where the source has no token ids, what prompts have in "
           "common";
  }
};

const Registered<TraceFormat, TokenIds> kTokenIds{
    "token-ids", "Token-id jsonl: nanoseconds, the tokens themselves, agents' call chains."};

}  // namespace
}  // namespace kvsim
