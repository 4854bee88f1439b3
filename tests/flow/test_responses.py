"""Hostile and broken origins: what an origin says is judged as strictly as what a client says. A bad head is 502, a body that
does not keep its word is cut so that the client sees it, and nothing that one origin connection said too much ever meets
another request (RFC 9110 15, RFC 9112 4, 6, 8, 9; the response rows of the threat model).
"""
import threading

import pytest

from kit import client, http1
from kit.origin import (again, answer, by_path, close, expect_body, expect_head, forever, garbage, half_close, reset,
                        send, send_split,
                        wait)
from kit.gateway import all_to
from kit.stage import code_of
from kit.waiting import wait_until

OK = b"HTTP/1.1 200 OK\r\n"
FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"
POISON = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"

# What is sent instead of a response head, and the reason code of the 502.
BAD_HEADS = {
    "cl_te": (OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "origin_framing"),
    "te_cl": (OK + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "origin_framing"),
    "cl_twice_same": (OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "origin_framing"),
    "cl_twice_other": (OK + b"Content-Length: 5\r\nContent-Length: 4\r\n\r\nhello", "origin_framing"),
    "cl_list": (OK + b"Content-Length: 5, 5\r\n\r\nhello", "origin_framing"),
    "cl_plus": (OK + b"Content-Length: +5\r\n\r\nhello", "origin_framing"),
    "cl_minus": (OK + b"Content-Length: -1\r\n\r\nhello", "origin_framing"),
    "cl_hex": (OK + b"Content-Length: 0x5\r\n\r\nhello", "origin_framing"),
    "cl_empty": (OK + b"Content-Length:\r\n\r\nhello", "origin_framing"),
    "cl_huge": (OK + b"Content-Length: 18446744073709551621\r\n\r\nhello", "origin_framing"),
    "te_unknown": (OK + b"Transfer-Encoding: xchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "origin_framing"),
    "te_gzip": (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "origin_framing"),
    "te_identity": (OK + b"Transfer-Encoding: identity\r\n\r\nhello", "origin_framing"),
    "te_twice": (OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "origin_framing"),
    "te_list": (OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "origin_framing"),
    "te_empty": (OK + b"Transfer-Encoding:\r\n\r\nhello", "origin_framing"),
    "te_in_1_0": (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "origin_framing"),
    "204_cl": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", "origin_framing"),
    "204_te": (b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "origin_framing"),
    "1xx_cl": (b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\nhello" + FINE, "origin_framing"),
    "1xx_te": (b"HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + FINE, "origin_framing"),
    "status_two_digits": (b"HTTP/1.1 20 OK\r\n\r\n", "origin_bad_head"),
    "status_four_digits": (b"HTTP/1.1 2000 OK\r\n\r\n", "origin_bad_head"),
    "status_099": (b"HTTP/1.1 099 OK\r\n\r\n", "origin_bad_head"),
    "status_600": (b"HTTP/1.1 600 OK\r\nContent-Length: 0\r\n\r\n", "origin_bad_head"),
    "status_plus": (b"HTTP/1.1 +20 OK\r\n\r\n", "origin_bad_head"),
    "status_letters": (b"HTTP/1.1 2OO OK\r\n\r\n", "origin_bad_head"),
    "status_absent": (b"HTTP/1.1 OK\r\n\r\n", "origin_bad_head"),
    "version_2": (b"HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n", "origin_bad_head"),
    "version_1_2": (b"HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n", "origin_bad_head"),
    "version_lower": (b"http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "origin_bad_head"),
    "version_icy": (b"ICY 200 OK\r\nContent-Length: 0\r\n\r\n", "origin_bad_head"),
    "two_blanks": (b"HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n", "origin_bad_head"),
    "empty_line_first": (b"\r\n" + FINE, "origin_bad_head"),
    "line_lf": (b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", "origin_bad_head"),
    "all_lf": (b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", "origin_bad_head"),
    "field_lf": (OK + b"A: b\nContent-Length: 0\r\n\r\n", "origin_bad_head"),
    "field_cr": (OK + b"A: b\rSet-Cookie: c\r\nContent-Length: 0\r\n\r\n", "origin_bad_head"),
    "field_nul": (OK + b"A: b\0c\r\nContent-Length: 0\r\n\r\n", "origin_bad_head"),
    "field_vt": (OK + b"A: b\x0bc\r\nContent-Length: 0\r\n\r\n", "origin_bad_head"),
    "reason_cr": (b"HTTP/1.1 200 O\rK\r\nContent-Length: 0\r\n\r\n", "origin_bad_head"),
    "reason_nul": (b"HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n", "origin_bad_head"),
    "folded": (OK + b"A: b\r\n c\r\nContent-Length: 0\r\n\r\n", "origin_bad_head"),
    "name_blank": (OK + b"Content-Length : 0\r\n\r\n", "origin_bad_head"),
    "name_bad": (OK + b"A(b): c\r\nContent-Length: 0\r\n\r\n", "origin_bad_head"),
    "no_name": (OK + b": c\r\nContent-Length: 0\r\n\r\n", "origin_bad_head"),
    "no_colon": (OK + b"A\r\nContent-Length: 0\r\n\r\n", "origin_bad_head"),
    "blank_first": (OK + b" A: b\r\nContent-Length: 0\r\n\r\n", "origin_bad_head"),
    "connection_bad": (OK + b"Connection: a b\r\nContent-Length: 0\r\n\r\n", "origin_bad_head"),
    "long": (OK + b"".join(b"X-%d: %s\r\n" % (i, b"y" * 1000) for i in range(80)) + b"\r\n", "origin_head_bytes"),
    "long_line": (OK + b"X: " + b"y" * 100000, "origin_head_bytes"),
    "long_reason": (b"HTTP/1.1 200 " + b"y" * 100000, "origin_head_bytes"),
    "many_fields": (OK + b"".join(b"X-%d: y\r\n" % i for i in range(2000)) + b"\r\n", "origin_head_bytes"),
    "http_0_9": (b"hello, this is HTTP/0.9\r\n", "origin_bad_head"),
    "tls_alert": (b"\x15\x03\x01\x00\x02\x02\x46", "origin_bad_head"),
    "h2_settings": (b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64", "origin_bad_head"),
    "request": (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "origin_bad_head"),
    "101_unasked": (b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n" + POISON,
                    "origin_upgrade"),
    "101_plain": (b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + POISON, "origin_upgrade"),
    "1xx_flood": (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 9 + FINE, "origin_interim"),
    "1xx_flood_100": (b"HTTP/1.1 100 Continue\r\n\r\n" * 1000 + FINE, "origin_interim"),
    "half_head": (OK + b"Content-Length: 5\r\n", "origin_bad_head"),
    "half_line": (b"HTTP/1.1 20", "origin_bad_head"),
    "nothing": (b"", "origin_reset"),
}

# Bodies that break their word after a good head: the client must see that something is missing.
CUT_BODIES = {
    "cl_short": OK + b"Content-Length: 10\r\n\r\nhello",
    "cl_nothing": OK + b"Content-Length: 10\r\n\r\n",
    "chunk_short": OK + b"Transfer-Encoding: chunked\r\n\r\na\r\nhello",
    "chunk_no_last": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "chunk_no_trailer_end": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    "chunk_only_cr": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r",
    "chunk_size_bad": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n0\r\n\r\n",
    "chunk_size_plus": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n+5\r\nhello\r\n0\r\n\r\n",
    "chunk_size_17": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n00000000000000005\r\nhello\r\n0\r\n\r\n",
    "chunk_size_blank": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5 \r\nhello\r\n0\r\n\r\n",
    "chunk_lf": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\nhello\r\n0\r\n\r\n",
    "chunk_end_lf": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n5\r\nhello\r\n0\r\n\r\n",
    "chunk_long": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello!!\r\n0\r\n\r\n",
    "ext_long": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5;" + b"x" * 300 + b"\r\nhello\r\n0\r\n\r\n",
    "trailer_bad": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA b: c\r\n\r\n",
    "trailer_lf": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\n\r\n",
    "trailer_long": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: " + b"b" * 9000 + b"\r\n\r\n",
}


@pytest.fixture(scope="module")
def hostile(shared):
    """A gateway before an origin that does what the path names; /fine is what the next client asks for."""
    scripts = {"/fine": [send(FINE), again()]}
    for name, (data, _) in BAD_HEADS.items():
        scripts["/head/" + name] = [send(data), half_close(), wait_end]
        scripts["/split/" + name] = [send_split(data[:600]), send(data[600:]), half_close(), wait_end]
    for name, data in CUT_BODIES.items():
        scripts["/cut/" + name] = [send(data), half_close(), wait_end]
    scripts.update(EXTRA)
    origin = shared.peers.keep(by_path(scripts))
    gateway = shared.start(all_to(origin))
    gateway.origin = origin
    return gateway


def wait_end(c):
    """Reads until the gateway has closed too."""
    c.reader.to_end()


def assert_unharmed(gateway):
    """The gateway still answers, with what was asked for."""
    answer = gateway.request("GET", "/fine")
    assert (answer.status, answer.body) == (200, b"fine")
    gateway.assert_sound()


def connection_of(gateway, path):
    """The origin connection that carried this request."""
    return wait_until(lambda: [c for c in gateway.origin.connections if any(r.target == path for r in c.requests)],
                      f"the origin has seen {path}")[-1]


@pytest.mark.parametrize("name", BAD_HEADS)
def test_a_bad_head_is_502_and_its_connection_is_not_used_again(hostile, name):
    path = "/head/" + name
    with hostile.connect() as c:
        response = c.request("GET", path)
        assert (response.status, code_of(response)) == (502, BAD_HEADS[name][1])
        assert b"poison" not in response.raw and b"hello" not in response.raw
        following = c.request("GET", "/fine")
        assert (following.status, following.body) == (200, b"fine"), "the client's own connection is in order"
    connection = connection_of(hostile, path)
    wait_until(lambda: connection.is_ended, "the gateway has closed the connection")
    assert [r.target for r in connection.requests][-1] == path, "nothing came after it on that connection"
    assert_unharmed(hostile)


@pytest.mark.parametrize("name", [n for n in BAD_HEADS if len(BAD_HEADS[n][0]) < 2000])
def test_a_bad_head_is_bad_however_it_is_cut(hostile, name):
    response = hostile.request("GET", "/split/" + name)
    assert (response.status, code_of(response)) == (502, BAD_HEADS[name][1])
    assert_unharmed(hostile)


@pytest.mark.parametrize("name", CUT_BODIES)
def test_a_body_that_breaks_its_word_is_never_ended_cleanly(hostile, name):
    with hostile.connect() as c:
        c.send(client.head("GET", "/cut/" + name))
        try:
            # All of it, and the end, was there before anything was sent on: then words can say so.
            response = c.receive()
            assert (response.status, code_of(response)) == (502, "origin_truncated")
        except (http1.Closed, ConnectionResetError):
            pass
    assert_unharmed(hostile)


def cut_by_reset(c):
    c.socket.sendall(OK + b"Content-Length: 100000\r\n\r\n" + b"x" * 50000)


EXTRA = {
    "/no_reason": [send(b"HTTP/1.1 200 \r\nContent-Length: 4\r\n\r\nfine"), again()],
    "/no_reason_no_blank": [send(b"HTTP/1.1 200\r\nContent-Length: 4\r\n\r\nfine"), again()],
    "/latin_1": [send(b"HTTP/1.1 200 Tr\xe8s bien\r\nX-A: caf\xe9 \xff\x80\r\nContent-Length: 0\r\n\r\n"), again()],
    "/split": [send_split(b"HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n5;e=x\r\nhello\r\n0\r\nT: 1\r\n\r\n"), again()],
    "/cl_split": [send_split(FINE), again()],
    "/204_cl_0": [send(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"), again()],
    "/204": [send(b"HTTP/1.1 204 No Content\r\n\r\n"), again()],
    "/304_cl": [send(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\nETag: \"a\"\r\n\r\n"), again()],
    "/304_body": [send(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\npoison"), again()],
    "/204_body": [send(b"HTTP/1.1 204 No Content\r\n\r\npoison"), again()],
    "/205": [send(b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"), again()],
    "/head_cl": [send(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"), again()],
    "/head_te": [send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), again()],
    "/head_plain": [send(b"HTTP/1.1 200 OK\r\n\r\n"), again()],
    "/head_body": [send(FINE), again()],
    "/long_cl": [send(OK + b"Content-Length: 4\r\n\r\nfine and more"), again()],
    "/two": [send(FINE + POISON), again()],
    "/two_later": [send(FINE), wait_end],
    "/chunked_and_more": [send(OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\nmore"), again()],
    "/to_close": [send(OK + b"\r\nuntil the end"), close()],
    "/to_close_1_0": [send(b"HTTP/1.0 200 OK\r\n\r\nuntil the end"), close()],
    "/to_reset": [send(OK + b"\r\n" + b"x" * 1000), reset()],
    "/cut_reset": [cut_by_reset, reset()],
    "/reset": [expect_body(), reset()],
    "/garbage": [garbage(100_000), close()],
    "/half_close": [send(FINE), half_close(), wait_end],
    "/100": [send(b"HTTP/1.1 100 Continue\r\n\r\n" + FINE), again()],
    "/103": [send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n" + FINE), again()],
    "/1xx_8": [send(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 8 + FINE), again()],
    "/102": [send(b"HTTP/1.1 102 Processing\r\nContent-Length: 0\r\n\r\n" + FINE), again()],
    "/hop": [send(OK + b"Connection: keep-alive, X-Hop, Content-Length, Set-Cookie\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\n"
                  b"Proxy-Connection: keep-alive\r\nTE: trailers\r\nUpgrade: h2c\r\nProxy-Authenticate: Basic\r\n"
                  b"Set-Cookie: a=1\r\nX-End: 2\r\nContent-Length: 4\r\n\r\nfine"), again()],
    "/cookies": [send(OK + b"Set-Cookie: a=1\r\nX-Between: y\r\nSet-Cookie: b=2\r\nset-cookie: c=3, d\r\nContent-Length: 0\r\n\r\n"), again()],
    "/trailers": [send(OK + b"Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\n"
                       b"Set-Cookie: a=b\r\nConnection: x\r\nHost: evil\r\nTransfer-Encoding: chunked\r\n\r\n"),
                  again()],
    "/says_close": [send(OK + b"Connection: close\r\nContent-Length: 4\r\n\r\nfine"), again()],
    "/1_0_keep": [send(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\nfine"), again()],
    "/1_0": [send(b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nfine"), again()],
    "/empty_value": [send(OK + b"X-A:\r\nX-B: \t \r\nContent-Length: 0\r\n\r\n"), again()],
    "/odd_names": [send(OK + b"x_under: 1\r\nX!#$%&'*+-.^_`|~: 2\r\nContent-Length: 0\r\n\r\n"), again()],
}


@pytest.mark.parametrize("path", ["/no_reason", "/no_reason_no_blank", "/cl_split", "/says_close", "/1_0", "/1_0_keep",
                                  "/half_close"])
def test_what_is_clear_passes(hostile, path):
    response = hostile.request("GET", path)
    assert (response.status, response.version, response.body) == (200, "1.1", b"fine")
    assert_unharmed(hostile)


def test_obs_text_passes_byte_for_byte(hostile):
    response = hostile.request("GET", "/latin_1")
    assert response.header("X-A") == "caf\xe9 \xff\x80"


def test_empty_values_and_odd_names_pass(hostile):
    response = hostile.request("GET", "/empty_value")
    assert (response.header("X-A"), response.header("X-B")) == ("", "")
    response = hostile.request("GET", "/odd_names")
    assert (response.header("x_under"), response.header("X!#$%&'*+-.^_`|~")) == ("1", "2")


def test_a_response_byte_by_byte_is_a_response(hostile):
    response = hostile.request("GET", "/split")
    assert (response.body, response.header("X-A")) == (b"hello", "b")


@pytest.mark.parametrize("path", ["/204", "/204_cl_0"])
def test_204_has_neither_length_nor_body(hostile, path):
    with hostile.connect() as c:
        response = c.request("GET", path)
        assert response.status == 204 and "Content-Length" not in response.fields
        assert c.request("GET", "/fine").body == b"fine"


def test_304_keeps_its_length_and_has_no_body(hostile):
    with hostile.connect() as c:
        response = c.request("GET", "/304_cl")
        assert (response.status, response.header("ETag")) == (304, '"a"')
        assert response.header("Content-Length", "500") == "500"
        assert c.request("GET", "/fine").body == b"fine"


@pytest.mark.parametrize("path", ["/head_cl", "/head_te", "/head_plain"])
def test_an_answer_to_head_has_no_body(hostile, path):
    with hostile.connect() as c:
        response = c.request("HEAD", path)
        assert (response.status, response.body) == (200, b"")
        assert response.header("Content-Length", "500") == "500"
        assert c.request("GET", "/fine").body == b"fine"


@pytest.mark.parametrize("method,path", [
    ("GET", "/304_body"), ("GET", "/204_body"), ("HEAD", "/head_body"), ("GET", "/long_cl"), ("GET", "/two"),
    ("GET", "/chunked_and_more")])
def test_bytes_beyond_the_response_reach_nobody(hostile, method, path):
    """Response queue poisoning: what follows a response is dropped with its connection."""
    with hostile.connect() as c:
        response = c.request(method, path)
        assert response.status in (200, 204, 304)
        assert b"poison" not in response.raw and b"more" not in response.raw
        for _ in range(3):
            assert c.request("GET", "/fine").body == b"fine"
    connection = connection_of(hostile, path)
    wait_until(lambda: connection.is_ended, "the gateway has closed the connection")
    assert [r.target for r in connection.requests][-1] == path
    assert_unharmed(hostile)


@pytest.mark.parametrize("late", [POISON, b"\r\n", b"x", b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n"])
def test_bytes_on_an_idle_connection_end_it(through, origins, late):
    """Whatever comes before it was asked for belongs to no request."""
    is_idle = threading.Event()
    origin = origins.script([answer(body=b"first"), wait(is_idle), send(late), wait_end],
                            [forever(answer(body=b"second"))])
    gateway = through(origin)
    with gateway.connect() as c:
        assert c.request("GET", "/1").body == b"first"
        gateway.wait_metric(lambda m: m("sluice_origin_connections_idle") == 1, "the connection is idle")
        is_idle.set()
        wait_until(lambda: origin.connections[0].is_ended, "the gateway has closed the connection")
        for _ in range(3):
            assert c.request("GET", "/2").body == b"second"
    assert len(origin.connections[0].requests) == 1


def test_a_body_to_the_end_of_the_connection_is_ended_for_the_client(hostile):
    for path in ("/to_close", "/to_close_1_0"):
        with hostile.connect() as c:
            response = c.request("GET", path)
            assert response.body == b"until the end"
            assert response.is_chunked or response.ends_at_close
        with hostile.connect() as c:
            c.send(client.head("GET", path, version="1.0"))
            response = c.receive()
            assert response.body == b"until the end" and response.ends_at_close, "HTTP/1.0 knows no chunks"
    assert_unharmed(hostile)


@pytest.mark.parametrize("path", ["/to_reset", "/cut_reset"])
def test_a_reset_in_a_body_is_never_a_clean_end(hostile, path):
    for version in ("1.1", "1.0"):
        with hostile.connect() as c:
            c.send(client.head("GET", path, version=version))
            try:
                response = c.receive()
            except (http1.Closed, ConnectionResetError):
                continue
            # The reset may overtake the head: then there is a 502 instead.
            assert response.status == 502, response
    assert_unharmed(hostile)


def test_a_reset_instead_of_an_answer_is_502(hostile):
    response = hostile.request("POST", "/reset", body=b"hello")
    assert (response.status, code_of(response)) == (502, "origin_reset")
    assert_unharmed(hostile)


def test_garbage_is_502(hostile):
    response = hostile.request("GET", "/garbage")
    assert (response.status, code_of(response)) == (502, "origin_bad_head")
    assert_unharmed(hostile)


# Interim responses.

def test_interim_responses_pass_without_what_belongs_to_the_connection(hostile):
    response = hostile.request("GET", "/103")
    assert (response.status, response.body) == (200, b"fine")
    (interim,) = response.interim
    assert (interim.status, interim.header("Link")) == (103, "</a.css>; rel=preload")
    assert "X-Hop" not in interim.fields and "Connection" not in interim.fields


def test_as_many_interim_responses_as_allowed_pass(hostile):
    response = hostile.request("GET", "/1xx_8")
    assert [i.status for i in response.interim] == [103] * 8
    assert response.body == b"fine"


def test_a_length_of_0_in_an_interim_response_is_forgotten(hostile):
    response = hostile.request("GET", "/102")
    assert response.body == b"fine"


def test_http_1_0_gets_no_interim_response(hostile):
    for path in ("/103", "/100", "/1xx_8"):
        with hostile.connect() as c:
            c.send(client.head("GET", path, version="1.0"))
            response = c.receive()
            assert (response.status, response.interim, response.body) == (200, [], b"fine")


def test_an_unasked_100_harms_nobody(hostile):
    with hostile.connect() as c:
        assert c.request("GET", "/100").body == b"fine"
        assert c.request("GET", "/fine").body == b"fine"


# Fields.

def test_hop_by_hop_fields_of_a_response_stay_with_their_connection(hostile):
    response = hostile.request("GET", "/hop")
    for name in ("Keep-Alive", "X-Hop", "Proxy-Connection", "TE", "Upgrade"):
        assert name not in response.fields, name
    assert (response.header("Content-Length"), response.header("Set-Cookie"), response.header("X-End")) == ("4", "a=1",
                                                                                                            "2")
    assert response.header("Connection", "") in ("", "keep-alive")


def test_repeated_fields_stay_apart_and_in_order(hostile):
    assert hostile.request("GET", "/cookies").fields.all("Set-Cookie") == ["a=1", "b=2", "c=3, d"]


def test_trailers_are_for_those_who_ask_and_never_say_anything_about_framing(hostile):
    with hostile.connect() as c:
        response = c.request("GET", "/trailers", [("TE", "trailers"), ("Connection", "TE")])
        assert response.body == b"fine"
        assert response.trailers.pairs == [("X-Sum", "1")]
        response = c.request("GET", "/trailers")
        assert (response.body, response.trailers.pairs) == (b"fine", [])
        assert c.request("GET", "/fine").body == b"fine"


def test_a_final_answer_before_the_request_is_whole_ends_that_connection(through, origins):
    """The rest of the upload would be read as the next request (CVE-2024-24791 the other way round)."""
    origin = origins.script([expect_head(), send(FINE), wait_end], [forever(answer(body=b"second"))], judged=False)
    gateway = through(origin)
    with gateway.connect() as c:
        c.send(client.head("POST", "/early", [("Content-Length", "100000")]) + b"x" * 10)
        assert c.receive().body == b"fine"
        c.try_send(b"y" * 99990)
    assert gateway.request("GET", "/next").body == b"second"
    assert [r.target for r in origin.connections[0].requests] == ["/early"]
