#include "sim/cli/compare_page.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "reports/html/payload.h"
#include "reports/html/report_html.h"

namespace kvsim {

std::span<Observer* const> ComparePage::watch(const std::string& label, const ConfigView& config) {
  Watched& run = watched_[label];
  run = {std::make_unique<Recorder>(Recorder::Detail::kSome), config};
  return run.recorder->watchers();
}

void ComparePage::commit(std::span<const Variant> variants, const Column& about) {
  // The page stays small, however many runs it draws.
  const std::size_t moments =
      std::clamp<std::size_t>(9000 / std::max<std::size_t>(1, variants.size()), 30, 300);
  nlohmann::ordered_json runs = nlohmann::ordered_json::array();
  for (const Variant& v : variants) {
    const auto run = watched_.find(v.label);
    runs.push_back(run == watched_.end()
                       ? run_payload(v.label, v.first(), v.settings, nullptr)
                       : run_payload(v.label, v.first(), run->second.config.resolved(),
                                     run->second.recorder.get(), moments));
  }
  file_.write(report_html(comparison_page(variants, about, std::move(runs))));
  file_.commit();
}

}  // namespace kvsim
