#!/bin/bash
# Writes the reference pages and the JSON Schema from the same tables that the program is built from.
set -eu
cd "$(dirname "$0")/.."
build/sluice schema >schema/v1.json
build/sluice schema --markdown >docs/reference/configuration.md
build/sluice help --markdown >docs/reference/command-line.md
/usr/bin/python3 tools/tables.py
