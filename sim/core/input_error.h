#pragma once
// The only exception kvsim throws: something the *user* gave us is wrong, and here is where.
//
// Thrown while reading configs, traces and the command line; never from inside a simulation.
// what() reads "FILE: WHERE: PROBLEM", WHERE being a JSON pointer or an option; in a text file it
// is a 1-based line:column and reads "FILE:LINE:COLUMN: PROBLEM", as editors like it.

#include <stdexcept>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace kvsim {

class InputError : public std::runtime_error {
 public:
  InputError(std::string_view file, std::string_view where, std::string_view problem)
      : std::runtime_error(fmt::format("{}: {}: {}", file, where, problem)) {}
  InputError(std::string_view file, std::size_t line, std::size_t column, std::string_view problem)
      : std::runtime_error(fmt::format("{}:{}:{}: {}", file, line, column, problem)) {}
};

}  // namespace kvsim
