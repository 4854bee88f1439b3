#!/bin/bash
# Formats the C sources in place; a formatting commit holds nothing else.
set -eu
cd "$(dirname "$0")/.."
command -v clang-format >/dev/null || { echo "fmt: apt-get install clang-format" >&2; exit 1; }
git ls-files '*.c' '*.h' | xargs clang-format -i
