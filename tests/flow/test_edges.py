"""Where buffers end: requests and bodies that fall across the sizes in which the gateway reads, keeps and splices, pieces of every
size, crowds, and bytes of one exchange that must never show up in another.
"""
import json
import os
import threading

import pytest

from kit import client
from kit.client import Client
from kit.gateway import all_to, merged
from kit.origin import answer, expect_head, expect_request, forever, pattern, reset, send, wait
from kit.stage import SMUGGLED
from kit.waiting import wait_until

MIB = 1 << 20
# Around the sizes of buffers, chunks of memory, pipes and socket reads.
SIZES = sorted({size + d for size in (1024, 4096, 8192, 16384, 32768, 65536, 131072, 262144) for d in (-200, -1, 0, 1)})


def one_chunked(body, size):
    return b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + size]), body[i:i + size])
                    for i in range(0, len(body), size)) + b"0\r\n\r\n"


# What follows a body is the next request, wherever the cut falls.

@pytest.mark.parametrize("kind", ["length", "chunked"])
def test_the_request_behind_a_body_of_any_size_is_found(stage, kind):
    def action():
        with stage.connect() as c:
            for size in SIZES:
                body = pattern(size)
                field = ("Content-Length", str(size)) if kind == "length" else ("Transfer-Encoding", "chunked")
                data = client.head("POST", f"/{size}", [field]) + (body
                                                                   if kind == "length" else one_chunked(body, 7777))
                c.send(data + client.head("GET", f"/behind/{size}"))
                assert (c.receive().status, c.receive().status) == (200, 200)
    _, arrived = stage.arrivals(action)
    assert [r.target for r in arrived] == [t for size in SIZES for t in (f"/{size}", f"/behind/{size}")]
    assert all(r.body == pattern(size) for r, size in zip(arrived[::2], SIZES))


@pytest.mark.parametrize("kind", ["length", "chunked"])
def test_heads_of_any_size_with_a_body_right_behind_them(stage, kind):
    def action():
        with stage.connect() as c:
            for size in (100, 1000, 4000, 8000, 8192, 12000, 16000, 30000, 60000):
                body = pattern(3000)
                field = ("Content-Length", str(len(body))) if kind == "length" else ("Transfer-Encoding", "chunked")
                head = client.head("POST", f"/{size}", [("X-Pad", "p" * size), field])
                c.send(head + (body if kind == "length" else one_chunked(body, 100)) + client.head("GET", "/behind"))
                assert (c.receive().status, c.receive().status) == (200, 200)
    _, arrived = stage.arrivals(action)
    assert all((len(r.header("X-Pad")), r.body) == (int(r.target[1:]), pattern(3000)) for r in arrived[::2])


def test_many_requests_in_one_segment(stage):
    """More pipelined requests than fit any one buffer, sent before the first answer is read."""
    count = 3000
    def action():
        with stage.connect() as c:
            sender = threading.Thread(target=c.send, args=(b"".join(client.head("GET", f"/{i}") for i in range(count)),
                                                           ), daemon=True)
            sender.start()
            assert [json.loads(c.receive().body)["target"] for _ in range(count)] == [f"/{i}" for i in range(count)]
            sender.join()
    _, arrived = stage.arrivals(action)
    assert len(arrived) == count


def test_a_client_that_asks_and_asks_but_never_reads_is_held_back(sluice):
    gateway = sluice({"routes": {"a": {"match": "/*", "respond": {"status": 200, "body": "x" * 2000}}}})
    assert gateway.request().status == 200
    base = gateway.rss_bytes()
    c = gateway.connect(receive_buffer_bytes=8192)
    c.socket.settimeout(0.5)
    request, sent = client.head("GET", "/") * 500, 0
    try:
        while sent < 200 * MIB:
            c.socket.sendall(request)
            sent += len(request)
    except TimeoutError:
        pass
    assert sent < 64 * MIB, "it takes all requests, though no answer is read"
    assert gateway.rss_bytes() - base < 16 * MIB
    assert gateway.request().status == 200


# Small pieces.

def test_a_body_in_chunks_of_one_byte_passes_both_ways_at_flat_memory(through, origins):
    origin = origins.echo()
    gateway = through(origin)
    assert gateway.request().status == 200
    base = gateway.rss_bytes()
    body = pattern(40_000)
    with gateway.connect() as c:
        sender = threading.Thread(target=c.send, daemon=True,
                                  args=(client.head("POST", "/", [("Transfer-Encoding", "chunked")]) + one_chunked(body, 1),))
        sender.start()
        assert b'"body_bytes": 40000' in c.receive().body
        sender.join()
        assert c.request("GET", "/?size=40000&chunked=1").body == body
    assert gateway.rss_bytes() - base < 16 * MIB


def test_a_long_response_head_in_small_pieces(through, origins):
    head = b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"y" * 290)
                                             for i in range(180)) + b"Content-Length: 100000\r\n\r\n"

    def in_pieces(c):
        for at in range(0, len(head), 997):
            c.socket.sendall(head[at:at + 997])
        c.socket.sendall(pattern(100_000))
    origin = origins.script([forever(expect_request(), in_pieces)])
    gateway = through(origin)
    with gateway.connect() as c:
        for _ in range(3):
            response = c.request()
            assert (response.body, response.header("X-179")) == (pattern(100_000), "y" * 290)
    assert len(origin.connections) == 1, "its connection is as good as any"


# Ends while something is on its way.

def test_a_client_that_half_closed_still_gets_a_long_answer(through, origins):
    gateway = through(origins.echo())
    for query in ("?size=20000000", "?size=5000000&chunked=50000"):
        with gateway.connect(receive_buffer_bytes=65536) as c:
            c.send(client.head("GET", "/" + query)).half_close()
            assert len(c.receive().body) in (20_000_000, 5_000_000)
            c.expect_close()


def test_bytes_left_in_a_pipe_never_meet_another_exchange(through, origins):
    """Large bodies pass through kernel pipes that are used again: one that was left half full must not be."""
    gateway = through(origins.echo())
    size = 3_000_000
    for _ in range(25):
        c = gateway.connect(receive_buffer_bytes=16384)
        c.send(client.head("GET", f"/secret?size={size}"))
        c.receive_head()
        c.reader.exactly(100_000)
        c.reset()
        with gateway.connect() as other:
            assert other.request("GET", "/?size=400000").body == pattern(400_000)
    for _ in range(25):
        c = gateway.connect()
        c.send(client.head("POST", "/", [("Content-Length", str(size))]) + b"secret" * 100_000)
        c.reset()
        with gateway.connect() as other:
            response = other.request("POST", "/", body=pattern(400_000))
            assert b'"body_bytes": 400000' in response.body


def test_bytes_left_in_a_pipe_by_an_origin_neither(through, origins):
    cut = [expect_request(), send(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + b"secret" * 100_000), reset()]
    whole = forever(answer(body=pattern(400_000)))
    origin = origins.script(*[steps for _ in range(10) for steps in (cut,
                                                                     [answer(body=pattern(400_000),
                                                                             fields=[("Connection", "close")])])],
                            [whole])
    gateway = through(origin, services={"app": {"retry": "off"}})
    for _ in range(10):
        with gateway.connect() as c:
            c.send(client.head("GET", "/cut", [("Connection", "close")]))
            c.rest()  # cut, or a 502 when nothing had gone on yet
        assert gateway.request("GET", "/whole").body == pattern(400_000)


@pytest.mark.parametrize("size", [3000, 60_000, 200_000, 2_000_000])
def test_an_upload_on_a_stale_connection_is_repeated_whole_or_not_at_all(through, origins, size):
    """What is not in memory any more cannot be sent again: then it is 502, never a request with a hole."""
    origin = origins.script([answer(), expect_head(), reset()], [forever(answer(body=b"stored"))], judged=False)
    gateway = through(origin)
    gateway.request("GET", "/1")
    with gateway.connect() as c:
        c.try_send(client.head("PUT", "/2", [("Content-Length", str(size))]) + pattern(size))
        response = c.receive()
    arrived = [r for connection in origin.connections[1:] for r in connection.requests if r.target == "/2"]
    if response.status == 200:
        assert [r.body for r in arrived] == [pattern(size)]
    else:
        assert response.status == 502
        assert size > 1000 and all(r.body == pattern(size) for r in arrived)


def test_an_upload_passes_over_instances_that_refuse(sluice, origins):
    origin = origins.recorder()
    gateway = sluice({"services": {"app": {"targets": ["127.0.0.1:1", "127.0.0.1:2", origin.target],
                                           "balance": "round_robin"}}, "routes": {"/*": "app"}})
    for kind in ("length", "chunked"):
        for _ in range(3):
            with gateway.connect() as c:
                field = ("Content-Length", str(MIB)) if kind == "length" else ("Transfer-Encoding", "chunked")
                c.send(client.head("POST", "/", [field]) + (pattern(MIB)
                                                            if kind == "length" else one_chunked(pattern(MIB), 50_000)))
                assert c.receive().status == 200
    assert [r.body == pattern(MIB) for r in origin.arrived] == [True] * 6


# Crowds.

def test_idle_clients_cost_little_and_all_are_answered_at_once(sluice):
    gateway = sluice({"routes": {"a": {"match": "/*", "respond": {"status": 200, "body": "here"}}}}, cores=2)
    with Client(gateway.address) as c:
        c.request()
    base, count = gateway.rss_bytes(), 5000
    crowd = [gateway.connect() for _ in range(count)]
    for c in crowd:
        c.send(client.head("GET", "/"))
    assert {c.receive().status for c in crowd} == {200}
    wait_until(lambda: gateway.metrics()("sluice_client_connections") == count
               and gateway.metrics()("sluice_requests_in_flight") == 0, "all are idle")
    if not any(name in os.environ.get("SLUICE_BIN", "") for name in ("asan", "tsan")):
        assert gateway.rss_bytes() - base < 16 * MIB
    for c in crowd:
        c.send(client.head("GET", "/again"))
    assert {c.receive().status for c in crowd} == {200}
    for c in crowd:
        c.close()
    wait_until(lambda: gateway.metrics()("sluice_client_connections") == 0, "all have left")


def test_a_crowd_before_one_slow_service_leaves_the_other_alone(sluice, origins):
    may_answer = threading.Event()
    slow = origins.script([forever(expect_request(), wait(may_answer), send(b"HTTP/1.1 204 No Content\r\n\r\n"))])
    quick = origins.echo()
    gateway = sluice({"services": {"slow": {"targets": [slow.target], "connections": {"max": 5}},
                                   "quick": {"targets": [quick.target]}},
                      "routes": {"/slow/*": "slow", "/quick/*": "quick"}})
    crowd = [gateway.connect() for _ in range(200)]
    for c in crowd:
        c.send(client.head("GET", "/slow/"))
    wait_until(lambda: gateway.metrics()("sluice_queue_depth", service="slow") == 195, "all wait")
    with gateway.connect() as c:
        assert [c.request("GET", "/quick/").status for _ in range(50)] == [200] * 50
    may_answer.set()
    assert {c.receive().status for c in crowd} == {204}


# Reloads and drains with people in line.

def line_of(sluice, origins, count, **service):
    """`count` clients before an instance that takes one request at a time and does not answer yet."""
    may_answer = threading.Event()
    origin = origins.script([forever(expect_request(), wait(may_answer), send(b"HTTP/1.1 204 No Content\r\n\r\n"))])
    config = all_to(origin, connections={"max": 1}, queue={"wait": "60s"}, **service)
    gateway = sluice(config)
    clients = [gateway.connect() for _ in range(count)]
    for c in clients:
        c.send(client.head("GET", "/"))
    wait_until(lambda: gateway.metrics()("sluice_queue_depth") == count - 1, "all but one wait")
    return gateway, origin, config, clients, may_answer


def test_a_drain_serves_those_in_line(sluice, origins):
    gateway, _, _, clients, may_answer = line_of(sluice, origins, 4)
    gateway.process.send_signal(15)
    wait_until(lambda: "draining" in gateway.stderr(), "it drains")
    may_answer.set()
    assert [c.receive().status for c in clients] == [204] * 4
    gateway.process.wait()
    assert gateway.process.returncode == 0


def test_what_is_smuggled_in_a_body_stays_there_at_every_size(stage):
    """Bodies that look like requests, around the sizes at which reads end."""
    def action():
        with stage.connect() as c:
            for size in (4096, 8192, 16384, 65536):
                for shift in range(-len(SMUGGLED), 1, 7):
                    body = (SMUGGLED * (size // len(SMUGGLED) + 2))[:size + shift]
                    c.send(client.head("POST", "/p", [("Content-Length", str(len(body)))]) + body)
                    assert c.receive().status == 200
    _, arrived = stage.arrivals(action)
    assert {r.target for r in arrived} == {"/p"}
