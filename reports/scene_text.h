#pragma once
// One step drawn as a textbook would (batch, block tables, free queue, tree), and one request's
// life, moment by moment.

#include <string>

#include "sim/model/scene.h"

namespace kvsim {

/// Long lists are cut, and say by how much.
[[nodiscard]] std::string scene_text(const StepScene& scene);
[[nodiscard]] std::string life_text(const RequestLife& life);

}  // namespace kvsim
