#include "sim/cli/plan/prices.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sim/cli/config_file.h"
#include "sim/core/input_error.h"
#include "sim/core/json_text.h"
#include "sim/core/spelling.h"
#include "sim/model/builtin_configs.h"
#include "sim/model/json_fields.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

void only_these_keys(const Json& object, const std::string& file, const std::string& at,
                     const std::vector<std::string>& known) {
  for (const auto& [key, value] : object.items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw InputError(
          file, at + "/" + key,
          fmt::format("unknown key; known: {}{}", joined(known), did_you_mean(key, known)));
}

GpuPrice read_price(const Json& said, const std::string& file, const std::string& at) {
  const JsonFields fields(said, file, at);
  only_these_keys(said, file, at, {"per_gpu_hour", "source"});
  constexpr double kLeast = 1e-6;
  constexpr double kMost = 1e6;
  return {fields.number("per_gpu_hour", kLeast, kMost), fields.text("source")};
}

}  // namespace

Prices::Prices(const std::string& file, const std::vector<std::string>& others) : file_(file) {
  const Json document = parse_json(read_text_file(file), file);
  const JsonFields fields(document, file);
  only_these_keys(document, file, "", {"currency", "devices"});
  currency_ = fields.text("currency");
  (void)fields.object("devices");
  std::vector<std::string> known = builtin_config_names("devices");
  known.insert(known.end(), others.begin(), others.end());
  for (const auto& [device, said] : document["devices"].items()) {
    const std::string at = "/devices/" + device;
    if (std::find(known.begin(), known.end(), device) == known.end())
      throw InputError(
          file, at,
          fmt::format("no device named '{}'; known: {}{}", device,
                      joined(builtin_config_names("devices")), did_you_mean(device, known)));
    devices_.emplace(device, read_price(said, file, at));
  }
}

const GpuPrice& Prices::of(const std::string& device) const {
  const auto found = devices_.find(device);
  if (found != devices_.end()) return found->second;
  throw InputError(file_, "/devices",
                   fmt::format("no price of '{}'; add it, leave the device out, or plan without "
                               "--prices to count GPUs",
                               device));
}

}  // namespace kvsim
