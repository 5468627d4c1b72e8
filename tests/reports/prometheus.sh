#!/usr/bin/env bash
# prometheus.sh FILE DATA QUERY TIME: loads an OpenMetrics file into a Prometheus of its own (once
# per DATA folder) and prints what QUERY is at TIME, in seconds.
set -euo pipefail
file=$1 data=$2 query=$3 time=$4

[ -d "$data" ] || promtool tsdb create-blocks-from openmetrics "$file" "$data" >&2
printf 'global: {}\n' >"$data.yml"
port=$((20000 + RANDOM % 20000))
prometheus --config.file="$data.yml" --storage.tsdb.path="$data" --web.listen-address="127.0.0.1:$port" \
  --storage.tsdb.retention.time=100y >&2 &
server=$!
trap 'kill $server; wait $server || true' EXIT
for _ in $(seq 100); do
  answer=$(promtool query instant --time="$time" "http://127.0.0.1:$port" "$query" 2>/dev/null) && break
  kill -0 $server  # it may have died: of a port that is taken, say
  sleep 0.1
done
# {labels} => 12 @[60]
printf '%s\n' "$answer" | sed -n '1s/.*=> \([^ ]*\) @.*/\1/p'
