#!/bin/bash
# Installs the peers, builds the load generator and runs the comparison; arguments go to bench/bench.py (--quick, --write).
set -eu
cd "$(dirname "$0")/.."
tools/deps.sh build bench
tools/build.sh plain
ninja -C build --quiet bench/load bench/origin bench/balance_bench
exec /usr/bin/python3 bench/bench.py "$@"
