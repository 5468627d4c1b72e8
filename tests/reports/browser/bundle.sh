#!/bin/sh
# bundle.sh WEB WORK: is the committed page what its source gives? Built in WORK, so that the source tree
# stays as it is. Needs node and npm; without them it is skipped, and says so.
set -eu
web=$1
work=$2

for tool in node npm; do
  command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 0; }
done
node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || { echo "skipped: node is older than 20"; exit 0; }
rm -rf "$work"
mkdir -p "$work"
cp -r "$web"/package.json "$web"/package-lock.json "$web"/build.mjs "$web"/src "$web"/dist "$work"
cd "$work"
npm ci --no-audit --no-fund --loglevel=error >install.log 2>&1 || {
  echo "skipped: npm ci failed: $(tail -n 1 install.log)"
  exit 0
}
node build.mjs --check
