#include "sim/cli/sweep/scripts.h"

#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reports/text.h"

namespace kvsim {
namespace {

// One word for a shell, whatever is in it.
std::string shell_word(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

// A JSON string is a YAML one.
std::string yaml_text(const std::string& text) { return nlohmann::json(text).dump(); }

// "kvsim sweep run DIR --manifest DIGEST": what every worker begins with.
std::string command(const SweepJob& job) {
  return fmt::format("{} sweep run {} --manifest {} --jobs {}", shell_word(job.program),
                     shell_word(job.folder), job.manifest, job.jobs);
}

// What a reader of any of them should know.
std::string comment(const SweepJob& job) {
  return fmt::format(
      "# A sweep of {} in {}, printed by kvsim sweep emit.\n"
      "# A worker may be killed, started again or started twice: points that have a result are "
      "left "
      "alone.\n"
      "# Then: kvsim sweep merge DIR --shards {} --csv FILE\n",
      counted(job.points, "point"), counted(job.shards, "shard"), job.shards);
}

}  // namespace

std::string slurm_script(const SweepJob& job) {
  const std::string limit = job.at_once ? fmt::format("%{}", *job.at_once) : "";
  return fmt::format(
      "#!/bin/bash\n"
      "{}"
      "# If points are missing, merge prints the --array=... to submit again: it goes before this "
      "file's name.\n"
      "#SBATCH --job-name=kvsim-sweep\n"
      "#SBATCH --array=0-{}{}\n"
      "#SBATCH --cpus-per-task={}\n"
      "#SBATCH --requeue\n"
      "exec {} --shard \"$SLURM_ARRAY_TASK_ID/{}\"\n",
      comment(job), job.shards - 1, limit, job.jobs, command(job), job.shards);
}

// Exit code 2 (points that cannot run) would be the same on every retry.
std::string kubernetes_job(const SweepJob& job) {
  const std::string jobs = fmt::format("{}", job.jobs);
  std::string arguments;
  for (const std::string_view word :
       {std::string_view("sweep"), std::string_view("run"), std::string_view(job.folder),
        std::string_view("--manifest"), std::string_view(job.manifest), std::string_view("--jobs"),
        std::string_view(jobs)})
    arguments += fmt::format("            - {}\n", yaml_text(std::string(word)));
  return fmt::format(
      "{}"
      "apiVersion: batch/v1\n"
      "kind: Job\n"
      "metadata:\n"
      "  name: kvsim-sweep-{}\n"
      "spec:\n"
      "  completionMode: Indexed\n"
      "  completions: {}\n"
      "  parallelism: {}\n"
      "  backoffLimitPerIndex: 6\n"
      "  podFailurePolicy:\n"
      "    rules:\n"
      "      - action: Ignore\n"
      "        onPodConditions:\n"
      "          - type: DisruptionTarget\n"
      "            status: \"True\"\n"
      "      - action: FailIndex\n"
      "        onExitCodes:\n"
      "          containerName: kvsim\n"
      "          operator: In\n"
      "          values: [2]\n"
      "  template:\n"
      "    spec:\n"
      "      restartPolicy: Never\n"
      "      containers:\n"
      "        - name: kvsim\n"
      "          image: {}\n"
      "          command: [{}]\n"
      "          args:\n"
      "{}"
      "          env:\n"
      "            - name: KVSIM_SHARDS\n"
      "              value: \"{}\"\n"
      "          resources:\n"
      "            requests:\n"
      "              cpu: \"{}\"\n"
      "          volumeMounts:\n"
      "            - name: sweep\n"
      "              mountPath: {}\n"
      "      volumes:\n"
      "        - name: sweep\n"
      "          persistentVolumeClaim:\n"
      "            claimName: {}\n",
      comment(job), job.manifest, job.shards, job.at_once.value_or(job.shards),
      yaml_text(job.image), yaml_text(job.program), arguments, job.shards, job.jobs,
      yaml_text(job.folder), yaml_text(job.claim));
}

// The shard's number replaces a word that no path holds; {} might be in one.
std::string parallel_script(const SweepJob& job) {
  constexpr std::string_view kNumber = "@shard@";
  const std::string worker = fmt::format("{} --shard {}/{}", command(job), kNumber, job.shards);
  const std::string at_once = job.at_once ? fmt::format("{}", *job.at_once) : "\"$(nproc)\"";
  return fmt::format(
      "#!/bin/sh\n"
      "{0}"
      "if command -v parallel >/dev/null; then\n"
      "  seq 0 {1} | parallel --quote --jobs {2} -I {3} {4}\n"
      "else\n"
      "  seq 0 {1} | xargs -P {2} -I {3} {4}\n"
      "fi\n",
      comment(job), job.shards - 1, at_once, kNumber, worker);
}

}  // namespace kvsim
