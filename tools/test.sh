#!/bin/bash
# All that must hold before a change is merged, on one command: builds with both compilers, unit tests, tidy, flow tests,
# both again under sanitizers, and the fuzzers. Ends with `N passed, N failed` (tools/tally). QUICK=1 leaves out what is slow.
set -u
cd "$(dirname "$0")/.." || exit 1
tools/deps.sh build test || exit 1
export RESULTS=build-results
rm -rf "$RESULTS"
mkdir -p "$RESULTS"

# step NAME COMMAND... runs one step and notes how it ended; a failure does not stop the others.
step() {
    local name=$1 began=$SECONDS status
    shift
    echo "== $name"
    "$@"
    status=$?
    echo "$status $((SECONDS - began))" >"$RESULTS/$name.status"
    return $status
}

step tidy-text /usr/bin/python3 tools/tidy.py --text --junit "$RESULTS/tidy-text.xml"
if step build-plain tools/build.sh plain; then
    step tidy-objects /usr/bin/python3 tools/tidy.py --objects build --junit "$RESULTS/tidy-objects.xml"
    step unit-plain tools/unit.sh plain
    step flow-plain tools/flow.sh plain
fi
if step build-asan tools/build.sh asan; then
    step unit-asan tools/unit.sh asan
    step flow-asan tools/flow.sh asan
fi
if [ -z "${QUICK:-}" ]; then
    if step build-tsan tools/build.sh tsan; then
        step unit-tsan tools/unit.sh tsan
        step flow-tsan tools/flow.sh tsan
    fi
    step build-clang tools/build.sh clang && step unit-clang tools/unit.sh clang
    step build-fuzz tools/build.sh fuzz && step fuzz tools/fuzz.sh
fi
exec tools/tally "$RESULTS"
