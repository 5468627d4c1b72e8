#include "reports/gate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>
#include <fmt/format.h>

#include "reports/text.h"

namespace kvsim {
namespace {

using Outcome = Finding::Outcome;

std::string value_of(const Finding& f) { return f.value ? number_text(*f.value) : "no value"; }
std::string by_of(const Finding& f) { return f.value ? distance_text(*f.value, f.limit) : "-"; }

// How far off, relative to the limit; what is not there at all comes first.
double excess(const Finding& f) {
  constexpr double kMost = std::numeric_limits<double>::infinity();
  if (!f.value) return kMost;
  const double by = std::abs(*f.value - f.limit);
  return f.limit == 0 ? kMost : by / std::abs(f.limit);
}

std::vector<const Finding*> crossed_ones(const Gate& gate) {
  std::vector<const Finding*> crossed;
  for (const Finding& f : gate.findings)
    if (f.outcome == Outcome::kCrossed) crossed.push_back(&f);
  std::stable_sort(crossed.begin(), crossed.end(),
                   [](const Finding* a, const Finding* b) { return excess(*a) > excess(*b); });
  return crossed;
}

std::string headline(const Gate& gate) {
  const auto checks = counted(static_cast<std::int64_t>(gate.findings.size()), "check");
  return gate.crossed()
             ? fmt::format("{}: {} of {} crossed", gate.run, gate.count(Outcome::kCrossed), checks)
             : fmt::format("{}: {}, none crossed", gate.run, checks);
}

std::string improvements(const Gate& gate) {
  const auto better = static_cast<std::int64_t>(gate.count(Outcome::kBetter));
  if (better == 0) return "";
  return fmt::format("{} better than the baseline allows for: --update-baseline keeps {} so\n",
                     counted(better, "figure"), better == 1 ? "it" : "them");
}

std::string explanation(const Gate& gate) {
  if (!gate.crossed()) return "";
  return fmt::format("why: {}; {}\n", gate.why.empty() ? "no figure behind it moved" : gate.why,
                     gate.pointer);
}

}  // namespace

std::size_t Gate::count(Outcome outcome) const {
  return static_cast<std::size_t>(std::count_if(
      findings.begin(), findings.end(), [&](const Finding& f) { return f.outcome == outcome; }));
}

std::string gate_table(const Gate& gate) {
  constexpr std::size_t kMostRows = 20;
  std::string text = headline(gate) + "\n";
  const std::vector<const Finding*> crossed = crossed_ones(gate);
  Cells rows{{"crossed", "is", "rule", "by"}};
  for (std::size_t i = 0; i < std::min(crossed.size(), kMostRows); ++i)
    rows.push_back(
        {crossed[i]->figure, value_of(*crossed[i]), crossed[i]->rule, by_of(*crossed[i])});
  if (!crossed.empty()) text += fmt::format("\n{}", aligned(rows));
  if (crossed.size() > kMostRows) text += fmt::format("and {} more\n", crossed.size() - kMostRows);
  if (!crossed.empty()) text += "\n";
  return text + explanation(gate) + improvements(gate);
}

std::string gate_markdown(const Gate& gate, std::size_t limit) {
  std::string text = fmt::format("### kvsim check: {}\n\n", headline(gate));
  const std::string tail = explanation(gate) + improvements(gate);
  const std::vector<const Finding*> crossed = crossed_ones(gate);
  if (!crossed.empty()) text += "| crossed | is | rule | by |\n|---|---:|---:|---:|\n";
  constexpr std::size_t kRoomForTheRest = 100;
  for (std::size_t i = 0; i < crossed.size(); ++i) {
    const std::string row =
        fmt::format("| {} | {} | {} | {} |\n", crossed[i]->figure, value_of(*crossed[i]),
                    markdown_cell(crossed[i]->rule), by_of(*crossed[i]));
    if (text.size() + row.size() + tail.size() + kRoomForTheRest > limit) {
      text += fmt::format("\nand {} more\n", crossed.size() - i);
      break;
    }
    text += row;
  }
  if (!crossed.empty()) text += "\n";
  return text + tail + "\n";
}

std::string gate_junit(const Gate& gate) {
  using Tree = boost::property_tree::ptree;
  Tree suite;
  suite.put("<xmlattr>.name", fmt::format("kvsim check {}", gate.run));
  suite.put("<xmlattr>.tests", gate.findings.size());
  suite.put("<xmlattr>.failures", gate.count(Outcome::kCrossed));
  for (const Finding& f : gate.findings) {
    Tree& test = suite.add("testcase", "");
    test.put("<xmlattr>.classname", fmt::format("kvsim.{}", gate.run));
    test.put("<xmlattr>.name", fmt::format("{}: {}", f.figure, f.rule));
    if (f.outcome != Outcome::kCrossed) continue;
    Tree& failure = test.add("failure", gate.why);
    failure.put("<xmlattr>.message", fmt::format("{} is {}, rule {}, off by {}", f.figure,
                                                 value_of(f), f.rule, by_of(f)));
  }
  Tree document;
  document.add_child("testsuites.testsuite", suite);
  std::ostringstream text;
  boost::property_tree::write_xml(
      text, document, boost::property_tree::xml_writer_make_settings<std::string>(' ', 2));
  return text.str();
}

}  // namespace kvsim
