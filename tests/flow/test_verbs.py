"""The verbs that only speak: exit codes, where words go (stdout for results, stderr for complaints), messages with place, caret
and way out, and what `run` would do said beforehand. Verbs that serve: test_cli.py.
"""
import json
import os
import pathlib
import re
import subprocess

import pytest

from kit.gateway import binary

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHOP = """\
listeners:
  http: { port: 18080 }
services:
  orders:
    versions:
      v1: { weight: 95, targets: [10.0.1.1:8080] }
      v2: { weight: 5, targets: [10.0.2.1:8080] }
  users: 10.0.3.1:8080
routes:
  orders: { match: api.test/orders/*, to: orders, cors: "https://app.test" }
  users: { match: GET api.test/users/*, to: users, timeout: 5s }
  old: { match: /old/*, redirect: { path: /new/*, status: 308 } }
tests:
  - { request: "GET http://api.test/orders/7", expect: { route: orders, service: orders } }
"""


@pytest.fixture
def sluice_says(tmp_path):
    """Runs the program in a directory of its own; keywords name files to be there: (exit code, stdout, stderr)."""
    def run(*words, env=None, **files):
        for name, text in files.items():
            file = tmp_path / f"{name}.yaml"
            file.write_bytes(text if isinstance(text, bytes) else text.encode())
        done = subprocess.run([binary(), *words], cwd=tmp_path, capture_output=True, text=True, timeout=120,
                              stdin=subprocess.DEVNULL,
                              env={**os.environ, **(env or {})})
        assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr
    return run


# Verbs and help.

def test_without_a_verb_help_is_shown_and_it_is_wrong(sluice_says):
    code, out, err = sluice_says()
    assert (code, out) == (2, "") and "sluice VERB" in err


@pytest.mark.parametrize("words", [("help",), ("--help",), ("-h",)])
def test_help_that_was_asked_for_goes_to_stdout(sluice_says, words):
    code, out, err = sluice_says(*words)
    assert (code, err) == (0, "")
    for verb in ("run", "check", "diff", "explain", "test", "schema", "proxy", "demo", "version"):
        assert re.search(rf"^  {verb}\b", out, re.M), verb


def test_every_verb_explains_itself(sluice_says):
    _, out, _ = sluice_says("help")
    verbs = re.findall(r"^  (\w+) ", out, re.M)
    assert len(verbs) >= 9
    for verb in verbs:
        code, text, err = sluice_says(verb, "--help")
        assert (code, err) == (0, "") and f"sluice {verb}" in text
        assert sluice_says("help", verb)[1] == text


def test_mistyped_verbs_and_options_are_met_with_the_nearest(sluice_says):
    for words, hint in ((("chekc",), '"check"'), (("check", "--jsno", "x"), "--json"), (("versoin",), '"version"')):
        code, out, err = sluice_says(*words)
        assert (code, out) == (2, "") and hint in err, err
    for words in (("nonsense",), ("check",), ("check", "a", "b"), ("diff",), ("diff", "a", "b", "c"), ("run",), ("version", "x"),
                  ("run", "f", "--cores", "x"), ("run", "f", "--cores"),
                  ("run", "--cores", "0", "f")):
        code, out, err = sluice_says(*words)
        assert (code, out) == (2, "") and err.startswith("sluice"), (words, err)


def test_codes_are_explained(sluice_says):
    code, out, _ = sluice_says("help", "E0107")
    assert code == 0 and out.startswith("E0107") and len(out.split("\n")) > 2
    assert sluice_says("help", "E9999")[0] == 2


def test_version(sluice_says):
    for words in (("version",), ("--version",)):
        code, out, _ = sluice_says(*words)
        assert code == 0 and re.match(r"sluice \d+\.\d+\.\d+\n", out)


# check.

def test_a_right_file_is_said_to_be_right(sluice_says):
    code, out, err = sluice_says("check", "shop.yaml", shop=SHOP)
    assert (code, err) == (0, "")
    assert out == "shop.yaml: ok, 3 routes, 2 services, 1 listener\n"


def test_all_errors_are_told_together_with_place_line_caret_and_way_out(sluice_says):
    wrong = SHOP.replace("weight: 95", "wieght: 95").replace("to: users", "to: usres").replace("timeout: 5s",
                                                                                               "timeout: 5")
    code, out, err = sluice_says("check", "shop.yaml", shop=wrong)
    assert (code, out) == (1, "")
    lines = err.split("\n")
    heads = [line for line in lines if re.match(r"shop\.yaml:\d+:\d+: error\[E\d{4}\]: ", line)]
    assert len(heads) == 3, err
    for head in heads:
        at = lines.index(head)
        _, line, column, _ = head.split(":", 3)
        source = wrong.split("\n")[int(line) - 1]
        assert lines[at + 1].endswith(source.strip())
        shown_at = lines[at + 1].index(source.strip()) - (len(source) - len(source.lstrip()))
        assert lines[at + 2].index("^") == shown_at + int(column) - 1, "the caret stands below the fault"
        assert "docs: sluice help E" in lines[at + 2]
    assert 'did you mean "weight"?' in err and 'did you mean "users"?' in err and "5s" in err


def test_errors_for_machines(sluice_says):
    code, out, err = sluice_says("check", "--json", "shop.yaml", shop=SHOP.replace("to: users", "to: usres"))
    (error,) = [d for d in json.loads(out) if d["severity"] == "error"]
    assert (code, err) == (1, "")
    assert (error["code"], error["file"], error["line"]) == ("E0201", "shop.yaml",
                                                             11) and error["column"] > 1 and "usres" in error["message"]
    code, out, _ = sluice_says("check", "--json", "shop.yaml", shop=SHOP)
    assert (code, json.loads(out)) == (0, [])


def test_warnings_do_not_make_a_file_wrong(sluice_says):
    shadowed = SHOP.replace("routes:\n", "routes:\n  all: { match: /old/*, to: users, priority: 1 }\n")
    code, out, err = sluice_says("check", "shop.yaml", shop=shadowed)
    assert code == 0 and "warning[W0203]" in err and '"old"' in err and '"all"' in err
    code, out, err = sluice_says("check", "shop.yaml", shop=SHOP.replace("weight: 95",
                                                                         "weight: 0").replace("weight: 5,",
                                                                                              "weight: 0,"))
    assert code == 0 and "warning[W0201]" in err


HOSTILE = {
    "empty": b"", "nul": b"routes:\0", "binary": bytes(range(256)) * 100, "utf16": "routes: {}".encode("utf-16"),
    "bad_utf8": b"routes: \xff\xfe",
    "tabs": b"routes:\n\ta: b\n", "two_documents": b"routes: {}\n---\nroutes: {}\n",
    "duplicate": b"routes: {}\nroutes: {}\n",
    "open": b"routes: [", "scalar": b"hello", "list": b"[a, b]", "tag": b"routes: !!python/object {}",
    "self": b"include: self.yaml\nroutes: {}\n",
    "alias_cycle": b"a: &a [*a]\n", "no_anchor": b"routes: *x\n", "deep": b"a: " + b"[" * 100000,
    "bomb": b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(b"%c: &%c [%s]\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 9))
                                                      for c in range(ord("b"), ord("z"))),
    "map_bomb": b"a: &a {k: v}\n" + b"".join(b"%c: &%c {x: *%c, y: *%c, z: *%c}\n" % (c, c, c - 1, c - 1, c - 1)
                                             for c in range(ord("b"), ord("z"))),
    "long_line": b"routes: " + b"x" * 5_000_000, "many_keys": b"routes:\n" + b"".join(b"  k%d: x\n" % i
                                                                                      for i in range(200_000)),
    "env": b"routes: {a: {match: /*, to: '${env:NOT_SET_ANYWHERE}'}}",
    "file": b"routes: {a: {match: /*, to: '${file:/no/such/file}'}}",
    "directory": b"include: /\nroutes: {}\n", "include_absent": b"include: nowhere.yaml\nroutes: {}\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_a_clear_error_in_bounded_memory(tmp_path, name):
    file = tmp_path / "self.yaml"
    file.write_bytes(HOSTILE[name])
    done = subprocess.run(["prlimit", *([] if "asan" in binary() or "tsan" in binary() else ["--as=1500000000"]),
                           binary(), "check", str(file)],
                          capture_output=True, timeout=120)
    assert done.returncode == 1, done
    said = done.stderr.decode("utf-8", "replace")
    assert re.search(r"error\[E\d{4}\]: ", said), said[:500]
    assert len(said) < 50_000, "an error is to be read"
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", said), "nothing of the file reaches the terminal raw"


def test_a_file_of_100_mb_is_refused_without_being_read(tmp_path):
    file = tmp_path / "big.yaml"
    with open(file, "wb") as f:
        f.truncate(100_000_000)
    done = subprocess.run([binary(), "check", str(file)], capture_output=True, timeout=120)
    assert done.returncode == 1 and b"error[E0002]" in done.stderr


def test_many_errors_are_counted_not_all_printed(sluice_says):
    code, _, err = sluice_says("check", "many.yaml",
                               many="routes:\n" + "".join(f"  r{i}: {{ match: /r{i}, to: nowhere{i} }}\n"
                                                          for i in range(1000)))
    assert code == 1
    assert err.count("error[E0201]") <= 25 and re.search(r"9\d\d more|1000", err), err[-500:]


def test_includes_are_merged_and_clashes_name_both_places(sluice_says):
    code, out, err = sluice_says("check", "main.yaml",
                                 main="include: part*.yaml\nroutes: { a: { match: /a, to: app } }\n",
                                 part1="services: { app: 127.0.0.1:1 }\n",
                                 part2="routes: { b: { match: /b, to: app } }\n")
    assert code == 0 and "2 routes" in out, err
    code, out, err = sluice_says("check", "main.yaml", part2="routes: { a: { match: /b, to: app } }\n")
    assert code == 1 and "part2.yaml" in err and "main.yaml:2" in err


def test_references_are_resolved_and_secrets_never_printed(sluice_says, tmp_path):
    (tmp_path / "secret").write_text("hunter2\n")
    text = ("services: { app: '${env:APP_TARGET:-127.0.0.1:9}' }\n"
            f"routes: {{ a: {{ match: /*, to: app, headers: {{ request: {{ set: {{ X-Key: '${{file:{tmp_path}/secret}}' }} }} }} }} }}\n")
    for words in (("check", "a.yaml"), ("show", "a.yaml"), ("explain", "GET", "http://x/", "a.yaml")):
        code, out, err = sluice_says(*words, a=text, env={"APP_TARGET": "127.0.0.1:7"})
        assert code == 0, err
        assert "hunter2" not in out + err
    code, out, _ = sluice_says("diff", "a.yaml", "b.yaml", a=text, b=text.replace("/secret", "/secret2"), env={})
    (tmp_path / "secret2").write_text("hunter3\n")
    code, out, err = sluice_says("diff", "a.yaml", "b.yaml")
    assert code == 0 and "hunter" not in out + err and "headers" in out


# diff, show, schema.

def test_a_diff_is_about_meaning(sluice_says):
    code, out, _ = sluice_says("diff", "a.yaml", "b.yaml", a=SHOP,
                               b=SHOP.replace("weight: 5,", "weight: 20,").replace("timeout: 5s", "timeout: 6s"))
    assert code == 0
    assert "weight 5 -> 20" in out and "5s -> 6s" in out and len(out.strip().split("\n")) == 2
    without_users = SHOP.replace("  users: 10.0.3.1:8080\n", "")
    users_first = "services:\n  users: { targets: [\"10.0.3.1:8080\"] }\n"
    reordered = "# the same\n" + without_users.replace("services:\n", users_first)
    assert sluice_says("diff", "a.yaml", "b.yaml", b=reordered)[1] == "no difference in meaning\n"
    assert sluice_says("diff", "--exit-code", "a.yaml", "b.yaml")[0] == 0
    assert sluice_says("diff", "--exit-code", "a.yaml", "b.yaml", b=SHOP.replace("308", "301"))[0] == 1
    assert sluice_says("diff", "a.yaml", "b.yaml", b="routes: [")[0] == 1


def test_the_long_form_means_the_same(sluice_says):
    code, long, _ = sluice_says("show", "shop.yaml", shop=SHOP)
    assert code == 0 and "p2c_ewma" in long and "64KiB" in long
    code, out, err = sluice_says("diff", "--exit-code", "shop.yaml", "long.yaml", long=long)
    assert (code, out) == (0, "no difference in meaning\n"), out + err


def test_the_schema_is_json_and_knows_every_key(sluice_says):
    code, out, _ = sluice_says("schema")
    schema = json.loads(out)
    assert code == 0 and schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    for key in ("listeners", "services", "routes", "policies", "defaults", "enforce", "observe", "cors", "headers",
                "trusted_proxies", "body_limit"):
        assert f'"{key}"' in out, key
    code, out, _ = sluice_says("schema", "--markdown")
    assert code == 0 and out.startswith("#")


# explain and test.

def test_explain_says_where_a_request_goes_and_why(sluice_says):
    code, out, _ = sluice_says("explain", "GET", "http://api.test/orders/7", "shop.yaml", shop=SHOP)
    assert code == 0
    for wanted in (r"listener +http +shop\.yaml:2", r"route +orders +shop\.yaml:10", r"users .*path differs",
                   r"cors .*shop\.yaml:10",
                   r"service +orders +shop\.yaml:4", r"v1 .*95 %", r"v2 .*5 %", r"10\.0\.1\.1:8080"):
        assert re.search(wanted, out), (wanted, out)
    code, out, _ = sluice_says("explain", "POST", "http://api.test/users/1", "shop.yaml")
    assert code == 0 and re.search(r"405", out) and re.search(r"users .*method", out)
    code, out, _ = sluice_says("explain", "GET", "http://other.test/nothing", "shop.yaml")
    assert code == 0 and re.search(r"404 no_route", out)
    code, out, _ = sluice_says("explain", "GET", "http://api.test/old/x", "shop.yaml")
    assert code == 0 and re.search(r"308", out) and "/new/x" in out
    code, out, _ = sluice_says("explain", "GET", "http://api.test/a%2fb", "shop.yaml")
    assert code == 0 and "400 bad_path" in out
    code, out, _ = sluice_says("explain", "OPTIONS", "http://api.test/orders/7", "shop.yaml", "-H",
                               "Origin: https://app.test", "-H", "Access-Control-Request-Method: GET")
    assert code == 0 and "204" in out and re.search(r"Access-Control-Allow-Origin: https://app\.test", out, re.I)


def test_explain_refuses_what_is_no_request(sluice_says):
    for words in (("explain", "GET", "nonsense", "shop.yaml"), ("explain", "G T", "http://a/", "shop.yaml"),
                  ("explain", "GET", "http://a/", "shop.yaml", "-H", "no colon")):
        code, out, err = sluice_says(*words, shop=SHOP)
        assert code == 2 and err.startswith("sluice explain"), err


def test_the_tests_of_a_file_are_run_without_a_network(sluice_says):
    good = SHOP + """\
  - { request: "GET http://api.test/nothing", expect: { status: 404 } }
  - { request: "PUT http://api.test/users/1", expect: { status: 405, header: { Allow: "GET, HEAD" } } }
  - { request: "GET http://api.test/old/a?b", expect: { status: 308, header: { Location: "http://api.test/new/a?b" } } }
  - { request: "OPTIONS http://api.test/orders/1", headers: { Origin: "https://app.test", Access-Control-Request-Method: GET }, expect: { status: 204 } }
"""
    code, out, err = sluice_says("test", "shop.yaml", shop=good)
    assert (code, err) == (0, "") and out.endswith("5 passed, 0 failed\n"), out
    bad = good.replace("expect: { route: orders, service: orders }", "expect: { route: users }").replace("status: 404",
                                                                                                         "status: 200")
    code, out, err = sluice_says("test", "shop.yaml", shop=bad)
    assert code == 1 and "3 passed, 2 failed" in out + err
    assert "shop.yaml:14" in out + err and "users" in out + err


def test_the_examples_are_right_and_pass_their_own_tests(sluice_says):
    found = sorted((ROOT / "examples").glob("*.yaml"))
    assert found
    for example in found:
        code, out, err = sluice_says("check", str(example))
        assert (code, err) == (0, ""), err
        code, out, err = sluice_says("test", str(example))
        assert code == 0, out + err


# proxy.

@pytest.mark.parametrize("words", [
    (":18080", "localhost:3000"), ("localhost:3000",), (":18080", "10.0.1.1:8080", "10.0.1.2:8080"),
    (":18080", "/orders/*=10.0.1.1:8080", "/users/*=10.0.3.1:8080"),
    ("http://api.example.com", "10.0.1.1:80"), (":18080", "GET /x=10.0.1.1:80", "api.test/*=10.0.1.2:80"),
    ("127.0.0.1:18080", "dns://app.test:80"), (":3000",)])
def test_quick_forms_print_the_file_that_they_stand_for(sluice_says, words):
    code, out, err = sluice_says("proxy", *words, "--print")
    assert (code, err) == (0, "")
    code, _, err = sluice_says("check", "printed.yaml", printed=out)
    assert (code, err) == (0, "")


def test_quick_forms_that_are_wrong_are_told_so(sluice_says):
    for words in (("proxy",), ("proxy", ":0", "a:1", "--print"), ("proxy", ":18080", "/a=", "--print"),
                  ("proxy", ":18080", "not a host:1", "--print"),
                  ("proxy", ":18080", "a:99999", "--print"), ("proxy", "https://a.test", "b:1", "--print")):
        code, out, err = sluice_says(*words)
        assert code in (1, 2) and err and out == "", (words, out, err)
