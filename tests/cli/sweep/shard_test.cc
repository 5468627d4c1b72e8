// Which part of a sweep a worker takes, told by hand or by the engine that started it.
#include "sim/cli/sweep/shard.h"

#include <map>

#include <gtest/gtest.h>

#include "sim/core/input_error.h"

namespace kvsim {
namespace {

using Variables = std::map<std::string, std::string>;

Shard shard_in(const Variables& variables) {
  return shard_from([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

template <typename Call>
std::string error_of(Call call) {
  try {
    (void)call();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

std::pair<std::int64_t, std::int64_t> pair_of(const Shard& shard) {
  return {shard.index, shard.count};
}
using Pair = std::pair<std::int64_t, std::int64_t>;

// Every point is somebody's, and nobody else's.
TEST(Shard, IsOneOfAPartition) {
  for (const std::int64_t count : {1, 2, 7, 100, 2000})
    for (std::int64_t point = 0; point < 300; ++point) {
      int owners = 0;
      for (std::int64_t k = 0; k < count; ++k) owners += Shard{k, count}.holds(point) ? 1 : 0;
      ASSERT_EQ(owners, 1) << point << " of " << count;
    }
}

TEST(Shard, IsReadFromAnOption) {
  EXPECT_EQ(pair_of(parse_shard("3/8")), Pair(3, 8));
  EXPECT_EQ(error_of([] { return parse_shard("8/8"); }),
            "kvsim sweep run: --shard: there is no shard 8 of 8: they are numbered from 0");
  for (const char* text : {"", "3", "/", "3/", "/8", "-1/8", "3/8/9", "0x3/8", "3/99999999999999"})
    EXPECT_EQ(error_of([text] { return parse_shard(text); }),
              "kvsim sweep run: --shard: expected K/N, as in 0/8, got '" + std::string(text) + "'");
}

TEST(Shard, IsWhatTheEngineSays) {
  EXPECT_EQ(pair_of(shard_in({})), Pair(0, 1));
  EXPECT_EQ(pair_of(shard_in({{"JOB_COMPLETION_INDEX", "2"}, {"KVSIM_SHARDS", "5"}})), Pair(2, 5));
  EXPECT_EQ(pair_of(shard_in({{"OMPI_COMM_WORLD_RANK", "4"}, {"OMPI_COMM_WORLD_SIZE", "5"}})),
            Pair(4, 5));
  EXPECT_EQ(error_of([] {
              return shard_in({{"JOB_COMPLETION_INDEX", "2"}});
            }),
            "kvsim sweep run: KVSIM_SHARDS: missing from the environment: --shard K/N says which "
            "part this is");
  EXPECT_EQ(
      error_of([] {
        return shard_in({{"JOB_COMPLETION_INDEX", "5"}, {"KVSIM_SHARDS", "5"}});
      }),
      "kvsim sweep run: JOB_COMPLETION_INDEX: there is no shard 5 of 5: they are numbered from 0");
}

// As Slurm sets them for --array=FIRST-LAST:STEP.
Variables slurm(const char* id, const char* first, const char* last, const char* step,
                const char* count) {
  return {{"SLURM_ARRAY_TASK_ID", id},
          {"SLURM_ARRAY_TASK_MIN", first},
          {"SLURM_ARRAY_TASK_MAX", last},
          {"SLURM_ARRAY_TASK_STEP", step},
          {"SLURM_ARRAY_TASK_COUNT", count}};
}

TEST(Shard, OfASlurmArrayCountsFromItsFirstTask) {
  EXPECT_EQ(pair_of(shard_in(slurm("3", "0", "7", "1", "8"))), Pair(3, 8));
  EXPECT_EQ(pair_of(shard_in(slurm("13", "10", "17", "1", "8"))), Pair(3, 8));
  EXPECT_EQ(pair_of(shard_in(slurm("16", "10", "24", "2", "8"))), Pair(3, 8));
}

// --array=3,7-9: seen on Slurm 22.05.
TEST(Shard, OfASlurmArrayWithGapsMustBeSaid) {
  for (const char* id : {"3", "7", "9"})
    EXPECT_EQ(error_of([id] { return shard_in(slurm(id, "3", "9", "1", "4")); }),
              "kvsim sweep run: SLURM_ARRAY_TASK_ID: the array has gaps, so it does not say how "
              "many parts there are; --shard K/N does (kvsim sweep emit slurm)");
  EXPECT_EQ(error_of([] { return shard_in(slurm("x", "3", "9", "1", "4")); }),
            "kvsim sweep run: SLURM_ARRAY_TASK_ID: expected 0 to 1000000, got 'x'");
}

TEST(IndexRanges, AreWhatSbatchTakes) {
  EXPECT_EQ(index_ranges({}), "");
  EXPECT_EQ(index_ranges({3}), "3");
  EXPECT_EQ(index_ranges({3, 7, 8, 9}), "3,7-9");
  EXPECT_EQ(index_ranges({0, 1, 3, 5, 6}), "0-1,3,5-6");
}

}  // namespace
}  // namespace kvsim
