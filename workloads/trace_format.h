#pragma once
// A trace format: how to know it, read it and (where it makes sense) write it. One file each,
// under workloads/formats; they register themselves and nothing else has to change.

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "sim/core/registry.h"
#include "sim/model/request.h"
#include "workloads/text_input.h"

namespace kvsim {

/// How a row's prompt relates to the earlier turns of its session.
enum class History : std::uint8_t {
  kNone,   ///< The row says all there is; it arrives when it says.
  kFull,   ///< The prompt is the whole conversation so far and more.
  kDelta,  ///< The prompt is only what this turn adds to the conversation.
};

/// One request as a trace tells it.
struct TraceRow {
  std::optional<Duration> at;     ///< Since the trace's own zero; none: no schedule.
  std::optional<Duration> delay;  ///< Since the end of the session's turn before (history only).
  std::int64_t prompt = 0;        ///< Tokens, > 0.
  std::int64_t output = 0;        ///< Tokens, > 0.
  /// What is known of the tokens, from the first on: at most prompt + output of them. The rest is
  /// the request's own.
  Content said;
  History history = History::kNone;
  bool last_turn = false;  ///< Known to have no further turn (history only).
  std::uint64_t session = Request::kNoSession;
  std::optional<std::uint32_t> turn;  ///< From 0; none: turns are counted as they come.
  std::int32_t priority = 0;
  std::size_t at_column = 1;  ///< Where `at` is written, for errors.

  /// As new, but keeps storage.
  void clear();
};

class TraceReader {
 public:
  virtual ~TraceReader() = default;
  /// The next request into `row` (which comes cleared); false at the end. Throws InputError.
  [[nodiscard]] virtual bool next(TraceRow& row) = 0;
  /// Rows passed over so far because the trace itself says they are no requests.
  [[nodiscard]] virtual std::int64_t skipped() const { return 0; }
};

class TraceWriter {
 public:
  virtual ~TraceWriter() = default;
  /// The first line, if the format has one, with its end.
  [[nodiscard]] virtual std::string header() const { return {}; }
  /// One request as a line with its end. `delay` is set on a later turn of a closed-loop session.
  [[nodiscard]] virtual std::string line(const Request& r, std::optional<Duration> delay) = 0;
};

/// How to read a file, besides its format.
struct ReadOptions {
  std::int64_t block_tokens = 0;    ///< Tokens that one block hash names; > 0 where there are any.
  History turns = History::kDelta;  ///< What a session's later rows are, where formats differ.
};

/// How to write a file, besides its format.
struct WriteOptions {
  std::int64_t block_tokens = 0;  ///< Tokens that one block hash names; 0: the format's own.
  bool keep_hashes = false;       ///< The requests come from hashes of that size: write the same.
};

class TraceFormat {
 public:
  struct Setup {};
  virtual ~TraceFormat() = default;
  /// Could a file of this format begin with this line (its first that is not blank)? At most one
  /// format may say yes.
  [[nodiscard]] virtual bool recognises(std::string_view first_line) const = 0;
  /// Tokens that one block hash of the format names; 0 if it has no block hashes.
  [[nodiscard]] virtual std::int64_t block_tokens() const { return 0; }
  /// `input` stands at the first line and outlives the reader.
  [[nodiscard]] virtual std::unique_ptr<TraceReader> reader(TextInput& input,
                                                            const ReadOptions& options) const = 0;
  /// Null if the format cannot be written.
  [[nodiscard]] virtual std::unique_ptr<TraceWriter> writer(const WriteOptions& /*options*/) const {
    return nullptr;
  }
  /// What a file of this format cannot hold, for the user: "sessions and priorities".
  [[nodiscard]] virtual std::string_view loses() const { return {}; }
};

/// True if `line` has the JSON key `name`: good enough to tell formats apart.
[[nodiscard]] bool has_key(std::string_view line, std::string_view name);

}  // namespace kvsim
