#include <cstdio>
#include <ctime>

#include "kernels/calibrate/cuda/actions.h"
#include "kernels/calibrate/cuda/sensors.h"
#include "kernels/calibrate/cuda/session.h"
#include "kernels/calibrate/host/budget.h"
#include "kernels/calibrate/host/dry_run.h"
#include "kernels/calibrate/host/files.h"
#include "kernels/calibrate/host/text.h"

namespace kvsim::calibrate {
namespace {

constexpr double kNews = 5;  // seconds between two lines of progress

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  char text[32];
  (void)std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
  return text;
}

/// All-reduces need several GPUs: taken from the imported profile of the same device, if it is
/// here.
Json imported_all_reduce(const std::string& device, std::vector<std::string>& warnings) {
  const std::string path = text("configs/costs/", device, "-imported.json");
  try {
    const Json profile = Json::parse(read_file(path));
    Json lines = profile.at("all_reduce");
    return lines;
  } catch (const std::exception& problem) {
    warnings.push_back(text("no all-reduce: ", problem.what()));
    return Json::list();
  }
}

Json reading(const Sensors& sensors, double seconds) {
  Json json = sensors.read();
  json["at_s"] = seconds;
  return json;
}

}  // namespace

int calibrate(const Options& options) {
  const Budget budget(options.budget, steady_seconds);
  Session session(options);
  const std::string out = options.out.empty()
                              ? text("configs/costs/", session.device().short_name, ".json")
                              : options.out;
  ProfileFacts facts;
  facts.created = utc_now();
  facts.device = session.device().facts;
  facts.multiprocessors = session.device().multiprocessors;
  facts.model = session.model();
  facts.build = Json::object({{"git_commit", KVSIM_COMMIT},
                              {"kernel_source_hash", KVSIM_SOURCE_HASH},
                              {"nvcc", KVSIM_NVCC}});
  const Sensors sensors;
  facts.device["driver"] = sensors.driver();
  facts.conditions = Json::list();
  facts.conditions.push(reading(sensors, 0));

  const std::vector<Case> cases = planned_cases(options, session.memory());
  std::vector<Sample> samples;
  std::size_t left_out = 0;
  double last_news = 0;
  for (const Case& c : cases) {
    if (!budget.allows(c.seconds)) {
      ++left_out;
      continue;
    }
    if (auto sample = session.time(c)) samples.push_back(std::move(*sample));
    if (budget.spent() < last_news + kNews) continue;
    last_news = budget.spent();
    facts.conditions.push(reading(sensors, last_news));
    std::fprintf(stderr, "%4.0f s  %zu of %zu launches  %s\n", last_news, samples.size(),
                 cases.size(), c.label.c_str());
  }
  facts.conditions.push(reading(sensors, budget.spent()));
  if (samples.empty()) throw BadInput("nothing could be timed");
  facts.warnings = session.warnings();
  if (left_out > 0)
    facts.warnings.push_back(
        text(left_out, " launches were left out: the budget of ", options.budget, " s was spent"));
  facts.all_reduce = imported_all_reduce(session.device().short_name, facts.warnings);
  const Json profile = make_profile(facts, samples);
  write_file(out, document_text(profile));
  std::printf("%s: %zu launches in %.0f s\n", out.c_str(), samples.size(), budget.spent());
  std::printf("ceilings %s\nheld out %s\n", profile.at("ceilings").text().c_str(),
              profile.at("holdout").text().c_str());
  for (const Json& warning : profile.at("warnings").items())
    std::printf("warning: %s\n", warning.string().c_str());
  return kExitOk;
}

}  // namespace kvsim::calibrate
