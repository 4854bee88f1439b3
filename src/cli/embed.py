#!/usr/bin/env python3
"""embed.py - a text file as a C string, for the build.

usage: embed.py FILE NAME out.h"""
import sys


def main():
    path, name, out = sys.argv[1:]
    lines = open(path, encoding="utf-8").read().splitlines()
    literal = "\n".join('    "' + line.replace("\\", "\\\\").replace('"', '\\"') + '\\n"' for line in lines)
    with open(out, "w", encoding="utf-8") as header:
        header.write(f"/* Made from {path.rsplit('/', 1)[-1]} by embed.py. */\n"
                     f"static const char {name}[] =\n{literal};\n")


main()
