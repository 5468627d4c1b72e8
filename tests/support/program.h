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

/// `arguments` are for the shell: quote them.
inline Outcome run_program(const std::string& arguments) {
  const ScratchFolder folder;
  const std::string err = folder / "stderr";
  const std::string command = std::string(KVSIM_PROGRAM) + " " + arguments + " 2>" + err;
  Outcome outcome;
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return outcome;
  std::array<char, 4096> piece{};
  for (std::size_t n = 0; (n = std::fread(piece.data(), 1, piece.size(), pipe)) > 0;)
    outcome.out.append(piece.data(), n);
  const int status = pclose(pipe);
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  outcome.err = text_of(err);
  return outcome;
}

}  // namespace kvsim
