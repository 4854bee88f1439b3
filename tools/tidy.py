#!/usr/bin/python3
"""tidy - the rules of STYLE.md that a machine can check, on the text of the tree and on the objects of a build.

    tools/tidy.py [--text] [--objects BUILD_DIR] [--junit FILE]

Prints `path:line: message (check)` for each finding and exits 1 if there is one. Text is what git tracks. A finding is
waived by a line in tools/waivers.txt; a waiver that is past its date or waives nothing is itself a finding. Functions are
found by the shape that clang-format gives them: a brace alone in column 0 opens a body, another one closes it.
"""
import argparse
import collections
import datetime
import os
import pathlib
import re
import subprocess
import sys
from xml.sax.saxutils import quoteattr

FUNCTION_LINES_MAX = 70
NESTING_MAX = 3
PARAMETERS_MAX = 5
FILE_LINES_WARN = 600
FILE_LINES_MAX = 1000
HEADER_LINES_MAX = 150
COLUMNS_MAX = 100
HEAD_COMMENT_LINES_MAX = 20

BANNED = re.compile(
    r"\b(strcpy|strcat|strncpy|strncat|sprintf|vsprintf|strtok|strtok_r|atoi|atol|atoll|atof|gets|alloca|strtol|strtoul"
    r"|strtoll|strtoull|strtod|scanf|sscanf|fscanf|system|popen|rand|srand|random|setjmp|longjmp|tmpnam|mktemp)\s*\(")
ALLOCATOR = re.compile(r"\b(malloc|calloc|realloc|reallocarray|free|strdup|strndup|asprintf|vasprintf|getline)\s*\(")
SECRET_COMPARE = re.compile(
    r"\b(memcmp|strcmp|strncmp|bcmp)\s*\([^;]*(secret|token|password|hmac|signature|digest|api_key)", re.I)
CLOCK = re.compile(r"\b(clock_gettime|gettimeofday|time|clock)\s*\(")
CONTROL = re.compile(r"\b(if|for|while|switch|do|else)\b")
WORD_NOT_FUNCTION = {"if", "for", "while", "switch", "return", "sizeof", "defined"}

Finding = collections.namedtuple("Finding", "path line what message")


class Source:
    """One tracked file: its lines, and the same lines with comments and literals blanked."""

    def __init__(self, path):
        self.path = path
        self.text = pathlib.Path(path).read_text(encoding="utf-8", errors="replace")
        self.lines = self.text.split("\n")
        if self.lines and self.lines[-1] == "":
            self.lines.pop()
        self.is_c = path.endswith((".c", ".h"))
        self.code = blank(self.text).split("\n")[:len(self.lines)] if self.is_c else self.lines

    @property
    def room(self):
        """The room of a file under src/, else None."""
        parts = self.path.split("/")
        return parts[1] if parts[0] == "src" and len(parts) > 2 else None

    def functions(self):
        """Yields (name, signature, first line, last line), lines from 1, the braces included."""
        for start, line in enumerate(self.code):
            if line.rstrip() != "{":
                continue
            end = next((i for i in range(start, len(self.code)) if self.code[i].startswith("}")), None)
            top = start
            while top > 0 and self.code[top - 1].strip() and not self.code[top - 1].startswith(("}", "#")):
                top -= 1
            signature = " ".join(self.code[top:start])
            names = [n for n in re.findall(r"(\w+)\s*\(", signature) if n not in ("__attribute__", "MUST_USE")]
            if end is not None and names:
                yield names[0], signature, start + 1, end + 1


def blank(text):
    """Replaces comments and literals by blanks, keeping every line where it is."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

    def hide(match):
        word = match.group(0)
        if word[0] in "\"'":
            return word[0] + "_" * (len(word) - 2) + word[-1]
        return re.sub(r"[^\n]", " ", word)
    # Include paths are literals that checks need: they are read from the raw lines.
    return pattern.sub(hide, text)


def read_floors():
    """Returns {room: floor}; rooms on one line stand on one floor."""
    lines = pathlib.Path("tools/floors.txt").read_text().split("\n")
    floors = [line.split() for line in lines if line and not line.startswith("#")]
    return {room: floor for floor, rooms in enumerate(floors) for room in rooms}


class Tree:
    """Every tracked file, read once."""

    def __init__(self):
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True, check=True)
        paths = sorted(p for p in listed.stdout.split("\n") if p and os.path.isfile(p))
        wanted = (".c", ".h", ".def", ".py", ".sh", ".md", ".build", ".txt", ".yaml")
        self.files = [Source(p) for p in paths
                      if p.endswith(wanted) and "/corpus/" not in p and os.path.getsize(p) < 2_000_000]
        self.by_path = {f.path: f for f in self.files}
        self.c = [f for f in self.files if f.is_c]
        self.src = [f for f in self.c if f.room]
        self.floors = read_floors()

    def includes(self, file):
        """Yields (line, path) of each quoted include."""
        for i, line in enumerate(file.lines):
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if match:
                yield i + 1, match.group(1)


def check_floors(tree):
    """Includes go to the own room or to a lower floor (rule 33)."""
    for file in tree.src:
        for line, target in tree.includes(file):
            room = target.split("/")[0]
            if room not in tree.floors:
                if os.path.exists(os.path.join(os.path.dirname(file.path), target)):
                    yield Finding(file.path, line, target, f'write the room: "{file.room}/{target}"')
                continue
            if file.room not in tree.floors:
                yield Finding(file.path, line, target, f"room {file.room} is not in tools/floors.txt")
            elif room != file.room and tree.floors[room] >= tree.floors[file.room]:
                way = "upward" if tree.floors[room] > tree.floors[file.room] else "sideways"
                yield Finding(file.path, line, target, f"{file.room} includes {target}: {way}")


def check_include_order(tree):
    """Own header first (rule 34)."""
    for file in tree.src:
        own = file.path[len("src/"):-1] + "h"
        targets = list(tree.includes(file))
        if file.path.endswith(".c") and "src/" + own in tree.by_path and targets and targets[0][1] != own:
            yield Finding(file.path, targets[0][0], own, f'the first include is the own header "{own}"')


def check_unused_headers(tree):
    """Every header and table under src/ is included by somebody."""
    used = {target for file in tree.c for _, target in tree.includes(file)}
    for file in tree.files:
        if file.path.startswith("src/") and file.path.endswith((".h", ".def")) and file.path[4:] not in used:
            yield Finding(file.path, 1, "", "nobody includes this file")


def check_unbuilt_sources(tree):
    """Every source stands in a meson.build, or it rots unseen."""
    named = "".join(f.text for f in tree.files if f.path.endswith("meson.build"))
    for file in tree.c:
        if not file.path.endswith(".c") or not file.path.startswith(("src/", "tests/", "bench/")):
            continue
        stem = os.path.basename(file.path)[:-2]
        short = re.sub(r"_(test|fuzz)$", "", stem)
        if f"{stem}.c'" not in named and f"'{short}'" not in named and f"/{short}'" not in named:
            yield Finding(file.path, 1, "", "no meson.build names this source")


def check_function_lines(tree):
    """Functions of at most 70 lines (rule 35)."""
    for file in tree.c:
        for name, _, first, last in file.functions():
            if last - first + 1 > FUNCTION_LINES_MAX:
                yield Finding(file.path, first, name, f"{name} has {last - first + 1} lines; {FUNCTION_LINES_MAX} are allowed")


def check_nesting(tree):
    """Control flow nests at most three deep (rule 31)."""
    for file in tree.src:
        for name, _, first, last in file.functions():
            worst, where = deepest(file.code[first - 1:last])
            if worst > NESTING_MAX:
                yield Finding(file.path, first + where, name, f"{name} nests {worst} deep; {NESTING_MAX} are allowed")


def deepest(lines):
    """Returns how deep control flow nests in a body, and the offset of the line where it does."""
    stack, worst, where, statement = [], 0, 0, ""
    for offset, line in enumerate(lines):
        for char in line:
            if char == "{":
                stack.append(bool(CONTROL.search(statement)) and "=" not in statement.split(")")[-1])
                statement = ""
                if sum(stack[1:]) > worst:
                    worst, where = sum(stack[1:]), offset
            elif char == "}":
                if stack:
                    stack.pop()
                statement = ""
            elif char == ";":
                statement = statement if statement.count("(") > statement.count(")") else ""
            else:
                statement += char
        statement += " "
    return worst, where


def check_parameters(tree):
    """At most five parameters; more become a named struct (rule 12)."""
    for file in tree.src:
        for name, signature, first, _ in file.functions():
            inside = signature[signature.find(name + "(") + len(name) + 1:signature.rfind(")")]
            depth, count = 0, 1
            for char in inside:
                depth += (char == "(") - (char == ")")
                count += char == "," and depth == 0
            if count > PARAMETERS_MAX:
                yield Finding(file.path, first, name, f"{name} takes {count} parameters; {PARAMETERS_MAX} are allowed")


def check_file_lines(tree):
    """Files of at most 1,000 lines, headers of at most 150 (rules 34 and 35)."""
    for file in tree.files:
        if not file.path.endswith((".c", ".h", ".py", ".sh")):
            continue
        count, limit = len(file.lines), HEADER_LINES_MAX if file.path.endswith(".h") else FILE_LINES_MAX
        if count > limit:
            yield Finding(file.path, count, "", f"{count} lines; {limit} are allowed")
        elif count > FILE_LINES_WARN:
            print(f"{file.path}:{count}: warning: {count} lines; aim for {FILE_LINES_WARN}")


def check_banned_calls(tree):
    """Calls that have no safe use here (STYLE.md, rules 7 to 10)."""
    for file in tree.c:
        if file.path.startswith("tests/"):
            continue
        for i, line in enumerate(file.code):
            match = BANNED.search(line)
            if match and not line.lstrip().startswith("#"):
                yield Finding(file.path, i + 1, match.group(1), f"{match.group(1)} is banned")


def check_allocators(tree):
    """The heap is touched in base/ only (rule 15)."""
    for file in tree.src:
        if file.room == "base":
            continue
        for i, line in enumerate(file.code):
            match = ALLOCATOR.search(line)
            if match:
                yield Finding(file.path, i + 1, match.group(1), f"{match.group(1)} outside base/: use an arena or a slab")


def check_secret_compares(tree):
    """Secrets are compared in constant time."""
    for file in tree.src:
        for i, line in enumerate(file.code):
            if SECRET_COMPARE.search(line):
                yield Finding(file.path, i + 1, "", "this compare takes a time that depends on the secret")


def check_clock(tree):
    """Only base/ reads the clock; all others get the time as an argument (rule 28)."""
    for file in tree.src:
        if file.room == "base":
            continue
        for i, line in enumerate(file.code):
            match = CLOCK.search(line)
            if match:
                yield Finding(file.path, i + 1, match.group(1), f"{match.group(1)}(): time is an argument")


def check_conditional_bodies(tree):
    """No #if inside a function (rule 38)."""
    for file in tree.src:
        for name, _, first, last in file.functions():
            for i in range(first - 1, last):
                if re.match(r"\s*#\s*if", file.code[i]):
                    yield Finding(file.path, i + 1, name, f"#if inside {name}")


def check_constructors(tree):
    """Modules are listed, not discovered (rule 36)."""
    for file in tree.src:
        for i, line in enumerate(file.code):
            if re.search(r"__attribute__\s*\(\(\s*constructor", line):
                yield Finding(file.path, i + 1, "", "constructors run in an order that nobody sees")


def check_todos(tree):
    """A TODO names its issue (rule 43)."""
    for file in tree.files:
        if file.path == "tools/tidy.py" or not file.path.endswith((".c", ".h", ".def", ".py", ".sh", ".build")):
            continue
        for i, line in enumerate(file.lines):
            if re.search(r"\b(TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))", line):
                yield Finding(file.path, i + 1, "", "write TODO(#issue): or do it")


def check_head_comments(tree):
    """Every source opens with what it is, why, and where it stands (rule 40)."""
    for file in tree.files:
        first = file.lines[0] if file.lines else ""
        if file.path.endswith("_test.c"):
            continue  # the mirror says what it is, its sentences say what it holds
        if file.path.endswith((".c", ".h", ".def")):
            name = os.path.basename(file.path)
            end = next((i for i, line in enumerate(file.lines) if "*/" in line), None)
            if not first.startswith(f"/* {name} - ") or end is None:
                yield Finding(file.path, 1, "", f'opens with "/* {name} - what it is and why"')
            elif (end == 0 and "; see " not in first) or end >= HEAD_COMMENT_LINES_MAX:
                yield Finding(file.path, 1, "", f"a head comment of {end + 1} lines; say what, why and where it stands")
        elif file.path.endswith((".py", ".sh")):
            rest = [line for line in file.lines if not line.startswith("#!")]
            if not rest or not rest[0].startswith(("# ", '"""')):
                yield Finding(file.path, 1, "", "opens with what it is and why")


def check_contracts(tree):
    """Every prototype has its contract above it (rule 41); neighbours without a blank line share one."""
    prototype = re.compile(r"^[A-Za-z_][\w\s\*]*?\**(\w+)\s*\(")
    for file in tree.src:
        if not file.path.endswith(".h"):
            continue
        covered = False
        for i, line in enumerate(file.code):
            raw = file.lines[i]
            if not raw.strip():
                covered = False
            elif raw.rstrip().endswith("*/") and not line.strip():
                covered = True
            elif line.startswith(("#", "typedef", "}", " ", "\t", "struct ", "static_assert", "POLICY")) and "(" not in line:
                continue
            match = prototype.match(line)
            if match and match.group(1) not in WORD_NOT_FUNCTION and not line.startswith(("typedef", "static_assert")):
                if re.fullmatch(r"[A-Z_]+", match.group(1)) or line.startswith("static inline"):
                    continue
                if not covered:
                    yield Finding(file.path, i + 1, match.group(1), f"{match.group(1)} has no contract above it")


def check_mirror(tree):
    """tests/unit mirrors src (rule 44)."""
    for file in tree.src:
        if file.path.endswith(".c"):
            test = "tests/unit/" + file.path[len("src/"):-2] + "_test.c"
            if test not in tree.by_path:
                yield Finding(file.path, 1, "", f"no test file {test}")


def check_rows_have_tests(tree):
    """Every error and every limit has a test that reaches it (rule 46)."""
    tests = "\n".join(f.text for f in tree.files if f.path.startswith("tests/"))
    words = set(re.findall(r"\w+", tests))
    for path, pattern in (("src/base/errors.def", r'ERR\((\w+),[^"]*"(\w+)"'), ("src/base/limits.def", r"LIMIT\((\w+)()")):
        file = tree.by_path.get(path)
        for i, line in enumerate(file.lines if file else []):
            match = re.match(pattern, line)
            if not match:
                continue
            name, reason = match.groups()
            is_named = words & {f"ERR_{name}", f"LIMIT_{name}", f"LIMIT_{name.upper()}", "" if reason else name}
            if not is_named and not (reason and f'"{reason}"' in tests):
                yield Finding(path, i + 1, name, f"no test mentions {name}")


def check_text(tree):
    """Lines of at most 100 columns (120 in tests, whose tables are wide), no tabs, no blanks at the end."""
    for file in tree.c:
        for i, line in enumerate(file.lines):
            allowed = COLUMNS_MAX + (20 if file.path.startswith("tests/") else 0)
            if len(line) > allowed:
                yield Finding(file.path, i + 1, "", f"{len(line)} columns; {allowed} are allowed")
            if "\t" in line or line != line.rstrip():
                yield Finding(file.path, i + 1, "", "a tab, or a blank at the end of the line")
        if not file.text.endswith("\n"):
            yield Finding(file.path, len(file.lines), "", "no newline at the end of the file")


def check_markdown(tree):
    """One title per page; links within the tree lead somewhere."""
    for file in tree.files:
        if not file.path.endswith(".md"):
            continue
        fenced, titles = False, []
        for i, line in enumerate(file.lines):
            fenced ^= line.lstrip().startswith("```")
            if fenced:
                continue
            if line.startswith("# "):
                titles.append(i + 1)
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", re.sub(r"`[^`]*`", "", line)):
                place = os.path.normpath(os.path.join(os.path.dirname(file.path), target))
                if "://" not in target and not target.startswith("mailto:") and not os.path.exists(place):
                    yield Finding(file.path, i + 1, target, f"{target} does not exist")
        for line in titles[1:]:
            yield Finding(file.path, line, "", "a second title: one page, one title")


def check_globals(build):
    """No writable globals but the four that rule 37 lists (they stand in tools/waivers.txt)."""
    for path in sorted(pathlib.Path(build, "src").rglob("*.o")):
        source = re.sub(r"^src/(\w+)/lib\w+\.a\.p/", r"src/\1/", os.path.relpath(path, build))
        source = source.removesuffix(".o")
        table = subprocess.run(["objdump", "-t", str(path)], capture_output=True, text=True, check=True).stdout
        for line in table.split("\n"):
            match = re.match(r"[0-9a-f]+ (.{7}) (\.\S+|\*COM\*)\t([0-9a-f]+)\s+(?:\.hidden )?(\S+)", line)
            if not match or "O" not in match.group(1) or int(match.group(3), 16) == 0:
                continue
            section, name = match.group(2), re.sub(r"\.\d+$", "", match.group(4))
            is_writable = section.startswith((".data", ".bss", ".tbss", ".tdata", "*COM*"))
            if is_writable and not section.startswith(".data.rel.ro") and not name.startswith("__"):
                yield Finding(source, 1, name, f"{name} is a writable global ({section})")


TEXT_CHECKS = {
    "floors": check_floors, "include-order": check_include_order, "unused-header": check_unused_headers,
    "unbuilt": check_unbuilt_sources, "function-lines": check_function_lines, "nesting": check_nesting,
    "parameters": check_parameters, "file-lines": check_file_lines, "banned": check_banned_calls,
    "allocator": check_allocators, "secret-compare": check_secret_compares, "clock": check_clock,
    "conditional": check_conditional_bodies, "constructor": check_constructors, "todo": check_todos,
    "head-comment": check_head_comments, "contract": check_contracts, "mirror": check_mirror,
    "rows": check_rows_have_tests, "text": check_text, "markdown": check_markdown,
}
OBJECT_CHECKS = {"globals": check_globals}


class Waivers:
    """tools/waivers.txt: `path[:what] check until reason`; `until` is a date or `always`."""

    PATH = "tools/waivers.txt"

    def __init__(self):
        self.rows, self.findings, self.used = {}, [], set()
        today = datetime.date.today().isoformat()
        lines = pathlib.Path(self.PATH).read_text().split("\n") if os.path.exists(self.PATH) else []
        for i, line in enumerate(lines):
            if not line.strip() or line.startswith("#"):
                continue
            parts = line.split(None, 3)
            if len(parts) < 4:
                self.findings.append(Finding(self.PATH, i + 1, "", "a waiver is: path[:what] check until reason"))
            elif parts[2] != "always" and parts[2] < today:
                self.findings.append(Finding(self.PATH, i + 1, "", f"this waiver ended on {parts[2]}"))
            else:
                self.rows[(parts[0], parts[1])] = i + 1

    def covers(self, finding, check):
        for key in ((f"{finding.path}:{finding.what}", check), (finding.path, check)):
            if key in self.rows:
                self.used.add(key)
                return True
        return False

    def unused(self, checks):
        for key, line in self.rows.items():
            if key[1] in checks and key not in self.used:
                yield Finding(self.PATH, line, "", f"waives nothing: {key[0]} {key[1]}")
            if key[1] not in TEXT_CHECKS and key[1] not in OBJECT_CHECKS:
                yield Finding(self.PATH, line, "", f"there is no check {key[1]}")


def write_junit(path, outcome):
    with open(path, "w", encoding="utf-8") as out:
        out.write('<testsuite name="tidy">\n')
        for name, findings in outcome.items():
            out.write(f'<testcase classname="tidy" name={quoteattr(name)}>')
            if findings:
                said = "; ".join(f"{f.path}:{f.line}: {f.message}" for f in findings[:20])
                out.write(f"<failure message={quoteattr(said)}/>")
            out.write("</testcase>\n")
        out.write("</testsuite>\n")


def main():
    parser = argparse.ArgumentParser(description="the rules of STYLE.md that a machine can check")
    parser.add_argument("--text", action="store_true", help="check the tracked text (the default)")
    parser.add_argument("--objects", metavar="BUILD_DIR", help="check the objects of this build")
    parser.add_argument("--junit", metavar="FILE", help="write one case per check")
    parser.add_argument("--only", metavar="CHECK", help="run this check alone")
    options = parser.parse_args()
    os.chdir(pathlib.Path(__file__).resolve().parent.parent)

    runs = []
    if options.text or not options.objects:
        tree = Tree()
        runs += [(name, lambda check=check: check(tree)) for name, check in TEXT_CHECKS.items()]
    if options.objects:
        runs += [(name, lambda check=check: check(options.objects)) for name, check in OBJECT_CHECKS.items()]
    if options.only:
        runs = [run for run in runs if run[0] == options.only]

    waivers, outcome = Waivers(), {}
    for name, run in runs:
        outcome[name] = [f for f in run() if not waivers.covers(f, name)]
    if not options.only:
        outcome["waivers"] = waivers.findings + list(waivers.unused({name for name, _ in runs}))
    for name, findings in outcome.items():
        for finding in findings:
            print(f"{finding.path}:{finding.line}: {finding.message} ({name})")
    if options.junit:
        write_junit(options.junit, outcome)
    bad = sum(1 for findings in outcome.values() if findings)
    print(f"tidy: {len(outcome) - bad} checks passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
