#pragma once
// An Explanation as JSON: counts are tokens, times seconds, requests their ids (null: no single
// one).

#include <nlohmann/json_fwd.hpp>

#include "sim/model/explanation.h"

namespace kvsim {

[[nodiscard]] nlohmann::ordered_json explanation_json(const Explanation& why);

}  // namespace kvsim
