# Sourced by unit.sh and flow.sh: where a variant's build lies and how its sanitizers speak.
variant=${1:-plain}
build=build-$variant
[ "$variant" != plain ] || build=build
results=${RESULTS:-build-results}
mkdir -p "$results"
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:abort_on_error=0
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS=halt_on_error=0:second_deadlock_stack=1
