// Messages between GPUs: by hand, and never less for more bytes or more GPUs.
#include "sim/engine/cost/collectives.h"

#include <gtest/gtest.h>

#include "sim/engine/catalog.h"

namespace kvsim {
namespace {

constexpr double kMicro = 1e-6;

Collectives on(const std::string& text) {
  const ConfigView config = ConfigView::parse(text, "a.json");
  return {load_device(config), config};
}

// An H200 reaches 79 % of 450 GB/s after 5 us.
constexpr double kNode = 0.79 * 450e9;
constexpr double kMessage = 1e8;

TEST(Collectives, WithinANodeAreLatencyAndBytes) {
  const Collectives c = on("{}");
  const GpuGroup eight = c.group(8);
  EXPECT_EQ(eight.nodes, 1);
  const double part = kMessage * 7 / 8 / kNode;
  EXPECT_NEAR(c.all_reduce(eight, kMessage), 5 * kMicro + 2 * part, 1e-12);
  EXPECT_NEAR(c.all_gather(eight, kMessage), 5 * kMicro + part, 1e-12);
  EXPECT_NEAR(c.reduce_scatter(eight, kMessage), 5 * kMicro + part, 1e-12);
  EXPECT_NEAR(c.all_to_all(eight, kMessage), 5 * kMicro + part, 1e-12);
  EXPECT_NEAR(c.send(kMessage, false), 5 * kMicro + kMessage / kNode, 1e-12);
}

// 32 GPUs in four nodes: within each an eighth is reduced to each GPU and gathered from it; between
// them that eighth goes round four peers, in 2 lg 4 messages.
TEST(Collectives, AcrossNodesWorkByLevels) {
  const Collectives c = on(R"({"topology": {"inter_node_gbytes_per_s": 25,
                                            "inter_node_latency_us": 7}})");
  const GpuGroup group = c.group(32);
  EXPECT_EQ(group.in_node, 8);
  EXPECT_EQ(group.nodes, 4);
  const double node = 2 * (5 * kMicro + kMessage * 7 / 8 / kNode);
  const double network = 2 * (2 * 7 * kMicro + kMessage / 8 * 3 / 4 / 25e9);
  EXPECT_NEAR(c.all_reduce(group, kMessage), node + network, 1e-12);
  EXPECT_NEAR(c.all_gather(group, kMessage), (node + network) / 2, 1e-12);
  EXPECT_NEAR(c.all_to_all(group, kMessage),
              5 * kMicro + kMessage * 7 / 8 / kNode + 7 * kMicro + kMessage * 3 / 4 / 25e9, 1e-12);
  EXPECT_NEAR(c.send(kMessage, true), 7 * kMicro + kMessage / 25e9, 1e-12);
}

TEST(Collectives, KnowWhereRanksSit) {
  const Collectives c = on(R"({"topology": {"gpus_per_node": 4}})");
  EXPECT_FALSE(c.between_nodes(0, 2));
  EXPECT_TRUE(c.between_nodes(2, 2));
  // Every second of 16 consecutive ranks: two to a node.
  EXPECT_EQ(c.group(8, 2).in_node, 2);
  EXPECT_EQ(c.group(8, 2).nodes, 4);
  // Every eighth: each alone in its node.
  EXPECT_EQ(c.group(3, 8).in_node, 1);
  EXPECT_EQ(c.group(3, 8).nodes, 3);
}

using Operation = double (Collectives::*)(const GpuGroup&, double) const;
constexpr std::array<Operation, 4> kAll{&Collectives::all_reduce, &Collectives::all_gather,
                                        &Collectives::reduce_scatter, &Collectives::all_to_all};

TEST(Collectives, NeverCostLessForMoreGpusOrBytes) {
  for (const std::string device : {"h200", "l40s", "a100-80gb"})
    for (const int per_node : {1, 4, 8}) {
      const Collectives c = on(fmt::format(
          R"({{"device": "{}", "topology": {{"gpus_per_node": {}}}}})", device, per_node));
      for (const Operation operation : kAll)
        for (double bytes = 1; bytes < 1e10; bytes *= 10) {
          EXPECT_EQ((c.*operation)(c.group(1), bytes), 0);
          double last = 0;
          for (std::int64_t gpus = 2; gpus <= 256; gpus *= 2) {
            const double now = (c.*operation)(c.group(gpus), bytes);
            EXPECT_GT(now, last) << gpus << " of " << device;
            EXPECT_GT((c.*operation)(c.group(gpus), 2 * bytes), now);
            last = now;
          }
        }
    }
}

// Nobody ends with bytes that did not come in: what a GPU's own links have to carry is a bound.
TEST(Collectives, AreNoFasterThanTheirLinks) {
  const Collectives c = on("{}");
  for (std::int64_t gpus = 2; gpus <= 256; gpus *= 2) {
    const GpuGroup group = c.group(gpus);
    const double received = kMessage * static_cast<double>(gpus - 1) / static_cast<double>(gpus);
    EXPECT_GT(c.all_gather(group, kMessage), received / kNode);
    EXPECT_GT(c.all_reduce(group, kMessage), 2 * received / kNode);
    if (group.nodes == 1) continue;
    // A node's eight adapters bring what is not in it.
    const double nodes = static_cast<double>(group.nodes);
    EXPECT_GT(c.all_gather(group, kMessage), kMessage * (nodes - 1) / nodes / (8 * 40e9));
  }
}

}  // namespace
}  // namespace kvsim
