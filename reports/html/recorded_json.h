#pragma once
// What a Recorder saw, as the keys of a RUN (reports/html/payload.h).

#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "reports/html/recorder.h"

namespace kvsim {

/// Adds "latency", "timeline", "maps" and "log", as far as there is something to draw.
/// The timeline is cut down to `moments` rows, and the last.
void add_recorded(const Recorder& recorder, std::size_t moments, nlohmann::ordered_json& run);
[[nodiscard]] nlohmann::ordered_json laws_json(const std::vector<Invariant>& laws);

}  // namespace kvsim
