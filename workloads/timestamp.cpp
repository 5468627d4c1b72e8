#include "workloads/timestamp.h"

#include <chrono>
#include <optional>

namespace kvsim {
namespace {

using std::chrono::day;
using std::chrono::month;
using std::chrono::sys_days;
using std::chrono::year;
using std::chrono::year_month_day;

// Takes fixed-width pieces off the front; one mismatch and the rest says no as well.
class Pieces {
 public:
  explicit Pieces(std::string_view text) : text_(text) {}
  int digits(std::size_t count) {
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) value = value * 10 + digit();
    return value;
  }
  // All digits here as a fraction of a second, in nanoseconds. At most 9 of them.
  Duration fraction() {
    std::int64_t ns = 0;
    int count = 0;
    for (; at_digit() && count < 9; ++count) ns = ns * 10 + digit();
    good_ = good_ && count > 0 && !at_digit();
    for (; count < 9; ++count) ns *= 10;
    return Duration(ns);
  }
  bool take(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  void need(char c) { good_ = take(c) && good_; }
  [[nodiscard]] bool done() const { return good_ && text_.empty(); }

 private:
  [[nodiscard]] bool at_digit() const {
    return !text_.empty() && text_[0] >= '0' && text_[0] <= '9';
  }
  int digit() {
    if (!at_digit()) {
      good_ = false;
      return 0;
    }
    const int value = text_[0] - '0';
    text_.remove_prefix(1);
    return value;
  }
  std::string_view text_;
  bool good_ = true;
};

std::optional<Duration> parse(std::string_view text) {
  Pieces pieces(text);
  const int y = pieces.digits(4);
  pieces.need('-');
  const int m = pieces.digits(2);
  pieces.need('-');
  const int d = pieces.digits(2);
  if (!pieces.take('T')) pieces.need(' ');
  const int hour = pieces.digits(2);
  pieces.need(':');
  const int minute = pieces.digits(2);
  pieces.need(':');
  const int second = pieces.digits(2);
  Duration time =
      std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
  if (pieces.take('.')) time += pieces.fraction();
  int sign = 0;
  if (!pieces.take('Z')) sign = pieces.take('+') ? 1 : pieces.take('-') ? -1 : 0;
  if (sign != 0) {
    time -= sign * std::chrono::hours(pieces.digits(2));
    pieces.need(':');
    time -= sign * std::chrono::minutes(pieces.digits(2));
  }
  const year_month_day date{year(y), month(static_cast<unsigned>(m)),
                            day(static_cast<unsigned>(d))};
  const bool sensible =
      y >= 1970 && y <= 2200 && date.ok() && hour < 24 && minute < 60 && second <= 60;
  if (!pieces.done() || !sensible) return std::nullopt;
  time += sys_days(date).time_since_epoch();
  if (time < Duration(0)) return std::nullopt;
  return time;
}

}  // namespace

Duration read_timestamp(const FieldText& field) {
  const std::optional<Duration> time = parse(field.text);
  if (!time) field.fail("a time like 2023-11-16 18:17:03.9799600");
  return *time;
}

std::string timestamp_text(Duration since_1970) {
  const auto days = std::chrono::floor<std::chrono::days>(since_1970);
  const year_month_day date{sys_days(days)};
  const std::chrono::hh_mm_ss<Duration> clock(since_1970 - days);
  const std::int64_t ns = clock.subseconds().count();
  const std::string decimals =
      ns % 100 == 0 ? fmt::format("{:07}", ns / 100) : fmt::format("{:09}", ns);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     decimals);
}

std::string decimal_text(Duration time, Duration unit) {
  const std::int64_t whole = time / unit;
  // Units are powers of ten nanoseconds, so the rest has as many decimals as the unit zeros.
  std::string decimals;
  std::int64_t rest = (time % unit).count();
  for (std::int64_t place = unit.count() / 10; rest != 0; place /= 10) {
    decimals.push_back(static_cast<char>('0' + rest / place));
    rest %= place;
  }
  return decimals.empty() ? fmt::format("{}", whole) : fmt::format("{}.{}", whole, decimals);
}

}  // namespace kvsim
