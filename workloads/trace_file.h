#pragma once
// A trace file of any known format: finds out which, then gives its rows one by one.

#include <memory>
#include <string>

#include "workloads/trace_format.h"

namespace kvsim {

class TraceFile {
 public:
  static constexpr std::int64_t kMostRows = std::int64_t{1} << 32;
  static constexpr std::string_view kAnyFormat = "auto";

  /// `format`: a registered name, or "auto" to go by the first line. options.block_tokens 0: the
  /// format's own. Throws InputError.
  TraceFile(TextInput input, std::string_view format, const ReadOptions& options);

  /// The next request into `row`; false at the end.
  [[nodiscard]] bool next(TraceRow& row);
  [[noreturn]] void fail(std::size_t column, std::string_view problem) const {
    input_->fail(column, problem);
  }

  [[nodiscard]] const std::string& name() const { return input_->name(); }
  [[nodiscard]] const std::string& format() const { return format_; }
  /// Tokens that one block hash names here; 0 if there are none.
  [[nodiscard]] std::int64_t block_tokens() const { return block_tokens_; }
  [[nodiscard]] std::int64_t skipped() const { return reader_->skipped(); }
  [[nodiscard]] double progress() const { return input_->progress(); }
  /// 16 hex digits over what was read.
  [[nodiscard]] std::string digest() const;

 private:
  std::unique_ptr<TextInput> input_;  // stays put: the reader refers to it
  std::string format_;
  std::int64_t block_tokens_ = 0;
  std::unique_ptr<TraceReader> reader_;
  std::int64_t rows_ = 0;
};

}  // namespace kvsim
