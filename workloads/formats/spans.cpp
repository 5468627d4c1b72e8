// kvsim's own trace format: a Request as it is, nothing lost.
//
//     {"timestamp": 12.5, "delay": 800, "input_length": 20, "output_length": 4, "session_id": 3,
//      "turn": 1, "priority": 2, "spans": [[1, 0, 16], [13835058055282163715, 0, 8]]}
//
// Milliseconds. A span is [content, offset, length] (sim/model/content.h); the spans are the prompt
// and the answer. A row with a delay arrives so long after the turn before it ended. Only what
// differs from the default is written, `spans` always.

#include <charconv>
#include <limits>

#include "workloads/json_line.h"
#include "workloads/timestamp.h"
#include "workloads/trace_format.h"

namespace kvsim {
namespace {

using std::chrono::milliseconds;

class SpansReader final : public TraceReader {
 public:
  explicit SpansReader(TextInput& input) : input_(input) {}

  bool next(TraceRow& row) override {
    std::string_view text;
    if (!input_.next(text)) return false;
    JsonLine line(input_, text);
    line.object([&](std::string_view key) { take(key, line, row); });
    line.end();
    if (row.prompt == 0) input_.fail(1, "input_length: missing");
    if (row.output == 0) input_.fail(1, "output_length: missing");
    if (row.said.tokens().value() != row.prompt + row.output)
      input_.fail(1, fmt::format("spans: expected {} tokens (input_length + output_length), got {}",
                                 row.prompt + row.output, row.said.tokens().value()));
    if (row.session != Request::kNoSession) row.history = History::kFull;
    return true;
  }

 private:
  void take(std::string_view key, JsonLine& line, TraceRow& row) {
    constexpr std::int64_t kMostTurns = std::int64_t{1} << 31;
    constexpr std::int64_t kMostPriority = std::int64_t{1} << 30;
    if (key == "timestamp") {
      row.at_column = line.column();
      row.at = read_duration(line.scalar(key), milliseconds(1));
    } else if (key == "delay") {
      row.delay = read_duration(line.scalar(key), milliseconds(1));
    } else if (key == "input_length") {
      row.prompt = read_length(line.scalar(key));
    } else if (key == "output_length") {
      row.output = read_length(line.scalar(key));
    } else if (key == "session_id") {
      row.session = read_word(line.scalar(key));
    } else if (key == "turn") {
      row.turn = static_cast<std::uint32_t>(read_integer(line.scalar(key), 0, kMostTurns));
    } else if (key == "priority") {
      row.priority =
          static_cast<std::int32_t>(read_integer(line.scalar(key), -kMostPriority, kMostPriority));
    } else if (key == "spans") {
      row.said.clear();
      line.array([&] { row.said.append(read_span(line)); });
    } else {
      line.skip();
    }
  }
  static std::uint64_t read_word(const FieldText& field) {
    std::uint64_t value = 0;
    const char* end = field.text.data() + field.text.size();
    const auto [stop, error] = std::from_chars(field.text.data(), end, value);
    if (error != std::errc() || stop != end) field.fail("a whole number below 2^64");
    return value;
  }
  static Span read_span(JsonLine& line) {
    Span span;
    int parts = 0;
    line.array([&] {
      const FieldText field = line.scalar("spans");
      constexpr std::int64_t kFarthest = std::int64_t{1} << 48;
      switch (parts++) {
        case 0:
          span.content = read_word(field);
          break;
        case 1:
          span.offset = read_integer(field, 0, kFarthest);
          break;
        default:
          span.length = read_length(field);
      }
    });
    if (parts != 3) line.fail("spans: expected [content, offset, length]");
    return span;
  }

  TextInput& input_;
};

class SpansWriter final : public TraceWriter {
 public:
  std::string line(const Request& r, std::optional<Duration> delay) override {
    std::string text = fmt::format(R"({{"timestamp": {}, )",
                                   decimal_text(r.arrival.time_since_epoch(), milliseconds(1)));
    if (delay) text += fmt::format(R"("delay": {}, )", decimal_text(*delay, milliseconds(1)));
    text += fmt::format(R"("input_length": {}, "output_length": {}, )", r.prompt.value(),
                        r.output.value());
    if (r.session != Request::kNoSession) text += fmt::format(R"("session_id": {}, )", r.session);
    if (r.turn != 0) text += fmt::format(R"("turn": {}, )", r.turn);
    if (r.priority != 0) text += fmt::format(R"("priority": {}, )", r.priority);
    text += "\"spans\": [";
    std::string_view comma;
    for (const Span& span : r.content.spans()) {
      text += fmt::format("{}[{}, {}, {}]", comma, span.content, span.offset, span.length);
      comma = ", ";
    }
    return text + "]}\n";
  }
};

class Spans final : public TraceFormat {
 public:
  explicit Spans(const Setup& /*setup*/) {}
  bool recognises(std::string_view line) const override { return has_key(line, "spans"); }
  std::unique_ptr<TraceReader> reader(TextInput& input,
                                      const ReadOptions& /*options*/) const override {
    return std::make_unique<SpansReader>(input);
  }
  std::unique_ptr<TraceWriter> writer(const WriteOptions& /*options*/) const override {
    return std::make_unique<SpansWriter>();
  }
};

const Registered<TraceFormat, Spans> kSpans{
    "spans", "kvsim's own jsonl: every request as it is, nothing lost."};

}  // namespace
}  // namespace kvsim
