#!/bin/bash
# Builds an optimised binary and plays the quick start: the gateway in front of origins that the binary plays itself.
set -eu
cd "$(dirname "$0")/.."
tools/build.sh plain
exec build/sluice demo
