"""The whole gateway under random clients and random origins at once: bytes of both sides, cut and interleaved at random, from
mutated messages and from nothing. Seeded, so a failure repeats: FUZZ_SEED=n FUZZ_ROUNDS=m.

What must hold (the invariants of the threat model): an origin receives nothing but well-formed requests, and each is one that
an independent strict reader finds in what that client sent, with the same method and body, never more often than it may be
sent again (I1, I5); a client receives responses to its own requests, in order, and each answer of an origin is one that the
strict reader finds in what that origin sent, whole (I1, I2); in the end connections, requests and memory are back where they
were (I3), and a plain request is served.
"""
import os
import random
import re
import threading
import zlib

from kit import client, http1
from kit.client import Client
from kit.gateway import all_to, merged
from kit.origin import Origin

SEED = int(os.environ.get("FUZZ_SEED", "1"))
ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "1000"))
WORDS = [b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b":", b",", b";", b"0", b"1", b"5\r\n", b"Content-Length: 5\r\n",
         b"Transfer-Encoding: chunked\r\n",
         b"Content-Length: 0\r\n", b"Host: b\r\n", b"Expect: 100-continue\r\n", b"Connection: close\r\n",
         b"Connection: keep-alive, X-Mark\r\n", b"\r\n\r\n",
         b"0\r\n\r\n", b"HTTP/1.0", b"HTTP/1.1", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\xff", b"%2e%2e/", b"//",
         b"%00", b"Upgrade: websocket\r\n",
         b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 101 Switching\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n",
         b"HTTP/1.1 204 No Content\r\n\r\n", b"x" * 3000]


def make_mark(number):
    """A name for one request that no mutation turns into that of another."""
    return f"m{number:07d}{zlib.crc32(b'%d' % number) % 9973:04d}"


def marks_in(texts):
    """Those of the texts that are marks."""
    return {t for t in texts if re.fullmatch(r"m\d{11}", t) and t == make_mark(int(t[1:8]))}


def mutate(dice, data):
    """A few random edits: words put in, bytes changed, parts lost or doubled."""
    for _ in range(dice.choice([0, 0, 1, 1, 2, 4])):
        at = dice.randrange(len(data) + 1)
        end = min(len(data), at + dice.choice([1, 2, 8, 40]))
        data = dice.choice([
            lambda: data[:at] + dice.choice(WORDS) + data[at:], lambda: data[:at] + data[end:],
            lambda: data[:at] + bytes([dice.randrange(256)]) + data[at + 1:],
            lambda: data[:end] + data[at:]])()
    return data


def chunked(dice, body):
    out, at = b"", 0
    while at < len(body):
        size = dice.randrange(1, len(body) - at + 1)
        out += b"%x%s\r\n%s\r\n" % (size, dice.choice([b"", b"", b";a=b"]), body[at:at + size])
        at += size
    return out + b"0\r\n" + dice.choice([b"", b"X-T: 1\r\n"]) + b"\r\n"


def make_request(dice, mark):
    method = dice.choice(["GET", "GET", "POST", "PUT", "HEAD", "DELETE"])
    body = b"b" * dice.choice([0, 1, 10, 300, 5000])
    fields = [("X-Mark", mark)] + dice.sample([("Connection", "close"), ("Expect", "100-continue"), ("TE", "trailers"),
                                               ("X-A", "b"), ("Accept", "*/*")],
                                              dice.randrange(3))
    framing = dice.choice(["none", "length", "chunked"])
    if framing == "none":
        return method, client.head(method, f"/{mark}", fields)
    if framing == "length":
        return method, client.head(method, f"/{mark}", [*fields, ("Content-Length", str(len(body)))]) + body
    return method, client.head(method, f"/{mark}", [*fields, ("Transfer-Encoding", "chunked")]) + chunked(dice, body)


def make_response(dice, request):
    """An answer that carries the mark of its request, well formed until it is mutated."""
    mark = (request.header("X-Mark") or "none").encode("latin-1") if len(request.fields.all("X-Mark")) < 2 else b"none"
    body = b"<" + mark + b">" + b"r" * dice.choice([0, 1, 100, 9000])
    interim = dice.choice([b"", b"", b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n",
                           b"HTTP/1.1 100 Continue\r\n\r\n"])
    head = b"HTTP/1.1 200 OK\r\nX-Mark: " + mark + b"\r\n" + dice.choice([b"", b"", b"Connection: close\r\n",
                                                                          b"Keep-Alive: timeout=5\r\n"])
    framing = dice.choice(["length", "length", "chunked", "close", "none"])
    is_bodyless = request.method == "HEAD"
    if framing == "length":
        return interim + head + b"Content-Length: %d\r\n\r\n" % len(body) + (b"" if is_bodyless else body), False
    if framing == "chunked":
        return interim + head + b"Transfer-Encoding: chunked\r\n\r\n" + (b""
                                                                         if is_bodyless else chunked(dice, body)), False
    if framing == "close":
        return interim + head + b"\r\n" + (b"" if is_bodyless else body), True
    return interim + b"HTTP/1.1 %d Nothing\r\nX-Mark: %s\r\n\r\n" % (dice.choice([204, 304]), mark), False


def send_in_pieces(dice, sock, data):
    at = 0
    while at < len(data):
        size = dice.choice([1, 3, 50, 1000, 100_000])
        sock.sendall(data[at:at + size])
        at += size


class Oracle(http1.Reader):
    """The strict reader, for what is not yet reframed: chunks may have extensions (RFC 9112 7.1.1)."""
    CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[!#-'*+.^-z|~\w-]+(?:=(?:[!#-'*+.^-z|~\w-]+|\"(?:\\.|[^\"\\])*\"))?)*\r\n")

    def __init__(self, data):
        parts = [data]
        super().__init__(lambda: parts.pop() if parts else b"")

    def requests(self):
        """Every request up to the first fault. One whose head is good and whose body is not is not `is_whole`: an origin may
        have met its head before the fault came."""
        found = []
        try:
            while True:
                head = self.head("request")
                http1.body_framing(head, "request", None)
                head.is_whole = False
                found.append(head)
                self.body(head, "request")
                head.is_whole = True
        except (http1.Closed, http1.Malformed):
            return found


def mark_of(message):
    """The mark of a message that has exactly one, else None."""
    return next(iter(marks_in(message.fields.all("X-Mark"))), None) if len(message.fields.all("X-Mark")) == 1 else None


class Answer:
    """What an origin sent for one request, and whether the connection ended behind it."""

    def __init__(self, data, is_last, method):
        self.data, self.is_last, self.method = data, is_last, method

    def reads_as(self, response):
        """Whether the oracle finds this very response in it."""
        oracle = Oracle(self.data)
        try:
            found = oracle.response(self.method)
        except (http1.Closed, http1.Malformed):
            return False
        return found.status == response.status and found.body == response.body and (self.is_last
                                                                                    or not found.ends_at_close)


class Chaos:
    """The origin: answers whole requests with answers that are right, mutated, too early, cut off or too many."""

    def __init__(self):
        self.problems, self.lock = [], threading.Lock()
        self.arrived, self.answers = {}, {}
        # Marks whose answers broke the rules, and those answered behind one on the same connection: bytes that come after an
        # answer was whole cannot be told from the answer to whatever is sent there next, by anybody.
        self.dirty, self.displaced = set(), set()

    def serve(self, c, index):
        dice = random.Random(SEED * 1_000_003 + index)
        is_dirty = False
        while True:
            is_early = dice.random() < 0.1
            try:
                request = c.reader.head("request") if is_early else c.reader.request()
            except http1.Malformed as problem:
                with self.lock:
                    self.problems.append(f"an origin received {problem}")
                return
            c.received = b""
            right, is_last = make_response(dice, request)
            data = mutate(dice, right) if dice.random() < 0.3 else right
            if dice.random() < 0.05:
                data += dice.choice(WORDS)
            if dice.random() < 0.1:
                data, is_last = data[:dice.randrange(len(data) + 1)], True
            is_last = is_last or is_early or dice.random() < 0.1
            self.record(request, is_early, Answer(data, is_last, request.method), is_dirty, data != right)
            is_dirty |= data != right
            if data == right:
                send_in_pieces(dice, c.socket, data)
            else:
                c.socket.sendall(data)
            if is_last:
                return

    def record(self, request, is_early, answer, was_dirty, is_dirty):
        mark = mark_of(request)
        with self.lock:
            if was_dirty or is_dirty:
                self.dirty.update(request.fields.all("X-Mark"))
            if mark is None:
                return
            if was_dirty:
                self.displaced.add(mark)
            self.arrived.setdefault(mark, []).append((request, is_early))
            self.answers.setdefault(mark, []).append(answer)


class Player:
    """The clients: what they sent as the oracle reads it, and what came back."""

    def __init__(self, gateway, chaos):
        self.gateway, self.chaos = gateway, chaos
        self.sent, self.problems, self.lock = {}, [], threading.Lock()

    def play(self, number):
        """Some requests, pipelined, maybe mutated, maybe cut off; whatever comes back is judged."""
        dice = random.Random(SEED * 7919 + number)
        methods, marks, data = [], [], b""
        for i in range(dice.choice([1, 1, 2, 5])):
            mark = make_mark(number * 10 + i)
            method, request = make_request(dice, mark)
            methods, marks, data = methods + [method], marks + [mark], data + request
        sent = mutate(dice, data) if dice.random() < 0.6 else data
        if dice.random() < 0.05:
            sent = dice.randbytes(dice.randrange(3000))
        with self.lock:
            for request in Oracle(sent).requests():
                if mark_of(request):
                    self.sent.setdefault(mark_of(request), []).append(request)
        received = self.exchange(dice, sent)
        if received is not None and sent == data:
            self.judge_answers(methods, marks, received)
        elif received:
            # Which answers belong to which requests of a mutated stream is not known here; that they are answers is.
            assert received.startswith(b"HTTP/1.1 "), received[:100]

    def exchange(self, dice, data):
        """What came back, or None if the client left first."""
        with Client(self.gateway.address) as c:
            try:
                send_in_pieces(dice, c.socket, data)
                if dice.random() < 0.1:
                    c.reset()
                    return None
                c.half_close()
            except OSError:
                pass
            return c.rest()

    def judge_answers(self, methods, marks, received):
        """Whole responses in order; each with the mark of its own request, or made by the gateway itself."""
        reader = Oracle(received)
        for method, mark in zip(methods, marks):
            try:
                response = reader.response(method)
            except http1.Closed:
                return
            said = response.fields.all("X-Mark") + [m.decode() for m in re.findall(rb"<(m\d+)>", response.body)]
            strangers = marks_in(said) - {mark} - self.chaos.dirty
            assert not strangers, f"the answer to {strangers} went to {mark}"
            if mark_of(response) == mark and mark not in self.chaos.displaced and not response.ends_at_close:
                answers = self.chaos.answers[mark]
                assert any(a.reads_as(response)
                           for a in answers), f"{response} was made of {[a.data[:500] for a in answers]}"
            if response.header("Connection") == "close" or response.ends_at_close:
                assert reader.to_end() == b"", "more after the end"
                return

    def run(self, part):
        for number in range(part, ROUNDS, 4):
            try:
                self.play(number)
            except AssertionError as problem:
                self.problems.append(f"round {number} of FUZZ_SEED={SEED}: {problem}")

    def judge_arrivals(self):
        """What reached an origin with a mark is what its client sent."""
        for mark, arrived in self.chaos.arrived.items():
            wanted = self.sent.get(mark, [])
            for got, is_early in arrived:
                same = [w for w in wanted if w.method == got.method and (is_early or w.is_whole and w.body == got.body)]
                assert same, f"{mark}: {got} reached an origin; its client sent {wanted}"
                assert got.target == f"/{mark}" or all(w.target != f"/{mark}" for w in same), f"{mark}: {got}"
            is_repeatable = all(got.method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS") for got, _ in arrived)
            # The first try, two retries, and once more for a pooled connection that was gone.
            allowed = len(wanted) * (4 if is_repeatable else 1)
            assert len(arrived) <= allowed, f"{mark} reached an origin {len(arrived)} times"


def test_random_clients_and_origins_break_no_invariant(world):
    chaos = Chaos()
    origins = [world.peers.keep(Origin(chaos.serve, judged=False)) for _ in range(2)]
    gateway = world.start(merged(all_to(*origins), {"defaults": {"timeout": {"response": "1s", "body": "1s"}},
                                                    "listeners": {"http": {"timeout": {"head": "1s"}}},
                                                    "routes": {"fine": {"match": "/fine",
                                                                        "respond": {"status": 204}}}}), cores=2)
    player = Player(gateway, chaos)
    threads = [threading.Thread(target=player.run, args=(part,), daemon=True) for part in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert player.problems + chaos.problems == [], "\n".join(player.problems + chaos.problems)
    gateway.wait_metric(lambda m: m("sluice_requests_in_flight") == 0 and m("sluice_client_connections") == 0,
                        "all has ended")
    player.judge_arrivals()
    for origin in origins:
        for connection in list(origin.connections):
            http1.judge_requests(connection.received)
    metrics = gateway.metrics()
    assert metrics("sluice_endpoint_in_flight") == 0 and metrics("sluice_queue_depth") == 0
    assert metrics("sluice_process_restarts_total") == 0 and metrics("sluice_errors_total", reason="bug") == 0
    gateway.assert_sound()
    assert gateway.request("GET", "/fine").status == 204
