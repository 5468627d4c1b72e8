#pragma once
// From the words /model, /device and /cost to the things they name.
//
// A model or device is one of those built in (configs/models, configs/devices) or a file of the
// same form; a word with a '/' or ending in ".json" is a path, relative to the config's folder.

#include <memory>
#include <string>

#include "sim/core/config_view.h"
#include "sim/model/cost_model.h"
#include "sim/model/device_spec.h"
#include "sim/model/model_spec.h"

namespace kvsim {

/// What a field's word led to.
struct ConfigFile {
  std::string name;  ///< Of the thing: the file's without ".json".
  std::string file;  ///< For errors.
  std::string text;
};

/// The file at the path that field `pointer` says, relative to the config's folder. Throws
/// InputError if it cannot be read.
[[nodiscard]] ConfigFile read_config_file(const std::string& pointer, const std::string& word,
                                          const ConfigView& config);

/// With the window and the sinks that the config puts on its layers.
/// Throws InputError naming the field if there is no such model or file, and naming the file if its
/// contents are wrong.
[[nodiscard]] ModelSpec load_model(const ConfigView& config);
/// The one that /speculative/model names. Requires that it is set.
[[nodiscard]] ModelSpec load_draft_model(const ConfigView& config);
[[nodiscard]] DeviceSpec load_device(const ConfigView& config);

/// The cost model that /cost names; "auto" is the best there is for this model and device.
/// `model` and `device` must outlive it.
[[nodiscard]] std::unique_ptr<CostModel> load_cost_model(const ModelSpec& model,
                                                         const DeviceSpec& device,
                                                         const ConfigView& config);

}  // namespace kvsim
