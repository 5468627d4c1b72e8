#pragma once
// An Explanation for people: every miss with its reason, and what evictions and preemptions cost.

#include <string>

#include "sim/model/explanation.h"
#include "sim/model/report.h"

namespace kvsim {

[[nodiscard]] std::string explanation_text(const Explanation& why, const Report& report);

}  // namespace kvsim
