// kvsim validate: a measured server run, simulated, and how far off that is.

#include <array>
#include <optional>

#include <nlohmann/json.hpp>

#include "reports/validation.h"
#include "sim/cli/config_file.h"
#include "sim/cli/console.h"
#include "sim/cli/options.h"
#include "sim/cli/server_options.h"
#include "sim/cli/verbs.h"
#include "sim/core/input_error.h"
#include "sim/engine/experiment.h"
#include "workloads/measured.h"

namespace kvsim {
namespace {

namespace po = boost::program_options;
using Words = std::vector<std::string>;

constexpr std::string_view kUsage =
    "MEASURED.csv [CONFIG] [options]\n"
    "\n"
    "MEASURED.csv has a line for each request that a server served:\n"
    "  arrival_s,prompt_tokens,output_tokens,ttft_ms,e2e_ms[,tpot_ms][,prompt_id][,status]\n"
    "(arrival_ms, arrival_time_us, planned_arrival_us, input_tokens, completion_tokens ... will "
    "do;\n"
    "prompts with one prompt_id say the same). CONFIG says what served them. Nothing is fitted.\n";

struct Served {
  MeasuredTimes times;
  std::int64_t output = 0;
};

std::vector<Served> read_measured(const std::string& path) {
  TextInput input(path);
  if (!MeasuredReader::recognises(input.peek()))
    input.fail(1,
               "expected the columns arrival_s, prompt_tokens, output_tokens, ttft_ms and e2e_ms");
  MeasuredReader reader(input);
  std::vector<Served> served;
  for (TraceRow row; reader.next(row); row.clear()) served.push_back({reader.times(), row.output});
  return served;
}

// What the simulation took for each request, by id: the row of the file.
class Stopwatch final : public Bystander {
 public:
  explicit Stopwatch(std::size_t requests) : times_(requests) {}
  void on_finish(Time now, const Sequence& s, ReplicaId /*where*/) override {
    MeasuredTimes times;
    times.ttft = s.first_token_at - s.request.arrival;
    times.e2e = now - s.request.arrival;
    times_[s.request.id] = times;
  }
  [[nodiscard]] const std::optional<MeasuredTimes>& operator[](std::size_t id) const {
    return times_[id];
  }

 private:
  std::vector<std::optional<MeasuredTimes>> times_;
};

double tpot_ms(const MeasuredTimes& times, std::int64_t output) {
  if (times.tpot) return milliseconds(*times.tpot);
  return milliseconds(times.e2e - times.ttft) / static_cast<double>(output - 1);
}

std::vector<ValidatedMetric> pair_up(const std::vector<Served>& served,
                                     const Stopwatch& simulated) {
  std::vector<ValidatedMetric> metrics{{"TTFT", {}}, {"TPOT", {}}, {"E2E", {}}};
  for (std::size_t i = 0; i < served.size(); ++i) {
    if (!simulated[i]) continue;
    const MeasuredTimes& real = served[i].times;
    const MeasuredTimes& ours = *simulated[i];
    metrics[0].pairs.emplace_back(milliseconds(real.ttft), milliseconds(ours.ttft));
    if (served[i].output > 1)
      metrics[1].pairs.emplace_back(tpot_ms(real, served[i].output),
                                    tpot_ms(ours, served[i].output));
    metrics[2].pairs.emplace_back(milliseconds(real.e2e), milliseconds(ours.e2e));
  }
  return metrics;
}

// Of the config all but its workload: a scenario may speed up, cut or repeat its own.
ConfigView config_of(const Words& words, const po::variables_map& values) {
  ConfigView server =
      load_config("validate", words.size() > 1 ? std::optional(words[1]) : std::nullopt).config;
  apply_server_options(values, "validate", server);
  nlohmann::ordered_json document = server.resolved();
  document["workload"] = {{"trace", words[0]}, {"format", "measured"}};
  ConfigView config(document, server.file());
  if (values.count("set") != 0)
    for (const std::string& assignment : values["set"].as<Words>()) config.set(assignment);
  return config;
}

}  // namespace

int validate_verb(Arguments arguments) {
  po::options_description options("options");
  options.add_options()("set", po::value<Words>()->composing()->value_name("/PTR=VALUE"),
                        "override a config field; may be repeated")("json", "print JSON");
  add_server_options(options);
  const auto values = parse_options("validate", kUsage, options, arguments);
  if (!values) return kExitOk;
  Words words;
  if (values->count("positional") != 0) words = (*values)["positional"].as<Words>();
  if (words.empty())
    throw InputError("kvsim validate", "MEASURED.csv", "name the measured requests");
  if (words[0] == "-") throw InputError("kvsim validate", "-", "name a file: it is read twice");
  if (words.size() > 2) throw InputError("kvsim validate", words[2], "one config at a time");
  const std::vector<Served> served = read_measured(words[0]);
  const ConfigView config = config_of(words, *values);
  Stopwatch stopwatch(served.size());
  const std::array<Observer*, 1> watchers{&stopwatch};
  ProgressBar bar;
  const Report report = run_experiment(config, watchers, bar.callback());
  const std::vector<ValidatedMetric> metrics = pair_up(served, stopwatch);
  const std::size_t lost = served.size() - metrics[0].pairs.size();
  print_result(values->count("json") != 0 ? validation_json(metrics, report, lost)
                                          : validation_text(metrics, report, lost));
  return kExitOk;
}

}  // namespace kvsim
