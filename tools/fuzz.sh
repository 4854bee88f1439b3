#!/bin/bash
# Runs every fuzz entry for FUZZ_SECONDS (60) on its corpus, two per CPU at a time; leaves a JUnit file for tools/tally.
# What a fuzzer finds is kept in build-fuzz/found/ and belongs into tests/fuzz/corpus/<name>/ with the fix.
set -u
cd "$(dirname "$0")/.." || exit 1
results=${RESULTS:-build-results}
seconds=${FUZZ_SECONDS:-60}
found=build-fuzz/found
mkdir -p "$results" "$found"
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

run_one() {
    local binary=$1 name
    name=$(basename "$binary" _fuzz)
    mkdir -p "build-fuzz/corpus/$name" "tests/fuzz/corpus/$name"
    if "$binary" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$found/$name-" "build-fuzz/corpus/$name" "tests/fuzz/corpus/$name" \
        >"$results/fuzz-$name.txt" 2>&1 </dev/null; then
        echo "<testcase classname=\"fuzz\" name=\"$name\"/>" >"$results/fuzz-$name.case"
    else
        tail -n 40 "$results/fuzz-$name.txt"
        echo "<testcase classname=\"fuzz\" name=\"$name\"><failure message=\"see fuzz-$name.txt\"/></testcase>" \
            >"$results/fuzz-$name.case"
    fi
}
export -f run_one
export results seconds found

rm -f "$results"/fuzz-*.case
find build-fuzz/tests/fuzz -maxdepth 1 -name '*_fuzz' -type f -perm -u+x | sort |
    xargs -r -P "$((2 * $(nproc)))" -I{} bash -c 'run_one {}'
{
    echo '<testsuite name="fuzz">'
    cat "$results"/fuzz-*.case 2>/dev/null
    echo '</testsuite>'
} >"$results/fuzz.xml"
rm -f "$results"/fuzz-*.case
! grep -q '<failure' "$results/fuzz.xml"
