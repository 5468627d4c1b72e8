#pragma once
// A text file, plain or gzip, read line by line: memory is one line, whatever the file's size.
//
// Line ends may be "\n" or "\r\n", the last one may be missing, blank lines are passed over, and a
// UTF-8 byte order mark is dropped. Every mistake found in the text is told with its line and
// column.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "sim/core/hash.h"
#include "sim/core/input_error.h"

namespace kvsim {

/// Where bytes come from: a file, or memory in tests.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Up to `room` next bytes into `to`; 0 at the end.
  virtual std::size_t read(char* to, std::size_t room) = 0;
  /// Why the end came early; empty if it did not.
  [[nodiscard]] virtual std::string problem() const { return {}; }
  /// Share read, 0 to 1; negative if unknown.
  [[nodiscard]] virtual double progress() const { return -1; }
};

class TextInput {
 public:
  static constexpr std::size_t kLongestLine = std::size_t{64} << 20;

  /// Opens a file; "-" is the standard input. Throws InputError if it cannot.
  explicit TextInput(const std::string& path);
  TextInput(std::string name, std::unique_ptr<ByteSource> bytes);
  [[nodiscard]] static TextInput from_memory(std::string name, std::string text);

  /// The next line that is not blank, without its end; false if there is none. `line` stays valid
  /// until the next call.
  [[nodiscard]] bool next(std::string_view& line);
  /// The line that next() will give, or empty at the end.
  [[nodiscard]] std::string_view peek();

  /// 1-based number of the line that next() or peek() gave last.
  [[nodiscard]] std::size_t line_number() const { return line_number_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] double progress() const { return bytes_->progress(); }
  /// Over the lines read so far.
  [[nodiscard]] std::uint64_t digest() const { return digest_.value(); }
  /// Something is wrong at `column` (from 1) of the current line.
  [[noreturn]] void fail(std::size_t column, std::string_view problem) const;

 private:
  [[nodiscard]] bool read_line(std::string_view& line);
  [[nodiscard]] bool fill();

  std::string name_;
  std::unique_ptr<ByteSource> bytes_;
  std::string buffer_;
  std::size_t begin_ = 0;  ///< What is unread of the buffer: [begin_, end_).
  std::size_t end_ = 0;
  std::size_t line_number_ = 0;
  bool peeked_ = false;
  bool more_ = false;  ///< What peek() found.
  std::string_view peeked_line_;
  Digest digest_;
};

}  // namespace kvsim
