#!/usr/bin/env bash
# The gate on instruction counts: hot paths on fixed inputs, counted by valgrind, held to
# instructions.txt. A count repeats exactly, whatever else the machine does; another compiler makes
# another program, so the gate skips, and says so, where the baseline is not that compiler's.
#
#   instructions.sh KVSIM [--update]     KVSIM is a Release build of sim/kvsim
#
# Exit codes: 0 kept (or skipped), 99 one more than `tolerance` above its baseline, 1 no count.
set -euo pipefail

kvsim=$1
update=${2:-}
tolerance=3 # %: what code elsewhere shifts by inlining; a lost optimisation shows as more
here=$(cd "$(dirname "$0")" && pwd)
baseline=$here/instructions.txt

skip() { echo "skipped: $1" && exit 0; }
command -v valgrind >/dev/null || skip "no valgrind"
command -v readelf >/dev/null || skip "no readelf"
compiler=$(readelf -p .comment "$kvsim" | grep -o 'GCC: .*\|.*clang version.*' | head -n 1)
if [ -z "$update" ]; then
  grep -qxF "# $compiler" "$baseline" || skip "the baseline is of $(head -n 1 "$baseline"), this is $compiler"
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Conversations of a few turns in a pool too small to keep them: finds, allocates, evicts.
load=(--set /workload/generate/requests=1500 --set /workload/generate/turns/mean=4
  --set /workload/generate/prompt/mean=300 --set /workload/generate/output/mean=100
  --set /workload/generate/system_prompts/count=8 --set /workload/arrivals/rate=4 --set /cost=roofline
  --set /cache/num_gpu_blocks_override=4000)

# count FUNCTION ARGUMENTS...: instructions of one kvsim command inside FUNCTION and what it calls.
count() {
  local function=$1 says
  shift
  says=$(valgrind --tool=callgrind --toggle-collect="$function" --callgrind-out-file="$scratch/out" \
    "$kvsim" "$@" 2>&1 >"$scratch/result") || { echo "$says" >&2 && return 1; }
  says=$(grep -o 'Collected : [0-9]*' <<<"$says" | grep -o '[0-9]*$')
  [ "$says" -gt 0 ] || { echo "nothing counted: where is $function?" >&2 && return 1; }
  echo "$says"
}

paged=$(count 'kvsim::Engine::run*' run "${load[@]}" --set /cache/allocator=paged)
radix=$(count 'kvsim::Engine::run*' run "${load[@]}" --set /cache/allocator=radix)
lru=$(count 'kvsim::hit_curve*' curve "${load[@]}" --policies lru --jobs 1)
printf '%s %s\n' run-paged "$paged" run-radix "$radix" curve-lru "$lru" >"$scratch/counts"

if [ "$update" = --update ]; then
  { echo "# $compiler" && cat "$scratch/counts"; } >"$baseline"
  cat "$baseline"
  exit 0
fi

awk -v tolerance="$tolerance" '
  NR == FNR { if ($1 != "#") was[$1] = $2; next }
  !($1 in was) { print $1 ": no baseline: run with --update"; crossed = 1; next }
  {
    change = 100 * ($2 / was[$1] - 1)
    verdict = "kept"
    if (change > tolerance) { verdict = "CROSSED"; crossed = 1 }
    if (change < -tolerance) verdict = "better: the baseline is stale, run with --update"
    printf "%-10s %12d instructions, baseline %12d, %+.2f %% (tolerance %d %%): %s\n",
      $1, $2, was[$1], change, tolerance, verdict
  }
  END { exit crossed ? 99 : 0 }' "$baseline" "$scratch/counts"
