"""What happened is told: access log, metrics, health. None of it can be forged, flooded or made to wait by a stranger."""
import json
import shutil
import signal
import subprocess

import pytest

from kit import client
from kit.waiting import wait_until

ROUTES = {"services": {"app": {"targets": ["127.0.0.1:1"]}},
          "routes": {"app": {"match": {"host": "app.test", "path": "/app/*"}, "to": "app"}}}


def test_a_line_tells_the_whole_exchange(through, origins):
    gateway = through(origins.echo())
    gateway.request("GET", "/a%20b?token=secret", [("User-Agent", 'x "y" \\ z'), ("X-Request-Id", "mine-1")])
    line, = gateway.wait_log(1)
    assert (line["route"], line["service"], line["method"], line["path"]) == ("all", "app", "GET", "/a%20b")
    assert (line["status"], line["reason"], line["attempts"], line["generation"]) == (200, "ok", 1, 1)
    assert line["user_agent"] == 'x "y" \\ z' and line["client"] == "127.0.0.1"
    assert line["client_received_bytes"] > 0 and line["client_sent_bytes"] > line["origin_received_bytes"] > 0
    assert line["total_us"] >= line["ttfb_us"] >= 0
    assert "secret" not in json.dumps(line)


@pytest.mark.parametrize("place", ["field", "path", "query", "host", "method"])
def test_no_byte_of_a_stranger_breaks_a_line(sluice, place):
    gateway = sluice(ROUTES)
    sent = 0
    for byte in range(256):
        raw = bytes([byte])
        parts = {"field": b"x", "path": b"p", "query": b"q", "host": b"app.test", "method": b"GET"}
        parts[place] = b"a" + raw + b"z"
        with client.Client(gateway.address) as c:
            c.try_send(parts["method"] + b" /app/" + parts["path"] + b"?" + parts["query"] + b" HTTP/1.1\r\nHost: " +
                       parts["host"] + b"\r\nUser-Agent: " + parts["field"] + b"\r\nConnection: close\r\n\r\n")
            c.rest()
        sent += 1
    lines = gateway.wait_log(sent)
    assert len(lines) == sent
    text = gateway.log_file.read_bytes()
    assert not any(byte < 0x20 and byte != 0x0a or byte >= 0x7f for byte in text)
    assert all(line["status"] in (400, 404, 405, 501, 502, 505) for line in lines)


def test_strangers_add_no_series(sluice):
    gateway = sluice(ROUTES)
    with client.Client(gateway.address) as c:
        c.request("GET", "/nothing", host="first.test")
    gateway.wait_metric(lambda m: m("sluice_errors_total", reason="no_route") == 1, "the first one is counted")
    before = {line.split(" ")[0] for line in gateway.get_ops("/metrics").body.decode().split("\n")}
    c = gateway.connect()
    for number in range(3000):
        c.request(f"M{number}" if number % 3 == 0 else "GET", f"/{number}", [(f"X-{number}", "1")], host=f"h{number}.test")
    text = gateway.get_ops("/metrics").body.decode()
    assert {line.split(" ")[0] for line in text.split("\n")} == before
    assert gateway.metrics()("sluice_errors_total", reason="no_route") >= 1000
    assert gateway.metrics()("sluice_requests_total", listener="http", route="", code="4xx") >= 1000


def test_counts_survive_a_reload(through, origins):
    gateway = through(origins.echo())
    for _ in range(3):
        gateway.request()
    gateway.wait_metric(lambda m: m("sluice_requests_total", route="all", code="2xx") == 3, "three requests are counted")
    gateway.reload()
    gateway.request()
    gateway.wait_metric(lambda m: m("sluice_requests_total", route="all", code="2xx") == 4, "the fourth is counted with them")
    assert gateway.metrics()("sluice_request_duration_seconds_count", route="all") == 4


def test_the_log_follows_a_rotation(through, origins):
    gateway = through(origins.echo())
    gateway.request("GET", "/before")
    gateway.wait_log(1)
    gateway.log_file.rename(gateway.directory / "access.log.1")
    gateway.process.send_signal(signal.SIGUSR1)
    wait_until(gateway.log_file.exists, "the log is opened again")
    gateway.request("GET", "/after")
    assert [line["path"] for line in gateway.wait_log(1)] == ["/after"]


def test_a_full_disk_holds_no_request_back(through, origins):
    gateway = through(origins.echo(), observe={"access_log": {"to": "/dev/full"}})
    c = gateway.connect()
    for _ in range(200):
        assert c.request().status == 200
    gateway.wait_metric(lambda m: m("sluice_log_write_errors_total") > 0, "the failure is counted")
    assert gateway.metrics()("sluice_log_lines_total") == 0


def test_health_and_readiness_are_told_apart_from_traffic(sluice):
    gateway = sluice(ROUTES)
    assert gateway.get_ops("/healthz").body == b"ok\n"
    assert gateway.get_ops("/readyz").status == 200
    assert gateway.get_ops("/other").status == 404
    assert gateway.request("GET", "/metrics").status == 404
    with client.Client(gateway.metrics_address) as c:
        assert c.request("POST", "/metrics", body=b"").status == 405
        assert c.request("HEAD", "/metrics").status == 200


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is not installed")
def test_promtool_finds_nothing_to_say(through, origins):
    gateway = through(origins.echo())
    gateway.request()
    page = gateway.get_ops("/metrics").body
    run = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")
