#pragma once
// Text on its way to a sink, gathered into large pieces.

#include <cstddef>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "reports/atomic_file.h"

namespace kvsim {

class BufferedSink {
 public:
  explicit BufferedSink(Sink sink) : sink_(std::move(sink)) {}

  template <class... Values>
  void print(fmt::format_string<Values...> format, Values&&... values) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Values>(values)...);
    if (text_.size() >= kPiece) flush();
  }
  void flush() {
    sink_({text_.data(), text_.size()});
    text_.clear();
  }

 private:
  static constexpr std::size_t kPiece = std::size_t{64} * 1024;
  Sink sink_;
  fmt::memory_buffer text_;
};

}  // namespace kvsim
