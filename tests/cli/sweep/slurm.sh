#!/usr/bin/env bash
# slurm.sh KVSIM: a sweep of 2,000 points on a Slurm of its own. A worker is killed, then the node's
# daemon with all it runs; after a restart the --array=... that merge prints is submitted. The merged
# bytes must be those of one process, and no point may have run twice. Skipped, and says so, where
# there is no Slurm.
set -euo pipefail
kvsim=$1
# shellcheck source=tests/cli/sweep/cluster.sh
. "$(dirname "$0")/cluster.sh"

missing=$(cluster_missing)
if [ -n "$missing" ]; then
  echo "skipped: $missing"
  exit 0
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/kvsim.slurm.XXXXXX")
trap 'cluster_stop; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
fail() {
  echo "failed: $*" >&2
  tail -n 30 "$work"/cluster/*.log >&2
  exit 1
}
# until_true SECONDS COMMAND...
until_true() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.05
  done
}
results() { find "$sweep/results" -name '*.json' | wc -l; }
results_reach() { [ "$(results)" -ge "$1" ]; }
nothing_queued() { [ -z "$(squeue --noheader)" ]; }

# The plan, and what one process makes of it.
for i in $(seq 0 29); do
  printf '{"timestamp": %d, "input_length": %d, "output_length": %d, "hash_ids": [%d]}\n' \
    $((i * 20)) $((300 + i % 5 * 37)) $((5 + i % 7)) $((i % 3))
done >"$work/t.jsonl"
cat >"$work/c.json" <<'CONFIG'
{"cost": "constant", "max_model_len": 1024, "cache": {"num_gpu_blocks_override": 256}, "workload": {"trace": "t.jsonl"}}
CONFIG
sweep=$work/sweep
"$kvsim" sweep plan "$work/c.json" --set /cache/block_size=4,8,16,32 \
  --set /cache/eviction=lru,fifo,lfu,mru,slru --seeds 100 --out "$sweep"
cp -r "$sweep" "$work/alone"
"$kvsim" sweep run "$work/alone" --jobs 1
"$kvsim" sweep merge "$work/alone" --csv "$work/alone.csv" --jsonl "$work/alone.jsonl"

# Workers as the job starts them, with a log of what they run.
cat >"$work/worker" <<WORKER
#!/bin/bash
exec "$kvsim" "\$@" --verbose 2>>"$work/log.\$\$"
WORKER
chmod +x "$work/worker"
"$kvsim" sweep emit slurm "$sweep" --shards 8 --at-once 2 --program "$work/worker" >"$work/job.sh"
bash -n "$work/job.sh"

cluster_start "$work/cluster"
sbatch --parsable --output=/dev/null "$work/job.sh" >/dev/null
until_true 60 results_reach 50 || fail "no results within 60 s"
worker=$(pgrep -f "^$kvsim sweep run $sweep" | head -n 1) || fail "no worker to kill"
kill -9 "$worker"
until_true 60 results_reach $(($(results) + 50)) || fail "nobody went on after a worker was killed"
node_kill "^$kvsim sweep run $sweep"
echo "killed a worker and the node with $(results) of 2000 results"

scancel --user="$(id -un)" || true
node_start || fail "the node did not come back"
until_true 60 nothing_queued || fail "the first array is still there: $(squeue)"
status=0
array=$("$kvsim" sweep merge "$sweep" --shards 8) || status=$?
[ "$status" = 3 ] || fail "merge: exit code $status instead of 3"
echo "resuming: sbatch $array"
timeout 90 sbatch --wait --output=/dev/null "$array" "$work/job.sh" || fail "the second array failed"

"$kvsim" sweep merge "$sweep" --csv "$work/slurm.csv" --jsonl "$work/slurm.jsonl"
cmp "$work/alone.csv" "$work/slurm.csv"
cmp "$work/alone.jsonl" "$work/slurm.jsonl"
twice=$(cat "$work"/log.* | grep -oE 'point [0-9]+ \(.*\): run$' | sort | uniq -d)
[ -z "$twice" ] || fail "run twice: $twice"
echo "the same bytes: $(cat "$work"/log.* | grep -c ': run$') runs told of, 2000 results"
