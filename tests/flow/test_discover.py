"""Instances that are not in the file: a watched file, an HTTP resource, Consul's catalogue, a real etcd, SRV records of a
real name server. What a source says takes effect without a reload; what it does not say takes nothing away."""
import base64
import http.server
import json
import os
import shutil
import subprocess
import threading
import urllib.request

import pytest

from kit.client import Client
from kit.gateway import PortReservation
from kit.waiting import PATIENCE_S, wait_until


class Registry:
    """An HTTP server whose answer the test sets; `hold` keeps questions for news back, as Consul does."""

    def __init__(self):
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                registry.asked.append((self.path, dict(self.headers)))
                status, body, fields = registry.answer(self.path)
                data = body.encode()
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.asked, self.answer = [], lambda path: (200, "[]", {})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def registry():
    made = Registry()
    yield made
    made.stop()


def service(discover):
    return {"services": {"app": {"discover": discover}}, "routes": {"/*": "app"}}


def who(gateway):
    response = gateway.request("GET", "/")
    return json.loads(response.body)["origin"] if response.status == 200 else response.status


def everybody(gateway, tries=40):
    return {who(gateway) for _ in range(tries)}


def write(path, text):
    aside = path.with_suffix(".new")
    aside.write_text(text)
    os.replace(aside, path)


def generation(gateway):
    return gateway.metrics()("sluice_generation")


def test_a_file_is_followed_and_a_broken_one_changes_nothing(sluice, origins, tmp_path):
    one, two = origins.echo("one"), origins.echo("two")
    listing = tmp_path / "app.yaml"
    gateway = sluice(service(f"file:{listing}"))
    response = gateway.request("GET", "/")
    assert response.status == 503 and json.loads(response.body)["code"] == "name_unresolved"
    write(listing, f"- {one.target}\n")
    wait_until(lambda: who(gateway) == "one", "the first list is in use")
    write(listing, json.dumps({"targets": [{"address": one.target, "weight": 0}, {"address": two.target}]}))
    wait_until(lambda: everybody(gateway, 8) == {"two"}, "the second list is in use")
    write(listing, f"- {one.target}\n- what is this\n")
    wait_until(lambda: "app.yaml:2:3" in gateway.stderr(), "the broken list is named with its place")
    assert everybody(gateway) == {"two"}
    listing.unlink()
    wait_until(lambda: "No such file" in gateway.stderr(), "the missing file is named")
    assert everybody(gateway) == {"two"}
    write(listing, "[]")
    wait_until(lambda: "lists no instance" in gateway.stderr(), "the empty list is said")
    assert everybody(gateway) == {"two"}


def test_secrets_of_this_machine_cannot_be_had_by_a_list(sluice, origins, registry, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("hidden-text")
    registry.answer = lambda path: (200, json.dumps(["${file:%s}" % secret]), {})
    gateway = sluice(service({"from": f"http://127.0.0.1:{registry.port}/x", "every": "100ms"}))
    wait_until(lambda: "references are for the configuration alone" in gateway.stderr(), "the reference is refused")
    assert "hidden-text" not in gateway.stderr()


def test_an_http_resource_is_asked_again_and_its_failures_change_nothing(sluice, origins, registry):
    one, two = origins.echo("one"), origins.echo("two")
    registry.answer = lambda path: (200, json.dumps([one.target]), {})
    gateway = sluice(service({"from": f"http://127.0.0.1:{registry.port}/app", "every": "100ms", "token": "s3cret"}))
    wait_until(lambda: who(gateway) == "one", "the first list is in use")
    assert registry.asked[0][0] == "/app" and registry.asked[0][1]["Authorization"] == "Bearer s3cret"
    for answer in ((500, "[]", {}), (200, "<html>", {}), (302, "", {"Location": "/else"}), (200, "[]", {})):
        registry.answer = lambda path, answer=answer: answer
        count = len(registry.asked)
        wait_until(lambda: len(registry.asked) > count + 1, "it was asked again")
        assert who(gateway) == "one"
    assert all(path == "/app" for path, _ in registry.asked), "no redirect was followed"
    registry.answer = lambda path: (200, json.dumps([two.target]), {})
    wait_until(lambda: who(gateway) == "two", "the next good list is in use")
    assert "s3cret" not in gateway.stderr()


def test_an_empty_list_is_believed_when_told_so(sluice, origins, registry):
    one = origins.echo("one")
    registry.answer = lambda path: (200, json.dumps([one.target]), {})
    gateway = sluice(service({"from": f"http://127.0.0.1:{registry.port}/app", "every": "100ms", "empty": "believe"}))
    wait_until(lambda: who(gateway) == "one", "the list is in use")
    registry.answer = lambda path: (200, "[]", {})
    wait_until(lambda: who(gateway) == 503, "nobody is left")
    registry.answer = lambda path: (200, json.dumps([one.target]), {})
    wait_until(lambda: who(gateway) == "one", "the list is in use again")


def test_consul_is_asked_for_what_is_healthy_and_waits_for_news(sluice, origins, registry):
    one, two = origins.echo("one"), origins.echo("two")
    state, news = {"index": 5, "origins": [one]}, threading.Event()

    def answer(path):
        if f"index={state['index']}" in path:
            news.wait(PATIENCE_S)
        entries = [{"Node": {"Address": "127.0.0.1"},
                    "Service": {"ID": o.name, "Address": "", "Port": o.port, "Weights": {"Passing": 1}}}
                   for o in state["origins"]]
        return 200, json.dumps(entries + [{"Service": {"ID": "lost"}}]), {"X-Consul-Index": str(state["index"])}

    registry.answer = answer
    gateway = sluice(service(f"consul://127.0.0.1:{registry.port}/my-app"))
    wait_until(lambda: who(gateway) == "one", "the catalogue is in use")
    assert registry.asked[0][0] == "/v1/health/service/my-app?passing=1&wait=60s&index=0"
    assert "1 entries are no instances" in gateway.stderr()
    wait_until(lambda: "index=5" in registry.asked[-1][0], "it waits for news")
    count = len(registry.asked)
    assert everybody(gateway) == {"one"} and len(registry.asked) == count
    state.update(index=6, origins=[two])
    news.set()
    wait_until(lambda: who(gateway) == "two", "the news is in use")


class Etcd:
    def __init__(self, directory):
        ports = [PortReservation() for _ in range(2)]
        for each in ports:
            each.release()
        self.port, self.directory = ports[0].port, directory
        self.command = ["etcd", "--data-dir", str(directory), "--log-level", "error",
                        "--listen-client-urls", f"http://127.0.0.1:{ports[0].port}",
                        "--advertise-client-urls", f"http://127.0.0.1:{ports[0].port}",
                        "--listen-peer-urls", f"http://127.0.0.1:{ports[1].port}"]
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_until(self.is_up, "etcd answers")

    def call(self, verb, **body):
        for key in ("key", "value", "range_end"):
            if key in body:
                body[key] = base64.b64encode(body[key].encode()).decode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/v3/kv/{verb}", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
            return json.load(response)

    def is_up(self):
        try:
            self.call("range", key="/")
            return True
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE_S)


@pytest.fixture
def etcd(tmp_path):
    if shutil.which("etcd") is None:
        pytest.skip("etcd is not on this machine")
    made = Etcd(tmp_path / "etcd")
    yield made
    made.stop()


def test_keys_of_a_real_etcd_are_watched_and_survive_its_restart(sluice, origins, etcd):
    one, two = origins.echo("one"), origins.echo("two")
    etcd.call("put", key="/services/app/1", value=one.target)
    etcd.call("put", key="/services/apple/1", value="127.0.0.1:1")
    gateway = sluice(service(f"etcd://127.0.0.1:{etcd.port}/services/app/"))
    wait_until(lambda: who(gateway) == "one", "the first key is in use")
    etcd.call("put", key="/services/app/2", value=json.dumps({"Op": 0, "Addr": two.target}))
    wait_until(lambda: everybody(gateway, 12) == {"one", "two"}, "the second key is in use")
    etcd.call("deleterange", key="/services/app/1")
    wait_until(lambda: everybody(gateway, 12) == {"two"}, "the first key is gone")
    etcd.stop()
    wait_until(lambda: "stay in use" in gateway.stderr(), "the loss is said")
    assert everybody(gateway) == {"two"}
    etcd.start()
    etcd.call("put", key="/services/app/3", value=one.target)
    wait_until(lambda: everybody(gateway, 12) == {"one", "two"}, "the watch is there again")


@pytest.mark.load
def test_a_thousand_changes_a_second_are_no_reload_and_cost_no_request(sluice, origins, etcd):
    one, two = origins.echo("one"), origins.echo("two")
    etcd.call("put", key="/app/one", value=one.target)
    etcd.call("put", key="/app/two", value=two.target)
    gateway = sluice(service(f"etcd://127.0.0.1:{etcd.port}/app/"))
    wait_until(lambda: everybody(gateway, 12) == {"one", "two"}, "the keys are in use")
    before = generation(gateway)
    is_over, statuses = threading.Event(), []

    def load():
        with Client(gateway.address) as c:
            while not is_over.is_set():
                statuses.append(c.request("GET", "/").status)

    clients = [threading.Thread(target=load) for _ in range(2)]
    for each in clients:
        each.start()
    # Transactions of 100 keys each: 3,000 changes of weight-0 instances that come and go.
    for round_ in range(30):
        compare = [{"request_put": {"key": base64.b64encode(f"/app/x{i}".encode()).decode(),
                                    "value": base64.b64encode(b'{"address":"127.0.0.1:%d","weight":0}'
                                                              % (20000 + round_ * 100 + i)).decode()}}
                   for i in range(100)]
        request = urllib.request.Request(f"http://127.0.0.1:{etcd.port}/v3/kv/txn",
                                         json.dumps({"success": compare}).encode())
        urllib.request.urlopen(request, timeout=PATIENCE_S).close()
    etcd.call("deleterange", key="/app/x", range_end="/app/y")
    etcd.call("deleterange", key="/app/one")
    wait_until(lambda: everybody(gateway, 12) == {"two"}, "the last change is in use")
    is_over.set()
    for each in clients:
        each.join(PATIENCE_S)
    assert len(statuses) > 10 and set(statuses) == {200}
    assert generation(gateway) == before


def can_mount():
    return os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0


def test_srv_records_of_a_real_name_server_are_instances(sluice, origins, tmp_path):
    if shutil.which("dnsmasq") is None or not can_mount():
        pytest.skip("needs dnsmasq, and a mount name space for its resolv.conf")
    one, two = origins.echo("one"), origins.echo("two")
    address, hosts = "127.53.7.1", tmp_path / "srv.conf"
    server = ["dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--port=53", f"--listen-address={address}",
              "--bind-interfaces", "--user=root", f"--pid-file={tmp_path}/pid", f"--conf-file={hosts}", "--local-ttl=1"]

    def records(*origins_):
        hosts.write_text("host-record=a.test,127.0.0.1\n" +
                         "".join(f"srv-host=_http._tcp.app.test,a.test,{o.port},{priority},10\n"
                                 for priority, o in origins_))

    records((10, one), (20, two))
    process = subprocess.Popen(server, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        resolv = tmp_path / "resolv.conf"
        resolv.write_text(f"nameserver {address}\n")
        wrapper = ["unshare", "-m", "sh", "-c", f'mount --bind {resolv} /etc/resolv.conf && exec "$@"', "sh"]
        gateway = sluice(service("srv://_http._tcp.app.test"), wrapper=wrapper)
        wait_until(lambda: who(gateway) == "one", "the records are in use")
        assert everybody(gateway) == {"one"}, "a worse priority is a spare"
        process.terminate()
        process.wait(PATIENCE_S)
        records((10, two))
        assert who(gateway) == "one", "a name server that is gone takes nothing away"
        process = subprocess.Popen(server, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        wait_until(lambda: who(gateway) == "two", "the new records are in use")
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)
