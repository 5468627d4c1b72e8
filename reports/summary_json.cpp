// One list of fields, walked twice: by a writer and by a reader, so that they cannot disagree.

#include "reports/summary_json.h"

#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sim/core/check.h"
#include "sim/core/input_error.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

class Writer {
 public:
  explicit Writer(Json& at) : at_(at) {}
  void field(const char* name, const std::string& value) { at_[name] = value; }
  void field(const char* name, std::int64_t value) { at_[name] = value; }
  void field(const char* name, std::uint64_t value) { at_[name] = value; }
  void field(const char* name, double value) { at_[name] = six_decimals(value); }
  /// Negative stands for "not measured", which JSON calls null.
  void known_field(const char* name, double value) {
    at_[name] = value < 0 ? Json(nullptr) : Json(six_decimals(value));
  }
  void field(const char* name, const std::vector<double>& values) {
    Json& list = at_[name] = Json::array();
    for (const double value : values) list.push_back(six_decimals(value));
  }
  /// Left out where there is nothing to say.
  template <class Number>
  void field_if(const char* name, const std::optional<Number>& value) {
    if (value) field(name, *value);
  }
  template <class Fields>
  void object(const char* name, Fields fields) {
    Writer inner(at_[name] = Json::object());
    fields(inner);
  }
  /// Left out where there is nothing to say.
  template <class Value, class Fields>
  void object_if(const char* name, const std::optional<Value>& value, Fields fields) {
    if (value) object(name, [&](Writer& at) { fields(at, *value); });
  }
  template <class Row, class Fields>
  void list(const char* name, const std::vector<Row>& rows, Fields fields) {
    Json& array = at_[name] = Json::array();
    for (const Row& row : rows) {
      Writer inner(array.emplace_back(Json::object()));
      fields(inner, row);
    }
  }
  /// Left out where it is empty.
  template <class Row, class Fields>
  void list_if(const char* name, const std::vector<Row>& rows, Fields fields) {
    if (!rows.empty()) list(name, rows, fields);
  }

 private:
  Json& at_;
};

class Reader {
 public:
  Reader(const Json& at, std::string_view file, std::string pointer)
      : at_(at), file_(file), pointer_(std::move(pointer)) {}
  void field(const char* name, std::string& value) const {
    value = get(name, &Json::is_string, "a string").get<std::string>();
  }
  void field(const char* name, std::int64_t& value) const {
    value = get(name, &Json::is_number_integer, "an integer").get<std::int64_t>();
  }
  void field(const char* name, std::uint64_t& value) const {
    const Json& number = get(name, &Json::is_number_integer, "an integer from 0");
    if (number < 0) fail(name, "expected an integer from 0");
    value = number.get<std::uint64_t>();
  }
  void field(const char* name, double& value) const {
    value = get(name, &Json::is_number, "a number").get<double>();
  }
  void known_field(const char* name, double& value) const {
    value = -1;
    if (!at_.contains(name) || !at_[name].is_null()) field(name, value);
  }
  void field(const char* name, std::vector<double>& values) const {
    values.clear();
    for (const Json& value : get(name, &Json::is_array, "a list of numbers")) {
      if (!value.is_number()) fail(name, "expected a list of numbers");
      values.push_back(value.get<double>());
    }
  }
  template <class Number>
  void field_if(const char* name, std::optional<Number>& value) const {
    value.reset();
    if (at_.contains(name)) field(name, value.emplace());
  }
  template <class Value, class Fields>
  void object_if(const char* name, std::optional<Value>& value, Fields fields) const {
    value.reset();
    if (at_.contains(name)) object(name, [&](const Reader& at) { fields(at, value.emplace()); });
  }
  template <class Fields>
  void object(const char* name, Fields fields) const {
    const Reader inner(get(name, &Json::is_object, "an object"), file_, pointer_ + "/" + name);
    fields(inner);
  }
  template <class Row, class Fields>
  void list(const char* name, std::vector<Row>& rows, Fields fields) const {
    const Json& array = get(name, &Json::is_array, "a list");
    rows.clear();
    for (std::size_t i = 0; i < array.size(); ++i) {
      const std::string at = fmt::format("{}/{}", name, i);
      if (!array[i].is_object()) fail(at.c_str(), "expected an object");
      const Reader inner(array[i], file_, fmt::format("{}/{}", pointer_, at));
      fields(inner, rows.emplace_back());
    }
  }
  template <class Row, class Fields>
  void list_if(const char* name, std::vector<Row>& rows, Fields fields) const {
    rows.clear();
    if (at_.contains(name)) list(name, rows, fields);
  }

 private:
  const Json& get(const char* name, bool (Json::*right_type)() const noexcept,
                  std::string_view what) const {
    if (!at_.contains(name)) fail(name, "missing: not a summary of this kvsim");
    const Json& value = at_[name];
    if (!(value.*right_type)()) fail(name, fmt::format("expected {}", what));
    return value;
  }
  [[noreturn]] void fail(const char* name, std::string_view problem) const {
    throw InputError(file_, pointer_ + "/" + name, problem);
  }
  const Json& at_;
  std::string_view file_;
  std::string pointer_;
};

template <class Walk, class Provenance>
void walk_provenance(Walk& w, Provenance& p) {
  w.field("version", p.version);
  w.field("config_digest", p.config_digest);
  w.field("trace_name", p.trace_name);
  w.field("trace_format", p.trace_format);
  w.field("trace_digest", p.trace_digest);
  w.field("seed", p.seed);
  w.field("fingerprint", p.fingerprint);
  w.field("cost_kind", p.cost_kind);
  w.field("cost_profile", p.cost_profile);
  w.known_field("cost_holdout_error", p.cost_holdout_error);
  w.field("cost_steps_outside", p.cost_steps_outside);
}

template <class Walk, class Requests>
void walk_requests(Walk& w, Requests& r) {
  w.field("total", r.total);
  w.field("completed", r.completed);
  w.field("rejected", r.rejected);
  w.field("unfinished", r.unfinished);
  w.field("rejected_too_long", r.rejected_too_long);
  w.field("rejected_too_large", r.rejected_too_large);
  w.field("skipped_rows", r.skipped_rows);
  w.field_if("rejected_queue_full", r.rejected_queue_full);
  w.field_if("rejected_tokens_full", r.rejected_tokens_full);
  w.field_if("rejected_over_rate", r.rejected_over_rate);
  w.field_if("lost", r.lost);
  w.field_if("retries", r.retries);
}

template <class Walk, class Distribution>
void walk_quantiles(Walk& w, const char* name, Distribution& q) {
  w.object(name, [&q](auto& at) {
    at.field("count", q.count);
    at.field("mean", q.mean);
    at.field_if("std", q.deviation);
    at.field("p50", q.p50);
    at.field("p90", q.p90);
    at.field("p95", q.p95);
    at.field("p99", q.p99);
    at.field("max", q.max);
  });
}

template <class Walk, class Slo>
void walk_slo(Walk& w, Slo& slo) {
  const auto term = [](auto& at, auto& t) {
    at.field("limit_ms", t.limit_ms);
    at.field("missed", t.missed);
  };
  w.field("good", slo.good);
  w.object_if("ttft", slo.ttft, term);
  w.object_if("tpot", slo.tpot, term);
  w.object_if("e2e", slo.e2e, term);
}

template <class Walk, class Kv>
void walk_kv(Walk& w, Kv& kv) {
  w.field("capacity_tokens", kv.capacity_tokens);
  w.field("block_tokens", kv.block_tokens);
  w.field("capacity_blocks", kv.capacity_blocks);
  w.field("peak_used_tokens", kv.peak_used_tokens);
  w.field("peak_held_tokens", kv.peak_held_tokens);
  w.field("held_at_end_tokens", kv.held_at_end_tokens);
  walk_quantiles(w, "utilization", kv.utilization);
  walk_quantiles(w, "usage", kv.usage);
  w.object("waste", [&kv](auto& at) {
    at.field("reserved", kv.waste.reserved);
    at.field("internal", kv.waste.internal);
    at.field("external", kv.waste.external);
  });
  w.field("cached", kv.cached);
}

template <class Walk, class PrefixCache>
void walk_prefix_cache(Walk& w, PrefixCache& cache) {
  w.field("query_tokens", cache.query_tokens);
  w.field("hit_tokens", cache.hit_tokens);
  w.field("hit_rate", cache.hit_rate);
  w.object("miss", [&cache](auto& at) {
    at.field("first_seen", cache.miss.first_seen);
    at.field("capacity", cache.miss.capacity);
    at.field("granularity", cache.miss.granularity);
    at.field("last_token", cache.miss.last_token);
    at.field("in_flight", cache.miss.in_flight);
  });
  w.object_if("loaded", cache.loaded,
              [](auto& at, auto& loaded) { at.field("tokens", loaded.tokens); });
  w.list("by_turn", cache.by_turn, [](auto& at, auto& row) {
    at.field("turn", row.turn);
    at.field("requests", row.requests);
    at.field("query_tokens", row.query_tokens);
    at.field("hit_tokens", row.hit_tokens);
    at.field("hit_rate", row.hit_rate);
  });
}

template <class Walk, class Pool>
void walk_pool(Walk& w, Pool& pool) {
  w.field("name", pool.name);
  w.field("device", pool.device);
  w.field("role", pool.role);
  w.field("replicas", pool.replicas);
  w.field("gpus", pool.gpus);
  w.field("capacity_tokens", pool.capacity_tokens);
  w.field("block_tokens", pool.block_tokens);
  w.field("requests", pool.requests);
  w.field("completed", pool.completed);
  w.field("output_tokens", pool.output_tokens);
  w.field("busy", pool.busy);
  w.field("utilization", pool.utilization);
  w.field("usage", pool.usage);
  w.field("query_tokens", pool.query_tokens);
  w.field("hit_tokens", pool.hit_tokens);
  w.field("hit_rate", pool.hit_rate);
}

template <class Walk, class Row>
void walk_tier(Walk& w, Row& row) {
  w.field("name", row.name);
  w.field("capacity_tokens", row.capacity_tokens);
  w.field("query_tokens", row.query_tokens);
  w.field("hit_tokens", row.hit_tokens);
  w.field("hit_rate", row.hit_rate);
  w.field("loaded_tokens", row.loaded_tokens);
  w.field("stored_tokens", row.stored_tokens);
  w.field("evicted_tokens", row.evicted_tokens);
  w.field("bytes_in", row.bytes_in);
  w.field("bytes_out", row.bytes_out);
  w.field("busy_in", row.busy_in);
  w.field("busy_out", row.busy_out);
  w.field_if("lost_tokens", row.lost_tokens);
}

template <class Walk, class Speculation>
void walk_speculation(Walk& w, Speculation& s) {
  w.field("num_drafts", s.num_drafts);
  w.field("num_draft_tokens", s.num_draft_tokens);
  w.field("num_accepted_tokens", s.num_accepted_tokens);
  w.field("acceptance_rate", s.acceptance_rate);
  w.field("mean_acceptance_length", s.mean_acceptance_length);
  w.field("per_position", s.per_position);
}

template <class Walk, class Values>
void walk_report(Walk& w, Values& r) {
  w.object("provenance", [&r](auto& at) { walk_provenance(at, r.provenance); });
  w.object("requests", [&r](auto& at) { walk_requests(at, r.requests); });
  w.field("duration_s", r.duration_s);
  w.object("throughput", [&r](auto& at) {
    at.field("request_per_s", r.throughput.request_per_s);
    at.field("output_tok_per_s", r.throughput.output_tok_per_s);
    at.field("total_tok_per_s", r.throughput.total_tok_per_s);
    at.field("goodput_per_s", r.throughput.goodput_per_s);
  });
  w.object_if("slo", r.slo, [](auto& at, auto& slo) { walk_slo(at, slo); });
  walk_quantiles(w, "ttft_ms", r.ttft_ms);
  walk_quantiles(w, "tpot_ms", r.tpot_ms);
  walk_quantiles(w, "itl_ms", r.itl_ms);
  walk_quantiles(w, "e2e_ms", r.e2e_ms);
  walk_quantiles(w, "queue_ms", r.queue_ms);
  w.list("by_priority", r.by_priority, [](auto& at, auto& row) {
    at.field("priority", row.priority);
    at.field("completed", row.completed);
    at.field("query_tokens", row.query_tokens);
    at.field("hit_tokens", row.hit_tokens);
    at.field("hit_rate", row.hit_rate);
    walk_quantiles(at, "ttft_ms", row.ttft_ms);
    walk_quantiles(at, "tpot_ms", row.tpot_ms);
    walk_quantiles(at, "e2e_ms", row.e2e_ms);
  });
  w.object("kv", [&r](auto& at) { walk_kv(at, r.kv); });
  w.object("prefix_cache", [&r](auto& at) { walk_prefix_cache(at, r.prefix_cache); });
  w.list_if("tiers", r.tiers, [](auto& at, auto& row) { walk_tier(at, row); });
  w.object_if("failed_loads", r.failed_loads, [](auto& at, auto& failed) {
    at.field("loads", failed.loads);
    at.field("tokens", failed.tokens);
  });
  w.object("batch", [&r](auto& at) {
    at.field("steps", r.batch.steps);
    at.field("mean_running", r.batch.mean_running);
    at.field("max_running", r.batch.max_running);
    at.field("max_waiting", r.batch.max_waiting);
    at.field("mean_tokens", r.batch.mean_tokens);
  });
  w.list_if("pools", r.pools, [](auto& at, auto& pool) { walk_pool(at, pool); });
  w.object_if("speculation", r.speculation, [](auto& at, auto& s) { walk_speculation(at, s); });
  w.field("preemptions", r.preemptions);
  w.field("recomputed_tokens", r.recomputed_tokens);
  w.field("computed_tokens", r.computed_tokens);
  w.field("prompt_tokens", r.prompt_tokens);
  w.field("output_tokens", r.output_tokens);
  w.field("evictions", r.evictions);
  w.field("cow_copies", r.cow_copies);
  w.field("transfers", r.transfers);
  w.field("events", r.events);
}

}  // namespace

double six_decimals(double x) {
  KVSIM_CHECK(std::isfinite(x), "a report holds finite numbers");
  return std::round(x * 1e6) / 1e6 + 0.0;  // + 0.0 turns -0 into 0
}

Json summary_json(const Report& report) {
  Json document = Json::object();
  document["schema_version"] = kSummarySchemaVersion;
  Writer writer(document);
  walk_report(writer, report);
  return document;
}

std::string summary_text(const Report& report) { return summary_json(report).dump(2) + "\n"; }

Report read_summary(const Json& document, std::string_view file) {
  if (!document.is_object()) throw InputError(file, "/", "expected a summary object");
  const Json version = document.value("schema_version", Json(nullptr));
  if (version != kSummarySchemaVersion)
    throw InputError(file, "/schema_version",
                     fmt::format("expected {}, got {}", kSummarySchemaVersion, version.dump()));
  Report report;
  const Reader reader(document, file, "");
  walk_report(reader, report);
  return report;
}

}  // namespace kvsim
