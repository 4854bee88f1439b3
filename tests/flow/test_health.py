"""Active health checks: an instance that cannot serve is not asked, whatever way it fails in, and is asked again when it
is well; what a check costs is bounded by us, never by the instance.
"""
import socket
import subprocess
import sys
import time

import pytest

from kit.checked import Checked
from kit.databases import free_port
from kit.waiting import wait_until

QUICK = {"interval": "50ms", "fast_interval": "20ms", "down_interval": "30ms", "down_interval_max": "100ms",
         "timeout": "300ms"}


def to(*instances, **health):
    return {"services": {"app": {"targets": [i.target for i in instances], "balance": "round_robin",
                                 "panic": "off", "health": {**QUICK, **health}}},
            "routes": {"all": {"match": "/*", "to": "app"}}}


@pytest.fixture
def pair(origins):
    return origins.keep(Checked("a")), origins.keep(Checked("b"))


def is_up(gateway, instance):
    return gateway.metrics()("sluice_health_up", address=instance.target) == 1


def wait_up(gateway, *instances):
    wait_until(lambda: all(is_up(gateway, i) for i in instances), "the instances are up")


def wait_down(gateway, instance):
    def is_down():
        m = gateway.metrics()
        failed = m("sluice_health_checks_total", address=instance.target, result="failed")
        return failed > 0 and m("sluice_health_up", address=instance.target) == 0
    wait_until(is_down, "the instance is down")


def bodies(gateway, count):
    return [gateway.request("GET", "/").body for _ in range(count)]


@pytest.mark.parametrize("mode,reason", [
    ("503", "status 503, expected 200-299"), ("hang", "timed out after 300ms"), ("drip", "timed out after 300ms"),
    ("garbage", "malformed"), ("close", "closed before it had answered")])
def test_an_instance_that_fails_its_check_is_not_asked_until_it_passes_again(sluice, pair, mode, reason):
    good, bad = pair
    gateway = sluice(to(good, bad, http="/healthz"))
    wait_up(gateway, good, bad)
    assert set(bodies(gateway, 4)) == {b"a", b"b"}
    bad.mode = mode
    wait_down(gateway, bad)
    assert set(bodies(gateway, 10)) == {b"a"}
    line = next(l for l in gateway.stderr().split("\n") if "is down" in l)
    assert bad.target in line and reason in line
    bad.mode = "ok"
    wait_up(gateway, bad)
    assert set(bodies(gateway, 4)) == {b"a", b"b"}


def test_an_answer_of_a_gigabyte_is_read_no_further_than_the_limit(sluice, pair):
    good, bad = pair
    bad.mode = "flood"
    gateway = sluice(to(good, bad, http={"path": "/healthz", "body": "well"}, rise=1))
    wait_down(gateway, bad)
    before = gateway.rss_bytes()
    checks = bad.checks
    wait_until(lambda: bad.checks > checks + 5, "it was checked again and again")
    assert gateway.rss_bytes() - before < 8 << 20
    assert "no verdict within 32768 bytes" in gateway.stderr()


def test_a_server_that_is_gone_is_down_and_comes_back(sluice, origins, pair):
    good, bad = pair
    gateway = sluice(to(good, bad, tcp=True))
    wait_up(gateway, good, bad)
    bad.stop_listening()
    wait_down(gateway, bad)
    assert "connect refused" in gateway.stderr()
    assert set(bodies(gateway, 10)) == {b"a"}


def test_an_instance_is_used_until_its_first_check_or_only_after_it(sluice, pair):
    good, bad = pair
    bad.mode = "hang"
    gateway = sluice(to(good, bad, http="/healthz", initial="down", timeout="5s", interval="10s"))
    wait_up(gateway, good)
    assert set(bodies(gateway, 6)) == {b"a"}
    gateway = sluice(to(bad, http="/healthz", timeout="5s", interval="10s"))
    assert gateway.request("GET", "/").body == b"b"


def test_two_services_share_one_check(sluice, origins):
    one = origins.keep(Checked("a"))
    service = {"targets": [one.target], "health": "GET /healthz every 1s", "panic": "off"}
    gateway = sluice({"services": {"x": service, "y": dict(service)},
                      "routes": {"x": {"match": "/x", "to": "x"}, "y": {"match": "/y", "to": "y"}}})
    wait_up(gateway, one)
    assert gateway.metrics()("sluice_health_checked") == 1
    assert one.checks == 1
    one.mode = "503"
    wait_down(gateway, one)
    assert [gateway.request("GET", p).status for p in ("/x", "/y")] == [503, 503]


def test_a_reload_keeps_what_did_not_change(sluice, pair):
    good, bad = pair
    config = to(good, bad, http="/healthz", interval="10s", down_interval="9s", down_interval_max="10s")
    gateway = sluice(config)
    wait_up(gateway, good, bad)
    checks = good.checks
    config["routes"]["more"] = {"match": "/more", "to": "app"}
    gateway.reload(config)
    assert good.checks == checks
    assert gateway.metrics()("sluice_health_checks_total", result="passed") == 2


def test_a_changed_check_keeps_the_verdict_until_it_has_one_and_a_removed_one_frees(sluice, pair):
    good, bad = pair
    bad.mode = "503"
    gateway = sluice(to(good, bad, http="/healthz"))
    wait_down(gateway, bad)
    bad.mode = "hang"
    gateway.reload(to(good, bad, http="/healthz?new", timeout="5s"))
    assert set(bodies(gateway, 6)) == {b"a"}
    config = to(good, bad)
    del config["services"]["app"]["health"]
    gateway.reload(config)
    assert set(bodies(gateway, 6)) == {b"a", b"b"}
    assert gateway.metrics()("sluice_health_checked") == 0


def test_an_instance_drains_when_its_check_says_so(sluice, pair):
    good, bad = pair
    gateway = sluice(to(good, bad, http={"path": "/healthz", "drain_on": 404}))
    wait_up(gateway, good, bad)
    bad.mode = "404"
    wait_until(lambda: set(bodies(gateway, 6)) == {b"a"}, "it drains")
    assert is_up(gateway, bad)
    bad.mode = "ok"
    wait_until(lambda: set(bodies(gateway, 6)) == {b"a", b"b"}, "it is back")


def test_what_is_sent_is_what_was_written(sluice, origins):
    one = origins.keep(Checked("a"))
    gateway = sluice(to(one, http={"method": "HEAD", "path": "/healthz?deep=1", "host": "check.example",
                                   "send_headers": {"X-Probe": "yes"}}))
    wait_up(gateway, one)
    head = one.heads[0]
    assert (head.method, head.target) == ("HEAD", "/healthz?deep=1")
    assert head.header("Host") == "check.example"
    assert head.header("X-Probe") == "yes"
    assert head.header("Connection") == "close"


def test_flapping_does_not_lose_requests(sluice, pair):
    good, bad = pair
    gateway = sluice(to(good, bad, http="/healthz", fall=2, rise=1))
    wait_up(gateway, good, bad)
    end = time.monotonic() + 1.5
    flips = 0
    while time.monotonic() < end:
        bad.mode = "503" if bad.mode == "ok" else "ok"
        flips += 1
        assert [gateway.request("GET", "/").status for _ in range(10)] == [200] * 10
    assert flips > 10


SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "1")
        self.end_headers()
        self.wfile.write(sys.argv[2].encode())
    def log_message(self, *args):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


class Process:
    """An instance that is a process, so that it can be killed."""

    def __init__(self, name):
        self.name, self.port = name, free_port()
        self.target = f"127.0.0.1:{self.port}"
        self.start()

    def start(self):
        self.process = subprocess.Popen([sys.executable, "-c", SERVER, str(self.port), self.name])
        wait_until(self.is_open, "the server listens")

    def is_open(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def processes():
    made = [Process("a"), Process("b"), Process("c")]
    yield made
    for each in made:
        each.kill()


def test_no_idempotent_request_is_lost_when_an_instance_is_killed_and_comes_back(sluice, processes):
    gateway = sluice(to(*processes, http="/"))
    wait_up(gateway, *processes)
    statuses = [gateway.request("GET", "/").status for _ in range(50)]
    victim = processes[1]
    victim.kill()
    statuses += [gateway.request("GET", "/").status for _ in range(200)]
    wait_down(gateway, victim)
    assert b"b" not in bodies(gateway, 30)
    victim.start()
    wait_up(gateway, victim)
    wait_until(lambda: b"b" in bodies(gateway, 10), "it serves again")
    assert set(statuses) == {200}
