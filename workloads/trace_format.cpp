#include "workloads/trace_format.h"

namespace kvsim {

void TraceRow::clear() {
  Content storage = std::move(said);
  storage.clear();
  *this = TraceRow();
  said = std::move(storage);
}

bool has_key(std::string_view line, std::string_view name) {
  return line.starts_with('{') && line.find(fmt::format("\"{}\"", name)) != std::string_view::npos;
}

}  // namespace kvsim
