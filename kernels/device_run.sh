#!/usr/bin/env bash
# On a machine with a GPU: builds kvsim-calibrate, checks every kernel, benchmarks, calibrates. One
# command, at most ten minutes; each result is in OUT_DIR as soon as it is there (at most 8 files).
# Needs nvcc, CMake and a C++20 compiler, no other library.
set -uo pipefail

usage='usage: kernels/device_run.sh OUT_DIR [--minutes N] [--validate RUN_DIR] [--dry-run]

  OUT_DIR          for run.txt, build.log, self_check.txt, bench.md, bench.json, profile.json,
                   calibrate.log, validate.txt
  --minutes N      for everything, 4 to 60 (10)
  --validate DIR   also replay the steps of a simulation (kvsim run ... --out DIR --steps N)
  --dry-run        check the arguments and print what would be done; needs no GPU
environment
  KVSIM_ARCH       the GPU, as CMake names it (90a: Hopper)'

fail() { echo "device_run.sh: $1" >&2; exit 2; }

out='' minutes=10 run_dir='' dry_run=no
while [ $# -gt 0 ]; do
  case "$1" in
    --help) echo "$usage"; exit 0 ;;
    --dry-run) dry_run=yes ;;
    --minutes|--validate)
      [ $# -ge 2 ] || fail "$1: expected a value after it"
      if [ "$1" = --minutes ]; then minutes=$2; else run_dir=$2; fi
      shift ;;
    -*) fail "no option named '$1'; see --help" ;;
    *) [ -z "$out" ] || fail "one OUT_DIR, got '$out' and '$1'"; out=$1 ;;
  esac
  shift
done
[ -n "$out" ] || fail "expected OUT_DIR; see --help"
if ! [[ "$minutes" =~ ^[0-9]+$ ]] || [ "$minutes" -lt 4 ] || [ "$minutes" -gt 60 ]; then
  fail "--minutes: expected 4 to 60, got '$minutes'"
fi
[ -z "$run_dir" ] || [ -r "$run_dir/steps.jsonl" ] ||
  fail "$run_dir/steps.jsonl: cannot read it; make it with: kvsim run CONFIG --out $run_dir --steps 20"

root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build/calibrate
program=$build/kvsim-calibrate
limit=$((minutes * 60 - 30))  # half a minute to spare
left() { echo $((limit - SECONDS)); }
arch=${KVSIM_ARCH:-90a}

nvcc=${CUDACXX:-$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null || true)}
if [ "$dry_run" = yes ]; then
  cat <<PLAN
build      cmake -S kernels/calibrate -B $build, nvcc: ${nvcc:-none}, architecture $arch
self-check kvsim-calibrate --self-check                 > $out/self_check.txt
bench      kvsim-calibrate --bench --out $out/bench.json > $out/bench.md
calibrate  kvsim-calibrate --out $out/profile.json, in what is left of $limit s
${run_dir:+validate   kvsim-calibrate --validate $run_dir > $out/validate.txt}
PLAN
  exit 0
fi
[ -n "$nvcc" ] || fail "no nvcc; put it on PATH or name it in CUDACXX"
command -v "$nvcc" > /dev/null || fail "$nvcc: no such compiler (CUDACXX)"
command -v cmake > /dev/null || fail "no cmake"
mkdir -p "$out" || fail "$out: cannot make it"
out=$(cd "$out" && pwd)
cd "$root" || exit 1

# part NAME SECONDS COMMAND...: its outcome goes to run.txt; a failure does not stop the others.
failed=0
part() {
  local name=$1 seconds=$2 started=$SECONDS code=0
  shift 2
  echo "== $name (at ${SECONDS}s, at most ${seconds}s)"
  timeout --kill-after=10 "$seconds" "$@" || code=$?
  echo "$name: exit $code after $((SECONDS - started))s" | tee -a "$out/run.txt"
  [ "$code" = 0 ] || failed=1
  return "$code"
}
# A generator that is there, and one compiler job per processor.
build_all() {
  local generator=()
  command -v ninja > /dev/null && generator=(-G Ninja)
  CUDACXX=$nvcc cmake -S kernels/calibrate -B "$build" "${generator[@]}" \
    -DCMAKE_CUDA_ARCHITECTURES="$arch" &&
    cmake --build "$build" --parallel "$(nproc)"
}
export -f build_all
export build nvcc arch
logged() { local log=$1; shift; "$@" > "$log" 2>&1; }
printed() { local to=$1; shift; "$@" > "$to"; }
export -f logged printed

{ date -u '+%Y-%m-%dT%H:%M:%SZ'; nvidia-smi --query-gpu=name,driver_version --format=csv,noheader \
    2> /dev/null || true; } > "$out/run.txt"
part build "$(left)" bash -c 'logged "$0" build_all' "$out/build.log" ||
  { tail -n 20 "$out/build.log" >&2; exit 1; }
part self-check 150 bash -c 'printed "$0" "$1" --self-check' "$out/self_check.txt" "$program"
part bench 90 bash -c 'printed "$0" "$1" --bench --out "$2"' "$out/bench.md" "$program" \
  "$out/bench.json"
validate_seconds=$([ -n "$run_dir" ] && echo 60 || echo 0)
budget=$(($(left) - validate_seconds - 10))
if [ "$budget" -ge 20 ]; then
  part calibrate $((budget + 10)) bash -c 'logged "$0" "$1" --out "$2" --budget-s "$3"' \
    "$out/calibrate.log" "$program" "$out/profile.json" "$budget"
  tail -n 5 "$out/calibrate.log"
else
  echo "calibrate: no time left" | tee -a "$out/run.txt"
  failed=1
fi
[ -z "$run_dir" ] || part validate "$(left)" bash -c 'printed "$0" "$1" --validate "$2"' \
  "$out/validate.txt" "$program" "$run_dir"
grep -h -E '^FAIL|checks,' "$out/self_check.txt"
cat "$out/bench.md" "$out/run.txt"
exit "$failed"
