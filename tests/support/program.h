#pragma once
// Runs the built program as a user would and catches what it says.

#include <array>
#include <cstdio>
#include <string>
#include <sys/wait.h>

#include "tests/support/scratch_folder.h"

namespace kvsim {

struct Outcome {
  int code = -1;
  std::string out, err;
};

inline Outcome run_shell(const std::string& command) {
  const ScratchFolder folder;
  const std::string err = folder / "stderr";
  Outcome outcome;
  std::FILE* pipe = popen(("{ " + command + "; } 2>" + err).c_str(), "r");
  if (pipe == nullptr) return outcome;
  std::array<char, 4096> piece{};
  for (std::size_t n = 0; (n = std::fread(piece.data(), 1, piece.size(), pipe)) > 0;)
    outcome.out.append(piece.data(), n);
  const int status = pclose(pipe);
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  outcome.err = text_of(err);
  return outcome;
}

/// `arguments` are for the shell: quote them.
inline Outcome run_program(const std::string& arguments) {
  return run_shell(std::string(KVSIM_PROGRAM) + " " + arguments);
}

/// The program answers `arguments` with exit code 2, no result, and exactly `err`.
inline void expect_refused(const std::string& arguments, const std::string& err) {
  const Outcome outcome = run_program(arguments);
  EXPECT_EQ(outcome.code, 2) << arguments;
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, err);
}

}  // namespace kvsim
