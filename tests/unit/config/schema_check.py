"""Asks an independent validator whether the JSON Schema takes what Sluice takes, and refuses what it refuses.

    schema_check.py SCHEMA_TEST_PROGRAM LOAD_TEST_MESSAGES SCHEMA EXAMPLES_DIR

The bad files are those of messages.txt whose fault a schema can see, the good ones some of our own, against the schema of
the tests with their kinds of policies. The examples are held against the schema that is published.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import jsonschema
import yaml

# What only the whole file, the environment or a closer look at a text can tell.
BEYOND_A_SCHEMA = {"E0103", "E0104", "E0105", "E0106", "E0111", "E0112", "E0115", "E0116", "E0117", "E0118", "E0119", "E0121",
                   "E0201", "E0202", "E0203", "E0204", "E0205", "E0206", "E0207", "E0208", "E0209", "W0201", "W0202", "W0210",
                   "E0157", "E0174"}
# Whether routes are needed depends on the listeners.
PARTS_BEYOND_A_SCHEMA = {"no routes"}
GOOD = """
routes: { "/*": http://localhost:3000 }
---
services: { s: [a:1, { address: b:2, weight: 3 }], t: { versions: { v: { weight: 0, targets: a:1 } }, cohort: address } }
routes: { r: { match: [GET /a, { path: { pattern: "/x" }, header: { A: [b, c], D: { present: true } } }], to: s, gate: n } }
---
listeners: { a: { port: "${env:PORT}", via: "${env:VIA:-true}", timeout: { head: 1m30s }, trusted_proxies: 10.0.0.0/8 } }
routes: { r: { match: /r, redirect: https://a.example/*, body_limit: off, timeout: 5s, skip: mark } }
---
routes: { r: { match: /r, respond: { status: 204, headers: { A: b } }, mark: { level: 7, words: a, rate: 5/min per x } } }
observe: { access_log: off, metrics: { listen: ":9" } }
admin: unix:/run/a.sock
drain: { timeout: 5s }
tests: [{ request: "GET http://a/", from: "::1", expect: { status: 200, header: { A: b } } }]
"""


class Loader(yaml.SafeLoader):
    """YAML 1.2's core schema: yes, no, on and off are strings."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:int",
                                                                         "tag:yaml.org,2002:timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile("^[-+]?[0-9]+$"), list("-+0123456789"))


def parts_of(path):
    """Name, file and messages of each part of messages.txt."""
    for part in path.read_text(encoding="utf-8").split("\n=== ")[1:]:
        name, _, rest = part.partition("\n")
        text, _, said = rest.partition("~~~\n")
        yield name, text, said


def main(program, messages, published, examples):
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run([program], env={**os.environ, "CONFIG_SCHEMA_OUT": out.name}, check=True, stdout=subprocess.DEVNULL)
        schema = json.loads(pathlib.Path(out.name).read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    failed = checked = 0
    for_examples = jsonschema.Draft7Validator(json.loads(pathlib.Path(published).read_text(encoding="utf-8")))
    good = [(validator, "our own", text) for text in GOOD.split("\n---\n")]
    good += [(for_examples, path.name, path.read_text(encoding="utf-8"))
             for path in sorted(pathlib.Path(examples).glob("*.yaml"))]
    for asked, name, text in good:
        checked += 1
        for error in asked.iter_errors(yaml.load(text, Loader)):
            failed += 1
            print(f"{name}: {error.json_path}: {error.message[:200]}")
    for name, text, said in parts_of(pathlib.Path(messages)):
        codes = set(re.findall(r"(?:error|warning)\[(\w+)\]", said))
        seen = codes - BEYOND_A_SCHEMA
        if not seen or min(seen) < "E0101" or name in PARTS_BEYOND_A_SCHEMA:
            continue
        checked += 1
        if validator.is_valid(yaml.load(text, Loader)):
            failed += 1
            print(f"{name}: the schema takes it, but Sluice says {', '.join(sorted(codes))}")
    print(f"{checked} files checked, {failed} failed")
    return failed > 0 or checked < 15


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
