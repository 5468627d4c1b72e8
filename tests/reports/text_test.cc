// Numbers for people.
#include "reports/text.h"

#include <gtest/gtest.h>

namespace kvsim {
namespace {

TEST(Text, GroupsDigits) {
  EXPECT_EQ(grouped(std::int64_t{0}), "0");
  EXPECT_EQ(grouped(std::int64_t{999}), "999");
  EXPECT_EQ(grouped(std::int64_t{1000}), "1,000");
  EXPECT_EQ(grouped(std::int64_t{-123456}), "-123,456");
  EXPECT_EQ(grouped(std::int64_t{-1234567}), "-1,234,567");
  EXPECT_EQ(grouped(1234567.891, 2), "1,234,567.89");
  EXPECT_EQ(grouped(999.96, 1), "1,000.0");
  EXPECT_EQ(percent(0.9634), "96.3 %");
  EXPECT_EQ(counted(1, "block"), "1 block");
  EXPECT_EQ(counted(2000, "block"), "2,000 blocks");
}

TEST(Text, AlignsColumns) {
  EXPECT_EQ(aligned({{"", "mean"}, {"a long name", "1"}, {"b", "12345", "x"}}),
            "              mean\n"
            "a long name      1\n"
            "b            12345  x\n");
}

}  // namespace
}  // namespace kvsim
