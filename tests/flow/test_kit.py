"""The kit judges itself first: what its reader refuses, what its peers record, how its waits end."""
import pytest

from kit import client, http1, origin, waiting
from kit.origin import answer, close, expect_request, forever, half_close, pattern, reset, send, send_split

BAD_RESPONSES = [
    b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: +0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\nx\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a\r\nx\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
]


def read_response(data, method="GET"):
    parts = [data]
    return http1.Reader(lambda: parts.pop() if parts else b"").response(method)


@pytest.mark.parametrize("data", BAD_RESPONSES)
def test_the_reader_forgives_nothing(data):
    with pytest.raises(http1.Malformed):
        read_response(data)


def test_the_reader_knows_every_framing():
    assert read_response(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc").body == b"ab"
    assert read_response(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "HEAD").body == b""
    assert read_response(b"HTTP/1.1 200 OK\r\n\r\nabc").body == b"abc"
    chunked = read_response(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nT: 1\r\n\r\n")
    assert (chunked.body, chunked.trailers.pairs) == (b"ab", [("T", "1")])
    continued = read_response(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
    assert (continued.status, continued.interim[0].status) == (204, 100)


def test_a_cut_off_message_is_not_a_message():
    with pytest.raises(http1.Closed):
        read_response(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab")
    with pytest.raises(http1.Closed):
        read_response(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")


def test_requests_are_judged_with_at_most_one_cut_off():
    one = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"
    assert len(http1.judge_requests(one + one + one[:20])) == 2
    with pytest.raises(http1.Malformed):
        http1.judge_requests(one + b"x y" + one)


def test_scripts_play_per_connection_and_record(origins):
    peer = origins.script([answer(body=b"first"), close()],
                          [expect_request(), send_split(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"), half_close()])
    address = ("127.0.0.1", peer.port)
    with client.Client(address) as c:
        assert c.request("GET", "/one").body == b"first"
        c.expect_close()
    with client.Client(address) as c:
        c.send_split(client.head("POST", "/two", [("Content-Length", "3")]) + b"abc")
        assert c.receive().body == b"x"
        c.expect_close()
    assert [r.target for r in peer.requests] == ["/one", "/two"]
    assert peer.requests[1].body == b"abc"


def test_a_reset_is_a_reset(origins):
    peer = origins.script([expect_request(), reset()])
    with client.Client(("127.0.0.1", peer.port)) as c:
        with pytest.raises(ConnectionResetError):
            c.request()


def test_the_echo_says_what_it_received(origins):
    peer = origins.echo("one")
    with client.Client(("127.0.0.1", peer.port)) as c:
        said = c.request("POST", "/a?chunked=10&trailer=1", [("X-A", "1")], b"hello")
        assert said.is_chunked and said.trailers.get("X-Sum") == "1" and b'"body_bytes": 5' in said.body
        assert c.request("GET", "/?size=100000").body == pattern(100000)
        assert c.request("HEAD", "/?size=10").header("Content-Length") == "10"
    assert peer.served == 3


def test_unjudged_origins_may_receive_anything(origins):
    peer = origins.script([forever(expect_request(), send(b"HTTP/1.1 204 No Content\r\n\r\n"))], judged=False)
    with client.Client(("127.0.0.1", peer.port)) as c:
        c.send(b"nonsense\r\n\r\n")
        c.expect_close()
    assert isinstance(peer.connections[0].problem, http1.Malformed)


def test_waits_name_what_did_not_come():
    with pytest.raises(waiting.Hung, match="pigs fly"):
        waiting.wait_until(lambda: False, "pigs fly", patience_s=0.01)


def test_the_pattern_has_no_two_equal_lines():
    lines = pattern(1 << 18).split(b"\n")
    assert len(set(lines)) == len(lines)
    assert isinstance(origin.PATIENCE_S, float)
