"""A raw client: sends exactly the bytes it is told to, reads with the strict reader, and knows how a connection ended."""
import socket
import struct

from . import http1
from .waiting import PATIENCE_S


def head(method="GET", target="/", fields=(), host="localhost", version="1.1"):
    """The bytes of a request head; `host=None` leaves the field out."""
    lines = [f"{method} {target} HTTP/{version}"]
    if host is not None:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Client:
    """One connection. Every wait is bounded by PATIENCE_S, which only a hung gateway reaches."""

    def __init__(self, address, receive_buffer_bytes=None, source=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self.socket.settimeout(PATIENCE_S)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = http1.Reader(lambda: self.socket.recv(1 << 18))

    @property
    def port(self):
        return self.socket.getsockname()[1]

    def send(self, data):
        self.socket.sendall(data)
        return self

    def send_split(self, data, size=1):
        """Sends `size` bytes to a segment, as far as the kernel lets one say so."""
        for at in range(0, len(data), size):
            self.socket.sendall(data[at:at + size])
        return self

    def try_send(self, data):
        """Sends what the other side still takes; True if it took all."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def receive(self, method="GET"):
        """Reads one final response; its interim ones are in `.interim`."""
        return self.reader.response(method)

    def receive_head(self):
        """Reads one head, interim or final, and leaves the body in the stream."""
        return self.reader.head("response")

    def request(self, method="GET", target="/", fields=(), body=None, host="localhost"):
        """Sends one request, with a Content-Length if there is a body, and reads its response."""
        fields = list(fields)
        if body is not None:
            fields.append(("Content-Length", str(len(body))))
        self.send(head(method, target, fields, host) + (body or b""))
        return self.receive(method)

    def rest(self):
        """Reads to the end of the stream; a reset counts as an end."""
        try:
            return self.reader.to_end()
        except ConnectionResetError:
            return self.reader.buffer

    def expect_close(self):
        """Asserts that the gateway closes and has nothing more to say."""
        left = self.rest()
        assert left == b"", f"wanted a close, got {left[:300]!r}"

    def is_open(self):
        """Whether the gateway has neither closed nor said anything that was not asked for."""
        self.socket.setblocking(False)
        try:
            data = self.socket.recv(1, socket.MSG_PEEK)
            assert not data, f"unasked bytes: {data!r}"
            return False
        except BlockingIOError:
            return not self.reader.buffer
        except ConnectionResetError:
            return False
        finally:
            self.socket.settimeout(PATIENCE_S)

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def reset(self):
        """Closes with a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
