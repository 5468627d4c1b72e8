#pragma once
// OpsReplay: lines of operations in, lines of records out; a bad line becomes an error record.

#include <cstddef>
#include <string>
#include <string_view>

#include "sim/cli/ops/dialect.h"

namespace kvsim {

class OpsReplay {
 public:
  explicit OpsReplay(OpsDialect& dialect) : dialect_(dialect) {}

  /// The record of `line`, which is number `number` (from 1) of its file.
  [[nodiscard]] std::string record_of(std::string_view line, std::size_t number);

  [[nodiscard]] std::size_t records() const { return records_; }
  /// Lines that could not be carried out, and the first of them as "NUMBER: PROBLEM".
  [[nodiscard]] std::size_t problems() const { return problems_; }
  [[nodiscard]] const std::string& first() const { return first_; }

 private:
  OpsDialect& dialect_;
  std::size_t records_ = 0;
  std::size_t problems_ = 0;
  std::string first_;
};

}  // namespace kvsim
