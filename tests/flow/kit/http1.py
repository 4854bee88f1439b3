"""A strict reader of HTTP/1.1 messages: the tests' own opinion of what is well formed (RFC 9110, RFC 9112).

It shares no code with the gateway and forgives nothing: a bare LF, a blank before a colon, two lengths, a chunk size with
a sign are Malformed. Both peers of the gateway read with it, so every test also asserts that the gateway speaks cleanly.
"""
import re

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
VALUE = re.compile(rb"(?:[\x21-\x7e\x80-\xff](?:[\t \x21-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?\Z")
REQUEST_LINE = re.compile(rb"([^ ]+) ([\x21-\x7e]+) HTTP/(1\.[01])\Z")
STATUS_LINE = re.compile(rb"HTTP/(1\.[01]) ([1-9]\d\d) ([\t \x21-\x7e\x80-\xff]*)\Z")


class Malformed(AssertionError):
    """Bytes that are no HTTP/1.1 message."""


class Closed(AssertionError):
    """The connection ended inside a message; `partial` is what there was of it."""

    def __init__(self, message, partial=b""):
        super().__init__(f"{message}: {partial[-200:]!r}" if partial else message)
        self.partial = partial


class Fields:
    """Header or trailer fields in their order; names compare without case."""

    def __init__(self, pairs):
        self.pairs = pairs

    def all(self, name):
        return [value for n, value in self.pairs if n.lower() == name.lower()]

    def get(self, name, default=None):
        """The value of a field that must not be there twice."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} is there {len(values)} times: {values}"
        return values[0] if values else default

    def __contains__(self, name):
        return bool(self.all(name))

    def __iter__(self):
        return iter(self.pairs)

    def __repr__(self):
        return repr(self.pairs)


class Message:
    """One request or response as it was read. `raw` are its bytes, `head` those up to the blank line."""

    def __init__(self):
        self.method = self.target = self.status = self.reason = self.version = None
        self.fields, self.trailers = Fields([]), Fields([])
        self.head = self.raw = self.body = b""
        self.is_chunked = self.ends_at_close = False
        self.chunks = []
        self.interim = []

    def header(self, name, default=None):
        return self.fields.get(name, default)

    def __repr__(self):
        start = f"{self.method} {self.target}" if self.method else f"{self.status} {self.reason}"
        return f"<{start} {self.fields!r} body={len(self.body)} bytes {self.body[:200]!r}>"


def parse_fields(lines):
    pairs = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not TOKEN.match(name):
            raise Malformed(f"no field: {line!r}")
        value = value.strip(b" \t")
        if not VALUE.match(value):
            raise Malformed(f"no field value: {line!r}")
        pairs.append((name.decode("latin-1"), value.decode("latin-1")))
    return Fields(pairs)


def split_lines(head):
    if head.count(b"\r") != head.count(b"\r\n") or head.count(b"\n") != head.count(b"\r\n"):
        raise Malformed(f"a bare CR or LF in the head: {head!r}")
    return head.split(b"\r\n")


def parse_head(head, kind):
    """Reads a head (without its blank line) into a Message; kind is "request" or "response"."""
    lines = split_lines(head)
    message = Message()
    match = (REQUEST_LINE if kind == "request" else STATUS_LINE).match(lines[0])
    if not match:
        raise Malformed(f"no {kind} line: {lines[0]!r}")
    if kind == "request":
        method, target, version = match.groups()
        if not TOKEN.match(method):
            raise Malformed(f"no method: {method!r}")
        message.method, message.target = method.decode(), target.decode()
    else:
        version, status, reason = match.groups()
        message.status, message.reason = int(status), reason.decode("latin-1")
    message.version = version.decode()
    message.fields = parse_fields(lines[1:])
    message.head = head
    return message


def body_framing(message, kind, method):
    """Returns "none", "chunked", a byte count, or "close" (RFC 9112 6.3), or raises Malformed."""
    codings, lengths = message.fields.all("transfer-encoding"), message.fields.all("content-length")
    if codings and lengths:
        raise Malformed(f"both lengths: {message.fields!r}")
    if len(lengths) > 1 or any(not re.fullmatch(r"[0-9]{1,19}", v) for v in lengths):
        raise Malformed(f"content-length: {lengths}")
    if codings and codings != ["chunked"]:
        raise Malformed(f"transfer-encoding: {codings}")
    if kind == "request":
        if message.version == "1.1" and len(message.fields.all("host")) != 1:
            raise Malformed(f"host: {message.fields.all('host')}")
    elif message.status < 200 or message.status == 204:
        if codings or lengths:
            raise Malformed(f"{message.status} with a length: {message.fields!r}")
        return "none"
    elif method == "HEAD" or message.status == 304:
        return "none"
    if codings:
        return "chunked"
    if lengths:
        return int(lengths[0])
    return "none" if kind == "request" else "close"


class Reader:
    """Reads messages from a byte source: `recv()` returns bytes, b"" at the end, or raises."""

    HEAD_BYTES_MAX = 1 << 20
    CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})\r\n")

    def __init__(self, recv):
        self.recv = recv
        self.buffer = b""
        self.at_end = False

    def fill(self):
        """Takes more bytes in; False at the end of the stream."""
        if self.at_end:
            return False
        data = self.recv()
        if not data:
            self.at_end = True
            return False
        self.buffer += data
        return True

    def until(self, mark, what):
        """Returns the bytes up to and including `mark`."""
        start = 0
        while (at := self.buffer.find(mark, start)) < 0:
            start = max(0, len(self.buffer) - len(mark) + 1)
            if len(self.buffer) > self.HEAD_BYTES_MAX:
                raise Malformed(f"{what} without end")
            if not self.fill():
                raise Closed(f"closed inside {what}", self.buffer)
        taken, self.buffer = self.buffer[:at + len(mark)], self.buffer[at + len(mark):]
        return taken

    def exactly(self, count, what="a body"):
        parts, have = [self.buffer], len(self.buffer)
        while have < count:
            self.buffer = b""
            if not self.fill():
                raise Closed(f"closed inside {what}: {have} of {count} bytes", b"".join(parts))
            parts.append(self.buffer)
            have += len(self.buffer)
        data = b"".join(parts)
        self.buffer = data[count:]
        return data[:count]

    def to_end(self):
        """Returns all that comes; when the stream breaks, what came until then is left in `buffer`."""
        parts = [self.buffer]
        self.buffer = b""
        try:
            while self.fill():
                parts.append(self.buffer)
                self.buffer = b""
        except OSError:
            self.buffer = b"".join(parts)
            raise
        return b"".join(parts)

    def head(self, kind):
        if not self.buffer and not self.fill():
            raise Closed(f"closed before a {kind}")
        raw = self.until(b"\r\n\r\n", f"the head of a {kind}")
        message = parse_head(raw[:-4], kind)
        message.raw = raw
        return message

    def chunked(self, message):
        """Reads a chunked body and its trailers into the message."""
        parts = []
        while True:
            line = self.until(b"\r\n", "a chunk size")
            match = self.CHUNK_LINE.fullmatch(line)
            if not match:
                raise Malformed(f"chunk size: {line!r}")
            size = int(match.group(1), 16)
            parts.append(line)
            if size == 0:
                break
            data = self.exactly(size + 2, "a chunk")
            if data[-2:] != b"\r\n":
                raise Malformed(f"chunk without its line end: {data[-20:]!r}")
            parts.append(data)
            message.chunks.append(data[:-2])
        lines = []
        while (line := self.until(b"\r\n", "trailers")) != b"\r\n":
            lines.append(line)
        message.trailers = parse_fields([line[:-2] for line in lines])
        message.body = b"".join(message.chunks)
        message.is_chunked = True
        message.raw += b"".join(parts) + b"".join(lines) + b"\r\n"

    def body(self, message, kind, method=None):
        framing = body_framing(message, kind, method)
        if framing == "chunked":
            self.chunked(message)
        elif framing == "close":
            message.body = self.to_end()
            message.ends_at_close = True
            message.raw += message.body
        elif framing != "none":
            message.body = self.exactly(framing)
            message.raw += message.body
        return message

    def request(self):
        return self.body(self.head("request"), "request")

    def response(self, method="GET"):
        """Reads a final response; interim ones before it are in its `interim`."""
        interim = []
        while True:
            message = self.head("response")
            if message.status < 200 and message.status != 101:
                body_framing(message, "response", method)
                interim.append(message)
                continue
            message.interim = interim
            return self.body(message, "response", method)


def judge_requests(data):
    """Returns the whole requests in `data`; raises Malformed unless it is whole requests and at most one cut-off one."""
    parts = [data]
    reader = Reader(lambda: parts.pop() if parts else b"")
    requests = []
    while True:
        try:
            requests.append(reader.request())
        except Closed:
            return requests
