#!/usr/bin/env bash
# Writes seeds for ops_fuzz into DIR: beginnings of the recorded operations, behind the byte that
# picks the dialect. From nothing the fuzzer hardly gets past the first operation's fields.
#   tests/fuzz/ops_corpus.sh DIR [RECORDING.ops.jsonl ...]     (default: the ones of tests/golden/ops)
set -euo pipefail
dir=${1:?usage: ops_corpus.sh DIR [RECORDING.ops.jsonl ...]}
shift
[ "$#" -gt 0 ] || set -- "$(dirname "$0")"/../golden/ops/*.ops.jsonl
mkdir -p "$dir"
for recording in "$@"; do
  name=$(basename "$recording" .ops.jsonl)
  case $name in sglang_*) dialect=0 ;; *) dialect=1 ;; esac
  for lines in 5 15 40 120; do
    { printf %s "$dialect" && head -n "$lines" "$recording"; } >"$dir/$name.$lines"
  done
done
