// Which files a config names, and where they are.
#include "sim/cli/named_files.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/scratch_folder.h"

namespace kvsim {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs named_in(const char* text, const std::string& file) {
  Pairs pairs;
  for (const NamedFile& named : named_files(ConfigView::parse(text, file)))
    pairs.emplace_back(named.pointer, named.path);
  return pairs;
}

TEST(NamedFiles, AreEveryPathOfAConfigFromItsFolder) {
  EXPECT_EQ(named_in(R"({"model": "m/config.json", "device": "../gpu.json",
                         "cost_profile": "/abs/prices.json", "workload": {"trace": "t.jsonl"},
                         "speculative": {"model": "./draft"}})",
                     "/data/a/c.json"),
            (Pairs{{"/workload/trace", "/data/a/t.jsonl"},
                   {"/model", "/data/a/m/config.json"},
                   {"/device", "/data/gpu.json"},
                   {"/speculative/model", "/data/a/draft"},
                   {"/cost_profile", "/abs/prices.json"}}));
}

TEST(NamedFiles, AreNoBuiltInNames) {
  EXPECT_EQ(named_in(R"({"model": "llama-3.1-8b", "device": "h100"})", "/data/c.json"), Pairs{});
}

TEST(NamedFiles, AreThoseOfPoolsToo) {
  EXPECT_EQ(named_in(R"({"pools": [{"device": "h100"}, {"device": "gpu.json", "replicas": 2}]})",
                     "/data/c.json"),
            (Pairs{{"/pools/1/device", "/data/gpu.json"}}));
}

// As the reader of traces takes it: seen from here first.
TEST(NamedFiles, OfATraceAreSeenFromHereFirst) {
  const ScratchFolder folder;
  const std::string trace = folder.with("t.jsonl", "");
  const std::string here = std::filesystem::relative(trace).string();
  EXPECT_EQ(named_in((R"({"workload": {"trace": ")" + here + R"("}})").c_str(), "/data/c.json"),
            (Pairs{{"/workload/trace", trace}}));
}

}  // namespace
}  // namespace kvsim
