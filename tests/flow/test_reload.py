"""Change without a drop: a reload compiles aside and swaps; connections, queues and counters live on; a bad file changes nothing
and says why; what was removed drains.
"""
import random
import re
import signal
import threading

import pytest

from kit import client
from kit.client import Client
from kit.gateway import PortReservation, all_to, merged
from kit.origin import expect_request, forever, pattern, send, wait
from kit.waiting import wait_until

MIB = 1 << 20


def respond(text, match="/*"):
    return {"match": match, "respond": {"status": 200, "body": text}}


# What changes and what stays.

def test_the_next_request_on_the_same_connection_meets_the_new_file(sluice):
    gateway = sluice({"routes": {"a": respond("one")}})
    with gateway.connect() as c:
        assert c.request().body == b"one"
        for text in ("two", "three"):
            gateway.reload({"routes": {"a": respond(text)}})
            assert c.request().body == text.encode()
            assert c.is_open()


def test_a_request_in_flight_keeps_the_file_that_it_began_with(sluice, origins):
    may_answer = threading.Event()
    origin = origins.script([expect_request(), wait(may_answer),
                             send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold")])
    old = merged(all_to(origin), {"routes": {"all": {"headers": {"response": {"set": {"X-Generation": "old"}}}}}})
    gateway = sluice(old)
    c = gateway.connect()
    c.send(client.head("GET", "/"))
    origin.wait_requests(1)
    gateway.reload({"routes": {"new": respond("new")}})
    assert gateway.request().body == b"new"
    may_answer.set()
    response = c.receive()
    assert (response.body, response.header("X-Generation")) == (b"old", "old")
    assert c.request().body == b"new"
    lines = gateway.wait_log(3)
    assert [line["generation"] for line in lines] == [2, 1, 2]


def test_an_upload_and_a_download_go_on_through_reloads(sluice, origins):
    origin = origins.echo()
    gateway = sluice(all_to(origin))
    up, down = gateway.connect(), gateway.connect(receive_buffer_bytes=65536)
    up.send(client.head("POST", "/up", [("Content-Length", str(10 * MIB))]) + b"x" * MIB)
    down.send(client.head("GET", f"/down?size={10 * MIB}"))
    assert down.receive_head().status == 200
    for i in range(5):
        gateway.reload(merged(all_to(origin), {"routes": {f"more{i}": respond("more", f"/more{i}")}}))
        up.send(b"x" * MIB)
    up.send(b"x" * (4 * MIB))
    assert b'"body_bytes": %d' % (10 * MIB) in up.receive().body
    assert down.reader.exactly(10 * MIB) == pattern(10 * MIB)
    assert up.is_open() and down.is_open()


def test_connections_to_origins_live_on(sluice, origins):
    origin = origins.echo()
    gateway = sluice(all_to(origin))
    gateway.request()
    for i in range(3):
        gateway.reload(merged(all_to(origin), {"routes": {"more": respond(str(i), "/more")}}))
        gateway.request()
    assert len(origin.connections) == 1
    assert gateway.metrics()("sluice_origin_reuses_total") == 3


def test_counters_live_on(sluice, origins):
    origin = origins.echo()
    gateway = sluice(all_to(origin))
    for i in range(3):
        gateway.request()
        gateway.reload(merged(all_to(origin), {"routes": {"more": respond(str(i), "/more")}}))
    metrics = gateway.metrics()
    assert metrics("sluice_requests_total", route="all", service="app") == 3
    assert (metrics("sluice_reloads_total"), metrics("sluice_config_generation")) == (3, 4)


def test_those_who_wait_in_line_are_served_after_a_reload(sluice, origins):
    may_answer = threading.Event()
    origin = origins.script([forever(expect_request(), wait(may_answer),
                                     send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))])
    config = all_to(origin, connections={"max": 1})
    gateway = sluice(config)
    clients = [gateway.connect() for _ in range(4)]
    for c in clients:
        c.send(client.head("GET", "/"))
    wait_until(lambda: gateway.metrics()("sluice_queue_depth") == 3, "three wait")
    gateway.reload(merged(config, {"routes": {"more": respond("more", "/more")}}))
    may_answer.set()
    assert [c.receive().status for c in clients] == [200] * 4


def test_the_load_of_an_instance_lives_on(sluice, origins):
    """A ceiling is exact over reloads: what is in flight counts under the new file too."""
    may_answer = threading.Event()
    origin = origins.script([forever(expect_request(), wait(may_answer),
                                     send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))])
    gateway = sluice(all_to(origin, connections={"max": 2}))
    clients = [gateway.connect() for _ in range(4)]
    for c in clients[:2]:
        c.send(client.head("GET", "/"))
    origin.wait_requests(2)
    gateway.reload(merged(all_to(origin, connections={"max": 2}), {"routes": {"more": respond("more", "/more")}}))
    for c in clients[2:]:
        c.send(client.head("GET", "/"))
    wait_until(lambda: gateway.metrics()("sluice_queue_depth") == 2, "the other two wait")
    assert len(origin.requests) == 2
    may_answer.set()
    assert [c.receive().status for c in clients] == [200] * 4


def test_an_instance_that_was_removed_finishes_and_gets_nothing_new(sluice, origins):
    may_answer = threading.Event()
    leaving = origins.script([expect_request(), wait(may_answer),
                              send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold")])
    staying = origins.echo()
    gateway = sluice(all_to(leaving))
    c = gateway.connect()
    c.send(client.head("GET", "/"))
    leaving.wait_requests(1)
    gateway.reload(all_to(staying))
    for _ in range(5):
        assert b"echo" in gateway.request().body
    may_answer.set()
    assert c.receive().body == b"old"
    leaving.wait_all_ended()
    assert len(leaving.requests) == 1


# A bad file.

BAD_FILES = {
    "not_yaml": "routes: [", "unknown_key": {"rotues": {}}, "unknown_service": {"routes": {"a": {"match": "/*",
                                                                                                 "to": "nowhere"}}},
    "empty": "",
    "bad_pattern": {"routes": {"a": {"match": {"path": {"pattern": "("}}, "respond": {}}}}, "nul": "routes:\0",
    "no_routes": {"routes": {}},
    "bad_address": {"listeners": {"http": {"listen": "999.1.1.1:80"}}, "routes": {"a": respond("x")}},
    "absent_address": {"listeners": {"more": {"listen": "192.0.2.1:8080"}}, "routes": {"a": respond("x")}},
}


def test_a_file_that_vanished_changes_nothing(sluice):
    gateway = sluice({"routes": {"a": respond("good")}})
    gateway.file.unlink()
    gateway.reload(is_refused=True)
    assert gateway.request().body == b"good"


def test_a_port_that_is_taken_changes_nothing(sluice):
    import socket
    gateway = sluice({"routes": {"a": respond("good")}})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gateway.reload({"listeners": {"more": {"listen": "127.0.0.1:%d" % taken.getsockname()[1]}},
                        "routes": {"a": respond("bad")}}, is_refused=True)
        assert gateway.request().body == b"good"


# Listeners come and go.

def test_a_listener_can_be_added_and_removed(sluice):
    second = PortReservation()
    with_second = {"listeners": {"second": {"listen": f"127.0.0.1:{second.port}"}}, "routes": {"a": respond("a")}}
    gateway = sluice({"routes": {"a": respond("a")}})
    with pytest.raises(ConnectionRefusedError):
        gateway.connect(port=second.port)
    gateway.reload(with_second)
    busy, idle = gateway.connect(port=second.port), gateway.connect(port=second.port)
    assert busy.request().body == idle.request().body == b"a"
    busy.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
    gateway.reload({"routes": {"b": respond("b")}})
    idle.expect_close()
    busy.send(b"\r\n")
    response = busy.receive()
    assert response.status == 200 and response.header("Connection") == "close", "what had begun is answered"
    busy.expect_close()

    def is_shut():
        try:
            gateway.connect(port=second.port).close()
        except ConnectionRefusedError:
            return True
        return False
    wait_until(is_shut, "nobody listens there any more")
    assert gateway.request().body == b"b"
    second.release()


def test_a_listener_keeps_its_socket_when_its_settings_change(sluice, origins):
    gateway = sluice(all_to(origins.echo()))
    with gateway.connect() as c:
        c.request()
        gateway.reload(merged(all_to(origins.echo()), {"listeners": {"http": {"limits": {"target": "256"},
                                                                              "via": False}}}))
        assert "Via" not in c.request().fields
        assert c.request("GET", "/" + "a" * 300).status == 414


def test_a_listener_can_be_renamed(sluice):
    gateway = sluice({"routes": {"a": respond("a")}})
    port = gateway.port
    with gateway.connect() as c:
        c.request()
        gateway.reload({"listeners": {"http": None, "web": {"listen": f"127.0.0.1:{port}"}},
                        "routes": {"a": respond("b")}})
        assert c.request().body == b"b"
    assert gateway.wait_log(2)[1]["listener"] == "web"


# Under load.

class Load:
    """Clients of one kind that go on until they are told to stop, and remember everything that went wrong."""

    def __init__(self, gateway, act):
        self.gateway, self.act = gateway, act
        self.stop, self.problems, self.count = threading.Event(), [], 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            self.act(self)
        except (OSError, AssertionError) as problem:
            self.problems.append(f"{self.act.__name__}: {problem!r}")

    def expect(self, response, body_bytes=None):
        assert response.status == 200, response
        assert body_bytes is None or len(response.body) == body_bytes
        self.count += 1


def keep_alive(load):
    with Client(load.gateway.address) as c:
        while not load.stop.is_set():
            load.expect(c.request("GET", "/fixed/x?size=500"), 500)


def new_connections(load):
    while not load.stop.is_set():
        load.expect(load.gateway.request("GET", "/fixed/y?size=100"), 100)


def pipelining(load):
    with Client(load.gateway.address) as c:
        while not load.stop.is_set():
            c.send(client.head("GET", "/fixed/p") * 5)
            for _ in range(5):
                load.expect(c.receive())


def uploads(load):
    body = pattern(200_000)
    with Client(load.gateway.address) as c:
        while not load.stop.is_set():
            c.send(client.head("POST", "/fixed/up", [("Transfer-Encoding", "chunked")]))
            for at in range(0, len(body), 20_000):
                c.send(b"4e20\r\n" + body[at:at + 20_000] + b"\r\n")
            c.send(b"0\r\n\r\n")
            response = c.receive()
            load.expect(response)
            assert b'"body_bytes": 200000' in response.body


def slow_readers(load):
    while not load.stop.is_set():
        with Client(load.gateway.address, receive_buffer_bytes=8192) as c:
            c.send(client.head("GET", "/fixed/slow?size=300000"))
            head = c.receive_head()
            left = int(head.header("Content-Length"))
            while left > 0:
                left -= len(c.reader.exactly(min(left, 10_000)))
                load.stop.wait(0.001)
            load.count += 1


def big_config(origin, number):
    """1,000 routes of which a part changes with each file; /fixed stays."""
    dice = random.Random(number)
    routes = {f"r{i}": respond(f"{number}", f"/r{i}/{dice.randrange(1000)}/*") for i in range(998)}
    routes["fixed"] = {"match": "/fixed/*", "to": "app", "headers": {"response": {"set": {"X-Number": str(number)}}}}
    routes["number"] = respond(str(number), "/number")
    return {"services": {"app": {"targets": [origin.target]}}, "routes": routes}


@pytest.mark.load
def test_100_reloads_of_1000_routes_under_load_lose_nothing(sluice, origins):
    origin = origins.echo()
    gateway = sluice(big_config(origin, 0), cores=2)
    loads = [Load(gateway, act) for act in (keep_alive, keep_alive, new_connections, pipelining, uploads, slow_readers)]
    resident = []
    for number in range(1, 101):
        gateway.reload(big_config(origin, number))
        assert gateway.request("GET", "/number").body == str(number).encode()
        resident.append(gateway.rss_bytes())
        assert not [p for load in loads for p in load.problems], [p for load in loads for p in load.problems]
    before = [load.count for load in loads]
    wait_until(lambda: all(load.count > count for load, count in zip(loads, before)),
               "every kind of client still makes progress")
    for load in loads:
        load.stop.set()
    for load in loads:
        load.thread.join()
        assert load.problems == []
        assert load.count > 0, load.act.__name__
    metrics = gateway.metrics()
    assert metrics("sluice_reloads_total") == 100
    assert metrics("sluice_errors_total") == 0
    early, late = max(resident[10:30]), min(resident[80:])
    assert late < early * 1.1 + 4 * MIB, f"memory rose from {early} to {late}: {[r // MIB for r in resident]}"


@pytest.mark.load
def test_good_and_bad_files_in_turn_under_load(sluice, origins):
    origin = origins.echo()
    gateway = sluice(big_config(origin, 0))
    loads = [Load(gateway, act) for act in (keep_alive, uploads)]
    for number in range(1, 11):
        gateway.reload(big_config(origin, number))
        gateway.reload("routes: [", is_refused=True)
        assert gateway.request("GET", "/number").body == str(number).encode()
    for load in loads:
        load.stop.set()
        load.thread.join()
        assert load.problems == [] and load.count > 0


def test_a_flood_of_signals_is_as_good_as_one(sluice):
    gateway = sluice({"routes": {"a": respond("0")}})
    for i in range(50):
        gateway.write({"routes": {"a": respond(str(i))}})
        gateway.process.send_signal(signal.SIGHUP)
    wait_until(lambda: gateway.request().body == b"49", "the last file is in use")
    gateway.assert_sound()


def test_a_file_that_means_the_same_is_no_new_generation(sluice):
    text = "listeners: {http: {listen: '127.0.0.1:@PORT@'}}\nobserve: {access_log: off, metrics: {listen: '127.0.0.1:@METRICS@'}}\n"
    gateway = sluice(text + "routes: {a: {match: /*, respond: {status: 200}}}\n")
    gateway.write("# a comment\n" + text + "routes:\n  a:\n    respond: {}\n    match: [/*]\n")
    gateway.process.send_signal(signal.SIGHUP)
    gateway.reload(text + "routes: {a: {match: /*, respond: {status: 204}}}\n")
    assert gateway.request().status == 204
    assert gateway.metrics()("sluice_config_generation") == 2


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_changes_nothing_and_says_why(sluice, name):
    gateway = sluice({"routes": {"a": respond("good")}})
    with gateway.connect() as c:
        assert c.request().body == b"good"
        gateway.reload(BAD_FILES[name], is_refused=True)
        assert c.request().body == b"good"
    assert gateway.request().body == b"good"
    metrics = gateway.metrics()
    assert (metrics("sluice_reload_successful"), metrics("sluice_config_generation")) == (0, 1)
    said = gateway.stderr()
    assert re.search(r"error\[E\d{4}\]", said) or "192.0.2.1" in said, said
    assert gateway.is_ready(), "a bad file on disk is no reason to send traffic away"
    gateway.reload({"routes": {"a": respond("better")}})
    assert gateway.request().body == b"better"
    assert gateway.metrics()("sluice_reload_successful") == 1


def test_the_host_of_a_target_is_what_the_file_says_now(sluice, origins):
    """`host: target` sends the target as it is written; another spelling of one address is heard of, on connections that stay."""
    origin = origins.echo()
    config = all_to(origin, host="target")
    named = f"localhost:{origin.target.rsplit(':', 1)[1]}"
    gateway = sluice(config)
    gateway.request()
    gateway.reload(merged(config, {"services": {"app": {"targets": [named]}}}))
    wait_until(lambda: gateway.request() and origin.requests[-1].header("Host") == named, "the new name is sent")
    assert len(origin.connections) == 1
    gateway.reload(config)
    gateway.request()
    assert origin.requests[-1].header("Host") == origin.target
