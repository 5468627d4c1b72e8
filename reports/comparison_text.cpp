#include "reports/comparison_text.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reports/paired_difference.h"
#include "reports/run_table.h"
#include "reports/summary_json.h"
#include "reports/text.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

struct Marks {
  std::vector<std::vector<bool>> of_column;  ///< [column][variant]

  explicit Marks(std::span<const Variant> variants) {
    for (const Column& column : comparison_columns())
      of_column.push_back(best_of(column, variants));
  }
  [[nodiscard]] bool any() const {
    return std::any_of(of_column.begin(), of_column.end(), [](const std::vector<bool>& marks) {
      return std::find(marks.begin(), marks.end(), true) != marks.end();
    });
  }
};

std::string seeds_of(const Variant& v) {
  const std::uint64_t first = v.first().provenance.seed;
  if (v.runs.size() == 1) return fmt::format("seed {}", first);
  return fmt::format("seeds {} to {}", first, v.runs.back().provenance.seed);
}

// Where the reports say their times come from; one line per different source.
std::string provenance(std::span<const Variant> variants) {
  std::vector<std::string> lines;
  for (const Variant& v : variants) {
    const Report::Provenance& p = v.first().provenance;
    std::string line = fmt::format("times: {}; trace: {} ({}); {}", times_of(p), p.trace_name,
                                   p.trace_format, seeds_of(v));
    if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
  }
  return fmt::format("{}\n", fmt::join(lines, "\n"));
}

bool repeated(std::span<const Variant> variants) {
  return !variants.empty() && variants.front().runs.size() > 1;
}

// Several seeds, and all runs of a variant the same: the workload leaves nothing to chance.
bool seeds_change_nothing(std::span<const Variant> variants) {
  const auto all_alike = [](const Variant& v) {
    return std::all_of(v.runs.begin(), v.runs.end(), [&](const Report& run) {
      return run.provenance.fingerprint == v.first().provenance.fingerprint;
    });
  };
  return repeated(variants) && std::all_of(variants.begin(), variants.end(), all_alike);
}

// What the marks and intervals of a table mean, as far as it has them.
std::string legend(std::span<const Variant> variants, bool any_best) {
  std::string text;
  if (any_best) text += "* best of its column, among those that lost the fewest requests\n";
  if (repeated(variants))
    text +=
        "+- 95 % interval of the mean (Student's t); stars and verdict rest on paired "
        "differences\n";
  if (seeds_change_nothing(variants))
    text += "  the seed changes nothing in this workload: all runs of a variant are the same\n";
  if (std::any_of(variants.begin(), variants.end(), [](const Variant& v) { return v.bound; }))
    text += "(bound) eviction that knows the future: bounds the hit rate, no competitor\n";
  return text;
}

std::string reasons(const Column& about, std::span<const Variant> variants) {
  const std::string text = why(about, variants);
  return text.empty() ? "" : fmt::format("why: {}\n", text);
}

std::string shown_label(const Variant& v) { return v.bound ? v.label + " (bound)" : v.label; }

// Printed after alignment: escape codes have no width.
std::string in_bold(std::string text) {
  for (std::size_t star = text.find('*'); star != std::string::npos; star = text.find('*', star)) {
    const std::size_t from = text.rfind(' ', star) + 1;
    text.insert(star, "\x1b[0m");
    text.insert(from, "\x1b[1m");
    star += std::string_view("\x1b[1m\x1b[0m*").size();
  }
  return text;
}

}  // namespace

std::string comparison_table(std::span<const Variant> variants, const Column& about, bool colour) {
  const Marks marks(variants);
  Cells rows{{""}, {""}};
  for (const Column& column : comparison_columns()) {
    rows[0].push_back(std::string(column.heading) + " ");  // the star's place
    rows[1].push_back(std::string(column.subheading) + " ");
  }
  // Labels may hold stars, so they are aligned apart from the numbers and never made bold.
  Cells labels{{""}, {""}};
  for (std::size_t i = 0; i < variants.size(); ++i) {
    labels.push_back({shown_label(variants[i])});
    rows.push_back({""});
    for (std::size_t c = 0; c < comparison_columns().size(); ++c)
      rows.back().push_back(shown(comparison_columns()[c], variants[i]) +
                            (marks.of_column[c][i] ? "*" : " "));
    if (!repeated(variants)) continue;
    labels.push_back({"  +-"});
    rows.push_back({""});
    for (const Column& column : comparison_columns())
      rows.back().push_back(shown_noise(column, variants[i]) + " ");
  }
  std::size_t width = 0;
  for (const auto& label : labels) width = std::max(width, label[0].size());
  const std::string numbers = aligned(rows, 1);
  std::string text;
  std::size_t from = 0;
  for (const auto& label : labels) {
    const std::size_t end = numbers.find('\n', from);
    const std::string line = numbers.substr(from, end - from);
    text += fmt::format("{:<{}}{}\n", label[0], width, colour ? in_bold(line) : line);
    from = end + 1;
  }
  return text + "\n" + legend(variants, marks.any()) + provenance(variants) +
         "verdict: " + verdict(about, variants) + "\n" + reasons(about, variants);
}

std::string comparison_markdown(std::span<const Variant> variants, const Column& about) {
  const Marks marks(variants);
  std::string text = "| variant |";
  std::string rule = "|---|";
  for (const Column& column : comparison_columns()) {
    text += fmt::format(" {} {} |", column.heading, column.subheading);
    rule += "---:|";
  }
  text += "\n" + rule + "\n";
  for (std::size_t i = 0; i < variants.size(); ++i) {
    text += fmt::format("| {} |", markdown_cell(shown_label(variants[i])));
    for (std::size_t c = 0; c < comparison_columns().size(); ++c) {
      const std::string cell = shown(comparison_columns()[c], variants[i]);
      text += marks.of_column[c][i] ? fmt::format(" **{}**", cell) : fmt::format(" {}", cell);
      const std::string noise = shown_noise(comparison_columns()[c], variants[i]);
      text += noise.empty() ? " |" : fmt::format(" ± {} |", noise);
    }
    text += "\n";
  }
  const std::string reason = why(about, variants);
  text += "\n" + provenance(variants) + "\n**Verdict:** " + markdown_cell(verdict(about, variants));
  return text + (reason.empty() ? "" : ". **Why:** " + markdown_cell(reason)) + "\n";
}

std::string comparison_csv(std::span<const Variant> variants) {
  std::string text = "variant";
  for (const Column& column : comparison_columns()) text += fmt::format(",{}", column.name);
  if (repeated(variants))
    for (const Column& column : comparison_columns()) text += fmt::format(",{}_ci95", column.name);
  text += "\n";
  for (const Variant& v : variants) {
    text += csv_cell(shown_label(v));
    for (const Column& column : comparison_columns())
      text += fmt::format(",{}", six_decimals(column.value(v)));
    if (repeated(variants))
      for (const Column& column : comparison_columns())
        text += fmt::format(",{}", six_decimals(column.interval(v).half));
    text += "\n";
  }
  return text;
}

namespace {

Json means_of(const Variant& v) {
  Json means = Json::object();
  for (const Column& column : comparison_columns()) {
    const Interval interval = column.interval(v);
    means[std::string(column.name)] = {{"mean", six_decimals(interval.mean)},
                                       {"ci95", six_decimals(interval.half)}};
  }
  return means;
}

}  // namespace

std::string comparison_json(std::span<const Variant> variants, const Column& about) {
  Json document = Json::object();
  document["schema_version"] = kSummarySchemaVersion;
  document["verdict"] = verdict(about, variants);
  document["why"] = why(about, variants);
  document["variants"] = Json::array();
  for (const Variant& v : variants) {
    Json row{{"label", v.label}, {"settings", v.settings}};
    row["bound"] = v.bound;
    row["summary"] = summary_json(v.first());
    if (v.runs.size() > 1) {
      row["means"] = means_of(v);
      row["seeds"] = Json::array();
      for (const Report& run : v.runs) row["seeds"].push_back(summary_json(run));
    }
    document["variants"].push_back(std::move(row));
  }
  return document.dump(2) + "\n";
}

}  // namespace kvsim
