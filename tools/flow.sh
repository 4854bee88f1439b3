#!/bin/bash
# Runs the flow tests (real process, scripted peers) against one variant's binary, one shard per CPU; leaves one JUnit
# file per shard for tools/tally. Further arguments go to pytest, and then there is one shard: tools/flow.sh plain -k reload
set -u
cd "$(dirname "$0")/.." || exit 1
. tools/variant.sh
shift $(($# > 0 ? 1 : 0))
tools/deps.sh test || exit 1
export SLUICE_BIN=$PWD/$build/sluice PYTHONDONTWRITEBYTECODE=1
pytest=(/usr/bin/python3 -m pytest -q -p no:cacheprovider --rootdir=tests/flow tests/flow)
[ $# -eq 0 ] || exec "${pytest[@]}" "$@"

shards=$(nproc)
rm -f "$results/flow-$variant".*.xml
pids=()
for ((i = 0; i < shards; i++)); do
    FLOW_SHARD=$i/$shards "${pytest[@]}" --junitxml="$results/flow-$variant.$i.xml" \
        >"$results/flow-$variant.$i.txt" 2>&1 &
    pids+=($!)
done
status=0
for ((i = 0; i < shards; i++)); do
    wait "${pids[i]}" || { status=1; cat "$results/flow-$variant.$i.txt"; }
done
tail -qn 1 "$results/flow-$variant".*.txt
exit $status
