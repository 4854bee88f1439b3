"""What an exchange leaves behind: one JSON line, Prometheus metrics with bounded labels, and beside them health and
readiness. Nothing that a stranger sends can break a line, a label or the count of series.
"""
import json
import pathlib
import re
import signal

import pytest

from kit import client
from kit.client import Client
from kit.gateway import all_to, merged
from kit.origin import close, hang, send
from kit.stage import code_of
from kit.waiting import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\Z")


# The access log.

def test_a_line_says_all_of_an_exchange(sluice, origins):
    origin = origins.echo()
    gateway = sluice({"services": {"shop": {"versions": {"v1": {"targets": [origin.target]}}}},
                      "routes": {"orders": {"match": "/orders/*", "to": "shop"}}})
    with gateway.connect() as c:
        c.request("POST", "/orders//7?secret=1&size=1000", [("User-Agent", "test/1"), ("X-Request-Id", "id-1")],
                  b"hello", host="Shop.Example:81")
        port = c.port
    (line,) = gateway.wait_log(1)
    wanted = {"request_id": "id-1", "listener": "http", "route": "orders", "service": "shop", "version": "v1",
              "instance": origin.target,
              "client": "127.0.0.1", "peer": f"127.0.0.1:{port}", "protocol": "HTTP/1.1", "method": "POST",
              "host": "shop.example",
              "path": "/orders/7", "user_agent": "test/1", "status": 200, "reason": "ok", "attempts": 1}
    assert {k: line.get(k) for k in wanted} == wanted
    assert TIME.match(line["time"])
    assert "query" not in line and "secret" not in json.dumps(line), "queries carry secrets"
    assert line["client_received_bytes"] > 100 and line["client_sent_bytes"] > 1000 and line["origin_received_bytes"] > 1000
    assert line["origin_sent_bytes"] > 100 and line["generation"] >= 1
    stages = ["read_head_us", "route_us", "policies_us", "connect_us", "ttfb_us", "response_us"]
    assert all(isinstance(line[s], int) and line[s] >= 0 for s in stages), line
    assert line["total_us"] >= line["ttfb_us"]


def test_each_exchange_is_one_line_in_order(stage):
    before = len(stage.gateway.access_log())
    with stage.connect() as c:
        c.send(b"".join(client.head("GET", f"/{i}") for i in range(50)))
        for _ in range(50):
            c.receive()
    lines = stage.gateway.wait_log(before + 50)
    assert [line["path"] for line in lines[before:before + 50]] == [f"/{i}" for i in range(50)]


REASONS = {
    "/nowhere": (404, "no_route"), "/dead": (502, "origin_connect"), "/close": (502, "origin_reset"),
    "/garbage": (502, "origin_bad_head"),
    "/framing": (502, "origin_framing"), "/hang": (504, "origin_timeout"), "/none": (503, "no_version"),
    "/limit": (413, "body_bytes"),
    "/method": (405, "method_not_allowed"),
}


@pytest.fixture(scope="module")
def failing(shared):
    origin = shared.peers.by_path({"/close": [close()], "/garbage": [send(b"garbage\r\n\r\n"), close()],
                                   "/hang": [hang()],
                                   "/framing": [send(b"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx"), close()]},
                                  judged=False)
    return shared.start({"services": {"app": {"targets": [origin.target], "timeout": {"response": "100ms"}},
                                      "dead": {"targets": ["127.0.0.1:1"]},
                                      "none": {"versions": {"v": {"weight": 0, "targets": [origin.target]}}}},
                         "routes": {"dead": {"match": "/dead", "to": "dead"}, "none": {"match": "/none", "to": "none"},
                                    "method": {"match": "GET /method", "to": "app"},
                                    "limit": {"match": "/limit", "to": "app", "body_limit": 1},
                                    "app": {"match": ["/close", "/garbage", "/hang", "/framing"], "to": "app"}}})


@pytest.mark.parametrize("path", REASONS)
def test_every_failure_has_one_code_everywhere(failing, path):
    """problem+json, log and metrics name the same reason."""
    status, code = REASONS[path]
    before, lines = failing.metrics(), len(failing.access_log())
    response = failing.request("POST", path, body=b"hello")
    assert (response.status, code_of(response)) == (status, code)
    problem = json.loads(response.body)
    assert problem["type"] == "about:blank" and problem["title"] and problem["detail"] and problem["request_id"]
    line = failing.wait_log(lines + 1)[-1]
    assert (line["status"], line["reason"], line["path"], line["request_id"]) == (status, code, path,
                                                                                  problem["request_id"])
    after = failing.metrics()
    assert after("sluice_errors_total", reason=code) - before("sluice_errors_total", reason=code) == 1
    kind = f"{status // 100}xx"
    assert after("sluice_requests_total", code=kind) - before("sluice_requests_total", code=kind) == 1
    if status == 503:
        assert response.header("Retry-After")


def test_a_refused_head_is_logged_without_what_was_not_understood(failing):
    lines = len(failing.access_log())
    with failing.connect() as c:
        c.send(b"GET /\x01\"} HTTP/1.1\r\nHost: a\r\n\r\n")
        assert c.receive().status == 400
    line = failing.wait_log(lines + 1)[-1]
    assert (line["status"], line["reason"]) == (400, "bad_target")


def test_a_client_that_left_is_logged_as_such(failing):
    lines = len(failing.access_log())
    with failing.connect() as c:
        c.send(client.head("POST", "/hang", [("Content-Length", "100")]) + b"x")
        wait_until(lambda: failing.metrics()("sluice_requests_in_flight") == 1, "it is in flight")
        c.reset()
    line = failing.wait_log(lines + 1)[-1]
    assert (line["reason"], line["status"]) in (("client_gone", 0), ("client_gone", 499)), line


def test_every_byte_that_a_field_may_have_is_logged_as_json(stage):
    """Terminal escapes, quotes, invalid UTF-8: each line parses, and no value ends it (CVE-2024-45808)."""
    before = len(stage.gateway.access_log())
    sent = []
    with stage.connect() as c:
        for byte in [0x09, *range(0x20, 0x7f), *range(0x80, 0x100)]:
            value = b"a" + bytes([byte]) + b"b"
            c.send(b"GET /log HTTP/1.1\r\nHost: a\r\nUser-Agent: " + value + b"\r\n\r\n")
            assert c.receive().status == 200
            sent.append(value)
    text = wait_until(lambda: (data := stage.gateway.log_file.read_bytes()).count(b"\n") >= before + len(sent) and data,
                      "all lines are written")
    raw = text.split(b"\n")[before:before + len(sent)]
    for value, line in zip(sent, raw):
        parsed = json.loads(line.decode("utf-8"))
        assert not re.search(rb"[\x00-\x1f\x7f]", line)
        if value[1] < 0x80:
            assert parsed["user_agent"] == value.decode()
        assert parsed["user_agent"].startswith("a") and parsed["user_agent"].endswith("b")


def test_long_values_are_cut(stage):
    before = len(stage.gateway.access_log())
    stage.accept(client.head("GET", "/" + "p" * 8000, [("User-Agent", "u" * 20000)]))
    line = stage.gateway.wait_log(before + 1)[before]
    assert len(line["path"]) <= 1100 and len(line["user_agent"]) <= 1100
    assert len(json.dumps(line)) < 8192


def test_the_log_can_be_off(sluice, origins):
    gateway = sluice(merged(all_to(origins.echo()), {"observe": {"access_log": "off"}}))
    assert gateway.request().status == 200
    gateway.wait_metric(lambda m: m("sluice_requests_total") == 1, "the exchange has ended")
    assert gateway.access_log() == [] and gateway.metrics()("sluice_log_lines_total") == 0


def test_the_log_can_go_to_stdout(sluice, origins):
    gateway = sluice(merged(all_to(origins.echo()), {"observe": {"access_log": {"to": "stdout"}}}))
    assert gateway.request("GET", "/out").status == 200
    wait_until(lambda: b'"path":"/out"' in gateway.stdout_file.read_bytes(), "the line is on stdout")


def test_a_rotated_log_is_opened_again(sluice, origins):
    gateway = sluice(all_to(origins.echo()))
    gateway.request("GET", "/1")
    gateway.wait_log(1)
    rotated = gateway.log_file.with_suffix(".1")
    gateway.log_file.rename(rotated)
    gateway.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: gateway.request("GET", "/2").status == 200 and gateway.log_file.exists()
               and gateway.access_log(), "the new file is in use")
    assert json.loads(rotated.read_text().split("\n")[0])["path"] == "/1"


# Metrics.

def test_metrics_follow_the_text_format(failing):
    response = failing.get_ops("/metrics")
    assert response.header("Content-Type").startswith("text/plain; version=0.0.4")
    helps, types = {}, {}
    for line in response.body.decode().split("\n")[:-1]:
        if line.startswith("# HELP "):
            name, text = line[7:].split(" ", 1)
            assert name not in helps and text
            helps[name] = text
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            assert name not in types and kind in ("counter", "gauge", "histogram")
            types[name] = kind
    metrics = failing.metrics()
    seen = set()
    for name, labels, value in metrics.series:
        base = re.sub(r"_(bucket|sum|count)\Z", "", name)
        kind = types.get(name) or types.get(base)
        assert kind and (name in helps or base in helps), name
        key = (name, tuple(sorted(labels.items())))
        assert key not in seen, f"{key} is there twice"
        seen.add(key)
        assert kind == "gauge" or value >= 0


def test_every_metric_of_the_table_is_exported(failing):
    table = (ROOT / "src/stats/metrics.def").read_text()
    text = failing.metrics().text
    for name in re.findall(r'^METRIC\(\w+, \w+, "(\w+)"', table, re.M):
        assert f"# TYPE {name} " in text, name


def test_histograms_add_up(stage):
    for _ in range(10):
        stage.gateway.request()
    metrics = stage.gateway.metrics()
    for name in ("sluice_request_duration_seconds", "sluice_origin_ttfb_seconds"):
        buckets = [(float(labels["le"]), value) for n, labels, value in metrics.series if n == name + "_bucket"]
        counts = [value for _, value in sorted(buckets)]
        assert counts == sorted(counts) and counts[-1] == metrics(name + "_count") >= 10


def test_strangers_cannot_add_series(stage):
    """Labels come from the configuration: hosts, paths, methods and headers of requests never make one."""
    stage.gateway.request()
    stage.gateway.wait_metric(lambda m: m("sluice_requests_total", code="2xx") >= 1 and m("sluice_requests_in_flight") == 0,
                              "it is counted")
    before = {(n, tuple(sorted(labels.items()))) for n, labels, _ in stage.gateway.metrics().series}
    with stage.connect() as c:
        for i in range(300):
            c.send(client.head(f"M{i}", f"/path{i}?q={i}", [("User-Agent", f"agent{i}"), (f"X-{i}", "y")],
                               host=f"host{i}.test"))
            assert c.receive().status == 200
    after = {(n, tuple(sorted(labels.items()))) for n, labels, _ in stage.gateway.metrics().series}
    assert after == before


def test_counts_are_exact(sluice, origins):
    gateway = sluice(all_to(origins.echo()), cores=2)
    connections = [gateway.connect() for _ in range(6)]
    for i in range(120):
        connections[i % 6].request("POST", "/?size=100", body=b"x" * 10)
    metrics = gateway.metrics()
    assert metrics("sluice_requests_total", route="all", service="app", code="2xx", listener="http") == 120
    assert metrics("sluice_attempts_total", service="app") == 120
    assert metrics("sluice_endpoint_requests_total", service="app") == 120
    assert metrics("sluice_client_connections") == 6 and metrics("sluice_client_connections_accepted_total") == 6
    assert metrics("sluice_requests_in_flight") == 0 and metrics("sluice_endpoint_in_flight") == 0
    assert metrics("sluice_origin_connects_total") + metrics("sluice_origin_reuses_total") == 120
    assert metrics("sluice_client_received_bytes_total") > 120 * 50


# Health.

def test_health_and_readiness(failing):
    for target in ("/healthz", "/readyz"):
        assert failing.get_ops(target).status == 200
    assert failing.get_ops("/other").status == 404
    with Client(failing.metrics_address) as c:
        response = c.request("DELETE", "/metrics")
        assert (response.status, response.header("Allow")) == (405, "GET, HEAD")
    with Client(failing.metrics_address) as c:
        response = c.request("HEAD", "/metrics")
        assert (response.status, response.body) == (200, b"")


def test_the_ops_listener_is_as_strict(failing):
    for data in (b"GET /metrics HTTP/1.1\nHost: a\n\n", b"GET /metrics HTTP/1.1\r\n\r\n",
                 b"GET /metrics HTTP/1.1\r\nHost : a\r\n\r\n",
                 b"GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
                 b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 20000):
        with Client(failing.metrics_address) as c:
            c.try_send(data)
            assert c.receive().status in (400, 431)
            c.expect_close()
    assert failing.get_ops("/metrics").status == 200


def test_a_crowd_at_the_ops_listener_does_not_shut_it(failing):
    crowd = [Client(failing.metrics_address) for _ in range(100)]
    with failing.connect() as c:
        assert c.request("GET", "/nowhere").status == 404
    for c in crowd:
        c.close()
    wait_until(failing.is_ready, "the listener answers again")
