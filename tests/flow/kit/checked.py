"""An instance whose health is told by the test: it answers requests, and checks in the way that `mode` names."""
import threading
import time

from .origin import Origin

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"


class Checked(Origin):
    """`mode` is read at each check: ok, 503, 404, hang, garbage, drip, flood, close. Paths below /healthz are checks."""

    def __init__(self, name="a", mode="ok", **options):
        self.name, self.mode = name, mode
        self.checks, self.served = 0, 0
        self.check_times = []
        self.heads = []
        self.lock = threading.Lock()
        super().__init__(self.serve_one, judged=False, **options)

    def serve_one(self, connection, _index):
        while True:
            request = connection.reader.request()
            if request is None:
                return
            if request.target.startswith("/healthz"):
                with self.lock:
                    self.checks += 1
                    self.check_times.append(time.monotonic())
                    self.heads.append(request)
                self.check(connection)
                return
            with self.lock:
                self.served += 1
            body = self.name.encode()
            connection.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    def check(self, connection):
        send, mode = connection.socket.sendall, self.mode
        if mode == "ok":
            send(HEAD + b"ok")
        elif mode.isdigit():
            send(b"HTTP/1.1 %s Told\r\nContent-Length: 0\r\n\r\n" % mode.encode())
        elif mode == "hang":
            connection.hang_until(threading.Event())
        elif mode == "garbage":
            send(bytes(range(256)) * 8)
        elif mode == "drip":
            for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 10000:
                send(bytes([byte]))
                time.sleep(0.02)
        elif mode == "flood":
            send(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
            for _ in range(16384):
                send(b"x" * 65536)
