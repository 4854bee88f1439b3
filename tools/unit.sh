#!/bin/bash
# Runs the unit tests of one variant's build; leaves a JUnit file for tools/tally.
set -u
cd "$(dirname "$0")/.." || exit 1
. tools/variant.sh
meson test -C "$build" --suite unit --no-rebuild --print-errorlogs --quiet
status=$?
cp -f "$build/meson-logs/testlog.junit.xml" "$results/unit-$variant.xml" 2>/dev/null
exit $status
