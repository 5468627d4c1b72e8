#include "kernels/calibrate/host/recorded_steps.h"

#include <cmath>
#include <sstream>

#include "kernels/calibrate/host/files.h"
#include "kernels/calibrate/host/json.h"
#include "kernels/calibrate/host/options.h"
#include "kernels/calibrate/host/text.h"

namespace kvsim::calibrate {
namespace {

constexpr double kMost = 1 << 30;

/// What the host adds to the kernels of a step.
struct HostShare {
  double step = 0, sequence = 0;  // microseconds
};

std::int32_t whole(const Json& json, double least) {
  const double value = json.number();
  if (value < least || value > kMost || value != std::floor(value))
    throw JsonError(text("expected a whole number from ", least, " on, got ", json.text()));
  return static_cast<std::int32_t>(value);
}

std::vector<std::int32_t> blocks_of(const Json& work, int tokens, int page) {
  std::vector<std::int32_t> blocks;
  for (const Json& block : work.at("blocks").items()) blocks.push_back(whole(block, 0));
  if (std::ssize(blocks) != (tokens + page - 1) / page)
    throw JsonError(text(tokens, " tokens do not lie in ", blocks.size(), " blocks of ", page));
  return blocks;
}

RecordedStep step_of(const Json& line, const HostShare& host) {
  RecordedStep step;
  step.number = whole(line.at("step"), 0);
  step.page = whole(line.at("block_tokens"), 1);
  const auto& work = line.at("work").items();
  if (work.empty()) throw JsonError("a step without work");
  for (const Json& item : work) {
    const std::int32_t context = whole(item.at("context"), 0);
    const std::int32_t compute = whole(item.at("compute"), 1);
    auto blocks = blocks_of(item, context + compute, step.page);
    if (compute == 1 && context > 0) {
      step.work.lengths.push_back(context + 1);
      step.decode_blocks.push_back(std::move(blocks));
    } else {
      step.work.chunks.push_back({compute, context});
      step.prefill_blocks.push_back(std::move(blocks));
    }
  }
  step.predicted =
      line.at("took_us").number() - host.step - host.sequence * static_cast<double>(work.size());
  return step;
}

std::string kv_format(const Json& config) {
  const std::string& word = config.at("cache").at("kv_cache_dtype").string();
  if (word == "auto" || word == "bfloat16") return "bf16";
  if (word.starts_with("fp8")) return "fp8";
  throw JsonError(text("/cache/kv_cache_dtype: no kernels for '", word, "' steps yet"));
}

}  // namespace

RecordedRun read_run(const std::string& folder) {
  RecordedRun run;
  HostShare host;
  const std::string config_file = folder + "/config.json";
  const std::string config_text = read_file(config_file);
  std::string model;
  try {
    const Json config = Json::parse(config_text);
    if (config.at("tensor_parallel_size").number() != 1)
      throw JsonError("/tensor_parallel_size: one GPU replays one GPU's steps");
    model = config.at("model").string();
    run.kv = kv_format(config);
    host = {config.at("host").at("step_us").number(), config.at("host").at("sequence_us").number()};
  } catch (const JsonError& problem) {
    throw BadInput(text(config_file, ": ", problem.what()));
  }
  run.model = read_model(model);

  const std::string steps_file = folder + "/steps.jsonl";
  std::istringstream lines(read_file(steps_file));
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    try {
      run.steps.push_back(step_of(Json::parse(line), host));
    } catch (const JsonError& problem) {
      throw BadInput(text(steps_file, ":", number, ": ", problem.what()));
    }
  }
  if (run.steps.empty()) throw BadInput(text(steps_file, ": no steps"));
  return run;
}

}  // namespace kvsim::calibrate
