#include "workloads/common_fields.h"

#include <limits>

#include "sim/core/config_schema.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    number_field("/workload/rate_scale", "1", "", 1e-6, 1e6,
                 "Arrivals come so many times as fast; in a closed loop, sessions start so."),
    integer_field("/workload/limit", "null", "requests", 1, 4294967296.0,
                  "Stop after so many requests."),
};

}  // namespace

double rate_scale(const ConfigView& config) { return config.number("/workload/rate_scale"); }

std::int64_t request_limit(const ConfigView& config) {
  return config.has("/workload/limit") ? config.integer("/workload/limit")
                                       : std::numeric_limits<std::int64_t>::max();
}

}  // namespace kvsim
