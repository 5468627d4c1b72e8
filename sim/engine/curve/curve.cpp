#include "sim/engine/curve/curve.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sim/core/input_error.h"
#include "sim/engine/curve/lru_curve.h"
#include "sim/engine/curve/replay.h"

namespace kvsim {
namespace {

constexpr const char* kTree = "tree";
constexpr const char* kLru = "lru";

bool clairvoyant(const std::string& policy) { return policy == kOptimal || policy == kForcedMin; }

/// What all cells share; nobody changes it while they run.
struct Replayed {
  const BlockTrace& whole;
  const BlockTrace& trace;  ///< What is replayed: all of it, or a sample.
  std::optional<double> sample;
  std::vector<std::uint32_t> next;  ///< Empty if nobody needs it.
};

std::int64_t blocks_of(const Replayed& r, std::optional<std::int64_t> capacity) {
  const auto all = static_cast<std::int64_t>(r.whole.blocks());
  return std::max<std::int64_t>(1, std::min(capacity.value_or(all), all));
}

ReplayCounts replay(const Replayed& r, const CurveRow& cell, std::int64_t capacity) {
  const bool future = clairvoyant(cell.policy);
  const ReplaySetup setup{
      r.trace, capacity, future ? kOptimal : cell.policy,
      future ? std::span<const std::uint32_t>(r.next) : std::span<const std::uint32_t>()};
  if (cell.rule == kTree) return replay_tree(setup, cell.policy == kOptimal);
  return replay_flat(setup);
}

void fill(CurveRow& row, const ReplayCounts& counts) {
  row.block_hits = counts.block_hits;
  row.token_hits = counts.token_hits;
  row.insertions = counts.insertions;
  row.evictions = counts.evictions;
}

std::int64_t scaled(std::int64_t n, double rate) {
  return std::llround(static_cast<double>(n) / rate);
}

// Misses of a block count 1 / rate times (Horvitz and Thompson 1952): a hot block, which hits
// whether it is in the sample or not, then hardly matters (SHARDS-adj corrects for the same).
ReplayCounts estimate(const Replayed& r, const ReplayCounts& counts) {
  const auto from = [&](std::int64_t all, std::int64_t sampled, std::int64_t hits) {
    return std::max<std::int64_t>(0, all - scaled(sampled - hits, *r.sample));
  };
  ReplayCounts whole;
  whole.block_hits = from(static_cast<std::int64_t>(r.whole.refs()),
                          static_cast<std::int64_t>(r.trace.refs()), counts.block_hits);
  whole.token_hits = from(r.whole.tokens(), r.trace.tokens(), counts.token_hits);
  whole.insertions = scaled(counts.insertions, *r.sample);
  whole.evictions = scaled(counts.evictions, *r.sample);
  return whole;
}

// Two errors: which blocks were picked (the variance of the estimator above), and that the picked
// ones compete for a cache whose share of them is itself random: about 1 / sqrt(its size).
void fill_from_sample(const Replayed& r, CurveRow& row) {
  const double rate = *r.sample;
  const std::int64_t capacity = blocks_of(r, row.capacity_blocks);
  const bool all_fit = capacity >= static_cast<std::int64_t>(r.whole.blocks());
  const auto share = static_cast<double>(capacity) * rate;
  const auto around = [&](double deviations) {
    const double blocks = share + deviations * std::sqrt((1 - rate) * share);
    return replay(r, row, all_fit ? capacity : std::max<std::int64_t>(1, std::llround(blocks)));
  };
  const ReplayCounts counts = around(0);
  fill(row, estimate(r, counts));
  if (r.whole.refs() == 0) return;
  const auto refs = static_cast<double>(r.whole.refs());
  const double picking = std::sqrt((1 - rate) * counts.squared_misses) / (rate * refs);
  double sizing = 0;
  if (!all_fit)
    sizing = static_cast<double>(estimate(r, around(1)).block_hits -
                                 estimate(r, around(-1)).block_hits) /
             (2 * refs);
  constexpr double kNormal95 = 1.96;
  row.error = kNormal95 * std::hypot(picking, sizing);
}

std::vector<CurveRow> empty_rows(const BlockTrace& trace, const CurveAxes& axes) {
  std::vector<CurveRow> rows;
  for (const std::string& rule : axes.rules)
    for (const std::string& policy : axes.policies)
      for (const auto& capacity : axes.capacities)
        rows.push_back({.rule = rule,
                        .policy = policy,
                        .capacity_blocks = capacity,
                        .block_refs = static_cast<std::int64_t>(trace.refs()),
                        .token_refs = trace.tokens()});
  return rows;
}

}  // namespace

std::vector<CurveRow> hit_curve(const BlockTrace& trace, const CurveAxes& axes,
                                const RunJobs& run_jobs) {
  const BlockTrace sampled = axes.sample ? trace.sample(*axes.sample) : BlockTrace(1);
  if (axes.sample && sampled.blocks() == 0 && trace.blocks() > 0)
    throw InputError("kvsim curve", "--sample",
                     fmt::format("{:g} of {} blocks picks none; use a larger share", *axes.sample,
                                 trace.blocks()));
  Replayed shared{trace, axes.sample ? sampled : trace, axes.sample, {}};
  if (std::any_of(axes.policies.begin(), axes.policies.end(), clairvoyant))
    shared.next = shared.trace.next_requests();
  std::vector<CurveRow> rows = empty_rows(trace, axes);
  // LRU has all its capacities from one pass; every other cell is a job of its own.
  const auto one_pass = [&](const CurveRow& row) { return row.policy == kLru && !axes.sample; };
  std::vector<std::size_t> first;  // of each job's rows
  for (std::size_t i = 0; i < rows.size(); i += one_pass(rows[i]) ? axes.capacities.size() : 1)
    first.push_back(i);
  run_jobs(first.size(), [&](std::size_t job) {
    CurveRow& row = rows[first[job]];
    if (axes.sample) return fill_from_sample(shared, row);
    if (!one_pass(row))
      return fill(row, replay(shared, row, blocks_of(shared, row.capacity_blocks)));
    const LruCurve lru(trace, row.rule == kTree ? LruCurve::Rule::kTree : LruCurve::Rule::kFlat);
    for (std::size_t i = 0; i < axes.capacities.size(); ++i)
      fill(rows[first[job] + i], lru.at(blocks_of(shared, axes.capacities[i])));
  });
  return rows;
}

}  // namespace kvsim
