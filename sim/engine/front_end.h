#pragma once
// FrontEnd: what a server does with a request before its engine hears of it: the API server reads
// it, applies the chat template, tokenizes, and hands it to another process.
//
// A request reaches the router so much later than it arrived, whatever its length, and its times
// are counted from its arrival. Requests do not wait for one another here: a front end that is
// itself the bottleneck is not modelled.

#include <memory>

#include "sim/core/config_view.h"
#include "sim/model/workload_source.h"

namespace kvsim {

/// `source` behind the front end that `config` describes.
[[nodiscard]] std::unique_ptr<WorkloadSource> behind_front_end(
    std::unique_ptr<WorkloadSource> source, const ConfigView& config);

}  // namespace kvsim
