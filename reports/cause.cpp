#include "reports/cause.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "reports/text.h"

namespace kvsim {
namespace {

double at(const Figures& figures, std::string_view key) {
  const auto found = figures.find(key);
  return found == figures.end() ? 0 : found->second;
}

double part(const Figures& figures, std::string_view key, std::string_view of) {
  const double whole = at(figures, of);
  return whole > 0 ? at(figures, key) / whole : 0;
}

struct Clue {
  std::string_view phrase;
  bool share;  ///< Shown in percent, compared in points.
  int decimals;
  std::string_view key;
  std::string_view over = {};  ///< Empty, or what it is a share of.

  [[nodiscard]] double value(const Figures& f) const {
    return over.empty() ? at(f, key) : part(f, key, over);
  }
  [[nodiscard]] bool known(const Figures& f) const {
    return f.contains(key) && (over.empty() || f.contains(over));
  }
};

// In the order in which a server works.
constexpr std::array kClues{
    Clue{"tokens still held at the end (a leak)", false, 0, "kv.held_at_end_tokens"},
    Clue{"KV blocks", false, 0, "kv.capacity_blocks"},
    Clue{"requests rejected", false, 0, "requests.rejected"},
    Clue{"memory reserved ahead", true, 2, "kv.waste.reserved"},
    Clue{"memory given and never used", true, 2, "kv.waste.internal"},
    Clue{"memory lost between ranges", true, 2, "kv.waste.external"},
    Clue{"hit rate", true, 2, "prefix_cache.hit_rate"},
    Clue{"prompt evicted and wanted again", true, 2, "prefix_cache.miss.capacity",
         "prefix_cache.query_tokens"},
    Clue{"preemptions", false, 0, "preemptions"},
    Clue{"work done twice", true, 2, "recomputed_tokens", "computed_tokens"},
    Clue{"guesses accepted", true, 2, "speculation.acceptance_rate"},
    Clue{"tokens computed", false, 0, "computed_tokens"},
    Clue{"sequences running on average", false, 2, "batch.mean_running"},
    Clue{"ms between tokens (median)", false, 2, "itl_ms p(50)"},
};

double moved(const Clue& clue, const Figures& a, const Figures& b) {
  const double x = clue.value(a);
  const double y = clue.value(b);
  if (clue.share) return std::abs(x - y);
  const double larger = std::max(std::abs(x), std::abs(y));
  return larger > 0 ? std::abs(x - y) / larger : 0;
}

std::string value_text(const Clue& clue, double value) {
  return clue.share ? grouped(100 * value, clue.decimals) + " %" : grouped(value, clue.decimals);
}

// Known of both; what reads the same has not moved.
bool visible(const Clue& clue, const Figures& a, const Figures& b) {
  return clue.known(a) && clue.known(b) &&
         value_text(clue, clue.value(a)) != value_text(clue, clue.value(b));
}

// A figure does not explain itself.
bool same_metric(std::string_view key, std::string_view figure) {
  return key.substr(0, key.find(' ')) == figure.substr(0, figure.find(' '));
}

// Queueing's share of a difference in a mean latency.
std::string queueing(const Figures& a, const Figures& b, std::string_view figure) {
  if (figure != "e2e_ms avg" && figure != "ttft_ms avg") return "";
  const double whole = at(a, figure) - at(b, figure);
  if (whole == 0 || !a.contains("queue_ms avg") || !b.contains("queue_ms avg")) return "";
  const double queue = (at(a, "queue_ms avg") - at(b, "queue_ms avg")) / whole;
  constexpr double kWorthSaying = 0.1;
  if (queue < kWorthSaying) return "";
  if (queue > 1) return "queueing is all of the difference and more";
  return fmt::format("queueing is {:.0f} % of the difference", 100 * queue);
}

}  // namespace

std::string what_moved(const Figures& first, const Figures& second, std::string_view joint,
                       std::string_view figure) {
  constexpr std::size_t kTold = 3;
  std::vector<const Clue*> clues;
  for (const Clue& clue : kClues)
    if (visible(clue, first, second) && !same_metric(clue.key, figure)) clues.push_back(&clue);
  std::vector<const Clue*> by_size = clues;
  std::stable_sort(by_size.begin(), by_size.end(), [&](const Clue* a, const Clue* b) {
    return moved(*a, first, second) > moved(*b, first, second);
  });
  by_size.resize(std::min(by_size.size(), kTold));
  std::vector<std::string> told;
  for (const Clue* clue : clues)
    if (std::find(by_size.begin(), by_size.end(), clue) != by_size.end())
      told.push_back(fmt::format("{} {}{}{}", clue->phrase, value_text(*clue, clue->value(first)),
                                 joint, value_text(*clue, clue->value(second))));
  const std::string share = queueing(first, second, figure);
  if (!share.empty()) told.push_back(share);
  return fmt::format("{}", fmt::join(told, ", "));
}

std::string state_of(const Figures& f) {
  std::vector<std::string> told;
  const auto tell = [&told](const std::string& text) { told.push_back(text); };
  if (at(f, "requests.rejected") > 0)
    tell(fmt::format("{} of {} requests rejected", grouped(at(f, "requests.rejected"), 0),
                     grouped(at(f, "requests.total"), 0)));
  if (at(f, "kv.held_at_end_tokens") > 0)
    tell(fmt::format("{} tokens of memory still held at the end (a leak)",
                     grouped(at(f, "kv.held_at_end_tokens"), 0)));
  if (at(f, "ttft_ms avg") > 0)
    tell(fmt::format("queueing is {:.0f} % of the mean TTFT",
                     100 * part(f, "queue_ms avg", "ttft_ms avg")));
  tell(fmt::format("KV usage {} on average", percent(at(f, "kv.usage avg"))));
  tell(fmt::format("waste {}", percent(at(f, "kv.waste"))));
  if (at(f, "prefix_cache.query_tokens") > 0)
    tell(fmt::format("hit rate {}, {} of the prompt evicted and wanted again",
                     percent(at(f, "prefix_cache.hit_rate")),
                     percent(part(f, "prefix_cache.miss.capacity", "prefix_cache.query_tokens"))));
  if (at(f, "preemptions") > 0)
    tell(fmt::format("{} preemptions", grouped(at(f, "preemptions"), 0)));
  return fmt::format("{}", fmt::join(told, ", "));
}

}  // namespace kvsim
