#include "reports/html/recorded_json.h"

#include <array>

#include <nlohmann/json.hpp>

#include "reports/summary_json.h"

namespace kvsim {
namespace {

using Json = nlohmann::ordered_json;

double seconds_at(Time at) { return six_decimals(seconds(at.time_since_epoch())); }

Json histogram(const Histogram& h) {
  Json upto = Json::array(), count = Json::array();
  for (const Histogram::Bar& bar : h.bars()) {
    upto.push_back(six_decimals(bar.upto_ms));
    count.push_back(bar.count);
  }
  return {{"upto_ms", std::move(upto)}, {"count", std::move(count)}};
}

Json latency(const Latencies& l) {
  return {{"ttft_ms", histogram(l.ttft)},
          {"tpot_ms", histogram(l.tpot)},
          {"itl_ms", histogram(l.itl)},
          {"e2e_ms", histogram(l.e2e)},
          {"queue_ms", histogram(l.queue)}};
}

constexpr std::array kParts{&MemoryUse::used,     &MemoryUse::reserved, &MemoryUse::internal,
                            &MemoryUse::external, &MemoryUse::cached,   &MemoryUse::free};
constexpr std::array kPartNames{"used", "reserved", "internal", "external", "cached", "free"};

// Every k-th row, so that no more than `most` are left; the last one always stays.
Json timeline(const Timeline& timeline, std::size_t most) {
  using State = Timeline::State;
  const auto& rows = timeline.rows();
  const std::size_t every = (rows.size() + most - 1) / most;
  Json table = Json::object();
  table["interval_s"] =
      rows.size() > every ? six_decimals(seconds(rows[every].at - rows[0].at)) : 0.0;
  const auto column = [&](const char* name, auto value) {
    Json& values = table[name] = Json::array();
    for (std::size_t i = 0; i + 1 < rows.size(); i += every) values.push_back(value(rows[i]));
    values.push_back(value(rows.back()));
  };
  column("time_s", [](const auto& row) { return seconds_at(row.at); });
  const auto counter = [&](const char* name, std::int64_t State::*of) {
    column(name, [of](const auto& row) { return row.state.*of; });
  };
  counter("running", &State::running);
  counter("waiting", &State::waiting);
  counter("queries", &State::queries);
  counter("hits", &State::hits);
  counter("preemptions", &State::preemptions);
  for (std::size_t i = 0; i < kParts.size(); ++i)
    column(kPartNames[i], [i](const auto& row) { return (row.state.memory.*kParts[i]).value(); });
  return table;
}

Json tree(const PrefixTree& tree) {
  using Node = PrefixTree::Node;
  Json table{{"nodes", tree.all_nodes}, {"tokens", tree.all_tokens}};
  const auto column = [&](const char* name, std::int64_t Node::*of) {
    Json& values = table[name] = Json::array();
    for (const Node& node : tree.nodes) values.push_back(node.*of);
  };
  column("parent", &Node::parent);
  column("writer", &Node::writer);
  column("depth", &Node::depth);
  column("tokens_each", &Node::tokens);
  column("users", &Node::users);
  column("hits", &Node::hits);
  column("age_ms", &Node::age_ms);
  column("more_nodes", &Node::more_nodes);
  column("more_tokens", &Node::more_tokens);
  return table;
}

Json snapshot(const MapRecorder::Snapshot& s) {
  Json memory = Json::array();
  for (const auto part : kParts) memory.push_back((s.memory.*part).value());
  return {{"time_s", seconds_at(s.at)}, {"running", s.running},     {"memory", std::move(memory)},
          {"spent", s.cells.spent},     {"owner", s.cells.owner},   {"users", s.cells.users},
          {"hits", s.cells.hits},       {"age_ms", s.cells.age_ms}, {"tree", tree(s.tree)}};
}

Json maps(const MapRecorder& recorder) {
  const CellGrid& grid = recorder.grid();
  Json snapshots = Json::array();
  for (const MapRecorder::Snapshot& s : recorder.snapshots()) snapshots.push_back(snapshot(s));
  return {{"replica", 0},
          {"block_tokens", grid.block.value()},
          {"blocks", grid.blocks},
          {"blocks_per_cell", grid.blocks_per_cell},
          {"first_block", grid.first_block},
          {"snapshots", std::move(snapshots)}};
}

Json row_json(const Losses::Evicted& row) {
  const CacheEntry& e = row.what.entry;
  return {{"time_s", seconds_at(row.at)},
          {"replica", row.where.index},
          {"writer", id_or_nobody(e.writer)},
          {"depth", e.depth},
          {"tokens", e.tokens},
          {"hits", e.hits},
          {"needed_by", id_or_nobody(row.what.needed_by)},
          {"followed", row.what.followed}};
}

Json row_json(const Losses::Preempted& row) {
  return {{"time_s", seconds_at(row.at)},
          {"replica", row.where.index},
          {"request", row.request},
          {"prompt", row.prompt.value()},
          {"generated", row.generated.value()},
          {"computed", row.computed.value()},
          {"times", row.times}};
}

template <class Row>
Json excerpt(const Excerpt<Row>& rows) {
  const auto list = [](const auto& some) {
    Json array = Json::array();
    for (const Row& row : some) array.push_back(row_json(row));
    return array;
  };
  return {{"count", rows.count()},
          {"first", list(rows.first())},
          {"last", list(rows.last())},
          {"worst", list(rows.worst())}};
}

Json log(const Losses& losses) {
  Json both{{"evictions", excerpt(losses.evictions)}, {"preemptions", excerpt(losses.preemptions)}};
  both["evictions"]["tokens"] = losses.evicted_tokens;
  both["evictions"]["followed"] = losses.followed;
  return both;
}

}  // namespace

void add_recorded(const Recorder& recorder, std::size_t moments, Json& run) {
  run["latency"] = latency(recorder.latencies);
  // A run that serves each request alone has no time that all of them share.
  if (!recorder.timeline.rows().empty()) run["timeline"] = timeline(recorder.timeline, moments);
  if (recorder.detail == Recorder::Detail::kSome) return;
  if (!recorder.map.snapshots().empty()) run["maps"] = maps(recorder.map);
  run["log"] = log(recorder.losses);
}

Json laws_json(const std::vector<Invariant>& laws) {
  Json rows = Json::array();
  for (const Invariant& law : laws)
    rows.push_back({{"law", law.text},
                    {"checked", law.checked},
                    {"holds", law.checked == 0 ? Json(nullptr) : Json(law.broken == 0)}});
  return rows;
}

}  // namespace kvsim
