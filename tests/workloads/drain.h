#pragma once
// Takes all requests of a workload, each answered at once.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/model/workload_source.h"
#include "workloads/trace_source.h"

namespace kvsim {

inline std::vector<Request> drain(WorkloadSource& source) {
  std::vector<Request> all;
  while (source.upcoming()) {
    Request& r = all.emplace_back();
    source.take(r);
    source.ended(r, r.arrival);
  }
  return all;
}

/// The trace `text` as a workload; `settings` is the config.
inline std::unique_ptr<WorkloadSource> trace_of(std::string name, std::string text,
                                                std::string_view settings = "{}",
                                                const ReadOptions& options = {}) {
  const ConfigView config = ConfigView::parse(settings, "test.json");
  return std::make_unique<TraceSource>(
      TraceFile(TextInput::from_memory(std::move(name), std::move(text)),
                config.text("/workload/format"), options),
      WorkloadSource::Setup{config, 1});
}

/// What reading `text` complains about; "no error" if it does not.
inline std::string error_in(const std::string& name, const std::string& text,
                            std::string_view settings = "{}", const ReadOptions& options = {}) {
  try {
    (void)drain(*trace_of(name, text, settings, options));
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace kvsim
