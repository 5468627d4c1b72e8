// The SGLang dialect: operations on a RadixCache, called the way SGLang's scheduler calls them.

#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "sim/cli/ops/op_fields.h"
#include "sim/cli/ops/sglang_cache.h"
#include "sim/cli/ops/sglang_requests.h"
#include "sim/cli/ops/sglang_tree.h"
#include "sim/core/spelling.h"

namespace kvsim {
namespace {

using Json = OpsDialect::Json;

/// What a config starts: one cache and everything that happens to it.
class Session {
 public:
  explicit Session(const OpFields& config) : world(config), tree(world), requests(world) {}

  [[nodiscard]] Json reset() {
    if (!requests.empty())
      OpFields::fail("op", "reset while requests are running; finish or retract them first");
    world.flush();
    tree.forget();
    return Json::object();
  }
  void add_state(Json& record) {
    const RadixTree& nodes = world.tree();
    record["evicted"] = world.take_evicted();
    record["evictable"] = nodes.evictable().value();
    record["protected"] = nodes.locked().value();
    record["total"] = (nodes.evictable() + nodes.locked()).value();
    record["clock"] = nodes.clock();
    if (world.sized()) record["available"] = world.cache().pool().available().value();
  }
  // The operation has been carried out by now, so failing to print it is part of its record; the
  // real code's recursion ends the same way.
  void add_dump(Json& record) const {
    try {
      record["tree"] = tree_dump(world);
    } catch (const OpError& error) {
      record["error"] = error.what();
    }
  }
  void check_books() const {
    world.tree().check_books();
    if (!world.sized()) return;
    std::vector<RequestRow> rows;
    requests.add_rows(rows);
    tree.add_rows(rows);
    world.cache().check_books(rows);
  }

  SglangCache world;
  SglangTree tree;  // these two refer to `world`
  SglangRequests requests;
};

struct Verb {
  std::string_view name;
  bool needs_pool;
  Json (*run)(Session&, const OpFields&);
};

constexpr std::array kVerbs{
    Verb{"insert", false, [](Session& s, const OpFields& op) { return s.tree.insert(op); }},
    Verb{"match", false, [](Session& s, const OpFields& op) { return s.tree.match(op); }},
    Verb{"inc_lock", false, [](Session& s, const OpFields& op) { return s.tree.inc_lock(op); }},
    Verb{"dec_lock", false, [](Session& s, const OpFields& op) { return s.tree.dec_lock(op); }},
    Verb{"evict", false, [](Session& s, const OpFields& op) { return s.tree.evict(op); }},
    Verb{"reset", false, [](Session& s, const OpFields&) { return s.reset(); }},
    Verb{"state", false, [](Session&, const OpFields&) { return Json::object(); }},
    Verb{"req", true, [](Session& s, const OpFields& op) { return s.requests.req(op); }},
    Verb{"readmit", true, [](Session& s, const OpFields& op) { return s.requests.readmit(op); }},
    Verb{"chunk", true, [](Session& s, const OpFields& op) { return s.requests.chunk(op); }},
    Verb{"cache_unfinished", true,
         [](Session& s, const OpFields& op) { return s.requests.cache_unfinished(op); }},
    Verb{"decode", true, [](Session& s, const OpFields& op) { return s.requests.decode(op); }},
    Verb{"finish", true, [](Session& s, const OpFields& op) { return s.requests.finish(op); }},
    Verb{"retract", true, [](Session& s, const OpFields& op) { return s.requests.retract(op); }},
    Verb{"req_auto", true, [](Session& s, const OpFields& op) { return s.requests.req_auto(op); }},
    Verb{"decode_auto", true,
         [](Session& s, const OpFields& op) { return s.requests.decode_auto(op); }},
    Verb{"finish_auto", true,
         [](Session& s, const OpFields& op) { return s.requests.finish_auto(op); }},
    Verb{"retract_auto", true,
         [](Session& s, const OpFields&) { return s.requests.retract_auto(); }},
};

const Verb& verb_of(std::string_view word) {
  std::vector<std::string> known{"config"};
  for (const Verb& verb : kVerbs) {
    if (verb.name == word) return verb;
    known.emplace_back(verb.name);
  }
  OpFields::fail("op", fmt::format("no operation named '{}'; known: {}{}", word, joined(known),
                                   did_you_mean(word, known)));
}

class SglangOps final : public OpsDialect {
 public:
  [[nodiscard]] Json answer(const Json& op, std::size_t line) override {
    const OpFields fields(op);
    const std::string word = fields.text("op");
    const bool dump = fields.boolean_or("dump", false) || word == "state";
    Json answer = word == "config" ? config(fields) : act(verb_of(word), fields);
    Json record{{"i", line}, {"op", word}};  // recordings of SGLang repeat no id
    for (auto& [key, value] : answer.items()) record[key] = std::move(value);
    session_->add_state(record);
    if (dump) session_->add_dump(record);
    return record;
  }
  void check_books() const override {
    if (session_) session_->check_books();
  }

 private:
  [[nodiscard]] Json config(const OpFields& fields) {
    session_ = std::make_unique<Session>(fields);
    return Json::object();
  }
  [[nodiscard]] Json act(const Verb& verb, const OpFields& fields) {
    if (!session_) OpFields::fail("op", fmt::format("'{}' needs a config before it", verb.name));
    if (verb.needs_pool && !session_->world.sized())
      OpFields::fail("op", fmt::format("'{}' needs a config with a size", verb.name));
    return verb.run(*session_, fields);
  }

  std::unique_ptr<Session> session_;
};

}  // namespace

std::unique_ptr<OpsDialect> make_sglang_ops() { return std::make_unique<SglangOps>(); }

}  // namespace kvsim
