"""The program as a person types it: verbs that serve, and verbs that speak to a process that serves."""
import os
import pathlib
import signal
import socket
import subprocess

from kit import client
from kit.gateway import REPORTS, PortReservation, binary
from kit.waiting import PATIENCE_S, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(*words, code=0, cwd=None, **environment):
    """Runs a verb to its end and returns what it printed on stdout and stderr."""
    done = subprocess.run([binary(), *map(str, words)], capture_output=True, text=True, cwd=cwd, check=False,
                          stdin=subprocess.DEVNULL, timeout=6 * PATIENCE_S, env={**os.environ, **environment})
    assert not REPORTS.search(done.stderr), done.stderr
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout, done.stderr


class Serving:
    """A verb that serves until it is told to stop."""

    def __init__(self, directory, *words):
        self.errors = directory / "stderr.txt"
        with open(self.errors, "wb") as err:
            self.process = subprocess.Popen([binary(), *map(str, words)], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=err, cwd=directory,
                                            start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        said = self.errors.read_text()
        assert not REPORTS.search(said), said
        assert self.process.returncode == 0, said


def answers(port):
    try:
        with client.Client(("127.0.0.1", port)) as c:
            return c.request("GET", "/x")
    except OSError:
        return None


# Serving without a file.

def test_proxy_forwards_to_the_targets_in_its_words(tmp_path, origins):
    first, second = origins.echo("first"), origins.echo("second")
    port = PortReservation()
    with Serving(tmp_path, "proxy", f"127.0.0.1:{port.port}", f"/a/*={first.target}", second.target, "--cores", "1"):
        wait_until(lambda: answers(port.port), "the proxy answers")
        with client.Client(("127.0.0.1", port.port)) as c:
            assert c.request("GET", "/a/1").status == 200
            assert c.request("GET", "/b").status == 200
    port.release()
    assert first.served == 1
    assert second.served >= 1


def test_proxy_outlives_its_data_process(tmp_path, origins):
    origin = origins.echo()
    port = PortReservation()
    with Serving(tmp_path, "proxy", f"127.0.0.1:{port.port}", origin.target, "--cores", "1") as serving:
        wait_until(lambda: answers(port.port), "the proxy answers")
        pid = serving.process.pid
        child = int(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
        os.kill(child, signal.SIGKILL)
        wait_until(lambda: answers(port.port), "another data process answers, from the same words")
    port.release()


def test_a_wrong_file_does_not_start_and_says_why(tmp_path):
    file = tmp_path / "wrong.yaml"
    file.write_text("listeners: { http: { prot: 1 } }\nroutes: { all: { match: /*, to: x } }\n")
    for words in ("run", file), ("run", file, "--no-supervisor"):
        _, said = run(*words, code=1)
        assert 'error[E0107]: unknown key "prot"' in said
        assert said.count("E0107]") == 1, said


def test_an_address_in_use_ends_the_start(tmp_path):
    port = PortReservation()
    port.socket.listen()
    file = tmp_path / "s.yaml"
    file.write_text(f"listeners: {{ http: {{ listen: 127.0.0.1:{port.port} }} }}\n"
                    'routes: { "/*": "http://127.0.0.1:1" }\n')
    _, said = run("run", file, code=1)
    assert f"127.0.0.1:{port.port}" in said and "already listens" in said
    port.release()


def test_output_that_cannot_be_written_is_a_failure():
    with open("/dev/full", "wb") as full:
        done = subprocess.run([binary(), "schema"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert b"could not be written" in done.stderr


# The admin socket.

def admin_config(directory, origin):
    return {"services": {"app": {"targets": [origin.target]}}, "routes": {"all": {"match": "/app/*", "to": "app"}},
            "admin": {"listen": f"unix:{directory}/admin.sock"}}


def test_status_reload_and_explain_speak_to_the_running_process(sluice, origins, tmp_path):
    origin = origins.echo()
    config = admin_config(tmp_path, origin)
    gateway = sluice(config)
    assert (tmp_path / "admin.sock").stat().st_mode & 0o777 == 0o600
    out, _ = run("status", gateway.file)
    assert "generation    1\n" in out and f"pid           {gateway.data_pid()}\n" in out
    assert run("reload", gateway.file)[0] == "unchanged: generation 1\n"

    config["routes"]["new"] = {"match": "/new", "respond": {"status": 204}}
    gateway.write(config)
    assert "404" in run("explain", "GET", "/new", "--live", gateway.file)[0]
    assert run("reload", gateway.file)[0] == "in use: generation 2\n"
    assert gateway.request("GET", "/new").status == 204
    out, _ = run("explain", "GET", "/new", "--live", "--socket", tmp_path / "admin.sock", "-H", "X-A: b c+d")
    assert "route     new" in out and "answer    204\n" in out


def test_a_refused_reload_changes_nothing_and_says_why(sluice, origins, tmp_path):
    origin = origins.echo()
    gateway = sluice(admin_config(tmp_path, origin))
    good = gateway.file.read_text()
    gateway.file.write_text(good.replace('"routes"', '"ruotes"'))
    _, said = run("reload", "--socket", tmp_path / "admin.sock", code=1)
    assert 'did you mean "routes"?' in said
    assert gateway.request("GET", "/app/1").status == 200

    taken = PortReservation()
    taken.socket.listen()
    gateway.file.write_text(good.replace(f"127.0.0.1:{gateway.port}", f"127.0.0.1:{taken.port}"))
    _, said = run("reload", "--socket", tmp_path / "admin.sock", code=1)
    assert said == "nothing has changed: another process already listens on this address\n"
    assert gateway.request("GET", "/app/1").status == 200
    taken.release()
    assert "generation    1\n" in run("status", "--socket", tmp_path / "admin.sock")[0]


def test_reload_by_pid_is_a_signal(sluice, origins, tmp_path):
    origin = origins.echo()
    config = admin_config(tmp_path, origin)
    gateway = sluice(config)
    config["routes"]["new"] = {"match": "/new", "respond": {"status": 204}}
    gateway.write(config)
    run("reload", "--pid", gateway.process.pid)
    wait_until(lambda: gateway.request("GET", "/new").status == 204, "the new route answers")


def test_the_admin_socket_moves_and_goes_with_the_file(sluice, origins, tmp_path):
    origin = origins.echo()
    config = admin_config(tmp_path, origin)
    gateway = sluice(config)
    config["admin"]["listen"] = f"unix:{tmp_path}/other.sock"
    gateway.write(config)
    assert run("reload", "--socket", tmp_path / "admin.sock")[0] == "in use: generation 2\n"
    wait_until(lambda: not (tmp_path / "admin.sock").exists(), "the old name is gone")
    assert "generation    2\n" in run("status", "--socket", tmp_path / "other.sock")[0]
    gateway.stop()
    assert not (tmp_path / "other.sock").exists()


def test_a_killed_process_leaves_no_name_in_the_way(sluice, origins, tmp_path):
    origin = origins.echo()
    gateway = sluice(admin_config(tmp_path, origin))
    before = gateway.data_pid()
    os.kill(before, signal.SIGKILL)

    def is_back():
        done = subprocess.run([binary(), "status", "--socket", str(tmp_path / "admin.sock")], capture_output=True,
                              text=True, check=False)
        return done.returncode == 0 and "restarts      1\n" in done.stdout
    wait_until(is_back, "the next data process answers on the same socket")


# The example.

def demo_file(directory, weights=(95, 5)):
    ports = [PortReservation() for _ in range(5)]
    names = [f"127.0.0.1:{port.port}" for port in ports]
    file = directory / "demo.yaml"
    file.write_text(f"""
listeners: {{ http: {{ listen: {names[0]} }} }}
services:
  orders:
    versions:
      v1: {{ weight: {weights[0]}, targets: [{names[2]}] }}
      v2: {{ weight: {weights[1]}, targets: [{names[3]}] }}
  users: {names[4]}
routes:
  orders: {{ match: /orders/*, to: orders }}
  users: {{ match: "GET api.example.com/users/{{id}}", to: users }}
  gone: {{ match: /gone, respond: {{ status: 410 }} }}
observe: {{ access_log: off, metrics: {{ listen: {names[1]} }} }}
""")
    for port in ports:
        port.release()
    return file


def test_the_demo_drives_itself_and_finds_the_split_of_the_file(tmp_path):
    out, _ = run("demo", demo_file(tmp_path), "--cores", "1", DEMO_SECONDS="2")
    assert "All were answered as the file says." in out
    shares = {line.split()[2]: int(line.split()[3]) for line in out.splitlines() if line.startswith("  orders ")}
    assert 0 < shares["v2"] < shares["v1"]


def test_the_demo_is_over_when_told(tmp_path):
    file = demo_file(tmp_path)
    with Serving(tmp_path, "demo", file) as demo:
        port = int(file.read_text().split("listen: 127.0.0.1:")[1].split()[0])
        wait_until(lambda: answers(port), "the demo answers")
        with client.Client(("127.0.0.1", port)) as c:
            response = c.request("GET", "/orders/7")
            assert response.status == 200 and b'"service":"orders"' in response.body
        demo.process.send_signal(signal.SIGINT)
        demo.process.wait(PATIENCE_S)


def test_the_demo_fails_when_its_ports_are_taken(tmp_path):
    file = demo_file(tmp_path)
    taken = PortReservation()
    taken.socket.listen()
    first = file.read_text().split("targets: [")[1].split("]")[0]
    file.write_text(file.read_text().replace(first, f"127.0.0.1:{taken.port}"))
    _, said = run("demo", file, code=1)
    assert f"instance 127.0.0.1:{taken.port}: another process already listens" in said
    taken.release()


def test_the_built_in_demo_makes_room_for_itself(tmp_path):
    taken = socket.socket(socket.AF_INET6)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind(("::", 8080))
        taken.listen()
    except OSError:
        pass  # somebody else has it, which is as good
    with taken:
        out, _ = run("demo", "--cores", "1", cwd=tmp_path, DEMO_SECONDS="1")
    assert "Port 8080 is taken on this machine" in out
    assert "All were answered as the file says." in out
