#include "workloads/measured.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>

namespace kvsim {
namespace {

using Names = std::span<const std::string_view>;

constexpr std::string_view kPrompt[] = {"prompt_tokens", "input_tokens", "input_tokens_server"};
constexpr std::string_view kOutput[] = {"output_tokens", "completion_tokens",
                                        "output_tokens_client"};
constexpr std::string_view kTtft[] = {"ttft_ms"};
constexpr std::string_view kE2e[] = {"e2e_ms", "e2el_ms"};
constexpr std::string_view kTpot[] = {"tpot_ms"};
constexpr std::string_view kPromptId[] = {"prompt_id"};

struct ArrivalColumn {
  std::string_view name;
  Duration unit;
};
constexpr ArrivalColumn kAt[] = {{"arrival_s", std::chrono::seconds(1)},
                                 {"arrival_ms", std::chrono::milliseconds(1)},
                                 {"arrival_time_us", std::chrono::microseconds(1)},
                                 {"planned_arrival_us", std::chrono::microseconds(1)}};

std::string_view first_of(Names names, const std::vector<std::string>& header) {
  for (const std::string_view name : names)
    if (std::find(header.begin(), header.end(), name) != header.end()) return name;
  return {};
}

const ArrivalColumn* arrival_of(const std::vector<std::string>& header) {
  const auto* found = std::find_if(std::begin(kAt), std::end(kAt), [&](const ArrivalColumn& at) {
    return std::find(header.begin(), header.end(), at.name) != header.end();
  });
  return found == std::end(kAt) ? nullptr : found;
}

// The column by whichever of its names the file has; its first name is asked for if it has none.
std::size_t column_of(const CsvTable& table, Names names) {
  for (const std::string_view name : names)
    if (table.has(name)) return table.column(name);
  return table.column(names[0]);
}

std::optional<std::size_t> maybe_column(const CsvTable& table, std::string_view name) {
  if (!table.has(name)) return std::nullopt;
  return table.column(name);
}

}  // namespace

bool MeasuredReader::recognises(std::string_view header) {
  const std::vector<std::string> names = csv_names(header);
  return arrival_of(names) != nullptr && !first_of(kPrompt, names).empty() &&
         !first_of(kOutput, names).empty() && !first_of(kTtft, names).empty() &&
         !first_of(kE2e, names).empty();
}

MeasuredReader::MeasuredReader(TextInput& input)
    : table_(input),
      prompt_(column_of(table_, kPrompt)),
      output_(column_of(table_, kOutput)),
      ttft_(column_of(table_, kTtft)),
      e2e_(column_of(table_, kE2e)),
      tpot_(maybe_column(table_, kTpot[0])),
      prompt_id_(maybe_column(table_, kPromptId[0])),
      status_(maybe_column(table_, "status")),
      error_(maybe_column(table_, "has_error")) {
  const ArrivalColumn* at = std::begin(kAt);
  while (at != std::end(kAt) && !table_.has(at->name)) ++at;
  if (at == std::end(kAt)) at = std::begin(kAt);
  at_ = table_.column(at->name);
  clock_ = at->unit;
}

bool MeasuredReader::failed() const {
  const auto ok = [](std::string_view word) {
    return word.empty() || word == "ok" || word == "success" || word == "200";
  };
  if (status_ && !ok(table_.cell(*status_).text)) return true;
  return error_ && table_.cell(*error_).text != "0" && table_.cell(*error_).text != "False" &&
         !table_.cell(*error_).text.empty();
}

bool MeasuredReader::next(TraceRow& row) {
  while (table_.next()) {
    if (failed()) {
      ++skipped_;
      continue;
    }
    constexpr Duration kMillisecond = std::chrono::milliseconds(1);
    const FieldText at = table_.cell(at_);
    row.at = read_duration(at, clock_);
    row.at_column = at.column;
    row.prompt = read_length(table_.cell(prompt_));
    row.output = read_length(table_.cell(output_));
    if (prompt_id_) {
      const std::string id(table_.cell(*prompt_id_).text);
      const std::uint64_t number = prompts_.try_emplace(id, prompts_.size()).first->second;
      row.said.append({shared_content(number), 0, row.prompt});
    }
    times_.ttft = read_duration(table_.cell(ttft_), kMillisecond);
    times_.e2e = read_duration(table_.cell(e2e_), kMillisecond);
    times_.tpot.reset();
    if (tpot_) times_.tpot = read_duration(table_.cell(*tpot_), kMillisecond);
    return true;
  }
  return false;
}

}  // namespace kvsim
