"""Origins: one that plays a script byte by byte, and one that answers what it received, for load.

    origin = origins.script([expect_request(), send(b"HTTP/1.1 200 OK\\r\\n..."), close()])
    origin = origins.script(first_connection_steps, second_connection_steps)      # the last list repeats

Each connection runs its steps in a thread of its own; what arrived is recorded, and at the end of the test every byte an
origin received must have been well-formed requests (invariant: one well-formed message per accepted request), unless the
script says `judged=False`.
"""
import hashlib
import json
import random
import socket
import struct
import threading
import time
import urllib.parse

from . import http1
from .waiting import PATIENCE_S, wait_until


class Connection:
    """One accepted connection: its socket, everything it received, the requests its script has read."""

    def __init__(self, sock, origin):
        self.socket, self.origin = sock, origin
        self.received = b""
        self.requests = []
        self.is_ended = False
        self.has_seen_end = False
        self.problem = None
        self.reader = http1.Reader(self.recv)
        sock.settimeout(None)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def recv(self):
        try:
            data = self.socket.recv(1 << 18)
        except (ConnectionResetError, OSError):
            data = b""
        self.received += data
        self.has_seen_end |= not data
        return data

    def hang_until(self, event):
        """Stays silent, but keeps recording, until the event or the end of the test."""
        while not event.is_set() and not self.origin.is_stopping.is_set():
            time.sleep(0.002)


# Steps. Each is a function of the connection; a script is a list of them.

def expect_head():
    """Reads one request head and leaves its body unread."""
    return lambda c: c.requests.append(c.reader.head("request"))


def expect_request():
    """Reads one whole request."""
    return lambda c: c.requests.append(c.reader.request())


def read_exact(count):
    return lambda c: c.reader.exactly(count)


def read_to_end():
    return lambda c: c.reader.to_end()


def send(data):
    return lambda c: c.socket.sendall(data)


def send_split(data, size=1):
    def step(c):
        for at in range(0, len(data), size):
            c.socket.sendall(data[at:at + size])
    return step


def answer(status=200, body=b"", fields=(), reason="OK"):
    """Reads a request and answers it with a Content-Length."""
    lines = [f"HTTP/1.1 {status} {reason}", f"Content-Length: {len(body)}", *(f"{n}: {v}" for n, v in fields)]
    data = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body
    return lambda c: (expect_request()(c), c.socket.sendall(data))


def garbage(count, seed=1):
    return lambda c: c.socket.sendall(random.Random(seed).randbytes(count))


def wait(event):
    """Waits for an event of the test."""
    return lambda c: c.hang_until(event)


def hang():
    """Accepts, and says nothing more until the test ends."""
    return lambda c: c.hang_until(threading.Event())


def close():
    return lambda c: c.socket.close()


def reset():
    """Closes with a RST."""
    def step(c):
        c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.socket.close()
    return step


def half_close():
    return lambda c: c.socket.shutdown(socket.SHUT_WR)


def forever(*steps):
    """Repeats the steps until the gateway closes the connection."""
    def step(c):
        while True:
            for each in steps:
                each(c)
    return step


class Origin:
    """A listening socket whose connections are served by `serve(connection)`, each in a thread."""

    def __init__(self, serve, judged=True, backlog=512, address="127.0.0.1"):
        self.serve, self.judged = serve, judged
        self.connections = []
        self.is_stopping = threading.Event()
        self.listener = socket.create_server((address, 0), backlog=backlog)
        self.host, self.port = self.listener.getsockname()
        self.target = f"{self.host}:{self.port}"
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            connection = Connection(sock, self)
            self.connections.append(connection)
            threading.Thread(target=self.run, args=(connection, len(self.connections) - 1), daemon=True).start()

    def run(self, connection, index):
        try:
            self.serve(connection, index)
        except http1.Closed:
            pass
        except http1.Malformed as problem:
            connection.problem = problem
        except OSError:
            pass
        finally:
            connection.is_ended = True
            connection.socket.close()

    @property
    def requests(self):
        """Every request read so far, over all connections, in the order of the connections."""
        return [request for c in list(self.connections) for request in c.requests]

    @property
    def received(self):
        return b"".join(c.received for c in list(self.connections))

    def wait_connections(self, count):
        wait_until(lambda: len(self.connections) >= count, f"the origin has {count} connections")

    def wait_requests(self, count):
        wait_until(lambda: len(self.requests) >= count, f"the origin has {count} requests")
        return self.requests

    def wait_all_ended(self):
        wait_until(lambda: all(c.is_ended for c in self.connections), "all connections to the origin have ended")

    def stop_listening(self):
        """Refuses new connections from here on; those that stand go on."""
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    def stop(self):
        self.is_stopping.set()
        self.stop_listening()
        for connection in self.connections:
            try:
                connection.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        wait_until(lambda: all(c.is_ended for c in self.connections), "the origin's scripts have ended")

    def judge(self):
        """Raises unless all that arrived was well-formed requests."""
        if not self.judged:
            return
        for connection in self.connections:
            if connection.problem:
                raise connection.problem
            if len(connection.received) < (64 << 20):
                http1.judge_requests(connection.received)


def scripted(*scripts, judged=True, **options):
    """An origin whose n-th connection runs the n-th script; the last one repeats."""
    def serve(connection, index):
        for step in scripts[min(index, len(scripts) - 1)]:
            step(connection)
    return Origin(serve, judged=judged, **options)


def by_path(scripts, **options):
    """An origin that reads a request head and then plays the script named by the path: {"/name": steps}. The connection
    ends with its script, unless the steps end in `again`."""
    def serve(connection, _index):
        connection.is_again = True
        while connection.is_again:
            connection.is_again = False
            expect_head()(connection)
            for step in scripts[urllib.parse.urlsplit(connection.requests[-1].target).path]:
                step(connection)
    return Origin(serve, **options)


def again():
    """Closes a script of by_path: the connection takes another request."""
    def step(c):
        c.is_again = True
    return step


def expect_body():
    """Reads the body of the request whose head was read last."""
    return lambda c: c.reader.body(c.requests[-1], "request")


class Echo(Origin):
    """Answers every request with what it received, as JSON; the query says how.

    ?status=404  ?size=N (N bytes of body instead of JSON)  ?chunked=N (chunks of N bytes)  ?delay_ms=N  ?trailer=1
    ?close=1 (Connection: close)  ?header=Name:value
    """

    def __init__(self, name="echo", keep_bodies=False, **options):
        self.name, self.keep_bodies = name, keep_bodies
        self.served = 0
        self.lock = threading.Lock()
        super().__init__(self.serve_echo, **options)

    def serve_echo(self, connection, _index):
        while True:
            request = connection.reader.request()
            connection.received = b""  # judged by having been read
            if not self.keep_bodies:
                request.digest, request.raw, request.chunks = hashlib.sha256(request.body).hexdigest(), b"", []
            connection.requests = (connection.requests + [request])[-1000:]
            with self.lock:
                self.served += 1
            if not self.answer(connection, request):
                return

    def answer(self, connection, request):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(request.target).query))
        if "delay_ms" in query:
            self.is_stopping.wait(int(query["delay_ms"]) / 1000)
        status = int(query.get("status", "200"))
        body = json.dumps({
            "origin": self.name, "method": request.method, "target": request.target, "fields": request.fields.pairs,
            "trailers": request.trailers.pairs, "body_bytes": len(request.body),
            "body_sha256": hashlib.sha256(request.body).hexdigest(),
        }).encode()
        if "size" in query:
            body = pattern(int(query["size"]))
        lines = [f"HTTP/1.1 {status} Said"]
        if "header" in query:
            lines.append(query["header"])
        if "close" in query:
            lines.append("Connection: close")
        has_body = request.method != "HEAD" and status not in (204, 304)
        if "chunked" in query:
            lines.append("Transfer-Encoding: chunked")
        elif status != 204:
            lines.append(f"Content-Length: {len(body)}")
        data = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        if has_body and "chunked" in query:
            size = int(query["chunked"])
            for at in range(0, len(body), size):
                part = body[at:at + size]
                data += f"{len(part):x}\r\n".encode() + part + b"\r\n"
            data += b"0\r\n" + (b"X-Sum: 1\r\n" if "trailer" in query else b"") + b"\r\n"
        elif has_body:
            data += body
        connection.socket.sendall(data)
        return "close" not in query


class Recorder(Echo):
    """An echo that keeps every request whole, in the order of arrival over all connections."""

    def __init__(self, name="recorder", **options):
        self.arrived = []
        super().__init__(name, keep_bodies=True, **options)

    def serve_echo(self, connection, _index):
        while True:
            request = connection.reader.request()
            connection.received = b""
            self.arrived.append(request)
            self.served += 1
            if not self.answer(connection, request):
                return


def pattern(count):
    """`count` bytes in which a lost or doubled block shows: the offset, every 16 bytes."""
    block = 1 << 16
    parts = [b"".join(b"%015x\n" % (base + at) for at in range(0, block, 16)) for base in range(0, count, block)]
    return b"".join(parts)[:count]
