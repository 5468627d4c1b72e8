#pragma once
// A sweep as a job of an engine that exists: text to be submitted, and nothing else.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kvsim {

struct SweepJob {
  std::string folder;    ///< Absolute, as the workers see it.
  std::string manifest;  ///< Its digest: the job runs this plan and no other.
  std::int64_t points = 0;
  std::int64_t shards = 1;              ///< Tasks of the engine.
  std::optional<std::int64_t> at_once;  ///< Of them at a time; else as many as the engine can.
  std::int64_t jobs = 1;                ///< Threads of each.
  std::string program = "kvsim";
  std::string image;  ///< Kubernetes only: with the program in it.
  std::string claim;  ///< Kubernetes only: PersistentVolumeClaim whose root is the folder.
};

/// For sbatch: an array of shards.
[[nodiscard]] std::string slurm_script(const SweepJob& job);
/// For kubectl apply: an Indexed Job, as of Kubernetes 1.29.
[[nodiscard]] std::string kubernetes_job(const SweepJob& job);
/// For sh: GNU parallel, or xargs where that is not installed.
[[nodiscard]] std::string parallel_script(const SweepJob& job);

}  // namespace kvsim
