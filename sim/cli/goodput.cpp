// --goodput NAME:MS ...: vllm bench serve's grammar for the config's /slo.

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sim/cli/run_outputs.h"
#include "sim/core/spelling.h"

namespace kvsim {
namespace {

struct Objective {
  std::string_view vllm, field;
};
constexpr std::array kObjectives{Objective{"ttft", "/slo/ttft_ms"},
                                 Objective{"tpot", "/slo/tpot_ms"},
                                 Objective{"e2el", "/slo/e2e_ms"}};

std::string field_of(const std::string& term, std::string_view name) {
  std::vector<std::string> known;
  for (const Objective& objective : kObjectives) {
    if (objective.vllm == name) return std::string(objective.field);
    known.emplace_back(objective.vllm);
  }
  throw InputError("--goodput", term,
                   fmt::format("no objective named '{}'; known: {}{}", name, joined(known),
                               did_you_mean(std::string(name), known)));
}

// As JSON, so that the config is the one that --set would make.
nlohmann::ordered_json milliseconds_of(const std::string& term, std::string_view text) {
  auto ms = nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!ms.is_number())
    throw InputError("--goodput", term,
                     "expected NAME:MILLISECONDS, such as ttft:5000 (put CONFIG before --goodput)");
  return ms;
}

}  // namespace

void set_objectives(const std::vector<std::string>& terms, ConfigView& config) {
  for (const std::string& term : terms) {
    const std::size_t colon = std::min(term.find(':'), term.size() - 1);
    const auto ms = milliseconds_of(term, std::string_view(term).substr(colon + 1));
    config.set(field_of(term, std::string_view(term).substr(0, colon)), ms, "--goodput");
  }
}

}  // namespace kvsim
