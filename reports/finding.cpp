#include "reports/finding.h"

#include <cmath>

#include <fmt/format.h>

#include "reports/summary_json.h"
#include "reports/text.h"

namespace kvsim {

std::string number_text(double value) {
  const double rounded = six_decimals(value);
  std::string text = grouped(rounded, 6);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string distance_text(double value, double limit) {
  const double by = value - limit;
  const std::string sign = by < 0 ? "" : "+";
  if (limit == 0) return sign + number_text(by);
  const double percent = 100 * by / std::abs(limit);
  return fmt::format(
      "{}{} ({} %)", sign, number_text(by),
      std::abs(percent) < 100 ? fmt::format("{:+.3g}", percent) : sign + grouped(percent, 0));
}

}  // namespace kvsim
