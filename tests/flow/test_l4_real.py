"""TCP services and TLS by name between the programs that people have: PostgreSQL, Redis, dnsmasq, openssl."""
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import time

import pytest

from kit.gateway import PortReservation
from kit.raw import exactly
from kit.waiting import PATIENCE_S, wait_until

POSTGRES = pathlib.Path(next(iter(sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), "/none"))
AS_POSTGRES = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class Programs:
    def __init__(self, directory):
        self.directory, self.made, self.reservations = directory, [], []

    def port(self):
        self.reservations.append(PortReservation())
        return self.reservations[-1].port

    def free_port(self):
        reservation = PortReservation()
        reservation.release()
        return reservation.port

    def start(self, command, port, **options):
        log = open(self.directory / f"program{len(self.made)}.txt", "ab")
        self.made.append(subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, **options))
        log.close()
        wait_until(lambda: listens(port), f"{command[0]} listens")
        return self.made[-1]

    def end(self):
        for process in self.made:
            process.terminate()
        for process in self.made:
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for reservation in self.reservations:
            reservation.release()


@pytest.fixture
def programs(tmp_path):
    made = Programs(tmp_path)
    yield made
    made.end()


def before(sluice, programs, target, **listener):
    """A gateway with one TCP listener before this target; gives its port too."""
    port = programs.port()
    gateway = sluice({"listeners": {"http": None, "it": {"listen": f"127.0.0.1:{port}", **(listener or {"tcp": "it"})}},
                      "services": {"it": {"targets": [target]}}})
    return gateway, port


# PostgreSQL.

@pytest.fixture
def postgres(programs, tmp_path):
    if not (POSTGRES / "postgres").exists():
        pytest.skip("no PostgreSQL")
    data = pathlib.Path("/tmp") / f"sluice-postgres-{os.getpid()}-{time.monotonic_ns()}"
    data.mkdir(mode=0o700)
    if AS_POSTGRES:
        shutil.chown(data, "postgres", "postgres")
    subprocess.run([*AS_POSTGRES, POSTGRES / "initdb", "-D", data / "db", "-A", "trust", "-U", "postgres", "--no-sync"],
                   check=True, capture_output=True, cwd="/tmp")
    port = programs.free_port()
    # Not through runuser, which would leave it behind when it is ended: it becomes that user itself.
    user = {"user": "postgres", "group": "postgres", "extra_groups": []} if AS_POSTGRES else {}
    programs.start([POSTGRES / "postgres", "-D", data / "db", "-p", str(port), "-k", str(data), "-h", "127.0.0.1", "-F"], port,
                   cwd="/tmp", **user)
    yield port
    programs.end()
    programs.made.clear()
    shutil.rmtree(data, ignore_errors=True)


def psql(port, *args, **options):
    command = ["psql", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S * 3, **options)


def test_postgres_answers_copies_and_cancels(sluice, programs, postgres):
    gateway, port = before(sluice, programs, f"127.0.0.1:{postgres}")
    wait_until(lambda: psql(port, "-c", "select 1").stdout == "1\n", "it answers")
    rows = 200_000
    data = "".join(f"{i}\tname of row {i}\n" for i in range(rows))
    assert psql(port, "-c", "create table t (id int primary key, name text)").returncode == 0
    done = psql(port, "-c", "copy t from stdin", input=data)
    assert done.returncode == 0, done.stderr
    assert psql(port, "-c", "select count(*), sum(id) from t").stdout == f"{rows}|{rows * (rows - 1) // 2}\n"
    assert psql(port, "-c", "copy (select * from t order by id) to stdout").stdout == data
    # A cancel is a connection of its own, that has to reach the same server.
    asking = subprocess.Popen(["psql", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-X", "-c", "select pg_sleep(60)"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: "pg_sleep(60)" in psql(port, "-c", "select query from pg_stat_activity where state = 'active'"
                                              " and pid <> pg_backend_pid()").stdout, "it sleeps")
    asking.send_signal(2)
    assert "canceling statement" in asking.communicate(timeout=PATIENCE_S)[1]
    assert gateway.metrics()("sluice_tunnels_total", reason="ok") >= 5


def test_a_postgres_session_outlives_reloads(sluice, programs, postgres):
    gateway, port = before(sluice, programs, f"127.0.0.1:{postgres}")
    wait_until(lambda: psql(port, "-c", "select 1").stdout == "1\n", "it answers")
    session = subprocess.Popen(["psql", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-X", "-q", "-A", "-t"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    try:
        session.stdin.write("create temp table kept (i int);\n")
        for i in range(20):
            gateway.reload({"listeners": {"http": None, "it": {"listen": f"127.0.0.1:{port}", "tcp": "it"}},
                            "services": {"it": {"targets": [f"127.0.0.1:{postgres}"], "timeout": {"connect": f"{i + 1}s"}}}})
            session.stdin.write(f"insert into kept values ({i}); select count(*) from kept;\n")
            session.stdin.flush()
            assert session.stdout.readline() == f"{i + 1}\n"
    finally:
        session.stdin.close()
        session.wait(PATIENCE_S)
        session.stdout.close()


# Redis.

@pytest.fixture
def redis(programs, tmp_path):
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server")
    port = programs.free_port()
    process = programs.start(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)], port)
    return port, process


def test_redis_pipelines_values_of_all_sizes_and_publishes(sluice, programs, redis):
    _, port = before(sluice, programs, f"127.0.0.1:{redis[0]}")
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
        for size in (1, 16384, 1_000_000):
            value = b"v" * size
            client.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n%s\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n" % (size, value))
            wanted = b"+OK\r\n$%d\r\n%s\r\n" % (size, value)
            assert exactly(client, len(wanted)) == wanted
        client.sendall(b"PING\r\n" * 10000)
        assert exactly(client, 70000) == b"+PONG\r\n" * 10000


def test_a_killed_redis_resets_its_clients_and_the_next_come_when_it_is_back(sluice, programs, redis, tmp_path):
    redis_port, process = redis
    gateway, port = before(sluice, programs, f"127.0.0.1:{redis_port}")
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
        client.sendall(b"PING\r\n")
        assert exactly(client, 7) == b"+PONG\r\n"
        process.kill()
        process.wait()
        try:
            assert client.recv(10) == b""
        except ConnectionResetError:
            pass
    # The reset may be there before connect has come back.
    with pytest.raises(ConnectionResetError), socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
        client.recv(10)
    programs.start(["redis-server", "--port", str(redis_port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)], redis_port)
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
        client.sendall(b"PING\r\n")
        assert exactly(client, 7) == b"+PONG\r\n"
    assert gateway.metrics()("sluice_tunnels_total", reason="origin_connect") == 1


# DNS over TCP.

def test_a_name_server_answers_over_tcp(sluice, programs, tmp_path):
    if shutil.which("dnsmasq") is None:
        pytest.skip("no dnsmasq")
    dns_port = programs.free_port()
    programs.start(["dnsmasq", "-k", "-C", "/dev/null", "-p", str(dns_port), "-a", "127.0.0.1", "--bind-interfaces", "-R", "-h",
                    "-x", str(tmp_path / "dnsmasq.pid"), "--address=/here.test/192.0.2.53", "-u", ""], dns_port)
    _, port = before(sluice, programs, f"127.0.0.1:{dns_port}")
    query = b"\x12\x34\x01\0\0\1\0\0\0\0\0\0\4here\4test\0\0\1\0\1"
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
        client.sendall(len(query).to_bytes(2, "big") + query)
        answer = exactly(client, int.from_bytes(exactly(client, 2), "big"))
    assert answer[:2] == b"\x12\x34" and answer.endswith(bytes([192, 0, 2, 53]))


# TLS by name.

@pytest.fixture
def tls(programs, tmp_path):
    """Servers that say their own name in their certificates; gives what starts one."""
    def start(name, *args):
        port = programs.free_port()
        key, certificate = tmp_path / f"{name}.key", tmp_path / f"{name}.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                        "-out", certificate, "-subj", f"/CN={name}", "-days", "2"], check=True, capture_output=True)
        programs.start(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-key", key, "-cert", certificate, "-www", *args], port)
        return f"127.0.0.1:{port}"
    return start


def served_by(port, name, alpn=()):
    """The name in the certificate that a client gets who asks for `name`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as raw, context.wrap_socket(raw, server_hostname=name) as client:
        certificate = ssl.DER_cert_to_PEM_cert(client.getpeercert(True))
    subject = subprocess.run(["openssl", "x509", "-noout", "-subject"], input=certificate, capture_output=True, text=True, check=True)
    return subject.stdout.strip().rpartition("= ")[2].rpartition("=")[2]


def test_tls_goes_to_the_server_of_its_name_and_protocol(sluice, programs, tls):
    api, grpc, web, other = tls("api"), tls("grpc"), tls("web"), tls("other")
    port = programs.port()
    config = {"listeners": {"http": None, "tls": {"listen": f"127.0.0.1:{port}", "tls_passthrough": {
        "names": {"api.example.com": {"service": api, "alpn": {"h2": grpc}}, "*.example.com": web}, "default": other}}},
        "services": {}}
    gateway = sluice(config)
    assert served_by(port, "api.example.com") == "api"
    assert served_by(port, "API.Example.com", ["http/1.1"]) == "api"
    assert served_by(port, "api.example.com", ["http/1.1", "h2"]) == "grpc"
    assert served_by(port, "x.example.com") == "web"
    assert served_by(port, "y.x.example.com") == "web"
    assert served_by(port, "example.com") == "other"
    assert served_by(port, None) == "other"
    lines = gateway.wait_log(7)
    assert lines[0]["protocol"] == "tls" and lines[0]["host"] == "api.example.com" and lines[0]["instance"] == api
    # Without a default the client is told that the name is unknown.
    del config["listeners"]["tls"]["tls_passthrough"]["default"]
    gateway.reload(config)
    with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
        served_by(port, "example.com")
    assert gateway.metrics()("sluice_tunnels_total", reason="no_name") == 1


def test_a_hello_in_pieces_of_records_and_segments_arrives(sluice, programs, tls):
    target = tls("api")
    _, port = before(sluice, programs, target, tls_passthrough={"names": {"api.example.com": "it"}})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="api.example.com")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    hello = outgoing.read()[5:]
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(hello), 100):
            part = hello[at:at + 100]
            record = b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part
            for i in range(0, len(record), 33):
                raw.sendall(record[i:i + 33])
        for _ in range(20):
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                raw.sendall(outgoing.read())
                incoming.write(raw.recv(65536))
        assert client.version().startswith("TLS")
