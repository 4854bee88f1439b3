"""TCP services: bytes pass as they are, ends pass as ends and resets as resets, an instance that does not answer is passed over,
times are kept, and a reload ends no connection.
"""
import socket
import threading

import pytest

from kit.gateway import PortReservation, all_to
from kit.raw import MIB, Instance, exactly, pattern, reset, send_all, until_end
from kit.waiting import PATIENCE_S, wait_until


@pytest.fixture
def instances():
    made = []

    def make(**options):
        made.append(Instance(**options))
        return made[-1]
    yield make
    for each in made:
        each.close()


@pytest.fixture
def tcp(sluice):
    """Starts a gateway with one TCP listener in front of these targets; gives it and a function that connects."""
    reservations, clients = [], []

    def start(targets, listener=None, service=None, keys=None, **options):
        reservations.append(PortReservation())
        port = reservations[-1].port

        def config(**changes):
            return {"listeners": {"db": {"listen": f"127.0.0.1:{port}", "tcp": {"service": "db", **(listener or {})},
                                         **(keys or {})},
                                  "http": None, **changes},
                    "services": {"db": {"targets": targets, "timeout": {"connect": "2s"}, **(service or {})}}}
        gateway = sluice(config(), **options)
        gateway.tcp_config = config
        gateway.tcp_port = port

        def connect(receive_buffer_bytes=None):
            client = socket.socket()
            if receive_buffer_bytes:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
            client.settimeout(PATIENCE_S)
            client.connect(("127.0.0.1", port))
            clients.append(client)
            return client
        return gateway, connect
    yield start
    for each in clients:
        each.close()
    for each in reservations:
        each.release()


def assert_is_reset(connection):
    with pytest.raises(ConnectionResetError):
        while connection.recv(MIB):
            pass


def assert_never_served(connect):
    """The reset may be there before connect has come back."""
    with pytest.raises(ConnectionResetError):
        connect().recv(1)


def test_questions_and_answers_pass_as_they_are(tcp, instances):
    origin = instances()
    gateway, connect = tcp([origin.target])
    client = connect()
    server = origin.take()
    for i in range(100):
        client.sendall(b"question %d" % i)
        assert exactly(server, len(b"question %d" % i)) == b"question %d" % i
        server.sendall(b"answer %d" % i)
        assert exactly(client, len(b"answer %d" % i)) == b"answer %d" % i
    client.close()
    assert until_end(server) == b""
    server.close()
    line = gateway.wait_log(1)[0]
    assert line["protocol"] == "tcp" and line["listener"] == "db" and line["service"] == "db"
    assert line["instance"] == origin.target and line["reason"] == "ok" and line["attempts"] == 1
    assert line["client_received_bytes"] == line["origin_sent_bytes"] == sum(len(b"question %d" % i) for i in range(100))
    assert line["client_sent_bytes"] == line["origin_received_bytes"] == sum(len(b"answer %d" % i) for i in range(100))
    metrics = gateway.metrics()
    assert metrics("sluice_tunnels_total", listener="db", service="db", reason="ok") == 1
    assert metrics("sluice_client_connections", listener="db") == 0
    assert metrics("sluice_origin_connections", service="db") == 0


def test_an_instance_may_speak_first(tcp, instances):
    origin = instances()
    _, connect = tcp([origin.target])
    client = connect()
    origin.take().sendall(b"220 ready\r\n")
    assert exactly(client, 11) == b"220 ready\r\n"


@pytest.mark.parametrize("size", [1, 16383, 16384, 16385, 65536, 65537, MIB, 20 * MIB])
def test_bulk_arrives_whole_in_both_directions_at_once(tcp, instances, size):
    origin = instances()
    _, connect = tcp([origin.target])
    client, up, down = connect(), pattern(size), pattern(size, 13)
    server = origin.take()
    threads = [send_all(client, up), send_all(server, down)]
    got = {}
    reader = threading.Thread(target=lambda: got.setdefault("down", exactly(client, size)), daemon=True)
    reader.start()
    assert exactly(server, size) == up
    reader.join(PATIENCE_S)
    assert got["down"] == down
    for thread in threads:
        thread.join(PATIENCE_S)


def test_small_and_large_take_turns(tcp, instances):
    origin = instances()
    _, connect = tcp([origin.target])
    client = connect()
    server = origin.take()
    for size in (10, 3 * MIB, 10, 100_000, 10, MIB):
        data = pattern(size)
        thread = send_all(server, data)
        assert exactly(client, size) == data
        thread.join(PATIENCE_S)
        client.sendall(b"more")
        assert exactly(server, 4) == b"more"


def test_a_half_closed_connection_carries_the_other_half(tcp, instances):
    origin = instances()
    _, connect = tcp([origin.target])
    client = connect()
    server = origin.take()
    client.sendall(b"all that I have")
    client.shutdown(socket.SHUT_WR)
    assert until_end(server) == b"all that I have"
    answer = pattern(MIB)
    thread = send_all(server, answer)
    assert exactly(client, MIB) == answer
    thread.join(PATIENCE_S)
    server.close()
    assert until_end(client) == b""


def test_an_instance_may_close_its_half_first(tcp, instances):
    origin = instances()
    gateway, connect = tcp([origin.target])
    client = connect()
    server = origin.take()
    server.sendall(b"bye")
    server.shutdown(socket.SHUT_WR)
    assert until_end(client) == b"bye"
    client.sendall(b"wait")
    assert exactly(server, 4) == b"wait"
    client.close()
    assert until_end(server) == b""
    assert gateway.wait_log(1)[0]["reason"] == "ok"


def test_a_reset_of_the_client_reaches_the_instance_as_one(tcp, instances):
    origin = instances()
    gateway, connect = tcp([origin.target])
    client = connect()
    server = origin.take()
    client.sendall(b"last words")
    assert exactly(server, 10) == b"last words"
    reset(client)
    assert_is_reset(server)
    assert gateway.wait_log(1)[0]["reason"] == "tunnel_client_reset"


def test_a_reset_of_the_instance_reaches_the_client_as_one(tcp, instances):
    origin = instances()
    gateway, connect = tcp([origin.target])
    client = connect()
    server = origin.take()
    server.sendall(b"last words")
    assert exactly(client, 10) == b"last words"
    reset(server)
    assert_is_reset(client)
    assert gateway.wait_log(1)[0]["reason"] == "tunnel_origin_reset"


def test_a_slow_reader_holds_the_sender_back(tcp, instances):
    origin = instances()
    gateway, connect = tcp([origin.target])
    client = connect(receive_buffer_bytes=16384)
    server = origin.take()
    before = gateway.rss_bytes()
    server.settimeout(0.5)
    sent, block = 0, pattern(65536)
    with pytest.raises(TimeoutError):
        while sent < 256 * MIB:
            sent += server.send(block)
    assert sent < 64 * MIB
    assert gateway.rss_bytes() - before < 4 * MIB
    server.shutdown(socket.SHUT_WR)
    assert len(until_end(client)) == sent


def test_other_instances_are_tried_while_nothing_was_passed_on(tcp, instances):
    refusing, origin = PortReservation(), instances()
    gateway, connect = tcp([f"127.0.0.1:{refusing.port}", origin.target], service={"balance": "round_robin"})
    for i in range(4):
        client = connect()
        client.sendall(b"x")
        assert exactly(origin.take(), 1) == b"x"
        client.close()
    origin.close()
    lines = gateway.wait_log(4)
    refusing.release()
    assert {line["instance"] for line in lines} == {origin.target}
    assert 2 in {line["attempts"] for line in lines}
    assert gateway.metrics()("sluice_origin_connect_failures_total", service="db") >= 2


def test_without_an_instance_the_connection_is_reset(tcp):
    refusing = PortReservation()
    gateway, connect = tcp([f"127.0.0.1:{refusing.port}"])
    assert_never_served(connect)
    refusing.release()
    line = gateway.wait_log(1)[0]
    assert line["reason"] == "origin_connect"
    assert gateway.metrics()("sluice_tunnels_total", reason="origin_connect") == 1


def test_a_ceiling_of_connections_is_never_passed(tcp, instances):
    origin = instances()
    gateway, connect = tcp([origin.target], service={"connections": {"max": 2}})
    kept = [connect(), connect()]
    servers = [origin.take(), origin.take()]
    assert_never_served(connect)
    assert gateway.wait_log(1)[0]["reason"] == "queue_full"
    kept[0].close()
    servers[0].close()
    gateway.wait_log(2)
    client = connect()
    client.sendall(b"x")
    assert exactly(origin.take(), 1) == b"x"


def test_an_idle_connection_ends(tcp, instances):
    origin = instances()
    gateway, connect = tcp([origin.target], listener={"idle": "300ms"})
    client = connect()
    server = origin.take()
    for _ in range(10):
        client.sendall(b"x")
        assert exactly(server, 1) == b"x"
        threading.Event().wait(0.05)
    assert until_end(client) == b""
    assert until_end(server) == b""
    assert gateway.wait_log(1)[0]["reason"] == "tunnel_idle"


def test_a_connection_lasts_no_longer_than_it_may(tcp, instances):
    origin = instances()
    gateway, connect = tcp([origin.target], listener={"life": "500ms"})
    client = connect()
    server = origin.take()
    try:
        while True:
            client.sendall(b"x")
            assert exactly(server, 1) == b"x"
            threading.Event().wait(0.01)
    except (OSError, AssertionError):
        pass
    assert gateway.wait_log(1)[0]["reason"] == "tunnel_life"


def test_a_hundred_reloads_end_no_connection(tcp, instances):
    origin = instances()
    gateway, connect = tcp([origin.target], cores=2)
    pairs = []
    for _ in range(8):
        client = connect()
        pairs.append((client, origin.take()))
    for i in range(100):
        gateway.reload({**gateway.tcp_config(), "drain": {"timeout": f"{10 + i}s"}})
        client, server = pairs[i % len(pairs)]
        client.sendall(b"%d" % i)
        assert exactly(server, len(b"%d" % i)) == b"%d" % i
        server.sendall(b"yes")
        assert exactly(client, 3) == b"yes"
    assert gateway.access_log() == []
    # No old configuration is held by them.
    for client, server in pairs:
        client.close()
        server.close()
    assert {line["generation"] for line in gateway.wait_log(8)} == {1}


def test_a_removed_listener_leaves_its_connections_the_time_of_a_drain(tcp, instances):
    origin = instances()
    gateway, connect = tcp([origin.target])
    gateway.reload({**gateway.tcp_config(), "drain": {"timeout": "600ms"}})
    old = connect()
    server = origin.take()
    gateway.reload({"services": {"db": {"targets": [origin.target]}}, "listeners": {"db": None},
                    "routes": {"all": {"match": "/*", "to": "db"}}})
    with pytest.raises(ConnectionRefusedError):
        connect()
    old.sendall(b"still here")
    assert exactly(server, 10) == b"still here"
    assert until_end(old) == b""
    assert gateway.wait_log(1)[0]["reason"] == "draining"


def test_going_down_waits_for_connections_until_the_deadline(tcp, instances):
    origin = instances()
    gateway, connect = tcp([origin.target])
    gateway.reload({**gateway.tcp_config(), "drain": {"timeout": "2s"}})
    quick, slow = connect(), connect()
    servers = [origin.take(), origin.take()]
    gateway.process.terminate()
    wait_until(lambda: not gateway.is_ready(), "it drains")
    quick.sendall(b"q")
    assert exactly(servers[0], 1) == b"q"
    quick.close()
    servers[0].close()
    assert_is_reset(slow)
    gateway.process.wait(PATIENCE_S)


def test_a_killed_instance_ends_its_connections_only(tcp, instances):
    first, second = instances(), instances()
    gateway, connect = tcp([first.target, second.target], service={"balance": "round_robin"})
    pairs = []
    for _ in range(4):
        client = connect()
        ready = wait_for_either(first, second)
        pairs.append((client, ready, ready.take()))
        client.sendall(b"x")  # before the first byte a reset is one more instance that is passed over
        assert exactly(pairs[-1][2], 1) == b"x"
    for _, instance, server in pairs:
        if instance is first:
            reset(server)
    first.listener.close()
    for client, instance, server in pairs:
        if instance is first:
            assert_is_reset(client)
        else:
            client.sendall(b"x")
            assert exactly(server, 1) == b"x"
    for _ in range(4):
        client = connect()
        client.sendall(b"y")
        assert exactly(second.take(), 1) == b"y"


def wait_for_either(*waiting):
    import select
    ready, _, _ = select.select([w.listener for w in waiting], [], [], PATIENCE_S)
    return next(w for w in waiting if w.listener is ready[0])


def test_no_connection_shares_bytes_with_another(tcp, instances):
    origin = instances()
    _, connect = tcp([origin.target], cores=2)
    failures = []

    def serve(server):
        try:
            mark = exactly(server, 8)
            data = until_end(server)
            if data != mark * (len(data) // 8):
                failures.append("bytes of another connection")
            server.sendall(mark * 4096 * 16)
            server.close()
        except OSError as e:
            failures.append(str(e))

    def ask(index):
        try:
            client, mark = connect(), b"%08d" % index
            client.sendall(mark * 4096 * (index % 32 + 1))
            client.shutdown(socket.SHUT_WR)
            if until_end(client) != mark * 4096 * 16:
                failures.append(f"client {index}")
        except OSError as e:
            failures.append(str(e))
    askers = [threading.Thread(target=ask, args=(i,), daemon=True) for i in range(64)]
    for thread in askers:
        thread.start()
    servers = [threading.Thread(target=serve, args=(origin.take(),), daemon=True) for _ in askers]
    for thread in servers:
        thread.start()
    for thread in askers + servers:
        thread.join(PATIENCE_S)
    assert failures == []


LOOPBACK_PROXY = {"proxy_protocol": {"from": ["127.0.0.0/8"]}}


def test_a_balancer_in_front_tells_whose_connection_it_is(tcp, instances):
    origin = instances()
    gateway, connect = tcp([origin.target], keys=LOOPBACK_PROXY, service={"send_proxy": "v1"})
    client = connect()
    for byte in b"PROXY TCP4 192.0.2.7 192.0.2.8 4096 5432\r\nhello":
        client.sendall(bytes([byte]))
    server = origin.take()
    wanted = b"PROXY TCP4 192.0.2.7 192.0.2.8 4096 5432\r\nhello"
    assert exactly(server, len(wanted)) == wanted
    client.close()
    assert until_end(server) == b""
    server.close()
    line = gateway.wait_log(1)[0]
    assert line["client"] == "192.0.2.7" and line["client_received_bytes"] == 5


def test_what_a_balancer_sends_instead_of_a_header_is_refused(tcp, instances):
    origin = instances()
    gateway, connect = tcp([origin.target], keys=LOOPBACK_PROXY)
    for bad in (b"GET / HTTP/1.1\r\n\r\n", b"PROXY TCP4 1.1.1.1\r\n", b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0"):
        client = connect()
        client.sendall(bad)
        assert_is_reset(client)
    assert gateway.metrics()("sluice_errors_total", reason="bad_preface") == 3


def test_peers_that_are_no_balancers_are_served_or_refused(tcp, instances):
    origin = instances()
    _, connect = tcp([origin.target], keys={"proxy_protocol": {"from": ["192.0.2.0/24"]}})
    client = connect()
    client.sendall(b"PROXY TCP4 ")
    assert exactly(origin.take(), 11) == b"PROXY TCP4 "
    _, connect = tcp([origin.target], keys={"proxy_protocol": {"from": ["192.0.2.0/24"], "required": True}})
    assert_never_served(connect)


def test_requests_behind_a_balancer_are_from_whom_it_says(sluice, origins):
    origin = origins.echo()
    gateway = sluice({**all_to(origin), "listeners": {"http": LOOPBACK_PROXY}})
    with gateway.connect() as client:
        client.send(b"PROXY TCP4 192.0.2.7 192.0.2.8 4096 80\r\n")
        for _ in range(2):
            assert b"192.0.2.7" in client.request("GET", "/").body
    assert {line["client"] for line in gateway.wait_log(2)} == {"192.0.2.7"}


def test_version_2_has_a_name_for_each_connection(tcp, instances):
    origin = instances()
    gateway, connect = tcp([origin.target], service={"send_proxy": "v2"})
    client = connect()
    server = origin.take()
    head = exactly(server, 16)
    assert head[:14] == b"\r\n\r\n\0\r\nQUIT\n\x21\x11"
    rest = exactly(server, int.from_bytes(head[14:], "big"))
    assert rest[:8] == bytes([127, 0, 0, 1] * 2)
    assert int.from_bytes(rest[8:10], "big") == client.getsockname()[1]
    assert int.from_bytes(rest[10:12], "big") == gateway.tcp_port
    assert rest[12:15] == b"\x05\0\x20" and len(rest) == 15 + 32
    server.sendall(b"hello")
    assert exactly(client, 5) == b"hello"
