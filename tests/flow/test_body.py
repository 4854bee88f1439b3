"""Bodies stream: back-pressure holds the fast side, memory stays flat, framing is kept apart on both sides, and what was cut
off looks cut off (RFC 9112 6 to 8, RFC 9110 10.1.1). FLOW_LONG=1 moves 2 GB instead of 200 MB.
"""
import os
import threading
import zlib

import pytest

from kit import client, http1
from kit.origin import (Origin, answer, close, expect_body, expect_head, expect_request, forever, hang, pattern, reset,
                        send, wait)
from kit.waiting import wait_until

MIB = 1 << 20
LONG = (2 << 30) if os.environ.get("FLOW_LONG") else 200_000_000
# What the kernel may hold between two peers who are not reading: send and receive buffers of two connections.
KERNEL_MAX = 64 * MIB
BLOCK = pattern(MIB)


def blocks(count):
    """`count` bytes in blocks, and their check sum."""
    for at in range(0, count, len(BLOCK)):
        yield BLOCK[:min(len(BLOCK), count - at)]


def check_sum(count):
    total = 0
    for block in blocks(count):
        total = zlib.crc32(block, total)
    return total


class Sink:
    """An origin that reads bodies without keeping them, as fast or as slowly as it is told."""

    def __init__(self):
        self.may_read = threading.Event()
        self.may_read.set()
        self.count = self.sum = 0

    def read(self, c, count):
        c.received = b""
        left = count - len(c.reader.buffer)
        self.take(c.reader.buffer)
        c.reader.buffer = b""
        while left > 0:
            c.hang_until(self.may_read)
            data = c.socket.recv(min(left, MIB))
            if not data:
                raise http1.Closed("the body was cut off")
            left -= len(data)
            self.take(data)

    def take(self, data):
        self.sum = zlib.crc32(data, self.sum)
        self.count += len(data)

    def serve(self, c, _index):
        while True:
            head = c.reader.head("request")
            c.requests.append(head)
            self.count = self.sum = 0
            self.read(c, int(head.header("Content-Length")))
            body = f"{self.count} {self.sum}".encode()
            c.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


class Source:
    """An origin that sends a body of any size, chunked or not, and says how much of it went out."""

    def __init__(self, is_chunked=False, size=LONG):
        self.is_chunked, self.size, self.sent = is_chunked, size, 0

    def serve(self, c, _index):
        while True:
            c.requests.append(c.reader.request())
            framing = b"Transfer-Encoding: chunked" if self.is_chunked else b"Content-Length: %d" % self.size
            c.socket.sendall(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n")
            self.sent = 0
            for block in blocks(self.size):
                c.socket.sendall(b"%x\r\n%s\r\n" % (len(block), block) if self.is_chunked else block)
                self.sent += len(block)
            if self.is_chunked:
                c.socket.sendall(b"0\r\n\r\n")


def read_counted(c, count):
    """Reads `count` bytes of body and returns their check sum."""
    total = zlib.crc32(c.reader.buffer)
    left, c.reader.buffer = count - len(c.reader.buffer), b""
    while left > 0:
        data = c.socket.recv(min(left, MIB))
        assert data, f"{left} bytes are missing"
        total = zlib.crc32(data, total)
        left -= len(data)
    return total


def read_chunks(c):
    """Reads a chunked body; returns (bytes, check sum)."""
    count = total = 0
    while True:
        size = int(c.reader.until(b"\r\n", "a chunk size"), 16)
        if size == 0:
            assert c.reader.until(b"\r\n", "the end") == b"\r\n"
            return count, total
        data = c.reader.exactly(size + 2)
        total = zlib.crc32(data[:-2], total)
        count += size


class Memory:
    """How far the memory of the data process grows beyond what it was."""

    def __init__(self, gateway):
        self.gateway, self.base, self.peak = gateway, gateway.rss_bytes(), 0

    def look(self):
        self.peak = max(self.peak, self.gateway.rss_bytes() - self.base)

    def assert_flat(self, allowed=8 * MIB):
        self.look()
        allowed *= 4 if "asan" in os.environ.get("SLUICE_BIN", "") else 1
        assert self.peak < allowed, f"memory grew by {self.peak} bytes"


@pytest.fixture
def between(world, through):
    """between(peer) is a gateway before an origin that `peer` serves."""
    def start(peer, **changes):
        origin = world.peers.keep(Origin(peer.serve, judged=False))
        gateway = through(origin, **changes)
        gateway.origin = origin
        assert gateway.get_ops("/healthz").status == 200
        return gateway
    return start


# Long.

def test_a_long_upload_arrives_whole_at_flat_memory(between):
    sink = Sink()
    gateway = between(sink)
    memory = Memory(gateway)
    with gateway.connect() as c:
        c.send(client.head("PUT", "/up", [("Content-Length", str(LONG))]))
        for block in blocks(LONG):
            c.send(block)
            memory.look()
        assert c.receive().body == f"{LONG} {check_sum(LONG)}".encode()
        assert c.is_open()
    memory.assert_flat()


def test_a_long_chunked_upload_arrives_whole_at_flat_memory(through, world):
    seen = {}

    def serve(c, _index):
        c.requests.append(c.reader.head("request"))
        seen["count"], seen["sum"] = read_chunks(c)
        c.socket.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
    origin = world.peers.keep(Origin(serve, judged=False))
    gateway = through(origin)
    memory = Memory(gateway)
    size = LONG // 4
    with gateway.connect() as c:
        c.send(client.head("PUT", "/up", [("Transfer-Encoding", "chunked")]))
        for block in blocks(size):
            for at in range(0, len(block), 100_000):
                part = block[at:at + 100_000]
                c.send(b"%x\r\n%s\r\n" % (len(part), part))
            for connection in origin.connections:
                connection.received = b""
            memory.look()
        c.send(b"0\r\n\r\n")
        assert c.receive().status == 204
    assert (seen["count"], seen["sum"]) == (size, check_sum(size))
    memory.assert_flat()


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_long_download_arrives_whole_at_flat_memory(between, is_chunked):
    source = Source(is_chunked, LONG // (4 if is_chunked else 1))
    gateway = between(source)
    memory = Memory(gateway)
    with gateway.connect() as c:
        c.send(client.head("GET", "/down"))
        head = c.receive_head()
        if is_chunked:
            assert head.header("Transfer-Encoding") == "chunked"
            assert read_chunks(c) == (source.size, check_sum(source.size))
        else:
            assert head.header("Content-Length") == str(source.size)
            assert read_counted(c, source.size) == check_sum(source.size)
        memory.look()
        assert c.is_open()
    memory.assert_flat()


# Back-pressure.

def settled(measure):
    """Waits until a count has stopped to rise, and returns it."""
    state = {"last": -1, "same": 0}

    def is_still():
        now = measure()
        state["same"] = state["same"] + 1 if now == state["last"] else 0
        state["last"] = now
        return state["same"] >= 10
    wait_until(is_still, "the count stands still")
    return state["last"]


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_slow_client_holds_its_origin_back_and_not_the_process(between, is_chunked):
    source = Source(is_chunked, 300 * MIB)
    gateway = between(source)
    memory = Memory(gateway)
    slow = [gateway.connect(receive_buffer_bytes=65536) for _ in range(3)]
    for c in slow:
        c.send(client.head("GET", "/down"))
        c.receive_head()
    wait_until(lambda: len(gateway.origin.connections) == 3, "the origin sends to all")
    assert settled(lambda: source.sent) < KERNEL_MAX
    memory.assert_flat()
    assert gateway.get_ops("/healthz").status == 200
    for c in slow:
        c.reset()
    gateway.wait_metric(lambda m: m("sluice_requests_in_flight") == 0, "all have ended")


def test_a_slow_origin_holds_its_client_back_and_not_the_process(between):
    sink = Sink()
    sink.may_read.clear()
    gateway = between(sink)
    memory = Memory(gateway)
    size = 300 * MIB
    with gateway.connect() as c:
        c.send(client.head("PUT", "/up", [("Content-Length", str(size))]))
        sent = {"count": 0}

        def push():
            for block in blocks(size):
                c.socket.sendall(block)
                sent["count"] += len(block)
        c.socket.settimeout(None)
        thread = threading.Thread(target=push, daemon=True)
        thread.start()
        wait_until(lambda: gateway.origin.connections, "the origin has the request")
        assert settled(lambda: sent["count"]) < KERNEL_MAX
        memory.assert_flat()
        sink.may_read.set()
        thread.join()
        assert c.receive().body.startswith(str(size).encode())
    memory.assert_flat()


def test_a_slow_reader_does_not_slow_others(between):
    source = Source(size=100 * MIB)
    gateway = between(source)
    slow = gateway.connect(receive_buffer_bytes=65536)
    slow.send(client.head("GET", "/slow"))
    slow.receive_head()
    with gateway.connect() as c:
        c.send(client.head("GET", "/fast"))
        c.receive_head()
        read_counted(c, source.size)


def test_both_directions_at_once(through, world):
    """An origin that echoes while it reads: neither side may wait for the other to be done."""
    size = 20 * MIB

    def serve(c, _index):
        c.requests.append(c.reader.head("request"))
        c.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        left = size
        data, c.reader.buffer = c.reader.buffer, b""
        while left > 0:
            data = data or c.socket.recv(MIB)
            c.socket.sendall(data)
            left -= len(data)
            data = b""
    origin = world.peers.keep(Origin(serve, judged=False))
    gateway = through(origin)
    with gateway.connect() as c:
        c.send(client.head("POST", "/echo", [("Content-Length", str(size))]))

        def push():
            for block in blocks(size):
                c.socket.sendall(block)
        thread = threading.Thread(target=push, daemon=True)
        thread.start()
        c.receive_head()
        assert read_counted(c, size) == check_sum(size)
        thread.join()


# Streaming: nothing waits for the end.

def test_a_response_streams_as_it_comes(through, origins):
    steps = [threading.Event() for _ in range(3)]
    origin = origins.script([expect_request(), send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
                             wait(steps[0]),
                             send(b"5\r\nfirst\r\n"), wait(steps[1]), send(b"6\r\nsecond\r\n"), wait(steps[2]),
                             send(b"0\r\n\r\n"), hang()])
    gateway = through(origin)
    with gateway.connect() as c:
        c.send(client.head("GET", "/events"))
        assert c.receive_head().status == 200, "the head does not wait for the body"
        steps[0].set()
        assert c.reader.exactly(10) == b"5\r\nfirst\r\n"
        steps[1].set()
        assert c.reader.exactly(11) == b"6\r\nsecond\r\n"
        steps[2].set()
        assert c.reader.exactly(5) == b"0\r\n\r\n"


def test_a_request_streams_as_it_comes(through, origins):
    origin = origins.script([forever(expect_head(), expect_body(), send(b"HTTP/1.1 204 No Content\r\n\r\n"))])
    gateway = through(origin)
    with gateway.connect() as c:
        c.send(client.head("POST", "/up", [("Transfer-Encoding", "chunked")]))
        origin.wait_requests(1)
        for part in (b"5\r\nfirst\r\n", b"6\r\nsecond\r\n"):
            c.send(part)
            wait_until(lambda: origin.connections[0].received.endswith(part[3:]), "the origin has it")
        c.send(b"0\r\n\r\n")
        assert c.receive().status == 204


@pytest.mark.parametrize("size", [0, 1, 100, 4095, 4096, 4097, 16384, 65535, 65536, 65537, 131072, 200_000, 1_000_003])
def test_bodies_of_every_size_pass_both_ways(stage, size):
    body = pattern(size)

    def action():
        with stage.connect() as c:
            answer = c.request("POST", f"/?size={size}", body=body)
            assert answer.body == pattern(size) and not answer.is_chunked
            c.send(client.head("POST", f"/?size={size}&chunked=999", [("Transfer-Encoding", "chunked")]))
            c.send(b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 7001]), body[i:i + 7001])
                            for i in range(0, size, 7001)) + b"0\r\n\r\n")
            answer = c.receive()
            assert answer.body == pattern(size) and answer.is_chunked
            assert c.is_open()
    _, (plain, chunked) = stage.arrivals(action)
    assert (plain.body, chunked.body) == (body, body)
    assert not plain.is_chunked and chunked.is_chunked


# Expect: 100-continue.

def test_100_continue_comes_from_the_origin(through, origins):
    origin = origins.script([forever(expect_head(), send(b"HTTP/1.1 100 Continue\r\n\r\n"), expect_body(),
                                     send(b"HTTP/1.1 204 No Content\r\n\r\n"))])
    gateway = through(origin)
    with gateway.connect() as c:
        for i in range(3):
            c.send(client.head("POST", f"/{i}", [("Content-Length", "5"), ("Expect", "100-continue")]))
            assert c.receive_head().status == 100
            c.send(b"hello")
            final = c.receive()
            assert (final.status, final.interim) == (204, []), "one 100 and no more"
    assert [(r.body, r.header("Expect")) for r in origin.requests] == [(b"hello", "100-continue")] * 3


def test_a_client_need_not_wait_for_100(through, origins):
    """RFC 9110 10.1.1: the origin may ignore the expectation, and the client may send the body all the same."""
    origin = origins.script([forever(answer(body=b"done"))])
    gateway = through(origin)
    with gateway.connect() as c:
        for field in (("Content-Length", "5"), ("Transfer-Encoding", "chunked")):
            c.send(client.head("POST", "/", [field, ("Expect", "100-continue")]))
            wait_until(lambda: origin.received.endswith(b"\r\n\r\n"), "the origin has the head")
            c.send(b"hello" if field[1] == "5" else b"5\r\nhello\r\n0\r\n\r\n")
            assert c.receive().body == b"done"
    assert [r.body for r in origin.requests] == [b"hello"] * 2


@pytest.mark.parametrize("status", [200, 401, 413, 417, 500])
def test_an_early_final_answer_to_an_expectation_ends_both_connections_or_drains(through, origins, status):
    """The client has not sent the body and need not: its next bytes must not be taken for a request by anybody."""
    early = b"HTTP/1.1 %d Said\r\nContent-Length: 2\r\n\r\nno" % status
    origin = origins.script([expect_head(), send(early), lambda c: c.reader.to_end()], [forever(answer(body=b"next"))],
                            judged=False)
    gateway = through(origin)
    with gateway.connect() as c:
        c.send(client.head("POST", "/early", [("Content-Length", "40"), ("Expect", "100-continue")]))
        first = c.receive()
        assert (first.status, first.body) == (status, b"no")
        smuggled = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\nxxxx"
        if c.try_send(smuggled[:40]):
            c.try_send(client.head("GET", "/next"))
        left = c.rest() if first.header("Connection") == "close" else None
        assert not left
        if left is None:
            assert c.receive().body == b"next"
    gateway.request("GET", "/last")
    assert "/smuggled" not in [r.target for r in origin.requests]
    wait_until(lambda: origin.connections[0].is_ended, "the connection with the unread body is not kept")


def test_an_origin_that_answers_and_resets_while_the_upload_runs_is_heard(through, origins):
    """The answer that was there before the connection broke is worth more than the break."""
    origin = origins.script([expect_head(),
                             send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"),
                             close()], judged=False)
    gateway = through(origin)
    statuses = []
    for _ in range(10):
        with gateway.connect() as c:
            c.send(client.head("POST", "/up", [("Content-Length", str(10 * MIB))]))
            c.try_send(b"x" * MIB)
            statuses.append(c.receive().status)
    assert set(statuses) <= {413, 502} and 413 in statuses, statuses


# Cut off.

@pytest.mark.parametrize("framing", [b"Content-Length: 100000", b"Transfer-Encoding: chunked"])
@pytest.mark.parametrize("end", [close(), reset()])
def test_a_client_sees_that_a_response_is_not_whole(through, origins, framing, end):
    data = b"x" * 50_000 if b"Length" in framing else b"c350\r\n" + b"x" * 50_000
    sent = threading.Event()
    origin = origins.script([expect_request(), send(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n" + data), wait(sent),
                             end])
    gateway = through(origin)
    for version in ("1.1",):
        sent.clear()
        with gateway.connect() as c:
            c.send(client.head("GET", "/", version=version))
            c.receive_head()
            sent.set()
            with pytest.raises((http1.Closed, ConnectionResetError)):
                c.reader.exactly(100_000) if b"Length" in framing else read_chunks(c)
    line = gateway.wait_log(1)[0]
    assert (line["status"], line["reason"]) == (200, "origin_truncated")


def test_an_http_1_0_client_sees_it_too(through, origins):
    """A body to the end of the connection has no other mark of being cut off than a reset."""
    sent = threading.Event()
    origin = origins.script([expect_request(),
                             send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), wait(sent),
                             close()])
    gateway = through(origin)
    with gateway.connect() as c:
        c.send(client.head("GET", "/", version="1.0"))
        head = c.receive_head()
        assert "Transfer-Encoding" not in head.fields
        assert c.reader.exactly(5) == b"hello"
        sent.set()
        with pytest.raises(ConnectionResetError):
            c.reader.to_end()


def test_an_origin_sees_that_a_request_is_not_whole(through, origins):
    for field, data in ((("Content-Length", "100"), b"hello"), (("Transfer-Encoding", "chunked"), b"5\r\nhello\r\n")):
        origin = origins.script([expect_head(), expect_body(), send(b"HTTP/1.1 204 No Content\r\n\r\n")])
        gateway = through(origin)
        with gateway.connect() as c:
            c.send(client.head("POST", "/", [field]) + data)
            origin.wait_requests(1)
            wait_until(lambda: b"hello" in origin.connections[0].received, "the origin has what there is")
            c.reset()
        origin.wait_all_ended()
        assert origin.connections[0].has_seen_end and origin.requests[0].body == b""


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_final_answer_while_the_upload_runs_is_passed_on_at_once(through, origins, framing):
    early = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"
    origin = origins.script([expect_head(), send(early), hang()], judged=False)
    gateway = through(origin)
    with gateway.connect() as c:
        field = ("Content-Length", str(100 * MIB)) if framing == "length" else ("Transfer-Encoding", "chunked")
        c.send(client.head("POST", "/up", [field]) + (b"x" * 1000
                                                      if framing == "length" else b"3e8\r\n" + b"x" * 1000 + b"\r\n"))
        first = c.receive()
        assert (first.status, first.body) == (403, b"no")
        if framing == "length":
            assert first.header("Connection") == "close", "so much is not drained, and the client is told"
    gateway.wait_metric(lambda m: m("sluice_requests_in_flight") == 0, "the exchange has ended")
