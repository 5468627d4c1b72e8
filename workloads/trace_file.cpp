#include "workloads/trace_file.h"

#include "sim/core/spelling.h"

namespace kvsim {
namespace {

using Formats = Registry<TraceFormat>;

std::string start_of(std::string_view line) {
  constexpr std::size_t kShown = 60;
  std::string start(line.substr(0, kShown));
  for (char& c : start)
    if (c < ' ' || c > '~') c = '?';
  return line.size() > kShown ? start + "..." : start;
}

std::string recognise(TextInput& input) {
  const std::string_view line = input.peek();
  if (line.empty()) input.fail(1, "expected a trace, got an empty file");
  for (const std::string& name : Formats::names())
    if (Formats::make(name, {})->recognises(line)) return name;
  input.fail(1, fmt::format("no known trace format starts like '{}'; known: {}; if it is one of "
                            "them, name it (/workload/format or --format)",
                            start_of(line), joined(Formats::names())));
}

}  // namespace

TraceFile::TraceFile(TextInput input, std::string_view format, const ReadOptions& options)
    : input_(std::make_unique<TextInput>(std::move(input))),
      format_(format == kAnyFormat ? recognise(*input_) : std::string(format)) {
  const std::unique_ptr<TraceFormat> known = Formats::make(format_, {});
  ReadOptions chosen = options;
  if (chosen.block_tokens == 0) chosen.block_tokens = known->block_tokens();
  if (known->block_tokens() != 0) block_tokens_ = chosen.block_tokens;
  reader_ = known->reader(*input_, chosen);
}

bool TraceFile::next(TraceRow& row) {
  row.clear();
  if (!reader_->next(row)) return false;
  if (++rows_ > kMostRows) fail(1, "the trace has more than 2^32 requests");
  return true;
}

std::string TraceFile::digest() const { return fmt::format("{:016x}", input_->digest()); }

}  // namespace kvsim
