// What the positional CONFIG means.
#include "sim/cli/config_file.h"

#include <gtest/gtest.h>

#include "sim/model/builtin_configs.h"
#include "tests/support/scratch_folder.h"

namespace kvsim {
namespace {

std::string error_of(const std::string& argument) {
  try {
    (void)load_config("run", argument);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(ConfigFile, NothingIsAllDefaults) {
  EXPECT_EQ(load_config("run", std::nullopt).config.digest(), ConfigView().digest());
}

TEST(ConfigFile, StartsRelativeTracesAtTheConfigsFolder) {
  const ScratchFolder folder;
  const std::string path = folder.with("sub/a.json", R"({"workload": {"trace": "../chat.jsonl"}})");
  EXPECT_EQ(load_config("run", path).config.text("/workload/trace"), folder / "chat.jsonl");
  const std::string absolute =
      folder.with("b.json", R"({"workload": {"trace": "/data/chat.jsonl"}})");
  EXPECT_EQ(load_config("run", absolute).config.text("/workload/trace"), "/data/chat.jsonl");
}

TEST(ConfigFile, TakesAnyOtherFileForATrace) {
  const ScratchFolder folder;
  const std::string path = folder.with("chat.jsonl", "{}\n");
  const LoadedConfig loaded = load_config("run", path);
  EXPECT_EQ(loaded.config.text("/workload/trace"), path);
  EXPECT_TRUE(loaded.variants.empty());
}

TEST(ConfigFile, KnowsTheBuiltInScenarios) {
  ASSERT_FALSE(builtin_config_names("scenarios").empty());
  for (const std::string& name : builtin_config_names("scenarios")) {
    const LoadedConfig loaded = load_config("run", name);
    EXPECT_EQ(loaded.origin, "scenario " + name);
    EXPECT_FALSE(loaded.description.empty()) << name;
  }
}

TEST(ConfigFile, KeepsNotesOutOfTheDigest) {
  const ScratchFolder folder;
  const LoadedConfig loaded =
      load_config("run", folder.with("a.json", R"({"description": "why", "expect": [{"a": 1}],
                                       "variants": {"x": {"/cache/block_size": 8}}})"));
  EXPECT_EQ(loaded.description, "why");
  EXPECT_EQ(loaded.variants.dump(), R"({"x":{"/cache/block_size":8}})");
  EXPECT_EQ(loaded.config.digest(), ConfigView().digest());
}

TEST(ConfigFile, SaysWhatIsWrongInOneLine) {
  const ScratchFolder folder;
  EXPECT_EQ(error_of("/nowhere/a.json"), "/nowhere/a.json: cannot read: No such file or directory");
  EXPECT_EQ(error_of(folder
                         .with("d.json/x", "")  // makes the folder d.json
                         .substr(0, (folder / "d.json").size())),
            (folder / "d.json") + ": cannot read: it is a folder");
  EXPECT_EQ(error_of("demmo").substr(0, 59),
            "kvsim run: demmo: no such file, and no built-in scenario; k");
  EXPECT_TRUE(error_of("demmo").ends_with(" (did you mean 'demo'?)"));
  const std::string bad = folder.with("bad.json", R"({"variants": {"x": 3}})");
  EXPECT_EQ(error_of(bad), bad + ": /variants/x: expected an object of \"/json/pointer\": value");
  const std::string list = folder.with("list.json", R"({"variants": [3]})");
  EXPECT_EQ(error_of(list), list + ": /variants: expected an object of label: settings");
  const std::string broken = folder.with("broken.json", "[1]");
  EXPECT_EQ(error_of(broken), broken + ": /: expected an object of config fields, got [1]");
}

}  // namespace
}  // namespace kvsim
