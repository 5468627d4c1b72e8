#pragma once
// Figures for github-action-benchmark (its tools customSmallerIsBetter and customBiggerIsBetter):
// [{"name", "unit", "value", "extra"}], one entry per column of a comparison.
// Source: github.com/benchmark-action/github-action-benchmark, README.

#include <string>

#include "reports/figures.h"

namespace kvsim {

/// The file's text: those of the comparison's columns of which `better` is better.
[[nodiscard]] std::string bench_json(const Report& report, Better better);

}  // namespace kvsim
