"""tidy finds what it is there to find: one small tree with one fault, and the check that must name it."""
import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEAD = "/* {name} - part of a tree that tidy judges; see\n * tests/flow/test_tidy.py. */\n"
GOOD = {
    "tools/floors.txt": "base\nloop text\nhttp\n",
    "tools/waivers.txt": "",
    "src/base/a.h": HEAD.format(name="a.h") + "#pragma once\n\n/* Says hello. */\nvoid a(void);\n",
    "src/base/a.c": HEAD.format(name="a.c") + '#include "base/a.h"\n\nvoid a(void)\n{\n}\n',
    "src/base/meson.build": "x = ['a.c']\n",
    "src/text/t.h": HEAD.format(name="t.h") + '#pragma once\n#include "base/a.h"\n',
    "src/text/t.c": HEAD.format(name="t.c") + '#include "text/t.h"\n',
    "src/text/meson.build": "x = ['t.c']\n",
    "tests/unit/base/a_test.c": '#include "base/a.h"\n',
    "tests/unit/text/t_test.c": '#include "text/t.h"\n',
    "tests/unit/meson.build": "x = ['a', 't']\n",
}
BODY = "\nvoid a(void)\n{{\n{body}}}\n"


def with_body(body, include='#include "base/a.h"\n'):
    return {"src/base/a.c": HEAD.format(name="a.c") + include + BODY.format(body=body)}


FAULTS = {
    "floors": {"src/base/a.c": HEAD.format(name="a.c") + '#include "base/a.h"\n\n#include "text/t.h"\n'},
    "include-order": {"src/text/t.c": HEAD.format(name="t.c") + '#include "base/a.h"\n#include "text/t.h"\n'},
    "unused-header": {"src/text/u.h": HEAD.format(name="u.h") + "#pragma once\n"},
    "unbuilt": {"src/text/meson.build": "x = []\n", "tests/unit/meson.build": "x = ['a', 'z']\n"},
    "function-lines": with_body("    a();\n" * 69),
    "nesting": with_body("    while (1) {\n        if (1) {\n            for (;;) {\n                if (1) {\n"
                         "                }\n            }\n        }\n    }\n"),
    "parameters": {"src/base/a.c": HEAD.format(name="a.c") +
                   '#include "base/a.h"\n\nstatic void b(int a, int b, int c, int d, int e, int f)\n{\n}\n'},
    "file-lines": {"src/text/t.h": GOOD["src/text/t.h"] + "\n" * 150},
    "banned": with_body("    strcpy(a, b);\n"),
    "allocator": {"src/text/t.c": HEAD.format(name="t.c") + '#include "text/t.h"\n\nvoid t(void)\n{\n    free(0);\n}\n'},
    "secret-compare": with_body("    memcmp(secret, given, 16);\n"),
    "clock": {"src/text/t.c": HEAD.format(name="t.c") + '#include "text/t.h"\n\nvoid t(void)\n{\n    time(0);\n}\n'},
    "conditional": with_body("#if 1\n    a();\n#endif\n"),
    "constructor": {"src/base/a.c": GOOD["src/base/a.c"] + "\n__attribute__((constructor)) void b(void);\n"},
    "todo": {"src/base/a.c": GOOD["src/base/a.c"] + "/* TO" "DO: more. */\n"},
    "head-comment": {"src/base/a.c": '#include "base/a.h"\n'},
    "contract": {"src/base/a.h": HEAD.format(name="a.h") + "#pragma once\n\nvoid a(void);\n"},
    "mirror": {"tests/unit/text/t_test.c": None},
    "rows": {"src/base/limits.def": HEAD.format(name="limits.def") + 'LIMIT(never_tested, 1, COUNT, ERR_X, "x")\n',
             "tests/unit/base/a_test.c": '#include "base/a.h"\n#include "base/limits.def"\n'},
    "text": {"src/base/a.h": GOOD["src/base/a.h"] + "/* " + "x" * 100 + " */\n"},
    "markdown": {"README.md": "# One\n\n# Two\n"},
    "waivers": {"tools/waivers.txt": "src/base/a.c text always nothing to waive\n"},
}


def run_tidy(directory, changes):
    for path, text in {**GOOD, **changes}.items():
        place = directory / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if text is not None:
            place.write_text(text)
    shutil.copy(ROOT / "tools/tidy.py", directory / "tools/tidy.py")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    subprocess.run(["git", "init", "-q"], cwd=directory, check=True, env=environment)
    run = subprocess.run(["/usr/bin/python3", "tools/tidy.py"], cwd=directory, capture_output=True, text=True, check=False,
                         env=environment)
    return run.returncode, {line.rsplit("(", 1)[1][:-1] for line in run.stdout.split("\n") if line.endswith(")")}, run.stdout


def test_a_good_tree_passes(tmp_path):
    status, checks, said = run_tidy(tmp_path, {})
    assert (status, checks) == (0, set()), said


@pytest.mark.parametrize("check", sorted(FAULTS))
def test_each_check_finds_its_fault(tmp_path, check):
    status, checks, said = run_tidy(tmp_path, FAULTS[check])
    assert status == 1 and check in checks, said


def test_rooms_on_one_floor_do_not_know_each_other(tmp_path):
    sideways = HEAD.format(name="t.c") + '#include "text/t.h"\n\n#include "loop/l.h"\n'
    loop = {"src/loop/l.h": HEAD.format(name="l.h") + "#pragma once\n"}
    status, checks, said = run_tidy(tmp_path, {**loop, "src/text/t.c": sideways})
    assert status == 1 and checks == {"floors"} and "sideways" in said, said


def test_a_waiver_covers_until_its_date(tmp_path):
    long_body = with_body("    a();\n" * 69)
    waiver = "src/base/a.c:a function-lines {} one table\n"
    assert run_tidy(tmp_path / "open", {**long_body, "tools/waivers.txt": waiver.format("2999-01-01")})[0] == 0
    status, checks, _ = run_tidy(tmp_path / "over", {**long_body, "tools/waivers.txt": waiver.format("2020-01-01")})
    assert status == 1 and {"function-lines", "waivers"} <= checks
