"""The world around the gateway breaks: descriptors run out, the log cannot be written, instances die, clocks jump. What can be
served is served, what cannot is told so, nothing spins, and afterwards everything is as before.
"""
import os
import pathlib
import random
import threading

import pytest

from kit import client
from kit.gateway import all_to, merged
from kit.origin import close, expect_body, forever, expect_request, garbage, half_close, hang, reset, send
from kit.waiting import wait_until

SANITIZED = any(name in os.environ.get("SLUICE_BIN", "") for name in ("asan", "tsan"))


# Descriptors.

def open_until_refused(gateway, count):
    """Opens up to `count` connections; the kernel takes them even while the gateway does not."""
    made = []
    for _ in range(count):
        made.append(gateway.connect())
    return made


def test_without_a_descriptor_for_the_origin_it_is_503_and_not_silence(sluice, origins):
    origin = origins.echo()
    gateway = sluice(merged(all_to(origin, queue={"wait": "200ms"}), {"defaults": {"timeout": {"connect": "200ms"}}}),
                     wrapper=("prlimit", "--nofile=256:256"))
    crowd = open_until_refused(gateway, 300)
    wait_until(lambda: gateway.fd_count() > 200, "the descriptors are used up")
    for c in crowd[:20]:
        c.send(client.head("GET", "/"))
        assert c.receive().status in (200, 502, 503)
    for c in crowd:
        c.close()
    wait_until(lambda: gateway.request().status == 200, "it recovers")


# The log.

def test_a_log_that_reaches_its_size_limit_holds_nobody_back(sluice, origins):
    gateway = sluice(all_to(origins.echo()), wrapper=("prlimit", "--fsize=20000"))
    with gateway.connect() as c:
        for _ in range(300):
            assert c.request().status == 200
    gateway.wait_metric(lambda m: m("sluice_log_write_errors_total") > 0, "the failure is counted")
    assert gateway.log_file.stat().st_size <= 20000
    assert gateway.data_pid() != gateway.process.pid and gateway.metrics()("sluice_process_restarts_total") == 0


def test_a_log_reader_that_does_not_read_holds_nobody_back(sluice, tmp_path):
    pipe = tmp_path / "log.pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    gateway = sluice({"observe": {"access_log": {"to": str(pipe)}},
                      "routes": {"a": {"match": "/*", "respond": {"status": 204}}}})
    request = client.head("GET", "/" + "p" * 1000) * 100
    with gateway.connect() as c:
        for _ in range(30):
            c.send(request)
            assert [c.receive().status for _ in range(100)] == [204] * 100
    gateway.wait_metric(lambda m: m("sluice_log_lines_dropped_total") > 0, "lost lines are counted")
    drained = os.read(reader, 1 << 20)
    while drained:
        try:
            drained = os.read(reader, 1 << 20)
        except BlockingIOError:
            break
    with gateway.connect() as c:
        c.request("GET", "/again")

    def tells_of_it():
        try:
            return b'"dropped"' in os.read(reader, 1 << 20)
        except BlockingIOError:
            return False
    wait_until(tells_of_it, "the log says how much is missing")
    os.close(reader)


def test_a_log_that_cannot_be_opened_is_told_at_the_start(sluice):
    gateway = sluice({"observe": {"access_log": {"to": "/no/such/directory/access.log"}},
                      "routes": {"a": {"match": "/*", "respond": {}}}}, wait=False)
    gateway.is_expected_dirty = True
    assert gateway.process.wait(20) == 1
    assert "/no/such/directory/access.log" in gateway.stderr()


def test_a_log_that_cannot_be_opened_refuses_a_reload(sluice):
    gateway = sluice({"routes": {"a": {"match": "/*", "respond": {"status": 200}}}})
    gateway.reload({"observe": {"access_log": {"to": "/no/such/directory/access.log"}},
                    "routes": {"a": {"match": "/*", "respond": {"status": 204}}}}, is_refused=True)
    assert gateway.request().status == 200


# Instances.


def test_an_instance_that_comes_back_is_used_again(sluice, origins):
    import socket
    stays = origins.echo("stays")
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    gateway = sluice({"services": {"app": {"targets": [f"127.0.0.1:{port}", stays.target], "balance": "round_robin"}},
                      "routes": {"/*": "app"}})
    for _ in range(10):
        assert gateway.request().status == 200
    listener = socket.create_server(("127.0.0.1", port))
    seen = threading.Event()

    def serve():
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            while peer.recv(65536):
                seen.set()
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nback")
    threading.Thread(target=serve, daemon=True).start()
    wait_until(lambda: gateway.request().status == 200 and seen.is_set(), "the instance that came back gets requests")
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


FAULTS = {
    "/refuse_body": [send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"), close()],
    "/reset": [reset()], "/close": [close()], "/reset_after_body": [expect_body(), reset()],
    "/garbage": [garbage(5000), close()],
    "/half_head": [send(b"HTTP/1.1 200 OK\r\nContent-"), close()], "/half_close": [half_close(), hang()],
    "/cut": [send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 1000), reset()],
    "/cut_chunk": [send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nxx"), close()],
    "/hang": [hang()], "/bad": [send(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), close()],
    "/interim": [send(b"HTTP/1.1 103 Early Hints\r\n\r\n"), close()],
    "/ok": [expect_body(), send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")],
}


def test_every_fault_at_once_leaves_nothing_behind(sluice, origins):
    """Descriptors, memory and counts are as before, whatever clients and origins did to each other (invariant I3)."""
    origin = origins.by_path(FAULTS, judged=False)
    gateway = sluice(merged(all_to(origin, connections={"max": 20}),
                            {"defaults": {"timeout": {"response": "100ms", "body": "1s"}}}))
    dice = random.Random(7)

    def exchange():
        path = dice.choice(list(FAULTS))
        c = gateway.connect()
        body = b"x" * dice.choice([0, 10, 70_000])
        data = client.head(dice.choice(["POST", "PUT"]), path, [("Content-Length", str(len(body)))]) + body
        end = dice.choice(["read", "read", "read", "reset", "half"])
        try:
            c.send(data[:dice.randrange(len(data))] if end != "read" else data)
            if end == "reset":
                c.reset()
                return
            if end == "half":
                c.half_close()
            c.socket.settimeout(5)
            c.receive()
        except (OSError, AssertionError):
            pass
        c.close()

    def settle():
        gateway.wait_metric(lambda m: m("sluice_requests_in_flight") == 0 and m("sluice_client_connections") == 0
                            and m("sluice_origin_connections") == 0,
                            "nothing is in flight")
        gateway.clients.clear()
        return gateway.fd_count(), gateway.rss_bytes()
    for _ in range(150):
        exchange()
    fds, resident = settle()
    for _ in range(150):
        exchange()
    fds_after, resident_after = settle()
    assert fds_after <= fds + 8, "more than some pipes kept for later"
    assert resident_after < resident + (32 << 20 if SANITIZED else 2 << 20)
    metrics = gateway.metrics()
    assert metrics("sluice_endpoint_in_flight") == 0 and metrics("sluice_queue_depth") == 0
    assert gateway.request("GET", "/ok").body == b"ok"


# Clocks.

@pytest.fixture
def clock(tmp_path):
    """A wall clock for one process that the test may set; its monotonic clock is left alone."""
    library = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    file = tmp_path / "clock"
    file.write_text("+0")
    environment = {"LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1",
                   "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
    if SANITIZED:
        environment = {}  # a sanitizer must come first among libraries; there the clock stands still
    return file, environment


def test_a_wall_clock_that_jumps_ends_nothing(sluice, origins, clock):
    file, environment = clock
    origin = origins.script([forever(expect_request(), send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))])
    gateway = sluice(all_to(origin), environment=environment)
    with gateway.connect() as c, gateway.connect() as half_way:
        assert c.request().body == b"ok"
        half_way.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
        years = []
        for offset in ("+10y", "-10y", "+1h", "+0"):
            file.write_text(offset)
            assert c.request().body == b"ok"
            assert c.is_open() and half_way.is_open()
            years.append(gateway.wait_log(len(years) + 2)[-1]["time"][:4])
        half_way.send(b"\r\n")
        assert half_way.receive().body == b"ok"
    assert len(origin.connections) <= 2, "idle connections outlived the jumps"
    if not SANITIZED:
        assert int(years[0]) - int(years[3]) == 10 and int(years[3]) - int(years[1]) == 10
    assert all(0 <= line["total_us"] < 3_600_000_000 for line in gateway.access_log())


# Signals and pauses.

def test_a_process_that_was_stopped_for_a_while_goes_on(sluice, origins):
    gateway = sluice(all_to(origins.echo()))
    clients = [gateway.connect() for _ in range(5)]
    for c in clients:
        assert c.request().status == 200
    pid = gateway.data_pid()
    os.kill(pid, 19)
    for c in clients:
        c.send(client.head("GET", "/") * 3)
    os.kill(pid, 18)
    for c in clients:
        assert [c.receive().status for _ in range(3)] == [200] * 3


def test_stray_signals_are_ignored(sluice, origins):
    gateway = sluice(all_to(origins.echo()))
    for number in (13, 28):  # SIGPIPE, SIGWINCH
        os.kill(gateway.process.pid, number)
        os.kill(gateway.data_pid(), number)
    assert gateway.request().status == 200
    assert gateway.metrics()("sluice_process_restarts_total") == 0


def test_running_out_of_descriptors_pauses_and_recovers(sluice, origins):
    origin = origins.echo()
    gateway = sluice(all_to(origin), wrapper=("prlimit", "--nofile=256:256"))
    assert gateway.request().status == 200
    fds, early = gateway.fd_count(), gateway.connect(receive_buffer_bytes=65536)
    early.send(client.head("GET", "/?size=30000000"))
    assert early.receive_head().status == 200
    crowd = open_until_refused(gateway, 400)
    wait_until(lambda: gateway.fd_count() > 200, "the descriptors are used up")
    for _ in range(20):
        assert gateway.is_ready(), "health can be asked for"
    assert len(early.reader.exactly(30_000_000)) == 30_000_000, "who is served goes on being served"
    metrics = gateway.metrics()
    assert metrics("sluice_accept_errors_total") + metrics("sluice_client_connections_refused_total") < 1000, "it tries and tries"
    for c in [early, *crowd]:
        c.close()
    wait_until(lambda: gateway.request().status == 200, "new clients are served again")
    wait_until(lambda: gateway.fd_count() <= fds + 2, "every descriptor is given back")


def test_an_instance_that_dies_is_left_for_those_that_live(sluice, origins):
    made = [origins.echo(str(i)) for i in range(3)]
    gateway = sluice(all_to(*made, balance="round_robin"))
    with gateway.connect() as c:
        for _ in range(30):
            assert c.request().status == 200
        dying = made[0]
        dying.stop_listening()
        for connection in dying.connections:
            connection.socket.shutdown(2)
        wait_until(lambda: all(k.is_ended for k in dying.connections), "its connections are gone")
        for i in range(60):
            assert c.request("POST" if i % 2 else "GET", "/", body=b"x" if i % 2 else None).status == 200
    assert {line["reason"] for line in gateway.wait_log(90)} == {"ok"}, "what was answered in the end is no error"
    assert gateway.metrics()("sluice_errors_total") == 0
