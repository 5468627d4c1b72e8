#include "sim/model/workload_source.h"

#include <nlohmann/json.hpp>

#include "sim/core/config_schema.h"
#include "sim/model/decoding.h"

namespace kvsim {
namespace {

const std::string kSource = "/workload/source";
const std::string kTrace = "/workload/trace";
const std::string kPromptScale = "/workload/prompt_scale";
const std::string kOutputScale = "/workload/output_scale";
constexpr std::string_view kAuto = "auto";

std::vector<std::string> source_words() {
  std::vector<std::string> words = Registry<WorkloadSource>::names();
  words.insert(words.begin(), std::string(kAuto));
  return words;
}

const DeclaredFields kFields{
    word_field(kSource, std::string(kAuto), "workload source", source_words,
               "auto: trace if /workload/trace is set, generated if anything under "
               "/workload/generate or /workload/arrivals is, else the embedded sample."),
    number_field(kPromptScale, "1", "", 0.01, 100,
                 "Prompts this many times as long: what they gain is their own, at the end."),
    number_field(kOutputScale, "1", "", 0.01, 100, "The same for answers."),
};

// Is some field below `prefix` set to other than its default?
bool anything_set(const ConfigView& config, const std::string& prefix) {
  const nlohmann::ordered_json resolved = config.resolved();
  const auto& fields = config_fields();
  for (auto at = fields.lower_bound(prefix); at != fields.end() && at->first.starts_with(prefix);
       ++at) {
    const auto& value = resolved.at(nlohmann::ordered_json::json_pointer(at->first));
    if (value != nlohmann::ordered_json::parse(at->second.fallback)) return true;
  }
  return false;
}

}  // namespace

std::string workload_kind(const ConfigView& config) {
  std::string said = config.text(kSource);
  if (said != kAuto) return said;
  const bool generated = anything_set(config, "/workload/generate/");
  if (config.has(kTrace)) {
    if (generated)
      config.fail(kSource, "both /workload/trace and /workload/generate are set: say which");
    return "trace";
  }
  return generated || anything_set(config, "/workload/arrivals/") ? "generated" : "sample";
}

std::unique_ptr<WorkloadSource> open_workload(const WorkloadSource::Setup& setup) {
  auto source = Registry<WorkloadSource>::make(workload_kind(setup.config), setup);
  if (setup.config.number(kPromptScale) != 1 || setup.config.number(kOutputScale) != 1)
    source = Registry<WorkloadLayer>::make("scaled", {source, setup.config, setup.seed});
  const Decoding decoding = decoding_of(setup.config);
  if (decoding.siblings() == 1) return source;
  const std::string layer =
      decoding.beams() && !decoding.server_keeps_beams ? "beam-client" : "siblings";
  return Registry<WorkloadLayer>::make(layer, {source, setup.config, setup.seed});
}

}  // namespace kvsim
