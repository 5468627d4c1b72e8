#pragma once
// OpsDialect: answers the operations of one real system's memory manager, one record each.
//
// `kvsim ops` reads operations, one JSON object a line, and prints what the dialect answers. Equal
// records mean equal managers, so a recording of the real system is a test of ours.

#include <cstddef>
#include <memory>
#include <stdexcept>

#include <nlohmann/json.hpp>

namespace kvsim {

/// An operation that cannot be carried out as asked: what() names the field and the cure. Nothing
/// was changed by it.
class OpError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class OpsDialect {
 public:
  using Json = nlohmann::ordered_json;
  virtual ~OpsDialect() = default;

  /// Carries out `op`, a JSON object with a text "op", and returns its record: "i" (which is
  /// `line`, from 0), "op", and the answer. Throws OpError for a bad operation. Where the real
  /// system itself raises an exception, the record says so under "error".
  [[nodiscard]] virtual Json answer(const Json& op, std::size_t line) = 0;
  /// Recounts everything and aborts on a contradiction; for tests.
  virtual void check_books() const {}
};

[[nodiscard]] std::unique_ptr<OpsDialect> make_sglang_ops();
[[nodiscard]] std::unique_ptr<OpsDialect> make_vllm_ops();

/// "i", "op", and "id" if the operation has one: how an error record starts, and most others.
[[nodiscard]] OpsDialect::Json record_head(const OpsDialect::Json& op, std::size_t line);

}  // namespace kvsim
