// Cells that two independent programs agree on, exactly: tests/golden/curve/synthetic_cells.csv has
// those of mooncake_synthetic (Mooncake, FAST 2025, Apache-2.0; 512-token blocks) as published with
// the rules. vLLM's free queue, recorded as a policy of its own there, equals tree lru in each.
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/engine/curve/block_traces.h"
#include "tests/support/public_traces.h"

namespace kvsim {
namespace {

struct Cell {
  std::string rule, policy;
  std::optional<std::int64_t> capacity;
  std::int64_t block_hits, token_hits, insertions, evictions;
};

std::vector<Cell> published() {
  std::ifstream file(KVSIM_SOURCE_DIR "/tests/golden/curve/synthetic_cells.csv");
  std::string line;
  std::getline(file, line);
  std::vector<Cell> cells;
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::vector<std::string> f;
    for (std::string field; std::getline(fields, field, ',');) f.push_back(field);
    Cell& c = cells.emplace_back();
    c = {f.at(0),
         f.at(1),
         {},
         std::stoll(f.at(3)),
         std::stoll(f.at(4)),
         std::stoll(f.at(5)),
         std::stoll(f.at(6))};
    if (f.at(2) != "inf") c.capacity = std::stoll(f.at(2));
  }
  return cells;
}

class PublishedCells : public testing::TestWithParam<std::pair<std::string, std::string>> {};

TEST_P(PublishedCells, AreReproducedExactly) {
  const std::string file = public_trace("mooncake_synthetic.jsonl.gz");
  KVSIM_SKIP_WITHOUT(file);
  const BlockTrace trace = blocks_of_file(file, 512);
  const auto [rule, policy] = GetParam();
  CurveAxes axes{{rule}, {policy}, {}, {}};
  std::vector<Cell> cells = published();
  std::erase_if(cells, [&](const Cell& c) { return c.rule != rule || c.policy != policy; });
  EXPECT_EQ(cells.size(), 24U);
  for (const Cell& c : cells) axes.capacities.push_back(c.capacity);
  const std::vector<CurveRow> rows = hit_curve(trace, axes, one_after_the_other);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const CurveRow& row = rows[i];
    const Cell& c = cells[i];
    EXPECT_EQ(row.block_refs, 121'877);
    EXPECT_EQ(row.token_refs, 61'194'628);
    EXPECT_EQ(std::tuple(row.block_hits, row.token_hits, row.insertions, row.evictions),
              std::tuple(c.block_hits, c.token_hits, c.insertions, c.evictions))
        << rule << " " << policy << " " << c.capacity.value_or(-1);
  }
}

INSTANTIATE_TEST_SUITE_P(Mooncake, PublishedCells,
                         testing::Values(std::pair("tree", "lru"), std::pair("tree", "lfu"),
                                         std::pair("tree", "fifo"), std::pair("tree", "optimal"),
                                         std::pair("tree", "min"), std::pair("flat", "lru"),
                                         std::pair("flat", "lfu"), std::pair("flat", "fifo"),
                                         std::pair("flat", "min")),
                         [](const auto& test) {
                           return test.param.first + "_" + test.param.second;
                         });

// Hit rates published with the conversation trace.
TEST(CurveFigures, OfMooncakeConversation) {
  const std::string file = public_trace("mooncake_conversation.jsonl.gz");
  KVSIM_SKIP_WITHOUT(file);
  const BlockTrace trace = blocks_of_file(file, 512);
  const CurveRow all = cell(trace, "tree", "lru", std::nullopt);
  EXPECT_EQ(all.block_hits, 105'710);
  EXPECT_EQ(all.block_refs, 288'500);
  EXPECT_EQ(all.token_hits, 54'098'411);
  EXPECT_EQ(all.token_refs, 144'793'823);
  EXPECT_EQ(trace.blocks(), 182'790U);
  for (const auto& [rule, policy, rate] : {std::tuple("tree", "lru", .2116),
                                           {"tree", "lfu", .1317},
                                           {"tree", "fifo", .2109},
                                           {"tree", "optimal", .3664},
                                           {"flat", "lru", .2112},
                                           {"flat", "lfu", .1318},
                                           {"flat", "fifo", .1815}})
    EXPECT_NEAR(cell(trace, rule, policy, 10'000).block_hit_rate(), rate, 5e-5)
        << rule << " " << policy;
}

}  // namespace
}  // namespace kvsim
