#!/bin/bash
# Installs the Debian packages of the purposes named (build, test, bench) that are missing; silent when none is.
# Stands behind every command that builds or tests, so that a fresh Debian 12 or 13 needs nothing typed first.
set -eu
here=$(dirname "$0")

is_installed() { dpkg-query -W -f='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }
is_known() { apt-cache show "$1" >/dev/null 2>&1; }

wanted() {
    awk -v purposes=" $* " '$1 !~ /^#/ && NF == 2 && index(purposes, " " $1 " ") { print $2 }' \
        "$here/packages.txt"
}

missing=()
for entry in $(wanted "$@"); do
    found=
    for name in ${entry//|/ }; do
        is_installed "$name" && found=$name && break
    done
    [ -n "$found" ] || missing+=("$entry")
done
[ ${#missing[@]} -gt 0 ] || exit 0

root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "deps: as root: apt-get install ${missing[*]%%|*}" >&2; exit 1; }
    root=(sudo)
fi
echo "deps: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${root[@]}" apt-get update -qq
names=()
for entry in "${missing[@]}"; do
    for name in ${entry//|/ }; do
        is_known "$name" && names+=("$name") && break
    done
done
"${root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${names[@]}" </dev/null >/dev/null
