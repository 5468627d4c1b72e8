#!/bin/sh
# run.sh KVSIM WORK: makes reports with the program and opens them in a real browser. Needs node, npm and
# chromium; without them it is skipped, and says so. What it installs and writes stays below WORK.
# KVSIM_TRACES: the folder of public traces; without it the built-in demo stands in.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
kvsim=$1
work=$2

for tool in node npm chromium; do
  command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 0; }
done
node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || { echo "skipped: node is older than 20"; exit 0; }
mkdir -p "$work"
cp "$here"/package.json "$here"/package-lock.json "$here"/*.mjs "$work"
cd "$work"
npm ci --no-audit --no-fund --loglevel=error >install.log 2>&1 || {
  echo "skipped: npm ci failed: $(tail -n 1 install.log)"
  exit 0
}

rm -rf run compare.html folders.html shots
trace=${KVSIM_TRACES:-}/mooncake_conversation.jsonl.gz
[ -f "$trace" ] || trace=demo
"$kvsim" run "$trace" --out run >run.txt
"$kvsim" compare demo --html compare.html --json >compare.json
"$kvsim" curve "$trace" --policies lru,fifo,arc,optimal --html curve.html --json curve.json >curve.txt
"$kvsim" compare run run --html folders.html >folders.txt
CHROMIUM=$(command -v chromium)
export CHROMIUM
exec node browser.mjs
