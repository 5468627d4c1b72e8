#pragma once
// The one JSON value that the page draws (reports/web). What each key means: reports/README.md.
//
//   {"report": 1, "title", "subtitle", "runs": [RUN, ...], "columns": [...]?, "curve": [...]?}
//
// One run: its own page; several: a comparison, which has "columns". A RUN is
//
//   {"label", "summary": summary.json, "config": {"/pointer": value, ...},
//    "latency": {"ttft_ms": {"upto_ms": [], "count": []}, tpot_ms, itl_ms, e2e_ms, queue_ms}?,
//    "timeline": {"interval_s", "time_s": [], "running": [], ...}?,
//    "maps": {"replica", "block_tokens", "blocks", "blocks_per_cell", "first_block",
//             "snapshots": [{"time_s", "running", "memory": [6 parts], "spent": "UUC...", ...,
//                            "tree": {"nodes", "tokens", "parent": [], ...}}, ...]}?,
//    "log": {"evictions": {"count", ..., "first", "last", "worst"}, "preemptions": {...}}?,
//    "invariants": [{"law", "checked", "holds"}, ...]}
//
// Lists of equal length are columns of one table. Equal runs give equal bytes.

#include <span>
#include <string>

#include <nlohmann/json.hpp>

#include "reports/comparison.h"
#include "reports/html/recorder.h"
#include "sim/core/config_view.h"

namespace kvsim {

/// A run as the page draws it, over time in at most `moments` samples (and one: the end).
/// `recorder` watched it; null: only the summary is known. `config` may be an empty object.
[[nodiscard]] nlohmann::ordered_json run_payload(const std::string& label, const Report& report,
                                                 const nlohmann::ordered_json& config,
                                                 const Recorder* recorder,
                                                 std::size_t moments = 1500);
/// The page of one run, and of several side by side; `about` is the column of the verdict.
/// `runs` are run_payload()s of the `variants`.
[[nodiscard]] nlohmann::ordered_json run_page(const Report& report, nlohmann::ordered_json run);
[[nodiscard]] nlohmann::ordered_json comparison_page(std::span<const Variant> variants,
                                                     const Column& about,
                                                     nlohmann::ordered_json runs);

}  // namespace kvsim
