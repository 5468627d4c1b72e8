// A file is there and whole, or it is not there.
#include "reports/atomic_file.h"

#include <csignal>
#include <sys/resource.h>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "sim/core/input_error.h"
#include "tests/support/scratch_folder.h"

namespace kvsim {
namespace {

TEST(AtomicFile, AppearsOnlyWhenCommitted) {
  const ScratchFolder folder;
  AtomicFile file(folder / "a.txt");
  file.write("one ");
  EXPECT_FALSE(std::filesystem::exists(folder / "a.txt"));
  file.write("two");
  file.commit();
  EXPECT_EQ(text_of(folder / "a.txt"), "one two");
  EXPECT_EQ(folder.entries(), 1U);
}

TEST(AtomicFile, LeavesTheOldFileAloneUnlessCommitted) {
  const ScratchFolder folder;
  write_file(folder / "a.txt", "old");
  {
    AtomicFile file(folder / "a.txt");
    file.write("new");
  }
  EXPECT_EQ(text_of(folder / "a.txt"), "old");
  EXPECT_EQ(folder.entries(), 1U);
  write_file(folder / "a.txt", "new");
  EXPECT_EQ(text_of(folder / "a.txt"), "new");
}

// As two workers on two machines would have it, with one process id.
TEST(AtomicFile, NeverSharesWhatItWritesAside) {
  const ScratchFolder folder;
  AtomicFile one(folder / "a.txt");
  AtomicFile other(folder / "a.txt");
  one.write("one");
  other.write("other");
  one.commit();
  EXPECT_EQ(text_of(folder / "a.txt"), "one");
  other.commit();
  EXPECT_EQ(text_of(folder / "a.txt"), "other");
  EXPECT_EQ(folder.entries(), 1U);
}

TEST(AtomicFile, SaysAtOnceThatItCannotBeCreated) {
  try {
    const AtomicFile file("/nowhere/a.txt");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "/nowhere/a.txt: cannot create: No such file or directory");
  }
}

// /dev/null must stay what it is, whoever runs this.
TEST(AtomicFile, NeverReplacesADeviceOrAFolder) {
  const ScratchFolder folder;
  const std::string pipe = folder / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  std::filesystem::create_directory(folder / "folder");
  const auto error_of = [](const std::string& path) -> std::string {
    try {
      write_file(path, "text");
    } catch (const InputError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(error_of(pipe), pipe + ": cannot write: it is no regular file");
  EXPECT_EQ(error_of(folder / "folder"), (folder / "folder") + ": cannot write: it is a folder");
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
  EXPECT_EQ(folder.entries(), 2U);
}

TEST(AtomicFile, TellsAFullDiskAtCommitAndLeavesNothing) {
  const ScratchFolder folder;
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);  // then writing too much is an error
  std::string told;
  {
    AtomicFile file(folder / "a.txt");
    rlimit small = before;
    small.rlim_cur = 1000;
    setrlimit(RLIMIT_FSIZE, &small);
    file.write(std::string(100'000, 'x'));
    try {
      file.commit();
    } catch (const InputError& error) {
      told = error.what();
    }
    setrlimit(RLIMIT_FSIZE, &before);
  }
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(told, (folder / "a.txt") + ": cannot write: File too large");
  EXPECT_EQ(folder.entries(), 0U);
}

}  // namespace
}  // namespace kvsim
