"""Raw connections for tests of TCP services: instances that the test plays itself, and reading to a count or to the end."""
import socket
import struct
import threading

from .waiting import PATIENCE_S

MIB = 1 << 20


class Instance:
    """A listening socket whose connections the test takes and plays itself."""

    def __init__(self, receive_buffer_bytes=None):
        self.listener = socket.socket()
        if receive_buffer_bytes:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(128)
        self.listener.settimeout(PATIENCE_S)
        self.target = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.taken = []

    def take(self):
        connection, _ = self.listener.accept()
        connection.settimeout(PATIENCE_S)
        self.taken.append(connection)
        return connection

    def close(self):
        for each in [self.listener, *self.taken]:
            each.close()


def exactly(connection, count):
    got = bytearray()
    while len(got) < count:
        part = connection.recv(min(count - len(got), MIB))
        assert part, f"it ended after {len(got)} of {count} bytes"
        got += part
    return bytes(got)


def until_end(connection):
    got = bytearray()
    while part := connection.recv(MIB):
        got += part
    return bytes(got)


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def pattern(count, step=7):
    block = bytes((i * step) & 255 for i in range(65536 + 251))
    return (block * (count // len(block) + 1))[:count]


def send_all(connection, data):
    """Sends from a thread, so that the test can read meanwhile."""
    thread = threading.Thread(target=connection.sendall, args=(data,), daemon=True)
    thread.start()
    return thread
