#pragma once
// A text file written aside and renamed when it is complete: never half a file under its name.

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

namespace kvsim {

class TextOutput {
 public:
  /// "-" is the standard output; a name that ends in .gz is compressed. Throws InputError.
  explicit TextOutput(std::string path);
  TextOutput(const TextOutput&) = delete;
  TextOutput& operator=(const TextOutput&) = delete;
  /// Without finish(), what was written is removed.
  ~TextOutput();

  void write(std::string_view text);
  /// All is written: gives the file its name.
  void finish();

 private:
  [[noreturn]] void fail(std::string_view doing) const;
  void flush();

  std::string path_;
  std::string aside_;  ///< Empty for the standard output.
  std::string buffer_;
  struct Sink;
  std::unique_ptr<Sink> sink_;
};

}  // namespace kvsim
