// Words become models and devices: built in, or files.
#include "sim/engine/catalog.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "sim/model/builtin_configs.h"

namespace kvsim {
namespace {

namespace fs = std::filesystem;

std::string error_of(const std::string& text) {
  try {
    const ConfigView config = ConfigView::parse(text, "a.json");
    (void)load_model(config);
    (void)load_device(config);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Catalog, HasDefaults) {
  const ConfigView config;
  EXPECT_EQ(load_model(config).name, "llama-3.1-8b");
  EXPECT_EQ(load_device(config).name, "h200");
  EXPECT_EQ(load_cost_model(load_model(config), load_device(config), config)->provenance().kind,
            "imported");
}

TEST(Catalog, SuggestsTheNameThatWasMeant) {
  EXPECT_EQ(error_of(R"({"device": "h20"})"),
            "a.json: /device: no device named 'h20'; known: a10, a100-40gb, a100-80gb, b200, h100, "
            "h200, l4, l40s, rtx-4090 (did you mean 'h200'?)");
  EXPECT_TRUE(error_of(R"({"model": "lama-3-70b"})").ends_with("(did you mean 'llama-3-70b'?)"));
  EXPECT_EQ(error_of(R"({"cost": "rofline"})").substr(0, 42),
            "a.json: /cost: no cost model named 'roflin");
}

TEST(Catalog, SaysWhatItCannotRead) {
  EXPECT_EQ(error_of(R"({"model": "no/such.json"})"), "a.json: /model: cannot read 'no/such.json'");
  EXPECT_EQ(error_of(R"({"model": "/"})"), "a.json: /model: cannot read '/'");
}

TEST(Catalog, ReadsFilesBesideTheConfig) {
  const fs::path folder = fs::path(testing::TempDir()) / "kvsim_catalog" / "llama-9.1-tiny";
  fs::create_directories(folder);
  std::ofstream(folder / "config.json") << *builtin_config("models", "llama-3.1-8b");
  std::ofstream(folder / "broken.json") << "{";
  const std::string config_file = (folder.parent_path() / "run.json").string();
  const auto model = [&config_file](const std::string& path) {
    const ConfigView config = ConfigView::parse(R"({"model": ")" + path + "\"}", config_file);
    return load_model(config);
  };
  EXPECT_EQ(model("llama-9.1-tiny/config.json").name, "llama-9.1-tiny");
  try {
    (void)model("llama-9.1-tiny/broken.json");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with((folder / "broken.json").string() + ":1:2:"))
        << error.what();
  }
}

TEST(Catalog, ShipsThePlannersModels) {
  const std::vector<std::string> names = builtin_config_names("models");
  for (const std::string name : {"llama-3.1-8b", "mixtral-8x7b", "deepseek-v3", "jamba-v0.1"})
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << name;
  EXPECT_FALSE(builtin_config("models", "nonesuch").has_value());
  EXPECT_FALSE(builtin_config("", "").has_value());
}

}  // namespace
}  // namespace kvsim
