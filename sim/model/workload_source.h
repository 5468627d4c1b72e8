#pragma once
// Requests in order of arrival, pulled one at a time: memory follows the live requests, not the
// trace. Open-loop sources know their arrivals; closed-loop ones learn them from completions.

#include <memory>
#include <optional>
#include <string>

#include "sim/core/config_view.h"
#include "sim/core/registry.h"
#include "sim/model/request.h"

namespace kvsim {

/// What a workload is, for reports: known once it has been read to the end.
struct WorkloadIdentity {
  std::string name;          ///< File name, or the generator's.
  std::string format;        ///< "mooncake", "azure", ..., "generated", "sample".
  std::string digest;        ///< 16 hex digits over what was read.
  std::int64_t skipped = 0;  ///< Rows that are no requests (failures recorded in the trace).
};

/// Registered kinds: "trace" (a file), "generated", "sample" (embedded in the program).
class WorkloadSource {
 public:
  struct Setup {
    const ConfigView& config;  ///< Reads /workload.
    std::uint64_t seed = 0;
  };
  virtual ~WorkloadSource() = default;

  /// Arrival of the next request known now; nullopt if none is (a closed loop may learn of more).
  /// Reading may throw InputError.
  [[nodiscard]] virtual std::optional<Time> upcoming() = 0;
  /// Moves that request into `out`, reusing its storage. Requires upcoming(). Ids are 0, 1, 2, ...
  /// in the order taken; arrivals never go back.
  virtual void take(Request& out) = 0;
  /// `r` ended (finished or was rejected) at `now`; its next turn may become known, not before now.
  virtual void ended(const Request& /*r*/, Time /*now*/) {}
  /// Share of the source consumed, 0 to 1, for a progress bar; negative if unknown.
  [[nodiscard]] virtual double progress() const { return -1; }
  [[nodiscard]] virtual WorkloadIdentity identity() const = 0;
};

/// A source over another one. Registered kinds: "scaled" (longer or shorter), "siblings" (each
/// request several times, all at once), "beam-client" (token by token).
class WorkloadLayer : public WorkloadSource {
 public:
  struct Setup {
    std::unique_ptr<WorkloadSource>& below;  ///< Taken over.
    const ConfigView& config;
    std::uint64_t seed = 0;
  };
};

/// The workload that `config` asks for, its prompts and answers as long as the scales say, answered
/// as often as /workload/samples and /workload/beam_width say.
[[nodiscard]] std::unique_ptr<WorkloadSource> open_workload(const WorkloadSource::Setup& setup);
/// The registered kind that `config` asks for: /workload/source, or what "auto" comes to.
[[nodiscard]] std::string workload_kind(const ConfigView& config);

}  // namespace kvsim
