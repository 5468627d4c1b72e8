// The plot of a hit-rate curve: one letter per policy, straight lines between the capacities.

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "reports/curve_text.h"
#include "reports/text.h"

namespace kvsim {
namespace {

constexpr std::size_t kWidth = 64;
constexpr std::size_t kHeight = 16;

struct Line {
  std::string policy;
  std::vector<std::pair<double, double>> points;  // log2 of the capacity, hit rate
};

// Of one rule, the points of each line from left to right. Memory without end is not on the axis.
std::vector<Line> lines_of(const HitCurve& curve, const std::string& rule) {
  std::vector<Line> lines;
  for (const CurveRow& row : curve.rows) {
    if (row.rule != rule || !row.capacity_blocks) continue;
    if (lines.empty() || lines.back().policy != row.policy) lines.push_back({row.policy, {}});
    lines.back().points.emplace_back(std::log2(static_cast<double>(*row.capacity_blocks)),
                                     row.block_hit_rate());
  }
  for (Line& line : lines) std::sort(line.points.begin(), line.points.end());
  return lines;
}

double rate_at(const Line& line, double x) {
  const auto right = std::lower_bound(line.points.begin(), line.points.end(), std::pair(x, -1.0));
  if (right == line.points.begin()) return right->second;
  if (right == line.points.end()) return line.points.back().second;
  const auto left = right - 1;
  return std::lerp(left->second, right->second, (x - left->first) / (right->first - left->first));
}

std::string plot(const std::vector<Line>& lines, const std::string& rule) {
  const double from = lines[0].points.front().first;
  const double to = lines[0].points.back().first;
  double top = 1e-9;
  for (const Line& line : lines)
    for (const auto& point : line.points) top = std::max(top, point.second);
  std::vector<std::string> canvas(kHeight, std::string(kWidth, ' '));
  std::string legend;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const char letter = static_cast<char>(i < 26 ? 'a' + i : 'A' + i % 26);
    legend += fmt::format("  {} {}", letter, lines[i].policy);
    for (std::size_t column = 0; column < kWidth; ++column) {
      const double x = std::lerp(from, to, static_cast<double>(column) / (kWidth - 1));
      const double height = rate_at(lines[i], x) / top * (kHeight - 1);
      char& spot = canvas[kHeight - 1 - static_cast<std::size_t>(std::lround(height))][column];
      if (spot == ' ') spot = letter;
    }
  }
  std::string text =
      fmt::format("rule {}: block hit rate in % (later letters may be hidden)\n", rule);
  for (std::size_t row = 0; row < kHeight; ++row) {
    const double rate = top * static_cast<double>(kHeight - 1 - row) / (kHeight - 1);
    text += fmt::format("{:>5.1f} |{}\n", 100 * rate,
                        canvas[row].substr(0, canvas[row].find_last_not_of(' ') + 1));
  }
  const std::string left = grouped(std::llround(std::exp2(from)));
  const std::string right = grouped(std::llround(std::exp2(to)));
  return text + fmt::format("      +{}\n       {}{:>{}} blocks (log)\n     {}\n\n",
                            std::string(kWidth, '-'), left, right, kWidth - left.size(), legend);
}

}  // namespace

std::string curve_plot(const HitCurve& curve) {
  std::string text;
  std::string drawn;
  for (const CurveRow& row : curve.rows) {
    if (row.rule == drawn) continue;
    drawn = row.rule;
    const std::vector<Line> lines = lines_of(curve, row.rule);
    if (lines.empty() || lines[0].points.front().first == lines[0].points.back().first) continue;
    text += plot(lines, row.rule);
  }
  return text;
}

}  // namespace kvsim
