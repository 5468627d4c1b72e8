#include "sim/engine/acceptance.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "sim/core/config_schema.h"
#include "sim/model/speculation.h"

namespace kvsim {
namespace {

const DeclaredFields kFields{
    number_field("/speculative/acceptance_rate", "0.7", "", 0, 1,
                 "Chance that a guess is right if all before it were. It depends on guesser, model "
                 "and text: measure yours."),
    tree_field("/speculative/acceptance_rates", "null",
               "Instead of one rate: for every position the share of guesses accepted, as vLLM "
               "logs them (per-position acceptance rate), [0.8, 0.6, 0.5]."),
};

constexpr const char* kRates = "/speculative/acceptance_rates";

// Shares of all times, which never rise from one position to the next, to chances of each alone.
std::vector<double> chances(const ConfigView& config, std::size_t drafts) {
  const nlohmann::ordered_json said = config.tree(kRates);
  if (!said.is_array() || said.size() != drafts)
    config.fail(kRates, fmt::format("expected a list of {} numbers, one for each of "
                                    "num_speculative_tokens",
                                    drafts));
  std::vector<double> chances;
  double before = 1;
  for (std::size_t i = 0; i < drafts; ++i) {
    const double rate = said[i].is_number() ? said[i].get<double>() : -1;
    if (rate < 0 || rate > before)
      config.fail(kRates, fmt::format("/{}", i),
                  fmt::format("expected a number from 0 to the one before it ({}), got {}", before,
                              said[i].dump()));
    chances.push_back(before > 0 ? rate / before : 0);
    before = rate;
  }
  return chances;
}

}  // namespace

Acceptance::Acceptance(const ConfigView& config) {
  const auto drafts = static_cast<std::size_t>(speculation_of(config).drafts.value());
  if (drafts > 0 && config.has(kRates))
    right_ = chances(config, drafts);
  else
    right_.assign(drafts, config.number("/speculative/acceptance_rate"));
  stream_.add(static_cast<std::uint64_t>(config.integer("/seed")));
  stream_.add("acceptance");
}

Tokens Acceptance::proposed(const Sequence& s) const {
  const Tokens drafts(std::ssize(right_));
  return std::clamp(s.request.output - s.generated - Tokens(1), Tokens(0), drafts);
}

Tokens Acceptance::accepted(const Sequence& s, Tokens drafts) const {
  Tokens n;
  while (n < drafts &&
         draw(s.request.id, s.generated + n) < right_[static_cast<std::size_t>(n.value())])
    n += Tokens(1);
  return n;
}

// Uniform in [0, 1).
double Acceptance::draw(std::uint64_t request, Tokens position) const {
  Digest digest = stream_;
  digest.add(request);
  digest.add(static_cast<std::uint64_t>(position.value()));
  return static_cast<double>(digest.value() >> 11) * 0x1.0p-53;
}

}  // namespace kvsim
