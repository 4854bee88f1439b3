"""Every bound that a configuration can move, at the bound and one beyond it; and every time-out, waited for as a state.

What limits.def bounds without a key of its own is met with its default: chunk extensions and trailers in test_framing.py,
interim responses and response heads in test_responses.py, ceilings and lines in test_pool.py.
"""
import pytest

from kit import client
from kit.gateway import all_to, merged
from kit.origin import expect_head, expect_request, forever, hang, send
from kit.stage import code_of

STAGE = {"listeners": {"http": {"limits": {"head": "2KiB", "fields": 10, "target": "256"}}}}


def padded(size, target="/"):
    """A head of exactly `size` bytes."""
    plain = client.head("GET", target, [("X-Pad", "")])
    return client.head("GET", target, [("X-Pad", "y" * (size - len(plain)))])


def test_head_bytes(stage):
    assert len(stage.accept(padded(2048)).header("X-Pad")) > 1900
    stage.refuse(padded(2049), 431, "head_bytes")
    stage.refuse(padded(100_000), 431, "head_bytes")
    stage.refuse(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 5000, 431, "head_bytes")


def test_head_bytes_are_counted_however_they_come(stage):
    for size, status in ((2048, 200), (2049, 431)):
        with stage.connect() as c:
            for at in range(0, size, 100):
                if not c.try_send(padded(size)[at:at + 100]):
                    break
            assert c.receive().status == status


def test_field_count(stage):
    fields = [(f"X-{i}", "y") for i in range(20)]
    assert stage.accept(client.head("GET", "/", fields[:9])).header("X-8") == "y"
    stage.refuse(client.head("GET", "/", fields[:10]), 431, "field_count")
    stage.refuse(client.head("GET", "/", fields), 431, "field_count")


def test_dropped_fields_count_too(stage):
    """Counted before anything is taken off, or a flood of droppable names would hide what follows it."""
    stage.refuse(client.head("GET", "/", [("X-Forwarded-For", "1.2.3.4")] * 10), 431, "field_count")
    stage.refuse(client.head("GET", "/", [("X_A", "y")] * 10), 431, "field_count")


def test_target_bytes(stage):
    assert stage.accept(client.head("GET", "/" + "a" * 255)).target == "/" + "a" * 255
    stage.refuse(client.head("GET", "/" + "a" * 256), 414, "target_bytes")
    stage.refuse(client.head("GET", "/?" + "a" * 1000), 414, "target_bytes")
    stage.refuse(b"GET /" + b"a" * 1000, 414, "target_bytes")


# Bodies.

@pytest.fixture(scope="module")
def limited(shared):
    recorder = shared.peers.recorder("limited")
    gateway = shared.start({"services": {"app": {"targets": [recorder.target]},
                                         "small": {"targets": [recorder.target], "body_limit": "50"}},
                            "defaults": {"body_limit": "1KiB"},
                            "routes": {"default": {"match": "/default", "to": "app"},
                                       "route": {"match": "/route", "to": "app", "body_limit": "2KiB"},
                                       "service": {"match": "/service", "to": "small"},
                                       "off": {"match": "/off", "to": "app", "body_limit": "off"}}})
    gateway.recorder = recorder
    return gateway


@pytest.mark.parametrize("target,limit", [("/default", 1024), ("/route", 2048), ("/service", 50)])
def test_body_limit_by_length(limited, target, limit):
    assert limited.request("POST", target, body=b"x" * limit).status == 200
    before = len(limited.recorder.arrived)
    response = limited.request("POST", target, body=b"x" * (limit + 1))
    assert (response.status, code_of(response)) == (413, "body_bytes")
    with limited.connect() as c:
        c.send(client.head("POST", target, [("Content-Length", "9223372036854775807"), ("Expect", "100-continue")]))
        response = c.receive()
        assert (response.status, response.interim) == (413, []), "told before the body was sent"
    assert len(limited.recorder.arrived) == before


@pytest.mark.parametrize("target,limit", [("/default", 1024), ("/route", 2048), ("/service", 50)])
def test_body_limit_by_chunks(limited, target, limit):
    def chunks(count):
        return b"".join(b"1\r\nx\r\n" for _ in range(count)) + b"0\r\n\r\n"
    with limited.connect() as c:
        c.send(client.head("POST", target, [("Transfer-Encoding", "chunked")]) + chunks(limit))
        assert c.receive().status == 200
    before = len(limited.recorder.arrived)
    with limited.connect() as c:
        c.try_send(client.head("POST", target, [("Transfer-Encoding", "chunked")]) + chunks(limit + 1))
        response = c.receive()
        assert (response.status, code_of(response), response.header("Connection")) == (413, "body_bytes", "close")
        c.expect_close()
    assert len(limited.recorder.arrived) == before, "the origin never saw it whole"


def test_body_limit_off(limited):
    assert limited.request("POST", "/off", body=b"x" * 1_000_000).status == 200


def test_enforced_limits_hold_whatever_stands_below(sluice, origins):
    origin = origins.recorder()
    gateway = sluice(merged(all_to(origin), {"enforce": {"body_limit": 100}}))
    assert gateway.request("POST", "/", body=b"x" * 100).status == 200
    assert gateway.request("POST", "/", body=b"x" * 101).status == 413


# Time-outs. Each test waits for the end that only the time-out can bring.

def test_head_timeout(sluice, origins):
    origin = origins.recorder()
    gateway = sluice(merged(all_to(origin), {"listeners": {"http": {"timeout": {"head": "200ms"}}}}))
    for sent in (b"G", b"GET / HTTP/1.1\r\nHost: a\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r"):
        with gateway.connect() as c:
            c.send(sent)
            response = c.receive()
            assert (response.status, code_of(response), response.header("Connection")) == (408, "head_timeout", "close")
            c.expect_close()
    assert origin.arrived == []


def test_a_trickle_does_not_extend_the_head_timeout(sluice, origins):
    """Slowloris: the time counts from the first byte of the head, whatever comes after it."""
    gateway = sluice(merged(all_to(origins.recorder()), {"listeners": {"http": {"timeout": {"head": "200ms"}}}}))
    with gateway.connect() as c:
        c.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
        c.socket.settimeout(0.02)
        trickled = 0
        while True:
            try:
                assert c.reader.fill(), "closed without a word"
                break
            except TimeoutError:
                c.try_send(b"X: y\r\n")
                trickled += 1
                assert trickled < 200
        assert c.receive().status == 408


def test_the_head_timeout_starts_anew_with_each_request(sluice, origins):
    gateway = sluice(merged(all_to(origins.recorder()), {"listeners": {"http": {"timeout": {"head": "300ms"}}}}))
    with gateway.connect() as c:
        assert c.request("GET", "/?delay_ms=400").status == 200, "the time of the answer does not count"
        assert c.request("GET", "/").status == 200
        c.send(b"GET / HT")
        assert c.receive().status == 408


def test_idle_timeout(sluice, origins):
    gateway = sluice(merged(all_to(origins.recorder()), {"listeners": {"http": {"timeout": {"idle": "200ms"}}}}))
    fresh = gateway.connect()
    used = gateway.connect()
    assert used.request().status == 200
    fresh.expect_close()
    used.expect_close()
    with gateway.connect() as c:
        assert c.request("GET", "/?delay_ms=300").status == 200, "who waits for an answer is not idle"


def test_body_timeout_of_a_request(sluice, origins):
    origin = origins.script([forever(expect_request(), send(b"HTTP/1.1 204 No Content\r\n\r\n"))])
    gateway = sluice(merged(all_to(origin), {"defaults": {"timeout": {"body": "300ms"}}}))
    for head, some in ((("Content-Length", "100"), b"hello"), (("Transfer-Encoding", "chunked"), b"5\r\nhello\r\n")):
        with gateway.connect() as c:
            c.send(client.head("POST", "/", [head]) + some)
            response = c.receive()
            assert (response.status, code_of(response), response.header("Connection")) == (408, "body_timeout", "close")
            c.expect_close()
    assert origin.requests == []
    origin.wait_all_ended()


def test_body_timeout_of_a_response(sluice, origins):
    """An origin that stops in the middle: the client sees a cut, not a pause for ever."""
    origin = origins.script([expect_request(), send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello"), hang()])
    gateway = sluice(merged(all_to(origin), {"defaults": {"timeout": {"body": "300ms"}}}))
    with gateway.connect() as c:
        c.send(client.head("GET", "/"))
        assert c.receive_head().status == 200
        assert c.rest() == b"hello"
    assert gateway.wait_log(1)[0]["reason"] != "ok"
    gateway.wait_metric(lambda m: m("sluice_origin_connections") == 0, "the connection is not kept")


def test_response_timeout(sluice, origins):
    origin = origins.script([expect_request(), hang()])
    gateway = sluice(merged(all_to(origin), {"defaults": {"timeout": {"response": "200ms"}}}))
    for method in ("GET", "POST"):
        response = gateway.request(method, "/", body=b"hello" if method == "POST" else None)
        assert (response.status, code_of(response)) == (504, "origin_timeout")
        assert response.header("Retry-After")
    gateway.wait_metric(lambda m: m("sluice_origin_connections") == 0, "the hanging connections are closed")


def test_interim_responses_do_not_extend_the_response_timeout(sluice, origins):
    origin = origins.script([expect_request(), send(b"HTTP/1.1 102 Processing\r\n\r\n"), hang()])
    gateway = sluice(merged(all_to(origin), {"defaults": {"timeout": {"response": "200ms"}}}))
    response = gateway.request()
    assert (response.status, len(response.interim)) == (504, 1)


def test_total_timeout(sluice, origins):
    origin = origins.by_path({"/hang": [hang()], "/slow": [send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello"),
                                                           hang()]})
    gateway = sluice(merged(all_to(origin, retry="off"), {"routes": {"all": {"timeout": "300ms"}}}))
    response = gateway.request("GET", "/hang")
    assert (response.status, code_of(response)) == (504, "exchange_timeout")
    with gateway.connect() as c:
        c.send(client.head("GET", "/slow"))
        assert c.receive_head().status == 200
        assert c.rest() == b"hello"
    with gateway.connect() as c:
        c.send(client.head("POST", "/hang", [("Content-Length", "100")]) + b"x")
        response = c.receive()
        assert (response.status, code_of(response)) == (504, "exchange_timeout")


def test_the_nearest_timeout_holds(sluice, origins):
    origin = origins.script([forever(expect_request(), hang())])
    gateway = sluice({"defaults": {"timeout": {"response": "60s"}},
                      "services": {"app": {"targets": [origin.target], "timeout": {"response": "30s"}}},
                      "routes": {"quick": {"match": "/quick", "to": "app", "timeout": {"response": "100ms"}}}})
    assert gateway.request("GET", "/quick").status == 504


def test_times_left_alone_do_not_end_a_slow_exchange(sluice, origins):
    origin = origins.script([forever(expect_head(), answer_slowly)])
    gateway = sluice(merged(all_to(origin), {"defaults": {"timeout": {"body": "500ms", "response": "2s"}}}))
    response = gateway.request()
    assert response.body == b"x" * 10, "each pause is shorter than the time-out, all together are longer"


def answer_slowly(c):
    c.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
    for _ in range(10):
        c.origin.is_stopping.wait(0.08)
        c.socket.sendall(b"x")


def test_defaults_are_generous_and_bounded(sluice, origins):
    origin = origins.recorder()
    gateway = sluice(all_to(origin))
    with gateway.connect() as c:
        assert c.request("GET", "/" + "a" * 8191).status == 200
        c.send(padded(65536))
        assert c.receive().status == 200
        assert c.request("GET", "/", [(f"X-{i}", "y") for i in range(127)]).status == 200
    for data, code in ((client.head("GET", "/" + "a" * 8192), "target_bytes"), (padded(65537), "head_bytes"),
                       (client.head("GET", "/", [(f"X-{i}", "y") for i in range(128)]), "field_count")):
        with gateway.connect() as c:
            c.try_send(data)
            assert code_of(c.receive()) == code
            c.expect_close()
    assert len(origin.arrived) == 3


def test_a_client_that_takes_nothing_is_let_go(sluice, origins):
    origin = origins.echo()
    gateway = sluice(merged(all_to(origin), {"defaults": {"timeout": {"body": "300ms"}}}))
    c = gateway.connect(receive_buffer_bytes=4096)
    c.send(client.head("GET", "/?size=50000000"))
    gateway.wait_metric(lambda m: m("sluice_requests_total") == 1, "the exchange has ended")
    assert gateway.wait_log(1)[0]["reason"] == "client_timeout"
