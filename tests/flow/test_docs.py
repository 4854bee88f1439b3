"""What the pages show is true: configurations are read by `sluice check`, refusals are said as printed, commands run, and
the worked example of CONTRIBUTING.md is built and run. So is what lies in examples/.

A fence of ```yaml is a whole file that must be right; ```yaml refused must be refused with each line of the ```text that
follows; ```yaml part is not looked at. ```sh run is run from the root of the tree.
"""
import json
import os
import pathlib
import re
import subprocess

import pytest

from kit.gateway import binary

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(binary()).resolve().parent
FENCE = re.compile(r"^```(\S+)[ ]?([^\n]*)\n(.*?)^```$", re.M | re.S)
LIBRARIES = ["-lyaml", "-ljansson", "-lpcre2-8", "-lcares", "-lpthread", "-lm"]


def pages():
    tracked = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in tracked.split()]


def fences(page):
    """(line, language, rest of the opening line, text, text of the next fence)"""
    text = page.read_text()
    found = list(FENCE.finditer(text))
    for match, after in zip(found, found[1:] + [None]):
        yield (text.count("\n", 0, match.start()) + 1, *match.groups(), after.group(3) if after else "")


def examples():
    return [pytest.param(kind, text, after, id=f"{page.relative_to(ROOT)}:{line}")
            for page in pages() for line, language, kind, text, after in fences(page)
            if language == "yaml" and kind in ("", "refused")]


@pytest.mark.parametrize("kind,text,after", examples())
def test_examples_are_read_as_the_page_says(tmp_path, kind, text, after):
    file = tmp_path / "sluice.yaml"
    file.write_text(text)
    run = subprocess.run([binary(), "check", str(file)], capture_output=True, text=True, check=False)
    said = run.stdout + run.stderr
    assert run.returncode == (1 if kind == "refused" else 0), said
    for line in after.splitlines() if kind == "refused" else []:
        assert line in said


def commands():
    return [pytest.param(text, id=f"{page.relative_to(ROOT)}:{line}")
            for page in pages() for line, language, kind, text, _ in fences(page) if (language, kind) == ("sh", "run")]


@pytest.mark.parametrize("text", commands())
def test_commands_on_the_pages_run(text):
    run = subprocess.run(["bash", "-eu", "-c", text], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
                         env={**os.environ, "PATH": f"{BUILD}:{os.environ['PATH']}"})
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stderr == "", run.stderr


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_examples_have_no_warning_and_pass_their_own_tests(path):
    for verb in "check", "test":
        run = subprocess.run([binary(), verb, str(path)], capture_output=True, text=True, check=False)
        assert (run.returncode, run.stderr) == (0, ""), run.stdout + run.stderr
    assert not run.stdout.startswith("0 passed")


def walk_through():
    """Path to text, of all files that CONTRIBUTING.md shows."""
    return {kind: text for _, language, kind, text, _ in fences(ROOT / "CONTRIBUTING.md")
            if language in ("c", "c-row", "python")}


def test_the_worked_example_builds_and_its_tests_pass(tmp_path):
    files = walk_through()
    table = (ROOT / "src/policy/policies.def").read_text()
    files["src/policy/policies.def"] = table.replace("POLICY(headers", files["src/policy/policies.def"] + "POLICY(headers")
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if name.endswith(".py"):
            compile(text, name, "exec")
    options = {o["name"]: o["value"] for o in json.loads((BUILD / "meson-info/intro-buildoptions.json").read_text())}
    flags = ["-std=gnu17", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-g"]
    if options["b_sanitize"] != "none":
        flags += [f"-fsanitize={options['b_sanitize']}", "-DSLUICE_DEBUG"]
    program = tmp_path / "maintenance_test"
    build = subprocess.run(
        ["cc", *flags, f"-I{tmp_path}/src", f"-I{ROOT}/src", f"-I{ROOT}/tests/unit/kit", f"-I{ROOT}/tests/unit/policy",
         *(str(tmp_path / name) for name in files if name.endswith(".c")), str(ROOT / "src/policy/policies.c"),
         str(ROOT / "tests/unit/kit/test.c"), "-o", str(program), "-Wl,--start-group",
         *map(str, sorted(BUILD.glob("src/*/lib*.a"))), "-Wl,--end-group", *LIBRARIES],
        capture_output=True, text=True, check=False)
    assert build.returncode == 0, build.stderr
    run = subprocess.run([program], capture_output=True, text=True, check=False)
    assert run.returncode == 0 and "not ok" not in run.stdout, run.stdout + run.stderr
    assert run.stdout.count("\nok ") == files["tests/unit/policy/maintenance_test.c"].count("TEST("), run.stdout
