#include "workloads/lengths_csv.h"

namespace kvsim {

LengthsReader::LengthsReader(TextInput& input, const LengthsLayout& layout)
    : layout_(layout),
      table_(input),
      has_at_(!layout.at_optional || table_.has(layout.at)),
      has_session_(!layout.session.empty() && table_.has(layout.session)),
      prompt_(table_.column(layout.prompt)),
      output_(table_.column(layout.output)) {
  if (has_at_) at_ = table_.column(layout.at);
  if (has_session_) session_ = table_.column(layout.session);
}

bool LengthsReader::next(TraceRow& row) {
  while (table_.next()) {
    const FieldText output = table_.cell(output_);
    if (layout_.zero_output_failed && read_integer(output, 0, kLongestText) == 0) {
      ++skipped_;
      continue;
    }
    row.output = read_length(output);
    row.prompt = read_length(table_.cell(prompt_));
    if (has_at_) {
      const FieldText at = table_.cell(at_);
      row.at = layout_.clock(at);
      row.at_column = at.column;
    }
    if (has_session_) read_session(row);
    return true;
  }
  return false;
}

void LengthsReader::read_session(TraceRow& row) {
  const std::string name(table_.cell(session_).text);
  if (name.empty()) return;
  Session& session = sessions_.try_emplace(name, Session{sessions_.size(), 0}).first->second;
  row.session = session.number;
  row.turn = session.turns++;
}

Duration read_seconds(const FieldText& field) {
  return read_duration(field, std::chrono::seconds(1));
}

}  // namespace kvsim
