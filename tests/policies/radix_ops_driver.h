#pragma once
// Drives RadixCache with recorded manager-level operations, one JSON record in and out each.
//
// The operations are those of SGLang's RadixCache, called the way its scheduler calls them; the
// records carry the whole visible state, so equal records mean equal trees, node by node.
// Without a token pool in the recording, values are arbitrary integers: then pages are handles, and
// `values_` says what each stands for.

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "policies/allocator/radix_cache.h"
#include "sim/core/registry.h"

namespace kvsim {

class RadixOpsDriver {
 public:
  using Json = nlohmann::ordered_json;

  Json replay(const Json& op) {
    evicted_ = Json::array();
    Json record = {{"i", line_++}, {"op", op["op"]}};
    record.update(act(op));
    record["evicted"] = evicted_;
    record["evictable"] = tree().evictable().value();
    record["protected"] = tree().locked().value();
    record["total"] = (tree().evictable() + tree().locked()).value();
    record["clock"] = tree().clock();
    if (sized_) record["available"] = cache_->pool().available().value();
    if (op.value("dump", false) || op["op"] == "state") record["tree"] = dump(tree().root());
    return record;
  }
  void check_books() const {
    tree().check_books();
    if (!sized_) return;
    std::vector<RequestRow> rows;
    for (const auto& [id, r] : requests_) rows.push_back(r.row);
    cache_->check_books(rows);
  }

 private:
  struct Run {
    RequestRow row;
    Content content;  // prompt and output
    Tokens prompt;
    std::uint64_t salt = 0;
    RadixTree::Use use;
    [[nodiscard]] Tokens output() const { return content.tokens() - prompt; }
    [[nodiscard]] PrefixKey key(Tokens n) const { return {content, n, salt}; }
  };

  [[nodiscard]] RadixTree& tree() { return cache_->tree(); }
  [[nodiscard]] const RadixTree& tree() const { return cache_->tree(); }
  [[nodiscard]] Tokens page() const { return cache_->pool().page(); }

  Json act(const Json& op) {
    const std::string name = op["op"];
    if (name == "config") return config(op);
    if (name == "reset") return reset();
    if (name == "state") return Json::object();
    if (name == "insert") return insert(op);
    if (name == "match") return match(op);
    if (name == "inc_lock") return {{"delta", -tree().lock(handles_.at(op["h"])).value()}};
    if (name == "dec_lock") return {{"delta", tree().unlock(handles_.at(op["h"])).value()}};
    if (name == "evict") return {{"num_evicted", cache_->evict(Tokens(op["n"])).value()}};
    if (name == "req_auto") return req_auto(op);
    if (name == "decode_auto") return decode_auto(op);
    if (name == "finish_auto") return finish_auto(op);
    if (name == "retract_auto") return retract_auto();
    return {{"error", "unknown op"}};
  }

  // ---- The tree alone ---------------------------------------------------------------------------

  Json config(const Json& op) {
    sized_ = op.contains("size");
    const Tokens size_of_page(op.value("page_size", 1));
    const Tokens size = sized_ ? Tokens(op["size"]) : size_of_page * (1 << 16);
    const ConfigView defaults;
    cache_ = std::make_unique<RadixCache>(
        TokenPool::Setup{.size = size, .page = size_of_page, .sort = op.value("need_sort", false)},
        Registry<EvictionPolicy>::make(
            std::string(op["policy"]),
            {static_cast<std::size_t>(size / size_of_page) + 1, defaults}),
        !op.value("disable", false));
    cache_->on_evict([this](const RadixTree::Node& leaf) {
      evicted_.push_back({{"key", tokens_of(leaf.edge)},
                          {"prefix_len", leaf.depth.value()},
                          {"value", values_of(leaf.pages)},
                          {"hit", leaf.hits},
                          {"prio", leaf.priority}});
    });
    return Json::object();
  }
  Json reset() {
    for (std::uint32_t i = 1; i < tree().ids(); ++i) {
      if (tree()[EntryId{i}].parent.valid()) cache_->pool().give_back(tree()[EntryId{i}].pages);
    }
    tree().reset();
    handles_.clear();
    return Json::object();
  }
  Json insert(const Json& op) {
    const Content content = content_of(op["key"]);
    const Tokens whole = tree().whole_pages(content.tokens());
    const std::size_t count = cache_->pool().pages_for(whole);
    std::vector<BlockId> pages;
    if (!cache_->pool().take(count, count, pages)) return {{"error", "out of pages"}};
    if (!sized_) {
      const std::vector<std::int64_t> values =
          op.contains("value") ? list_of(op["value"]) : list_of(op["key"]);
      const auto step = static_cast<std::size_t>(page().value());
      for (std::size_t i = 0; i < count; ++i) {
        const auto at = values.begin() + static_cast<std::ptrdiff_t>(i * step);
        values_[pages[i]].assign(at, at + static_cast<std::ptrdiff_t>(step));
      }
    }
    const Tokens present =
        tree().insert({content, content.tokens(), salt_of(op)}, pages,
                      {.priority = op.value("priority", 0), .chunked = op.value("chunked", false)});
    cache_->pool().give_back(std::span(pages).first(cache_->pool().pages_for(present)));
    return {{"prefix_len", present.value()}};
  }
  Json match(const Json& op) {
    const Content content = content_of(op["key"]);
    const RadixTree::Match m = cache_->match({content, content.tokens(), salt_of(op)});
    if (op.contains("as")) handles_[op["as"]] = m.node;
    std::vector<BlockId> pages(cache_->pool().pages_for(m.tokens));
    tree().copy_path(m.node, 0, pages);
    return {{"matched", m.tokens.value()},
            {"indices", values_of(pages)},
            {"last_node_len", tree()[m.node].tokens().value()}};
  }

  // ---- Whole requests ---------------------------------------------------------------------------

  Json req_auto(const Json& op) {
    Content content = content_of(op["tokens"]);
    const Tokens total = content.tokens();
    if (!(total + page() <= cache_->obtainable())) return {{"skipped", true}};
    Run& r = requests_[op["id"]];
    r = {.row = {},
         .content = std::move(content),
         .prompt = total,
         .salt = salt_of(op),
         .use = {.priority = op.value("priority", 0)}};
    const RadixTree::Match prefix = cache_->match(r.key(total - Tokens(1)));
    cache_->hold(r.row, prefix);
    const bool paged = page() > Tokens(1);
    cache_->evict_for(total - prefix.tokens + (paged ? page() : Tokens(0)));
    const bool ok = cache_->extend(r.row, total);
    Json fresh = Json::array();
    for (Tokens i = prefix.tokens; ok && i < total; i += Tokens(1)) fresh.push_back(slot(r.row, i));
    if (ok) cache_->cache_unfinished(r.row, r.key(total), r.use);
    return {{"matched", prefix.tokens.value()}, {"ok", ok}, {"new_indices", fresh}};
  }
  Json decode_auto(const Json& op) {
    const std::vector<Run*> batch = running();
    if (batch.empty()) return {{"skipped", true}};
    std::int64_t pages = 0;
    for (const Run* r : batch) pages += r->row.tokens % page() == Tokens(0) ? 1 : 0;
    cache_->evict_for(page() * pages);
    if (cache_->pool().available() < page() * pages) {
      return {{"ok", false}, {"need", (page() * pages).value()}};
    }
    cache_->evict_for(page() * static_cast<std::int64_t>(batch.size()));
    Json index = Json::array();
    for (Run* r : batch) {
      const Tokens at = r->row.tokens;
      if (!cache_->extend(r->row, at + Tokens(1))) return {{"error", "out of pages"}};
      r->content.append({kVocabulary, op["token"], 1});
      index.push_back(slot(r->row, at));
    }
    return {{"ok", true}, {"index", index}};
  }
  Json finish_auto(const Json& op) {
    const auto found = requests_.find(op["id"]);
    if (found == requests_.end()) return {{"skipped", true}};
    Run& r = found->second;
    cache_->cache_finished(r.row, r.key(r.row.tokens), r.use, true);
    requests_.erase(found);
    return Json::object();
  }
  Json retract_auto() {
    const std::vector<Run*> batch = running();
    if (batch.empty()) return {{"skipped", true}};
    const auto first_to_go = [](const Run* a, const Run* b) {
      return std::tuple(a->output(), -a->prompt) < std::tuple(b->output(), -b->prompt);
    };
    Run* r = *std::min_element(batch.begin(), batch.end(), first_to_go);
    const auto at = std::find_if(requests_.begin(), requests_.end(),
                                 [&](const auto& entry) { return &entry.second == r; });
    const std::string id = at->first;
    cache_->cache_finished(r->row, r->key(r->row.tokens), r->use, false);
    requests_.erase(at);
    cache_->evict_for(Tokens(20) * static_cast<std::int64_t>(requests_.size()));
    return {{"retracted", id}};
  }
  // In the order of their names, as the recorder asked.
  [[nodiscard]] std::vector<Run*> running() {
    std::vector<Run*> all;
    for (auto& [id, r] : requests_) all.push_back(&r);
    return all;
  }
  [[nodiscard]] std::int64_t slot(const RequestRow& row, Tokens i) const {
    const auto at = static_cast<std::size_t>(i / page());
    return row.pages[at].index * page().value() + (i % page()).value();
  }

  // ---- JSON to tokens and back ------------------------------------------------------------------

  static std::vector<std::int64_t> list_of(const Json& tokens) {
    if (tokens.is_array()) return tokens.get<std::vector<std::int64_t>>();
    std::vector<std::int64_t> all;
    for (const Json& run : tokens.value("runs", Json::array())) {
      all.insert(all.end(), run[1].get<std::size_t>(), run[0].get<std::int64_t>());
    }
    if (tokens.contains("range")) {
      for (std::int64_t t = tokens["range"][0]; t < tokens["range"][1]; ++t) all.push_back(t);
    }
    return all;
  }
  static Content content_of(const Json& tokens) {
    Content content;
    for (const std::int64_t token : list_of(tokens)) content.append({kVocabulary, token, 1});
    return content;
  }
  static Json tokens_of(const Content& content) {
    Json all = Json::array();
    for (const Span& s : content.spans()) {
      for (std::int64_t i = 0; i < s.length; ++i) all.push_back(s.offset + i);
    }
    return all;
  }
  [[nodiscard]] Json values_of(const std::vector<BlockId>& pages) const {
    Json all = Json::array();
    for (const BlockId page_id : pages) {
      for (std::int64_t i = 0; i < page().value(); ++i) {
        all.push_back(sized_ ? page_id.index * page().value() + i
                             : values_.at(page_id)[static_cast<std::size_t>(i)]);
      }
    }
    return all;
  }
  std::uint64_t salt_of(const Json& op) {
    if (!op.contains("extra_key") || op["extra_key"].is_null()) return 0;
    const auto found = std::find(salts_.begin(), salts_.end(), op["extra_key"]);
    const auto at = static_cast<std::uint64_t>(found - salts_.begin());
    if (found == salts_.end()) salts_.push_back(op["extra_key"]);
    return at;
  }
  [[nodiscard]] Json dump(EntryId parent) const {
    std::vector<Json> children;
    for (std::uint32_t i = 1; i < tree().ids(); ++i) {
      const RadixTree::Node& node = tree()[EntryId{i}];
      if (node.parent == parent) children.push_back(dump_node(EntryId{i}, node));
    }
    std::sort(children.begin(), children.end(), [](const Json& a, const Json& b) {
      return std::tuple(a["extra"], a["key"]) < std::tuple(b["extra"], b["key"]);
    });
    return Json(children);
  }
  [[nodiscard]] Json dump_node(EntryId id, const RadixTree::Node& node) const {
    return {{"key", tokens_of(node.edge)},
            {"extra", salts_[node.salt]},
            {"value", values_of(node.pages)},
            {"lock", node.locks},
            {"hit", node.hits},
            {"prio", node.priority},
            {"at", node.last_used},
            {"ct", node.created},
            {"leaf", node.offered},
            {"children", dump(id)}};
  }

  std::unique_ptr<RadixCache> cache_;
  bool sized_ = false;
  std::size_t line_ = 0;
  Json evicted_;
  std::map<BlockId, std::vector<std::int64_t>> values_;
  std::map<std::string, EntryId> handles_;
  std::map<std::string, Run> requests_;
  std::vector<Json> salts_{nullptr};
};

}  // namespace kvsim
