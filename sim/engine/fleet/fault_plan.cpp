#include "sim/engine/fleet/fault_plan.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <nlohmann/json.hpp>

#include "sim/core/config_schema.h"
#include "sim/core/spelling.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

const std::string kFaults = "/faults";

const DeclaredFields kFields{
    tree_field(
        kFaults, "[]",
        "What goes wrong: a list of {\"kind\": \"replica-down\" or \"slow-replica\", "
        "\"replica\": N (all without), \"at_s\": T, \"for_s\": D (for good without), \"factor\": "
        "F (slow-replica)}; or, with \"mtbf_s\" and \"mttr_s\" for \"at_s\" and \"for_s\", again "
        "and again after exponential times of these means."),
};

constexpr std::array kKinds{"replica-down", "slow-replica"};  // in the order of FaultPlan::Kind
constexpr std::array kKeys{"at_s", "factor", "for_s", "kind", "mtbf_s", "mttr_s", "replica"};
constexpr double kLongest = 1e9;  // seconds

/// One entry of the list.
class Entry {
 public:
  Entry(const ConfigView& config, const Json& fault, std::size_t index)
      : config_(config), fault_(fault), at_(fmt::format("/{}", index)) {
    if (!fault.is_object())
      fail("", "expected an object, such as {\"kind\": \"replica-down\", \"at_s\": 10}, got " +
                   shown(fault));
    const std::vector<std::string> known(kKeys.begin(), kKeys.end());
    for (const auto& [key, value] : fault.items())
      if (std::find(known.begin(), known.end(), key) == known.end())
        fail("/" + key, fmt::format("unknown field; known here: {}{}", joined(known),
                                    did_you_mean(key, known)));
  }
  [[nodiscard]] FaultPlan::Kind kind() const {
    const std::vector<std::string> known(kKinds.begin(), kKinds.end());
    const Json said = fault_.value("kind", Json(nullptr));
    const std::string word = said.is_string() ? said.get<std::string>() : shown(said);
    for (std::size_t i = 0; i < known.size(); ++i)
      if (word == known[i]) return static_cast<FaultPlan::Kind>(i);
    fail("/kind", fmt::format("no fault named '{}'; known: {}{}", word, joined(known),
                              did_you_mean(word, known)));
  }
  [[nodiscard]] bool has(const std::string& key) const { return fault_.contains(key); }
  [[nodiscard]] double number(const std::string& key, double low, double high) const {
    const Json value = fault_.value(key, Json(nullptr));
    if (!value.is_number() || !(value >= low && value <= high))
      fail("/" + key,
           fmt::format("expected a number from {} to {}, got {}", low, high, shown(value)));
    return value.get<double>();
  }
  /// The replicas it befalls.
  [[nodiscard]] std::pair<std::uint32_t, std::uint32_t> replicas(std::size_t count) const {
    const auto all = static_cast<std::uint32_t>(count);
    if (!has("replica")) return {0, all};
    const Json value = fault_["replica"];
    if (!value.is_number_integer() || value < 0 || value >= count)
      fail("/replica",
           fmt::format("expected an integer from 0 to {}, got {}", count - 1, shown(value)));
    const auto one = value.get<std::uint32_t>();
    return {one, one + 1};
  }
  [[noreturn]] void fail(const std::string& inside, const std::string& problem) const {
    config_.fail(kFaults, at_ + inside, problem);
  }

 private:
  const ConfigView& config_;
  const Json& fault_;
  std::string at_;
};

Duration drawn(double mean_s, Rng& rng) {
  return std::max(Duration(1), round_to_ns(-mean_s * std::log1p(-rng.uniform())));
}

}  // namespace

FaultPlan::FaultPlan(const ConfigView& config, std::size_t replicas, std::uint64_t seed) {
  const Json faults = config.tree(kFaults);
  if (!faults.is_array())
    config.fail(kFaults, "expected a list of objects, a fault each, got " + shown(faults));
  for (std::size_t i = 0; i < faults.size(); ++i) {
    const Entry entry(config, faults[i], i);
    Source source;
    source.next.kind = entry.kind();
    const bool slow = source.next.kind == Kind::kSlowReplica;
    if (slow) source.next.factor = entry.number("factor", 1, 1e6);
    if (!slow && entry.has("factor")) entry.fail("/factor", "only a slow-replica has one");
    const bool periodic = entry.has("mtbf_s") || entry.has("mttr_s");
    if (periodic) {
      if (entry.has("at_s") || entry.has("for_s"))
        entry.fail("", "either once (at_s, for_s) or again and again (mtbf_s, mttr_s), not both");
      source.mtbf_s = entry.number("mtbf_s", 1e-3, kLongest);
      source.mttr_s = entry.number("mttr_s", 1e-6, kLongest);
    } else {
      source.next.at = Time(round_to_ns(entry.number("at_s", 0, kLongest)));
      source.next.for_good = !entry.has("for_s");
      if (entry.has("for_s")) source.lasts = round_to_ns(entry.number("for_s", 1e-6, kLongest));
    }
    const auto [from, to] = entry.replicas(replicas);
    for (std::uint32_t replica = from; replica < to; ++replica) {
      source.next.where = ReplicaId{replica};
      source.rng = Rng(seed, fmt::format("fault {} of replica {}", i, replica));
      if (periodic) source.next.at = Time(drawn(source.mtbf_s, source.rng));
      sources_.push_back(source);
    }
  }
}

std::optional<Time> FaultPlan::next() const {
  const std::size_t first = earliest();
  if (first == sources_.size()) return std::nullopt;
  return sources_[first].next.at;
}

FaultPlan::Change FaultPlan::take() {
  Source& source = sources_[earliest()];
  const Change change = source.next;
  source.next.begins = !change.begins;
  if (source.mtbf_s > 0)
    source.next.at += drawn(change.begins ? source.mttr_s : source.mtbf_s, source.rng);
  else if (change.begins && source.lasts)
    source.next.at += *source.lasts;
  else
    source.over = true;
  return change;
}

// Of changes at one instant what is over comes first.
std::size_t FaultPlan::earliest() const {
  const auto rank = [](const Source& s) { return std::pair(s.next.at, s.next.begins); };
  std::size_t first = sources_.size();
  for (std::size_t i = 0; i < sources_.size(); ++i)
    if (!sources_[i].over &&
        (first == sources_.size() || rank(sources_[i]) < rank(sources_[first])))
      first = i;
  return first;
}

}  // namespace kvsim
