#pragma once
// What one run says on a terminal: a page of aligned ASCII, provenance and warnings included.

#include <string>

#include "sim/model/report.h"

namespace kvsim {

[[nodiscard]] std::string run_table(const Report& report);

/// Where times come from: "imported: PROFILE, hold-out error 2.5 %".
[[nodiscard]] std::string times_of(const Report::Provenance& provenance);

}  // namespace kvsim
