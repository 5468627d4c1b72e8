#pragma once
// Calendar time as traces write it, "2023-11-16 18:17:03.9799600", and times of decimal units.

#include <string>

#include "workloads/field_text.h"

namespace kvsim {

/// Since 1970-01-01 00:00:00 UTC. Date and time are parted by a blank or a 'T'; up to 9 decimals; a
/// closing "Z" or "+hh:mm" is understood. Years 1970 to 2200.
[[nodiscard]] Duration read_timestamp(const FieldText& field);
/// "1970-01-01 00:00:00.1000000": 7 decimals as Azure writes them, 9 if the time needs them.
[[nodiscard]] std::string timestamp_text(Duration since_1970);
/// `time` in `unit`s without loss and without closing zeros: "27482", "0.5".
[[nodiscard]] std::string decimal_text(Duration time, Duration unit);

}  // namespace kvsim
