#include "sim/engine/faults/read_faults.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "sim/core/config_schema.h"
#include "sim/core/spelling.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;
using Kind = FaultPlan::Kind;

const std::string kFaults = "/faults";

const DeclaredFields kFields{
    tree_field(
        kFaults, "[]",
        "What goes wrong: a list of {\"kind\": \"replica-down\", \"slow-replica\", \"slow-link\" "
        "or \"store-down\", \"replica\": N (all without), \"at_s\": T, \"for_s\": D (for good "
        "without)}; or, with \"mtbf_s\" and \"mttr_s\" for \"at_s\" and \"for_s\", again and again "
        "after exponential times of these means. Slow: \"factor\": F, so many times as long. "
        "\"link\": \"disk\", \"handoff\" (between prefill and decode pools), \"host\" or "
        "\"remote\". \"store\": \"disk\" or \"remote\", with \"loses_contents\": true or false."),
};

struct PartRow {
  const char* name;
  const char* needs;  // of a replica that has one
  const char* field;  // that gives it
};
constexpr std::array<PartRow, 4> kParts{{{"disk", "a disk", "/tiers/disk/gib"},
                                         {"handoff", "a prefill or decode role", "/pools"},
                                         {"host", "tiers", "/tiers/host/gib"},
                                         {"remote", "a remote store", "/tiers/remote/gib"}}};
constexpr double kLongest = 1e9;  // seconds

const std::vector<std::string> kCommonKeys{"at_s", "for_s", "kind", "mtbf_s", "mttr_s", "replica"};

struct KindRow {
  const char* name;
  std::vector<std::string> keys;  // beside the common ones
};
const std::array<KindRow, 4>& kinds() {  // in the order of FaultPlan::Kind
  static const std::array<KindRow, 4> rows{{{"replica-down", {}},
                                            {"slow-link", {"factor", "link"}},
                                            {"slow-replica", {"factor"}},
                                            {"store-down", {"loses_contents", "store"}}}};
  return rows;
}

template <class Rows>
std::vector<std::string> names_of(const Rows& rows) {
  std::vector<std::string> names;
  names.reserve(rows.size());
  for (const auto& row : rows) names.emplace_back(row.name);
  return names;
}

std::vector<std::string> keys_of(const KindRow& row) {
  std::vector<std::string> keys = kCommonKeys;
  keys.insert(keys.end(), row.keys.begin(), row.keys.end());
  std::sort(keys.begin(), keys.end());
  return keys;
}

/// One entry of the list.
class Entry {
 public:
  Entry(const ConfigView& config, const Json& fault, std::size_t index)
      : config_(config), fault_(fault), at_(fmt::format("/{}", index)) {
    if (!fault.is_object())
      fail("", "expected an object, such as {\"kind\": \"replica-down\", \"at_s\": 10}, got " +
                   shown(fault));
    kind_ = static_cast<Kind>(choice("kind", "fault", names_of(kinds())));
    const KindRow& row = kinds()[static_cast<std::size_t>(kind_)];
    const std::vector<std::string> known = keys_of(row);
    for (const auto& [key, value] : fault.items())
      if (std::find(known.begin(), known.end(), key) == known.end())
        fail("/" + key, fmt::format("unknown field of a {}; known here: {}{}", row.name,
                                    joined(known), did_you_mean(key, known)));
  }
  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] bool has(const std::string& key) const { return fault_.contains(key); }
  [[nodiscard]] double number(const std::string& key, double low, double high) const {
    const Json value = fault_.value(key, Json(nullptr));
    if (!value.is_number() || !(value >= low && value <= high))
      fail("/" + key,
           fmt::format("expected a number from {} to {}, got {}", low, high, shown(value)));
    return value.get<double>();
  }
  [[nodiscard]] bool boolean(const std::string& key) const {
    const Json value = fault_.value(key, Json(false));
    if (!value.is_boolean()) fail("/" + key, "expected true or false, got " + shown(value));
    return value.get<bool>();
  }
  /// The link or store it befalls.
  [[nodiscard]] Part part() const {
    if (kind_ == Kind::kSlowLink)
      return static_cast<Part>(choice("link", "link", names_of(kParts)));
    return choice("store", "store", {"disk", "remote"}) == 0 ? Part::kDisk : Part::kRemote;
  }
  /// Whose parts it befalls, one by one; of the shared store nobody's.
  [[nodiscard]] std::vector<ReplicaId> owners(Part part, const FaultTargets& targets) const {
    if (part == Part::kRemote && has("replica"))
      fail("/replica", "all replicas share the remote store; leave it out");
    std::vector<ReplicaId> all = replicas(targets.replicas);
    const ReplicaId first = all.front();
    std::erase_if(all, [&](ReplicaId id) { return !targets.has(part, id); });
    const PartRow& row = kParts[static_cast<std::size_t>(part)];
    if (all.empty())
      fail(kind_ == Kind::kSlowLink ? "/link" : "/store",
           fmt::format("{} {}; set {}",
                       has("replica") ? fmt::format("replica {} does not have", first.index)
                                      : "no replica has",
                       row.needs, row.field));
    return part == Part::kRemote ? std::vector{ReplicaId{}} : all;
  }
  [[nodiscard]] std::vector<ReplicaId> replicas(std::size_t count) const {
    std::vector<ReplicaId> all;
    if (!has("replica")) {
      for (std::uint32_t i = 0; i < count; ++i) all.push_back({i});
      return all;
    }
    const Json value = fault_["replica"];
    if (!value.is_number_integer() || value < 0 || value >= count)
      fail("/replica",
           fmt::format("expected an integer from 0 to {}, got {}", count - 1, shown(value)));
    return {ReplicaId{value.get<std::uint32_t>()}};
  }
  [[noreturn]] void fail(const std::string& inside, const std::string& problem) const {
    config_.fail(kFaults, at_ + inside, problem);
  }

 private:
  // The index of the word under `key`.
  [[nodiscard]] std::size_t choice(const std::string& key, const char* what,
                                   const std::vector<std::string>& known) const {
    const Json said = fault_.value(key, Json(nullptr));
    const std::string word = said.is_string() ? said.get<std::string>() : shown(said);
    const auto found = std::find(known.begin(), known.end(), word);
    if (found == known.end())
      fail("/" + key, fmt::format("no {} named '{}'; known: {}{}", what, word, joined(known),
                                  did_you_mean(word, known)));
    return static_cast<std::size_t>(found - known.begin());
  }

  const ConfigView& config_;
  const Json& fault_;
  std::string at_;
  Kind kind_ = Kind::kReplicaDown;
};

// When it happens, and how.
FaultPlan::Source source_of(const Entry& entry) {
  FaultPlan::Source source;
  source.next.kind = entry.kind();
  if (entry.kind() == Kind::kSlowReplica || entry.kind() == Kind::kSlowLink)
    source.next.factor = entry.number("factor", 1, 1e6);
  if (entry.kind() == Kind::kStoreDown)
    source.next.loses_contents = entry.boolean("loses_contents");
  if (entry.has("mtbf_s") || entry.has("mttr_s")) {
    if (entry.has("at_s") || entry.has("for_s"))
      entry.fail("", "either once (at_s, for_s) or again and again (mtbf_s, mttr_s), not both");
    source.mtbf_s = entry.number("mtbf_s", 1e-3, kLongest);
    source.mttr_s = entry.number("mttr_s", 1e-6, kLongest);
    return source;
  }
  source.next.at = Time(round_to_ns(entry.number("at_s", 0, kLongest)));
  source.next.for_good = !entry.has("for_s");
  if (entry.has("for_s")) source.lasts = round_to_ns(entry.number("for_s", 1e-6, kLongest));
  return source;
}

}  // namespace

Faults read_faults(const ConfigView& config, const FaultTargets& targets, std::uint64_t seed) {
  const Json said = config.tree(kFaults);
  if (!said.is_array())
    config.fail(kFaults, "expected a list of objects, a fault each, got " + shown(said));
  Faults faults;
  for (std::size_t i = 0; i < said.size(); ++i) {
    const Entry entry(config, said[i], i);
    FaultPlan::Source source = source_of(entry);
    const bool of_part = entry.kind() == Kind::kSlowLink || entry.kind() == Kind::kStoreDown;
    if (of_part) source.next.part = entry.part();
    for (const ReplicaId where :
         of_part ? entry.owners(source.next.part, targets) : entry.replicas(targets.replicas)) {
      source.next.where = where;
      source.rng = Rng(seed, where.valid() ? fmt::format("fault {} of replica {}", i, where.index)
                                           : fmt::format("fault {}", i));
      FaultPlan& plan = entry.kind() == Kind::kSlowLink
                            ? faults.slow_links[{source.next.part, where}]
                            : faults.events;
      plan.add(source);
    }
  }
  return faults;
}

}  // namespace kvsim
