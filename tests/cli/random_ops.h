#pragma once
// Random SGLang operations: mostly sensible ones on a few requests that share prefixes.

#include <string>
#include <vector>

#include <fmt/format.h>

#include "sim/cli/ops/dialect.h"
#include "sim/core/rng.h"

namespace kvsim {

class RandomOps {
 public:
  using Json = OpsDialect::Json;
  explicit RandomOps(std::uint64_t seed) : rng_(seed, "ops") {}

  /// The next operation; on whole requests too if there is a pool.
  [[nodiscard]] Json next(bool pool) {
    return pool && rng_.below(3) > 0 ? request_op() : tree_op(pool);
  }
  /// What came of it: later operations name what exists.
  void learn(const Json& op, const Json& record) {
    if (op.contains("id") && record.value("ok", false) && op["op"] != "decode")
      ids_.push_back(op["id"]);
    if (ids_.size() > 12) ids_.erase(ids_.begin());
  }

 private:
  Json tree_op(bool pool) {
    switch (rng_.below(9)) {
      case 0:
      case 1:
      case 2: {
        Json op{{"op", "insert"}, {"key", tokens()}, {"priority", below(4)}};
        if (pool) op["value"] = "alloc";
        if (rng_.below(4) == 0) op["chunked"] = true;
        if (rng_.below(4) == 0) op["extra_key"] = rng_.below(2) == 0 ? "x" : "y";
        return op;
      }
      case 3:
      case 4:
        return {{"op", "match"}, {"key", tokens()}, {"as", handle()}};
      case 5:
        return {{"op", "inc_lock"}, {"h", handle()}};
      case 6:
      case 7:
        return {{"op", "dec_lock"}, {"h", handle()}};
      default:
        return {{"op", "evict"}, {"n", below(20)}};
    }
  }
  Json request_op() {
    switch (rng_.below(12)) {
      case 0:
        return {{"op", "req"}, {"id", fresh()}, {"tokens", tokens()}, {"chunk", 1 + below(9)}};
      case 1:
      case 2:
        return {{"op", "req_auto"}, {"id", fresh()}, {"tokens", tokens()}};
      case 3:
        return {{"op", "cache_unfinished"}, {"id", id()}, {"chunked", below(2) == 0}};
      case 4:
        return {{"op", "chunk"}, {"id", id()}, {"upto", 1 + below(24)}};
      case 5:
        return {{"op", "decode"}, {"id", id()}, {"token", below(5)}};
      case 6:
        return {{"op", "finish"}, {"id", id()}, {"is_insert", below(4) > 0}};
      case 7:
        return {{"op", "retract"}, {"id", id()}, {"remaining", below(3)}};
      case 8:
        return {{"op", "readmit"}, {"id", id()}};
      case 9:
        return {{"op", "finish_auto"}, {"id", id()}};
      case 10:
        return {{"op", "retract_auto"}};
      default:
        return {{"op", "decode_auto"}, {"token", below(5)}};
    }
  }

  std::int64_t below(std::uint64_t n) { return static_cast<std::int64_t>(rng_.below(n)); }
  std::string handle() { return fmt::format("h{}", rng_.below(6)); }
  std::string fresh() { return fmt::format("r{}", made_++ % 1000); }
  std::string id() { return ids_.empty() ? "nobody" : ids_[rng_.below(ids_.size())]; }
  // A tree of prompts: one of three openings, then tokens of a small alphabet.
  Json tokens() {
    Json all = Json::array();
    const std::int64_t opening = 100 * (1 + below(3));
    for (std::int64_t i = below(16); i > 0; --i) all.push_back(opening + std::ssize(all));
    for (std::int64_t i = 1 + below(8); i > 0; --i) all.push_back(below(3));
    return all;
  }

  Rng rng_;
  std::uint64_t made_ = 0;
  std::vector<std::string> ids_;
};

}  // namespace kvsim
