"""One client connection: how long it lasts, how many requests it carries, what belongs to it alone, and who is believed about
who the client is (RFC 9112 9, RFC 9110 7.6, RFC 7239, RFC 9562 5.7).
"""
import re

import pytest

from kit import client
from kit.gateway import all_to, merged
from kit.stage import SMUGGLED, code_of
from kit.waiting import wait_until

UUID_7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")


# Persistence.

def test_a_connection_carries_many_requests(stage):
    def action():
        with stage.connect() as c:
            for i in range(100):
                assert c.request("GET", f"/{i}").header("Connection") is None
            assert c.is_open()
    _, arrived = stage.arrivals(action)
    assert [r.target for r in arrived] == [f"/{i}" for i in range(100)]


@pytest.mark.parametrize("value", ["close", "Close", "keep-alive, close", "close, keep-alive", "x-a,close"])
def test_close_ends_it_after_the_answer(stage, value):
    with stage.connect() as c:
        answer = c.request("GET", "/", [("Connection", value)])
        assert (answer.status, answer.header("Connection")) == (200, "close")
        c.expect_close()


def test_http_1_0_closes_unless_it_asks_not_to(stage):
    with stage.connect() as c:
        c.send(client.head("GET", "/", version="1.0") + SMUGGLED)
        answer = c.receive()
        assert (answer.status, answer.version) == (200, "1.1")
        c.expect_close()
    with stage.connect() as c:
        for _ in range(3):
            c.send(client.head("GET", "/", [("Connection", "Keep-Alive")], version="1.0"))
            answer = c.receive()
            assert (answer.status, answer.header("Connection")) == (200, "keep-alive")
        assert c.is_open()


def test_http_1_0_gets_no_chunks(stage):
    with stage.connect() as c:
        c.send(client.head("GET", "/?size=100000&chunked=1000", [("Connection", "keep-alive")], version="1.0"))
        answer = c.receive()
        assert (len(answer.body), answer.is_chunked, answer.ends_at_close) == (100000, False, True)


def test_keepalive_requests_bounds_a_connection(sluice, origins):
    origin = origins.recorder()
    gateway = sluice(merged(all_to(origin), {"listeners": {"http": {"keepalive_requests": 3}}}))
    with gateway.connect() as c:
        says = [c.request("GET", f"/{i}").header("Connection") for i in range(3)]
        c.expect_close()
    assert says == [None, None, "close"]


# Pipelining.

def test_pipelined_requests_are_answered_in_order(stage):
    targets = [f"/{i}?size={i * 100}" for i in range(50)]
    def action():
        with stage.connect() as c:
            c.send(b"".join(client.head("GET", t) for t in targets))
            sizes = [len(c.receive().body) for _ in targets]
            assert sizes[1:] == [i * 100 for i in range(1, 50)]
            assert c.is_open()
    _, arrived = stage.arrivals(action)
    assert [r.target for r in arrived] == targets


@pytest.mark.parametrize("size", [1, 7, 100, 1000, 1 << 20])
def test_pipelined_bodies_of_every_kind_are_kept_apart(stage, size):
    requests = [("POST", "/a", b"", b"x" * 5000), ("GET", "/b", b"", b""), ("PUT", "/c", b"chunked", SMUGGLED),
                ("HEAD", "/d", b"", b""),
                ("POST", "/e", b"chunked", b""), ("POST", "/f", b"", SMUGGLED), ("DELETE", "/g", b"", b"")]
    data = b""
    for method, target, kind, body in requests:
        if kind:
            data += client.head(method, target, [("Transfer-Encoding", "chunked")])
            data += b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 9]), body[i:i + 9])
                             for i in range(0, len(body), 9)) + b"0\r\nT: 1\r\n\r\n"
        else:
            data += client.head(method, target, [("Content-Length", str(len(body)))]
                                if method in ("POST", "PUT") else []) + body

    def action():
        with stage.connect() as c:
            c.send_split(data, size)
            for method, *_ in requests:
                assert c.receive(method).status == 200
            assert c.is_open()
    _, arrived = stage.arrivals(action)
    assert [(r.method, r.target, r.body) for r in arrived] == [(m, t, b) for m, t, _, b in requests]


def test_a_bad_request_behind_good_ones_is_the_last(stage):
    def action():
        with stage.connect() as c:
            bad = b"GET / HTTP/1.1\r\nHost : a\r\n\r\n"
            c.send(client.head("GET", "/a") + client.head("GET", "/b") + bad + client.head("GET", "/c"))
            assert [c.receive().status for _ in range(3)] == [200, 200, 400]
            c.expect_close()
    _, arrived = stage.arrivals(action)
    assert [r.target for r in arrived] == ["/a", "/b"]


def test_what_follows_a_close_is_not_answered(stage):
    def action():
        with stage.connect() as c:
            c.send(client.head("GET", "/a", [("Connection", "close")]) + client.head("GET", "/b"))
            assert c.receive().status == 200
            c.expect_close()
    _, arrived = stage.arrivals(action)
    assert [r.target for r in arrived] == ["/a"]


def test_byte_by_byte_is_as_good_as_at_once(stage):
    def action():
        with stage.connect() as c:
            c.send_split(client.head("POST", "/a?b", [("X-A", "b"),
                                                      ("Content-Length", "5")]) + b"hello" + client.head("GET", "/c"))
            assert [c.receive().status, c.receive().status] == [200, 200]
    _, (first, second) = stage.arrivals(action)
    assert (first.body, first.target, second.target) == (b"hello", "/a?b", "/c")


# Ends.

def test_half_closing_after_a_request_still_gets_the_answer(stage):
    for data in (client.head("GET", "/?delay_ms=50"), client.head("POST", "/", [("Content-Length", "5")]) + b"hello",
                 client.head("GET", "/a") + client.head("GET", "/b?size=100000")):
        with stage.connect() as c:
            c.send(data).half_close()
            assert c.receive().status == 200
            if data.count(b"GET") == 2:
                assert len(c.receive().body) == 100000
            c.expect_close()


def test_half_closing_inside_a_head_ends_it_without_an_answer_from_an_origin(stage):
    def action():
        with stage.connect() as c:
            c.send(b"GET /a HTTP/1.1\r\nHost: a\r\n").half_close()
            assert c.rest().count(b"HTTP/1.1 2") == 0
    _, arrived = stage.arrivals(action)
    assert arrived == []


def test_half_closing_inside_a_body_never_makes_a_whole_request(stage):
    for data in (client.head("POST", "/a", [("Content-Length", "10")]) + b"hello",
                 client.head("POST", "/a", [("Transfer-Encoding", "chunked")]) + b"5\r\nhello\r\n",
                 client.head("POST", "/a", [("Transfer-Encoding", "chunked")]) + b"5\r\nhello\r\n0\r\n"):
        def action():
            with stage.connect() as c:
                c.send(data).half_close()
                assert c.rest().count(b"HTTP/1.1 2") == 0
        _, arrived = stage.arrivals(action)
        assert arrived == []


def test_resets_at_every_point_leave_nothing_behind(stage):
    connections = stage.gateway.metrics()("sluice_client_connections")
    data = client.head("POST", "/a?size=200000", [("Content-Length", "10")]) + b"hello12345"
    for cut in list(range(0, len(data), 9)) + [len(data)]:
        c = stage.connect()
        c.send(data[:cut])
        c.reset()
    stage.gateway.wait_metric(lambda m: m("sluice_client_connections") <= connections
                              and m("sluice_requests_in_flight") == 0,
                              "every connection is gone")
    assert stage.gateway.request().status == 200


def test_a_client_that_leaves_frees_its_origin(through, origins):
    origin = origins.echo()
    gateway = through(origin)
    for _ in range(5):
        c = gateway.connect()
        c.send(client.head("GET", "/?delay_ms=100000"))
        wait_until(lambda: gateway.metrics()("sluice_requests_in_flight") == 1, "the request is in flight")
        c.reset()
        gateway.wait_metric(lambda m: m("sluice_requests_in_flight") == 0, "the exchange has ended")
    wait_until(lambda: gateway.metrics()("sluice_origin_connections") == 0, "no connection is kept for nobody")


# What belongs to the connection.

HOP_BY_HOP = [("Keep-Alive", "timeout=5"), ("Proxy-Connection", "keep-alive"), ("TE", "trailers"), ("TE", "deflate"),
              ("Upgrade", "h2c"),
              ("HTTP2-Settings", "AAMAAABkAAQAAP__"), ("Proxy-Authorization", "Basic eDp5"),
              ("Proxy-Authenticate", "Basic"),
              ("Connection", "keep-alive")]


@pytest.mark.parametrize("name,value", HOP_BY_HOP)
def test_hop_by_hop_fields_are_not_forwarded(stage, name, value):
    got = stage.accept(client.head("GET", "/", [(name, value), ("X-End", "1")]))
    assert got.header("X-End") == "1"
    assert value not in got.fields.all(name) or name == "Connection"
    if name != "TE":
        assert name not in got.fields or got.header(name) in ("keep-alive",)


def test_nominated_fields_are_not_forwarded_and_the_rest_is(stage):
    got = stage.accept(client.head("GET", "/", [("Connection", "X-A, x-b"), ("X-A", "1"), ("X-B", "2"), ("x-a", "3"),
                                                ("X-AB", "4"),
                                                ("Connection", "X-C,,"), ("X-C", "5")]))
    assert [n for n, _ in got.fields if n.lower() in ("x-a", "x-b", "x-c")] == []
    assert got.header("X-AB") == "4"


@pytest.mark.parametrize("name,value", [
    ("Host", None), ("Content-Length", None), ("Authorization", "Basic eDp5"), ("Cookie", "a=b"),
    ("X-Forwarded-For", None),
    ("X-Forwarded-Proto", None), ("X-Forwarded-Host", None), ("Content-Type", "text/plain"),
    ("Cache-Control", "no-store"), ("X-Request-Id", None)])
def test_nominating_cannot_remove_what_others_rely_on(stage, name, value):
    """CVE-2024-45410, CVE-2025-48865, CVE-2026-6338: naming end-to-end fields, or those that the gateway sets, has no effect."""
    fields = [("Connection", f"close, {name}"), ("Content-Length", "5")] + ([(name, value)] if value else [])
    got = stage.accept(client.head("POST", "/", fields) + b"hello")
    assert name in got.fields
    assert value is None or got.header(name) == value
    assert got.body == b"hello"


def test_a_connection_field_that_is_no_list_of_names_is_refused(stage):
    for value in ("a b", "a;b", "\"a\"", "a, b c", "(a)"):
        stage.refuse(client.head("GET", "/", [("Connection", value)]), 400, "bad_field")
    stage.refuse(client.head("GET", "/", [("Connection", ", ".join(f"x-{i}" for i in range(100)))]), 400, "bad_field")


def test_upgrades_are_not_offered_and_never_open_a_tunnel(stage):
    """The upgrade is as if it had not been asked for: what follows is the next request and is judged as one."""
    for protocol in ("websocket", "h2c", "TLS/1.0", "x, websocket"):
        def action():
            with stage.connect() as c:
                c.send(client.head("GET", "/ws", [("Connection", "Upgrade"), ("Upgrade", protocol),
                                                  ("Sec-WebSocket-Key", "x")])
                       + client.head("GET", "/next"))
                assert [c.receive().status, c.receive().status] == [200, 200]
        _, (first, second) = stage.arrivals(action)
        assert "Upgrade" not in first.fields and second.target == "/next"


def test_proxy_never_becomes_http_proxy(stage):
    got = stage.accept(client.head("GET", "/", [("Proxy", "http://evil"), ("pROXY", "x"), ("X-Proxy", "1")]))
    assert "Proxy" not in got.fields and got.header("X-Proxy") == "1"


# Fields that pass.

def test_other_fields_pass_byte_for_byte_and_in_order(stage):
    sent = [("X-B", "2"), ("x-a", "1"), ("X-B", "3, 4"), ("X-Empty", ""), ("X-Latin", "caf\xe9"),
            ("X-Punct", "a;b=\"c, d\" (e) <f>"),
            ("Accept", "*/*"), ("Cookie", "a=b; c=d"), ("X-Long", "y" * 4000), ("User-Agent", "test/1"),
            ("If-None-Match", '"x", W/"y"')]
    got = stage.accept(client.head("GET", "/", sent))
    names = {n.lower() for n, _ in sent}
    assert [(n, v) for n, v in got.fields if n.lower() in names] == sent


def test_names_with_an_underscore_are_dropped_refused_or_kept(sluice, origins):
    origin = origins.recorder()
    sent = [("X_User", "admin"), ("X-User", "u"), ("Content_Length", "5"), ("X_Forwarded_For", "6.6.6.6"),
            ("Transfer_Encoding", "chunked"),
            ("_", "x")]
    for rule in ("drop", "refuse", "keep"):
        gateway = sluice(merged(all_to(origin), {"listeners": {"http": {"underscores": rule}}}))
        answer = gateway.request("GET", f"/{rule}", sent)
        if rule == "refuse":
            assert (answer.status, code_of(answer)) == (400, "bad_field_name")
            continue
        got = origin.arrived[-1]
        kept = [n for n, _ in got.fields if "_" in n]
        assert got.header("X-User") == "u"
        # Those that imitate a field with a meaning are dropped even where the rest is kept.
        assert kept == ([] if rule == "drop" else ["X_User", "_"])
    assert [r.target for r in origin.arrived] == ["/drop", "/keep"]


# Who the client is.

IDENTITY = ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix",
            "X-Real-IP", "Forwarded"]


def test_what_a_stranger_says_about_himself_is_dropped(stage):
    spoofed = [("X-Forwarded-For", "6.6.6.6"), ("x-forwarded-FOR", "7.7.7.7"), ("X-Forwarded-Proto", "https"),
               ("X-Forwarded-Host", "evil"),
               ("X-Forwarded-Port", "443"), ("X-Forwarded-Prefix", "/evil"), ("X-Real-IP", "6.6.6.6"),
               ("Forwarded", "for=6.6.6.6"),
               ("X_Forwarded_For", "6.6.6.6"), ("X-Real_IP", "6.6.6.6")]
    got = stage.accept(client.head("GET", "/", spoofed, host="shop.example"))
    assert got.header("X-Forwarded-For") == "127.0.0.1"
    assert got.header("X-Forwarded-Proto") == "http"
    assert got.header("X-Forwarded-Host") == "shop.example"
    assert got.header("X-Forwarded-Port") == str(stage.gateway.port)
    assert not [v for _, v in got.fields if "6.6.6.6" in v or "evil" in v or "7.7.7.7" in v]


@pytest.fixture(scope="module")
def trusting(shared):
    recorder = shared.peers.recorder("trusted")
    gateway = shared.start(merged(all_to(recorder), {"listeners": {"http": {
        "trusted_proxies": ["127.0.0.0/8", "10.0.0.0/8", "fd00::/8"], "forwarded": True}}}))
    gateway.recorder = recorder
    return gateway


@pytest.mark.parametrize("chain,client_address", [
    (["1.2.3.4"], "1.2.3.4"), (["6.6.6.6, 1.2.3.4"], "1.2.3.4"), (["1.2.3.4, 10.1.1.1"], "1.2.3.4"),
    (["6.6.6.6, 1.2.3.4, 10.1.1.1, 10.2.2.2"], "1.2.3.4"),
    (["6.6.6.6", "1.2.3.4", "10.1.1.1"], "1.2.3.4"), (["10.1.1.1"], "10.1.1.1"),
    (["6.6.6.6, unknown, 10.1.1.1"], "10.1.1.1"),
    (["2001:db8::1"], "2001:db8::1"), (["[2001:db8::1]:123"], "2001:db8::1"), (["1.2.3.4:5678"], "1.2.3.4"),
    (["::ffff:1.2.3.4"], "1.2.3.4"),
    (["6.6.6.6, garbage!"], "127.0.0.1"), ([""], "127.0.0.1"), ([", ,1.2.3.4,,"], "1.2.3.4"),
    (["6.6.6.6, fd00::1"], "6.6.6.6")])
def test_behind_trusted_proxies_the_client_is_the_last_stranger(trusting, chain, client_address):
    answer = trusting.request("GET", "/x", [("X-Forwarded-For", v) for v in chain])
    assert answer.status == 200
    got = trusting.recorder.arrived[-1]
    assert got.header("X-Forwarded-For").split(", ")[-1] == "127.0.0.1", "the peer is added at the end"
    for value in chain:
        assert value in got.header("X-Forwarded-For")
    line = trusting.wait_log(len(trusting.recorder.arrived))[-1]
    assert line["client"] == client_address and line["peer"].startswith("127.0.0.1")


def test_trusted_peers_are_believed_about_scheme_and_host(trusting):
    trusting.request("GET", "/x", [("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Proto", "https"),
                                   ("X-Forwarded-Host", "shop.example"),
                                   ("X-Forwarded-Port", "443")], host="inner")
    got = trusting.recorder.arrived[-1]
    assert (got.header("X-Forwarded-Proto"), got.header("X-Forwarded-Host"),
            got.header("X-Forwarded-Port")) == ("https", "shop.example", "443")
    assert got.header("Host") == "inner"
    trusting.request("GET", "/x", [("X-Forwarded-Proto", "ftp"), ("X-Forwarded-Host", "a b")], host="inner")
    got = trusting.recorder.arrived[-1]
    assert (got.header("X-Forwarded-Proto"), got.header("X-Forwarded-Host")) == ("http", "inner")


def test_forwarded_is_read_and_written(trusting):
    trusting.request("GET", "/x",
                     [("Forwarded", 'for=6.6.6.6;proto=https, for="[2001:db8::1]:4711";proto=https;host=shop.example')],
                     host="inner")
    got = trusting.recorder.arrived[-1]
    elements = got.header("Forwarded").split(", ")
    assert elements[-1].lower().startswith("for=127.0.0.1")
    assert got.header("X-Forwarded-Proto") == "https"
    assert trusting.wait_log(len(trusting.recorder.arrived))[-1]["client"] == "2001:db8::1"


def test_only_one_dialect_is_believed(trusting):
    """A proxy that writes X-Forwarded-For may pass on a Forwarded that a stranger wrote."""
    trusting.request("GET", "/x", [("X-Forwarded-For", "1.2.3.4"), ("Forwarded", "for=6.6.6.6")])
    assert trusting.wait_log(len(trusting.recorder.arrived))[-1]["client"] == "1.2.3.4"
    assert "6.6.6.6" not in trusting.recorder.arrived[-1].header("Forwarded")


def test_trust_is_by_address_not_by_what_is_said(sluice, origins):
    origin = origins.recorder()
    gateway = sluice(merged(all_to(origin), {"listeners": {"http": {"trusted_proxies": ["127.0.0.2"]}}}))
    for source, seen in (("127.0.0.1", "127.0.0.1"), ("127.0.0.2", "1.2.3.4, 127.0.0.2"), ("127.0.0.3", "127.0.0.3")):
        with gateway.connect(source=source) as c:
            assert c.request("GET", "/", [("X-Forwarded-For", "1.2.3.4")]).status == 200
        assert origin.arrived[-1].header("X-Forwarded-For") == seen


def test_via_names_the_gateway_both_ways(stage):
    answer, (got,) = stage.send(client.head("GET", "/", [("Via", "1.0 fred")]))
    assert got.fields.all("Via") in (["1.0 fred", "1.1 sluice"], ["1.0 fred, 1.1 sluice"])
    assert answer.header("Via") == "1.1 sluice"
    _, (got,) = stage.send(client.head("GET", "/", version="1.0"))
    assert got.header("Via") == "1.0 sluice"


def test_via_can_be_left_out(sluice, origins):
    origin = origins.recorder()
    gateway = sluice(merged(all_to(origin), {"listeners": {"http": {"via": False}}}))
    assert "Via" not in gateway.request().fields
    assert "Via" not in origin.arrived[0].fields


# Request ids.

@pytest.mark.parametrize("value", ["abc-1", "a" * 128, "0192f3c4-7b2e-7cc1-8d5e-2b1f0a9c8d7e", "x_y.z:1+2/3="])
def test_a_sane_request_id_is_kept(stage, value):
    got = stage.accept(client.head("GET", "/", [("X-Request-Id", value)]))
    assert got.header("X-Request-Id") == value


@pytest.mark.parametrize("value", ["", "a b", "a\"b", "a" * 129, "caf\xe9", "a;b", "<script>", "${jndi:x}", "a,b"])
def test_any_other_is_replaced_by_a_fresh_one(stage, value):
    got = stage.accept(client.head("GET", "/", [("X-Request-Id", value)]))
    assert UUID_7.match(got.header("X-Request-Id"))


def test_two_request_ids_are_none(stage):
    got = stage.accept(client.head("GET", "/", [("X-Request-Id", "a"), ("X-Request-Id", "b")]))
    assert UUID_7.match(got.header("X-Request-Id"))


def test_request_ids_are_all_different(stage):
    def action():
        with stage.connect() as c:
            for _ in range(200):
                c.request()
    _, arrived = stage.arrivals(action)
    ids = {r.header("X-Request-Id") for r in arrived}
    assert len(ids) == 200 and all(UUID_7.match(i) for i in ids)


def test_request_ids_by_rule(sluice, origins):
    origin = origins.recorder()
    for rule in ("new", "off"):
        gateway = sluice(merged(all_to(origin), {"listeners": {"http": {"request_id": rule}}}))
        gateway.request("GET", "/", [("X-Request-Id", "mine")])
        seen = origin.arrived[-1].header("X-Request-Id")
        assert UUID_7.match(seen) if rule == "new" else seen == "mine"
        gateway.request("GET", "/")
        assert ("X-Request-Id" in origin.arrived[-1].fields) == (rule == "new")


def test_the_request_id_stands_in_errors_and_in_the_log(sluice):
    gateway = sluice({"routes": {"one": {"match": "/one", "respond": {"status": 204}}}})
    answer = gateway.request("GET", "/two", [("X-Request-Id", "find-me")])
    assert b'"request_id":"find-me"' in answer.body
    assert gateway.wait_log(1)[0]["request_id"] == "find-me"
