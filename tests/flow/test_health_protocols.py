"""Checks over TLS, of gRPC servers, and by script, against the implementations that people have."""
import signal
import socket
import ssl
import subprocess
import threading

import pytest

from kit.databases import free_port
from kit.origin import close, hang, read_exact, send
from kit.waiting import wait_until

QUICK = {"interval": "50ms", "fast_interval": "20ms", "down_interval": "30ms", "down_interval_max": "100ms",
         "timeout": "1s", "fall": 2}

# Debian's grpcio, in a process of its own; what it answers is read from its standard input.
GRPC_SERVER = """
import sys
import grpc
from concurrent import futures
state = {"": 1, "shop.Cart": 1}
def check(request, context):
    name = request[2:].decode() if request else ""
    if name not in state:
        context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
    return bytes([8, state[name]])
raw = lambda b: b
server = grpc.server(futures.ThreadPoolExecutor(4))
if len(sys.argv) < 3:
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("grpc.health.v1.Health", {
        "Check": grpc.unary_unary_rpc_method_handler(check, request_deserializer=raw, response_serializer=raw)}),))
server.add_insecure_port("127.0.0.1:" + sys.argv[1])
server.start()
print("ready", flush=True)
for line in sys.stdin:
    name, _, value = line.strip().partition("=")
    state[name] = int(value)
"""


def config(target, **check):
    return {"services": {"app": {"targets": [target], "panic": "off", "health": {**QUICK, **check}}},
            "routes": {"all": {"match": "/*", "to": "app"}}}


def wait_state(gateway, is_up):
    def is_so():
        m = gateway.metrics()
        done = m("sluice_health_checks_total")
        return done > 0 and m("sluice_health_up") == is_up
    wait_until(is_so, f"up is {is_up}: {gateway.stderr()[-1000:]}")


class GrpcServer:
    def __init__(self, *more):
        self.port = free_port()
        self.target = f"127.0.0.1:{self.port}"
        self.process = subprocess.Popen(["/usr/bin/python3", "-c", GRPC_SERVER, str(self.port), *more],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def tell(self, name, value):
        self.process.stdin.write(f"{name}={value}\n")
        self.process.stdin.flush()

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def grpc_server():
    pytest.importorskip("grpc")
    made = []

    def start(*more):
        made.append(GrpcServer(*more))
        return made[-1]
    yield start
    for server in made:
        server.stop()


def test_a_grpc_server_says_how_it_is(sluice, grpc_server):
    server = grpc_server()
    gateway = sluice(config(server.target, grpc={}))
    wait_state(gateway, 1)
    server.tell("", 2)
    wait_state(gateway, 0)
    assert "NOT_SERVING" in gateway.stderr()
    server.tell("", 1)
    wait_state(gateway, 1)
    server.process.send_signal(signal.SIGSTOP)
    wait_state(gateway, 0)
    assert "timed out after 1s" in gateway.stderr()
    server.process.send_signal(signal.SIGCONT)


def test_one_service_of_a_grpc_server_is_asked_for(sluice, grpc_server):
    server = grpc_server()
    gateway = sluice(config(server.target, grpc={"service": "shop.Cart"}))
    wait_state(gateway, 1)
    gateway = sluice(config(server.target, grpc={"service": "shop.None"}))
    wait_state(gateway, 0)
    assert "grpc-status 5: no such service" in gateway.stderr()


@pytest.mark.parametrize("counts_as,is_up", [("fail", 0), ("pass", 1)])
def test_a_grpc_server_without_the_health_service_counts_as_told(sluice, grpc_server, counts_as, is_up):
    server = grpc_server("no health service")
    gateway = sluice(config(server.target, grpc={"unimplemented": counts_as}))
    wait_state(gateway, is_up)


def test_a_server_that_speaks_http_1_is_no_grpc_server(sluice, origins):
    one = origins.script([read_exact(24), send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), close()],
                         judged=False)
    gateway = sluice(config(one.target, grpc={}))
    wait_state(gateway, 0)
    wait_until(lambda: "not HTTP/2" in gateway.stderr() or "broke off" in gateway.stderr(), gateway.stderr())


@pytest.fixture
def certificate(tmp_path):
    """A self-signed certificate for good.example and 127.0.0.1."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                    tmp_path / "key.pem", "-out", tmp_path / "cert.pem", "-days", "2", "-subj", "/CN=good.example",
                    "-addext", "subjectAltName=DNS:good.example,IP:127.0.0.1"], check=True, capture_output=True)
    return tmp_path / "cert.pem", tmp_path / "key.pem"


class TlsServer:
    """Answers each connection with one response, over TLS."""

    def __init__(self, certificate, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*certificate)
        self.context.sni_callback = lambda sock, name, context: self.names.append(name)
        self.names, self.answer = [], answer
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.target = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            try:
                sock.settimeout(5)
                with self.context.wrap_socket(sock, server_side=True) as s:
                    s.recv(4096)
                    s.sendall(self.answer)
            except (OSError, ssl.SSLError):
                pass

    def stop(self):
        self.listener.close()


@pytest.fixture
def tls_server(certificate):
    server = TlsServer(certificate)
    yield server
    server.stop()


def test_a_handshake_alone_or_with_a_request_inside(sluice, tls_server):
    wait_state(sluice(config(tls_server.target, tls={})), 1)
    wait_state(sluice(config(tls_server.target, tls={}, http={"path": "/h", "body": "ok"})), 1)
    gateway = sluice(config(tls_server.target, tls={}, http={"path": "/h", "body": "well"}))
    wait_state(gateway, 0)
    assert 'body lacks "well"' in gateway.stderr()


def test_a_certificate_must_be_right_when_it_is_verified(sluice, tls_server, certificate):
    ca = str(certificate[0])
    wait_state(sluice(config(tls_server.target, tls={"verify": True, "ca": ca})), 1)
    wait_state(sluice(config(tls_server.target, tls={"verify": True, "ca": ca, "name": "good.example"})), 1)
    assert "good.example" in tls_server.names
    gateway = sluice(config(tls_server.target, tls={"verify": True, "ca": ca, "name": "bad.example"}))
    wait_state(gateway, 0)
    assert "handshake: hostname mismatch" in gateway.stderr()
    gateway = sluice(config(tls_server.target, tls={"verify": True}))
    wait_state(gateway, 0)
    assert "handshake: self-signed certificate" in gateway.stderr()
    gateway = sluice(config(tls_server.target, tls={"verify": True, "ca": ca + ".none"}))
    wait_state(gateway, 0)
    assert "the certificates to trust cannot be read" in gateway.stderr()


def test_who_does_not_speak_tls_is_down(sluice, origins):
    plain = origins.script([send(b"220 mail.example ESMTP\r\n"), hang()], judged=False)
    gateway = sluice(config(plain.target, tls={}))
    wait_state(gateway, 0)
    assert "handshake: " in gateway.stderr()
    silent = origins.script([hang()], judged=False)
    gateway = sluice(config(silent.target, tls={}, timeout="200ms"))
    wait_state(gateway, 0)
    assert "timed out after 200ms" in gateway.stderr()


def test_a_script_speaks_to_a_mail_server(sluice, origins):
    mail = origins.script([send(b"220 mail.example ESMTP\r\n"), read_exact(8), send(b"250 mail.example\r\n"),
                           read_exact(6), close()], judged=False)
    gateway = sluice(config(mail.target, script=[{"expect": "220 "}, {"send": "EHLO a\r\n"}, {"expect": "250"}]))
    wait_state(gateway, 1)
    gateway = sluice(config(mail.target, script=[{"expect": "554 "}], timeout="200ms"))
    wait_state(gateway, 0)
