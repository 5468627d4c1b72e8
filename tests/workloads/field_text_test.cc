// Numbers and times as written: exact to the nanosecond, or an error.
#include "workloads/field_text.h"

#include <gtest/gtest.h>

#include "workloads/timestamp.h"

namespace kvsim {
namespace {

const TextInput& nowhere() {
  static const TextInput input = TextInput::from_memory("x", "");
  return input;
}
FieldText field(std::string_view text) { return {&nowhere(), 5, "f", text}; }

std::string error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(FieldText, ReadsDecimalsExactly) {
  const auto ns = [](std::string_view text, Duration unit) {
    return read_duration(field(text), unit).count();
  };
  constexpr auto kSecond = std::chrono::seconds(1);
  EXPECT_EQ(ns("0.1", kSecond), 100'000'000);
  EXPECT_EQ(ns("1700000000.123456789", kSecond), 1'700'000'000'123'456'789);
  EXPECT_EQ(ns("0.0000000005", kSecond), 1);
  EXPECT_EQ(ns("0.00000000049999", kSecond), 0);
  EXPECT_EQ(ns("1e3", std::chrono::milliseconds(1)), 1'000'000'000);
  EXPECT_EQ(ns("1.5", Duration(1)), 2);
}

TEST(FieldText, RefusesWhatIsNoTime) {
  for (const char* text : {"", "-1", ".", "1.2.", ".5.", "1x", "nan", "inf", "1e300", "0x10",
                           "99999999999999999999999999999999999999999", "9223372036854775807"})
    EXPECT_EQ(
        error_of([&] { (void)read_duration(field(text), std::chrono::seconds(1)); }).substr(0, 46),
        "x:1:5: f: expected a time that is not negative")
        << text;
}

TEST(FieldText, ReadsWholeNumbersHoweverWritten) {
  EXPECT_EQ(read_integer(field("12"), 0, 100), 12);
  EXPECT_EQ(read_integer(field("12.0"), 0, 100), 12);
  EXPECT_EQ(read_integer(field("1.2e1"), 0, 100), 12);
  EXPECT_EQ(error_of([] { (void)read_integer(field("12.5"), 0, 100); }),
            "x:1:5: f: expected an integer, got '12.5'");
  EXPECT_EQ(error_of([] { (void)read_integer(field("101"), 0, 100); }),
            "x:1:5: f: expected 0 to 100, got '101'");
  EXPECT_EQ(error_of([] { (void)read_integer(field(std::string(50, 'z') + "\n"), 0, 1); }),
            "x:1:5: f: expected an integer, got 'zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz...'");
}

TEST(Timestamp, WritesWhatItReads) {
  for (const char* text : {"2023-11-16 18:17:03.9799600", "1970-01-01 00:00:00.0000000",
                           "2024-02-29 23:59:59.123456789"})
    EXPECT_EQ(timestamp_text(read_timestamp(field(text))), text);
  EXPECT_EQ(read_timestamp(field("2024-05-10T02:00:00+02:00")),
            read_timestamp(field("2024-05-10 00:00:00.0Z")));
  EXPECT_EQ(decimal_text(Duration(27'482'000'000), std::chrono::milliseconds(1)), "27482");
  EXPECT_EQ(decimal_text(Duration(1'500'001), std::chrono::milliseconds(1)), "1.500001");
}

}  // namespace
}  // namespace kvsim
