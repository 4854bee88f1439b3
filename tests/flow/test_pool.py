"""Connections to origins: kept and used again, replaced when they turned out stale, bounded exactly, waited for in line
(RFC 9112 9.3, RFC 9110 9.2.2; the fault list's stale connections, dead and deaf origins).
"""
import os
import signal
import socket
import threading

import pytest

from kit import client
from kit.gateway import all_to, merged
from kit.origin import Origin, answer, close, expect_request, forever, hang, reset, send, wait
from kit.stage import code_of
from kit.waiting import wait_until


def in_parallel(count, action):
    """Runs action(i) in `count` threads; returns the results in order, or raises what one of them raised."""
    results = [None] * count

    def run(i):
        try:
            results[i] = action(i)
        except Exception as problem:
            results[i] = problem
    threads = [threading.Thread(target=run, args=(i,), daemon=True) for i in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for r in results:
        if isinstance(r, Exception):
            raise r
    return results


@pytest.fixture
def refusing():
    """A port on which nothing listens, and nothing will."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{s.getsockname()[1]}"


@pytest.fixture
def deaf():
    """An address whose accept queue is full: connecting to it neither succeeds nor fails."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    fillers = []
    for _ in range(4):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(listener.getsockname())
        fillers.append(s)
    yield "127.0.0.1:%d" % listener.getsockname()[1]
    for s in [*fillers, listener]:
        s.close()


class Counting:
    """An origin that holds every request until it is released, and knows how many it had at a time."""

    def __init__(self):
        self.lock = threading.Lock()
        self.now = self.most = self.total = 0
        self.may_answer = threading.Event()

    def serve(self, c, _index):
        while True:
            c.requests.append(c.reader.request())
            with self.lock:
                self.now, self.total = self.now + 1, self.total + 1
                self.most = max(self.most, self.now)
            c.hang_until(self.may_answer)
            with self.lock:
                self.now -= 1
            c.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@pytest.fixture
def counting(world):
    made = Counting()
    made.origin = world.peers.keep(Origin(made.serve))
    made.target = made.origin.target
    return made


# Reuse.

def test_one_connection_serves_one_client_after_another(through, origins):
    origin = origins.echo()
    gateway = through(origin)
    for i in range(50):
        assert gateway.request("POST", f"/{i}?size=1000", body=b"x" * 100).status == 200
    assert len(origin.connections) == 1
    metrics = gateway.metrics()
    assert (metrics("sluice_origin_connects_total"), metrics("sluice_origin_reuses_total")) == (1, 49)
    assert [line.get("is_reused", False) for line in gateway.wait_log(50)] == [False] + [True] * 49


def test_a_connection_is_not_reused_when_the_origin_says_so(through, origins):
    origin = origins.echo()
    gateway = through(origin)
    for _ in range(3):
        gateway.request("GET", "/?close=1")
    assert len(origin.connections) == 3


def test_only_as_many_idle_connections_are_kept_as_allowed(through, counting):
    gateway = through(counting, services={"app": {"connections": {"idle": 2}}})
    threads = threading.Thread(target=in_parallel, args=(6, lambda i: gateway.request()), daemon=True)
    threads.start()
    wait_until(lambda: counting.now == 6, "the origin has all")
    counting.may_answer.set()
    threads.join()
    wait_until(lambda: sum(c.is_ended for c in counting.origin.connections) == 4, "four are closed")
    assert gateway.metrics()("sluice_origin_connections_idle") == 2


def test_an_idle_connection_is_closed_after_its_time(through, origins):
    origin = origins.echo()
    gateway = through(origin, services={"app": {"connections": {"idle_time": "50ms"}}})
    assert gateway.request().status == 200
    wait_until(lambda: origin.connections[0].is_ended, "the gateway has closed it")
    assert gateway.metrics()("sluice_origin_connections") == 0
    assert gateway.request().status == 200


def test_without_idle_connections_each_request_makes_one(through, origins):
    origin = origins.echo()
    gateway = through(origin, services={"app": {"connections": {"idle": 0}}})
    for _ in range(3):
        assert gateway.request().status == 200
    assert len(origin.connections) == 3
    origin.wait_all_ended()


# Stale connections.

def test_get_on_a_connection_that_the_origin_just_closed_is_sent_again(through, origins):
    origin = origins.script([answer(body=b"first"), expect_request(), close()], [forever(answer(body=b"second"))])
    gateway = through(origin)
    assert gateway.request("GET", "/1").body == b"first"
    assert gateway.request("GET", "/2").body == b"second"
    assert [[r.target for r in c.requests] for c in origin.connections] == [["/1", "/2"], ["/2"]]
    line = gateway.wait_log(2)[1]
    assert (line["status"], line["is_replayed"]) == (200, True)
    assert gateway.metrics()("sluice_origin_stale_replays_total") == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_idempotent_methods_are_sent_again_with_their_body(through, origins, method):
    origin = origins.script([answer(), expect_request(), reset()], [forever(answer(body=b""))])
    gateway = through(origin)
    gateway.request("GET", "/1")
    body = b"hello" if method == "PUT" else None
    assert gateway.request(method, "/2", body=body).status == 200
    assert [r.body for r in origin.connections[1].requests] == [body or b""]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_an_origin_may_have_acted_on_is_not_sent_again(through, origins, method):
    origin = origins.script([answer(), expect_request(), close()], [forever(answer(body=b"twice"))])
    gateway = through(origin)
    gateway.request("GET", "/1")
    response = gateway.request(method, "/2", body=b"pay")
    assert (response.status, code_of(response)) == (502, "origin_reset")
    assert len([r for r in origin.requests if r.target == "/2"]) == 1


def test_a_fresh_connection_that_breaks_is_not_stale(through, origins):
    origin = origins.script([expect_request(), close()])
    gateway = through(origin, services={"app": {"retry": {"on": "stale"}}})
    response = gateway.request("GET", "/")
    assert (response.status, code_of(response)) == (502, "origin_reset")
    assert len(origin.requests) == 1


def test_nothing_is_sent_again_after_the_first_byte_of_an_answer(through, origins):
    origin = origins.script([answer(), expect_request(), send(b"HTTP/1.1 2"), close()],
                            [forever(answer(body=b"twice"))])
    gateway = through(origin, services={"app": {"retry": {"on": "stale"}}})
    gateway.request("GET", "/1")
    assert gateway.request("GET", "/2").status == 502
    assert len(origin.requests) == 2


def test_post_survives_the_race_with_an_idle_close(through, origins):
    """The origin closes while the process is stopped: request and close meet in one turn, and nothing was acknowledged."""
    may_close = [threading.Event() for _ in range(10)]
    scripts = [[answer(), wait(event), reset() if i % 2 else close()] for i, event in enumerate(may_close)]
    origin = origins.script(*scripts, [forever(answer())])
    gateway = through(origin)
    pid = gateway.data_pid()
    with gateway.connect() as c:
        for i, event in enumerate(may_close):
            assert c.request("POST", f"/{i}", body=b"pay").status == 200
            wait_until(lambda: len(origin.connections) == i + 1, "this round has its connection")
            os.kill(pid, signal.SIGSTOP)
            try:
                event.set()
                wait_until(lambda: origin.connections[i].is_ended, "the origin has closed")
            finally:
                os.kill(pid, signal.SIGCONT)
    assert sorted(r.target for r in origin.requests) == sorted(f"/{i}" for i in range(10)), "each exactly once"


def test_the_idle_time_of_an_origin_is_learned(through, world):
    """An origin that closes idle connections finds that from then on the gateway closes them first."""
    ended_by = []

    def serve(c, _index):
        while True:
            c.socket.settimeout(None)
            c.requests.append(c.reader.request())
            c.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            c.socket.settimeout(1.7)
            try:
                data = c.socket.recv(1 << 16)
            except TimeoutError:
                ended_by.append("origin")
                return
            if not data:
                ended_by.append("gateway")
                return
            c.reader.buffer += data
            c.received += data
    origin = world.peers.keep(Origin(serve))
    gateway = through(origin)
    for _ in range(3):
        before = len(ended_by)
        assert gateway.request().status == 200
        wait_until(lambda: len(ended_by) > before, "the idle connection has ended")
        if ended_by[-1] == "gateway":
            return
    raise AssertionError(f"the origin had to close every time: {ended_by}")


# No connection.

def test_another_instance_is_tried_when_one_refuses(sluice, origins, refusing):
    origin = origins.echo(keep_bodies=True)
    gateway = sluice({"services": {"app": {"targets": [refusing, origin.target], "balance": "round_robin"}},
                      "routes": {"all": {"match": "/*", "to": "app"}}})
    for method in ("GET", "POST", "PATCH"):
        for _ in range(4):
            response = gateway.request(method, "/", body=b"hello" if method != "GET" else None)
            assert response.status == 200
    lines = gateway.wait_log(12)
    assert 2 in {line["attempts"] for line in lines}
    assert gateway.metrics()("sluice_origin_connect_failures_total") >= 1


def test_nobody_there_is_502_with_a_reason(sluice, refusing):
    gateway = sluice({"routes": {"/*": f"http://{refusing}"}})
    response = gateway.request()
    assert (response.status, code_of(response)) == (502, "origin_connect")
    with gateway.connect() as c:
        assert [c.request("POST", "/", body=b"x" * 1000).status
                for _ in range(3)] == [502] * 3, "the client's connection stands"


def test_a_deaf_instance_is_passed_over(sluice, origins, deaf):
    origin = origins.echo()
    gateway = sluice({"defaults": {"timeout": {"connect": "100ms"}},
                      "services": {"app": {"targets": [deaf, origin.target], "balance": "round_robin"}},
                      "routes": {"all": {"match": "/*", "to": "app"}}})
    assert [gateway.request().status for _ in range(4)] == [200] * 4


def test_a_deaf_service_is_504_with_a_reason(sluice, deaf):
    gateway = sluice({"defaults": {"timeout": {"connect": "100ms"}}, "routes": {"/*": f"http://{deaf}"}})
    response = gateway.request()
    assert (response.status, code_of(response)) == (504, "origin_connect_timeout")
    assert response.header("Retry-After")


# Ceilings and the line before them.

@pytest.mark.parametrize("cores", [1, 2])
def test_the_ceiling_of_an_instance_is_exact_over_all_cores(sluice, counting, cores):
    gateway = sluice(all_to(counting, connections={"max": 3}), cores=cores)
    clients = [gateway.connect() for _ in range(20)]
    for c in clients:
        c.send(client.head("GET", "/"))
    wait_until(lambda: counting.now == 3 and gateway.metrics()("sluice_queue_depth") == 17,
               "three are served and the others wait")
    counting.may_answer.set()
    assert [c.receive().status for c in clients] == [200] * 20
    assert counting.most == 3
    assert len(counting.origin.connections) <= 3 * cores


def test_who_waits_longest_is_served_first(sluice, counting):
    gateway = sluice(all_to(counting, connections={"max": 1}))
    clients = []
    for i in range(6):
        clients.append(gateway.connect())
        clients[i].send(client.head("GET", f"/{i}"))
        wait_until(lambda: counting.now + gateway.metrics()("sluice_queue_depth") == i + 1, "it has its place in line")
    counting.may_answer.set()
    assert [c.receive().status for c in clients] == [200] * 6
    assert [r.target for r in counting.origin.requests] == [f"/{i}" for i in range(6)]


def test_who_waits_too_long_is_told_so(sluice, counting):
    gateway = sluice(all_to(counting, connections={"max": 1}, queue={"wait": "100ms"}))
    first = gateway.connect()
    first.send(client.head("GET", "/first"))
    wait_until(lambda: counting.now == 1, "the only place is taken")
    response = gateway.request("POST", "/second", body=b"hello")
    assert (response.status, code_of(response)) == (503, "queue_timeout")
    assert response.header("Retry-After")
    counting.may_answer.set()
    assert first.receive().status == 200
    assert gateway.metrics()("sluice_queue_depth") == 0
    assert gateway.request().status == 200
    assert [line["reason"] for line in gateway.wait_log(3)] == ["queue_timeout", "ok", "ok"]


def test_a_full_line_is_told_at_once(sluice, counting):
    gateway = sluice(all_to(counting, connections={"max": 1}, queue={"size": 2, "wait": "60s"}))
    waiting = [gateway.connect() for _ in range(3)]
    for c in waiting:
        c.send(client.head("GET", "/"))
    wait_until(lambda: counting.now == 1 and gateway.metrics()("sluice_queue_depth") == 2, "place and line are taken")
    response = gateway.request()
    assert (response.status, code_of(response)) == (503, "queue_full")
    assert response.header("Retry-After")
    counting.may_answer.set()
    assert [c.receive().status for c in waiting] == [200] * 3


def test_who_leaves_the_line_leaves_no_gap(sluice, counting):
    gateway = sluice(all_to(counting, connections={"max": 1}, queue={"size": 3, "wait": "60s"}))
    clients = [gateway.connect() for _ in range(4)]
    for c in clients:
        c.send(client.head("GET", "/"))
    wait_until(lambda: gateway.metrics()("sluice_queue_depth") == 3, "all have a place")
    clients[1].reset()
    clients[3].reset()
    wait_until(lambda: gateway.metrics()("sluice_queue_depth") == 1, "two have left")
    counting.may_answer.set()
    assert [clients[0].receive().status, clients[2].receive().status] == [200, 200]
    wait_until(lambda: gateway.metrics()("sluice_requests_in_flight") == 0, "all is done")
    assert counting.total <= 3


def test_a_place_is_given_back_however_an_attempt_ends(sluice, origins, refusing):
    """Ceilings that leak stop a service for good: every way to fail, many times over a ceiling of two."""
    origin = origins.by_path({
        "/reset": [reset()], "/close": [close()], "/garbage": [send(b"garbage\r\n\r\n"), close()],
        "/ok": [send(b"HTTP/1.1 204 No Content\r\n\r\n")],
        "/cut": [send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"), close()], "/hang": [hang()]}, judged=False)
    gateway = sluice(merged(all_to(origin, connections={"max": 2}), {"defaults": {"timeout": {"response": "50ms"}}}))
    for path in ("/reset", "/close", "/garbage", "/cut", "/hang", "/ok") * 4:
        with gateway.connect() as c:
            c.send(client.head("GET", path, [("Connection", "close")]))
            c.rest() if path == "/cut" else c.receive()
    for _ in range(5):
        c = gateway.connect()
        c.send(client.head("GET", "/hang"))
        c.reset()
    gateway.wait_metric(lambda m: m("sluice_requests_in_flight") == 0, "all have ended")
    metrics = gateway.metrics()
    assert metrics("sluice_queue_depth") == 0 and metrics("sluice_endpoint_in_flight") == 0
    assert in_parallel(2, lambda i: gateway.request("GET", "/ok").status) == [204, 204]


def test_a_storm_of_clients_is_no_storm_of_connects(sluice, counting):
    gateway = sluice(all_to(counting, connections={"max": 10}))
    clients = [gateway.connect() for _ in range(300)]
    for c in clients:
        c.send(client.head("GET", "/"))
    wait_until(lambda: counting.now == 10 and gateway.metrics()("sluice_queue_depth") == 290, "all have a place")
    counting.may_answer.set()
    assert {c.receive().status for c in clients} == {200}
    assert len(counting.origin.connections) == 10 and counting.most == 10


def test_a_new_client_does_not_overtake_the_line(sluice, counting):
    gateway = sluice(all_to(counting, connections={"max": 2}))
    early = [gateway.connect() for _ in range(8)]
    for c in early:
        c.send(client.head("GET", "/early"))
    wait_until(lambda: counting.now == 2 and gateway.metrics()("sluice_queue_depth") == 6, "six wait")
    counting.may_answer.set()
    late = gateway.connect()
    late.send(client.head("GET", "/late"))
    assert [c.receive().status for c in early + [late]] == [200] * 9
    assert counting.most == 2


def test_keep_alive_of_an_origin_is_believed(through, origins):
    """Keep-Alive: timeout=2 tells what would have to be learned; a second is kept as a margin."""
    origin = origins.script([forever(answer(fields=[("Keep-Alive", "timeout=2, max=100")]))])
    gateway = through(origin)
    assert gateway.request().status == 200
    wait_until(lambda: origin.connections[0].has_seen_end, "the gateway closes before the origin would")


def test_the_time_of_the_whole_exchange_counts_in_line_too(sluice, counting):
    gateway = sluice(merged(all_to(counting, connections={"max": 1}, queue={"wait": "60s"}),
                            {"routes": {"short": {"match": "/short", "to": "app", "timeout": "200ms"}}}))
    first = gateway.connect()
    first.send(client.head("GET", "/"))
    wait_until(lambda: counting.now == 1, "the only place is taken")
    response = gateway.request("GET", "/short")
    assert (response.status, code_of(response)) == (504, "exchange_timeout")
    assert gateway.metrics()("sluice_queue_depth") == 0
    counting.may_answer.set()
    assert first.receive().status == 200


def test_a_new_instance_is_used_at_once(sluice, origins, counting):
    gateway = sluice(all_to(counting))
    first = gateway.connect()
    first.send(client.head("GET", "/"))
    wait_until(lambda: counting.now == 1, "the first instance is busy")
    second = origins.echo()
    gateway.reload(all_to(counting, second, balance="least_request"))
    for _ in range(5):
        assert gateway.request().status == 200
    assert second.served == 5
    counting.may_answer.set()
    assert first.receive().status == 200
