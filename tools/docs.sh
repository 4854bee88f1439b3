#!/bin/bash
# Writes the reference pages and the JSON Schema from the same tables that the program reads its configuration with.
set -eu
cd "$(dirname "$0")/.."
build/sluice schema >docs/reference/schema.json
build/sluice schema --markdown >docs/reference/configuration.md
