#!/usr/bin/python3
"""tables - writes the reference pages that come from .def tables: metrics and the keys of the access log.

    tools/tables.py [--check]

With --check nothing is written; exits 1 when a page is not what its table says.
"""
import pathlib
import re
import sys

STRING = r'"((?:[^"\\]|\\.)*)"'
METRIC = re.compile(r"^METRIC\((\w+), (\w+), " + STRING + r", (\w+), " + STRING + ", " + STRING + r", (\w+)\)$", re.M)
ACCESS = re.compile(r"^ACCESS\((\w+), (\w+), " + STRING + r"\)$", re.M)
STAGE = re.compile(r"^STAGE\((\w+), " + STRING + ", " + STRING + r"\)$", re.M)
AXES = {"NONE": [], "CODE": ["code"], "REASON": ["reason"]}

METRICS_HEAD = """# Metrics

Served as text on the listener of `observe.metrics` under `/metrics`: Prometheus 0.0.4, or OpenMetrics 1.0 for a client that
asks for `application/openmetrics-text`. This page is written from `src/stats/metrics.def`.

- Label values are names of the configuration, never bytes of a request: strangers cannot add series. `code` is the class of
  the status (`1xx` to `5xx`, `none` when no status was sent), `reason` is a reason code of the error table, `ok` for none.
- A series survives reloads. One that the configuration no longer has is kept until the ceiling of labelled series
  (`metric_series`) is reached; then the oldest of these make room. What finds no room is counted under `other`, and
  `sluice_metric_overflows_total` says so.
- Histograms have one bucket for each power of two from 128 us to 67 s. A labelled histogram, and a counter with `code` or
  `reason`, appears with the first event that it counts.

| metric | type | labels | what it counts |
|---|---|---|---|
"""
ACCESS_HEAD = """# Access log

One line of JSON for each exchange, written when it ends. This page is written from `src/observe/access_log.def` and
`src/exchange/flight.def`.

- Every value of a client or an instance is escaped, so that no byte of it can end a string or a line or reach a terminal;
  bytes that are not UTF-8 become U+FFFD. A value has at most 1,024 bytes (`log_field_bytes`); the rest is cut off.
- Lines wait for the disk in memory (`log_queue_bytes` for each core). When that is full, lines are dropped, never requests:
  `sluice_log_lines_dropped_total` counts them, and the next line that fits is preceded by `{"time":"...","dropped":N}`.
- SIGUSR1 opens the file again under its name, after a rotation.

| key | present | what it says |
|---|---|---|
| `time` | always | the end of the exchange, UTC with microseconds |
"""
PRESENT = {"TEXT": "when known", "IP": "when known", "ADDRESS": "when known", "FLAG": "when true", "NUMBER": "always",
           "REASON": "always", "TRIES": "when one failed"}


def metrics_page(root):
    page = METRICS_HEAD
    rows = METRIC.findall((root / "src/stats/metrics.def").read_text())
    for _, kind, exported, _, sentence, labels, axis in rows:
        names = [name for name in labels.split(",") if name] + AXES[axis]
        page += f"| `{exported}` | {kind.lower()} | {', '.join(f'`{n}`' for n in names)} | {sentence} |\n"
    return page


def access_page(root):
    page = ACCESS_HEAD
    stages = STAGE.findall((root / "src/exchange/flight.def").read_text())
    for kind, name, sentence in ACCESS.findall((root / "src/observe/access_log.def").read_text()):
        if kind == "STAGES":
            for _, key, spent in stages:
                page += f"| `{key}_us` | when reached | microseconds spent {spent} |\n" if key else ""
        elif kind == "TOTAL":
            page += f"| `total_us` | always | microseconds {sentence} |\n"
        else:
            page += f"| `{name}` | {PRESENT[kind]} | {sentence} |\n"
    return page


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    status = 0
    for name, write in (("metrics.md", metrics_page), ("access-log.md", access_page)):
        path, page = root / "docs/reference" / name, write(root)
        if "--check" not in sys.argv[1:]:
            path.write_text(page)
        elif not path.exists() or path.read_text() != page:
            print(f"docs/reference/{name} is not what its table says: run make docs")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
