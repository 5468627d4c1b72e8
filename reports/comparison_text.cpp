#include "reports/comparison_text.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reports/run_table.h"
#include "reports/summary_json.h"
#include "reports/text.h"

namespace kvsim {
namespace {

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

// Where the reports say their times come from; one line per different source.
std::string provenance(std::span<const Variant> variants) {
  std::vector<std::string> lines;
  for (const Variant& v : variants) {
    const Report::Provenance& p = v.report.provenance;
    std::string line = fmt::format("times: {}; trace: {} ({}); seed {}", times_of(p), p.trace_name,
                                   p.trace_format, p.seed);
    if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
  }
  return fmt::format("{}\n", fmt::join(lines, "\n"));
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string markdown_cell(const std::string& text) {
  std::string escaped;
  for (const char c : text) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
  return escaped;
}

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
    labels.push_back({variants[i].label});
    rows.push_back({""});
    for (std::size_t c = 0; c < comparison_columns().size(); ++c)
      rows.back().push_back(shown(comparison_columns()[c], variants[i].report) +
                            (marks.of_column[c][i] ? "*" : " "));
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
  text += "\n";
  if (marks.any()) text += "* best of its column, among those that lost the fewest requests\n";
  return text + provenance(variants) + "verdict: " + verdict(about, variants) + "\n";
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
    text += fmt::format("| {} |", markdown_cell(variants[i].label));
    for (std::size_t c = 0; c < comparison_columns().size(); ++c) {
      const std::string cell = shown(comparison_columns()[c], variants[i].report);
      text += marks.of_column[c][i] ? fmt::format(" **{}** |", cell) : fmt::format(" {} |", cell);
    }
    text += "\n";
  }
  return text + "\n" + provenance(variants) + "\n" + "**Verdict:** " +
         markdown_cell(verdict(about, variants)) + "\n";
}

std::string comparison_csv(std::span<const Variant> variants) {
  std::string text = "variant";
  for (const Column& column : comparison_columns()) text += fmt::format(",{}", column.name);
  text += "\n";
  for (const Variant& v : variants) {
    text += csv_cell(v.label);
    for (const Column& column : comparison_columns())
      text += fmt::format(",{}", six_decimals(column.value(v.report)));
    text += "\n";
  }
  return text;
}

std::string comparison_json(std::span<const Variant> variants, const Column& about) {
  nlohmann::ordered_json document = nlohmann::ordered_json::object();
  document["schema_version"] = kSummarySchemaVersion;
  document["verdict"] = verdict(about, variants);
  document["variants"] = nlohmann::ordered_json::array();
  for (const Variant& v : variants)
    document["variants"].push_back(
        {{"label", v.label}, {"settings", v.settings}, {"summary", summary_json(v.report)}});
  return document.dump(2) + "\n";
}

}  // namespace kvsim
