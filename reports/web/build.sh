#!/bin/sh
# Rebuilds dist/report.html from src/ (node 20 or later). Users of kvsim never need this: the built
# file is committed, and embedded into the program.
set -eu
cd "$(dirname "$0")"
npm ci --no-audit --no-fund --loglevel=error
exec node build.mjs
