"""Bounds of limits.def that no configuration key moves: met at the row's own number, which is read from the table."""
import os
import pathlib
import re
import signal
import threading
import time

import pytest

from kit import client
from kit.gateway import all_to
from kit.origin import expect_request, forever, send
from kit.stage import code_of
from kit.waiting import wait_until

TABLE = pathlib.Path(__file__).parents[2] / "src" / "base" / "limits.def"
LIMITS = {name: int(value) for name, value in re.findall(r"^LIMIT\((\w+), (\d+),", TABLE.read_text(), re.MULTILINE)}
FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"


@pytest.mark.parametrize("beyond", [0, 1])
def test_interim_responses(sluice, origins, beyond):
    count = LIMITS["interim_responses"] + beyond
    origin = origins.script([forever(expect_request(), send(b"HTTP/1.1 103 Early Hints\r\n\r\n" * count + FINE))])
    response = sluice(all_to(origin)).request()
    if beyond:
        assert (response.status, code_of(response)) == (502, "origin_interim")
    else:
        assert (response.status, len(response.interim), response.body) == (200, count, b"fine")


def lost(origin):
    """A configuration under which most paths are answered by the gateway itself, without reading the body."""
    return {"services": {"app": {"targets": [origin.target]}}, "routes": {"app": {"match": "/app", "to": "app"}}}


def test_an_unread_body_within_linger_bytes_keeps_the_connection(sluice, origins):
    gateway = sluice(lost(origins.echo()))
    with gateway.connect() as c:
        response = c.request("POST", "/nowhere", body=b"x" * LIMITS["linger_bytes"])
        assert (response.status, code_of(response)) == (404, "no_route")
        assert c.request("GET", "/app").status == 200


def test_an_unread_body_beyond_linger_bytes_ends_the_connection(sluice, origins):
    gateway = sluice(lost(origins.echo()))
    with gateway.connect() as c:
        c.send(client.head("POST", "/nowhere", [("Content-Length", str(LIMITS["linger_bytes"] + 1000))]))
        response = c.receive()
        assert (response.status, response.header("Connection")) == (404, "close")
        c.expect_close()


def test_linger_timeout_ms(sluice, origins):
    """The rest of a body that does not come is waited for, but not for ever."""
    gateway = sluice(lost(origins.echo()))
    with gateway.connect() as c:
        c.send(client.head("POST", "/nowhere", [("Content-Length", "1000")]) + b"x")
        assert c.receive().status == 404
        answered = time.monotonic()
        c.expect_close()
        assert time.monotonic() - answered >= LIMITS["linger_timeout_ms"] / 1000 * 0.8


def test_more_than_accepts_per_turn_at_once_are_all_served(sluice, origins):
    gateway = sluice(all_to(origins.echo()))
    pid = gateway.data_pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        waiting = [gateway.connect() for _ in range(3 * LIMITS["accepts_per_turn"] + 1)]
        for c in waiting:
            c.send(client.head("GET", "/"))
    finally:
        os.kill(pid, signal.SIGCONT)
    assert {c.receive().status for c in waiting} == {200}


def test_a_large_answer_of_many_times_bytes_per_turn_holds_nobody_up(sluice, origins):
    """One core: while one client swallows a large body as fast as it can, others are answered, and all bytes are right."""
    size = 48 * LIMITS["bytes_per_turn"]
    gateway = sluice(all_to(origins.echo()))
    received, has_begun = [], threading.Event()

    def download():
        with gateway.connect() as c:
            c.send(client.head("GET", f"/?size={size}"))
            c.reader.head("response")
            has_begun.set()
            received.append(len(c.reader.exactly(size)))
    thread = threading.Thread(target=download, daemon=True)
    thread.start()
    assert has_begun.wait(30)
    served = 0
    while thread.is_alive() and served < 200:
        assert gateway.request().status == 200
        served += 1
    thread.join(60)
    assert received == [size] and served > 0


def test_sessions_are_counted_and_have_a_ceiling(sluice, origins):
    gateway = sluice(all_to(origins.echo()))
    held = [gateway.connect() for _ in range(10)]
    for c in held:
        assert c.request().status == 200
    wait_until(lambda: gateway.metrics()("sluice_slab_used", slab="sessions") >= len(held), "sessions are counted")
    assert gateway.metrics()("sluice_slab_ceiling", slab="sessions") == LIMITS["sessions"]
