#!/usr/bin/env python3
"""field_slots.py - finds a perfect hash for the names of fields.def (run by the build).

usage: field_slots.py fields.def out.h
The key is what intern.h computes from a name: its last two bytes, its first byte and its length,
letters in lower case. Only the slots are generated; names and rules stay in fields.def."""
import random
import re
import sys

SLOT_BITS = 8


def key_of(text):
    name = text.lower().encode()
    return name[-2] | name[-1] << 8 | name[0] << 16 | len(name) << 24


def main():
    rows = re.findall(r'^FIELD\((\w+), "([^"]+)"', open(sys.argv[1]).read(), re.M)
    for _, text in rows:
        if not re.fullmatch(r"[A-Za-z0-9-]{2,46}", text):
            sys.exit(f"{text}: an interned name has 2 to 46 letters, digits and '-'")
    keys = [key_of(text) for _, text in rows]
    if len(set(keys)) < len(keys):
        sys.exit("two names of fields.def have the same key: take more of the name into it")
    rng = random.Random(1)
    while True:
        multiplier = rng.getrandbits(32) | 1
        slots = [(key * multiplier & 0xFFFFFFFF) >> (32 - SLOT_BITS) for key in keys]
        if len(set(slots)) == len(slots):
            break
    with open(sys.argv[2], "w") as out:
        out.write("/* field_slots.h - written by field_slots.py from fields.def. */\n#pragma once\n\n")
        out.write(f"#define FIELD_SLOT_MULTIPLIER UINT32_C({multiplier})\n")
        out.write(f"#define FIELD_SLOT_SHIFT {32 - SLOT_BITS}\n\n")
        rows_text = ", ".join(f"[{slot}] = FIELD_{name}" for slot, (name, _) in sorted(zip(slots, rows)))
        out.write(f"#define FIELD_SLOT_COUNT {1 << SLOT_BITS}\n#define FIELD_SLOT_ROWS {rows_text}\n")


main()
