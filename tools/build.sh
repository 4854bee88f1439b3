#!/bin/bash
# Configures once and builds one variant of the tree: plain (build/), asan, tsan, clang or fuzz (build-<variant>/).
# Prints nothing but errors and one closing line. The binary of a variant is <its directory>/sluice.
set -eu
cd "$(dirname "$0")/.."
variant=${1:-plain}
tools/deps.sh build

dir=build-$variant
options=()
compiler=gcc
case $variant in
plain) dir=build ;;
asan)  options=(-Db_sanitize=address,undefined -Db_lundef=false -Dc_args=-fno-sanitize-recover=all) ;;
tsan)  options=(-Db_sanitize=thread -Db_lundef=false) ;;
clang) compiler=clang ;;
fuzz)  compiler=clang
       options=(-Db_sanitize=address,undefined -Db_lundef=false -Dfuzz=true
                "-Dc_args=-fsanitize=fuzzer-no-link -fno-sanitize-recover=all") ;;
*)     echo "build: no variant \"$variant\": plain, asan, tsan, clang or fuzz" >&2; exit 2 ;;
esac

if [ ! -f "$dir/build.ninja" ]; then
    rm -rf "$dir"
    mkdir -p build
    CC=$compiler meson setup "$dir" "${options[@]}" >"build/setup-$variant.txt" 2>&1 ||
        { cat "build/setup-$variant.txt" >&2; exit 1; }
fi
if ! ninja -C "$dir" --quiet; then
    echo "build: $variant did not build" >&2
    exit 1
fi
echo "build: $variant is in $dir/"
