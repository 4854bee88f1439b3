"""The gateway as a real process: configuration in, ports from the kernel, readiness, metrics, log, and a clean end.

A test never ends well when the process wrote a CHECK, a sanitizer report or a leak to stderr, or did not leave with 0.
"""
import copy
import json
import os
import pathlib
import re
import signal
import socket
import subprocess

from . import client
from .waiting import PATIENCE_S, wait_until

REPORTS = re.compile(
    r"CHECK failed|AddressSanitizer|LeakSanitizer|ThreadSanitizer|MemorySanitizer|runtime error:|SUMMARY: .*Sanitizer"
    r"|stack smashing|buffer overflow detected|corrupted|double free")
METRIC_LINE = re.compile(r"([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)\Z")
LABEL = re.compile(r'([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"')


def binary():
    return os.environ.get("SLUICE_BIN", str(pathlib.Path(__file__).parents[3] / "build" / "sluice"))


class PortReservation:
    """A port from the kernel that stays ours: bound, never listening, shared by SO_REUSEPORT with who listens on it."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def release(self):
        self.socket.close()


def merged(base, changes):
    """A copy of `base` with `changes` laid over it; None takes a key away."""
    out = copy.deepcopy(base)
    for key, value in changes.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = merged(out[key], value)
        else:
            out[key] = copy.deepcopy(value)
    return out


def all_to(*origins, **service):
    """The configuration that sends everything to these origins; keywords are keys of the service."""
    return {"services": {"app": {"targets": [o.target for o in origins], **service}},
            "routes": {"all": {"match": "/*", "to": "app"}}}


class Metrics:
    """One scrape of /metrics."""

    def __init__(self, text):
        self.text = text
        self.series = []
        for line in text.split("\n"):
            if not line or line.startswith("#"):
                continue
            match = METRIC_LINE.match(line)
            assert match, f"no metric line: {line!r}"
            self.series.append((match.group(1), dict(LABEL.findall(match.group(2) or "")), float(match.group(3))))

    def __call__(self, name, **labels):
        """The sum over the series of this name that have these labels; 0 if there is none."""
        return sum(value for n, have, value in self.series
                   if n == name and all(have.get(k) == str(v) for k, v in labels.items()))

    def has(self, name):
        return any(n == name for n, _, _ in self.series)


class Gateway:
    """One running `sluice run`. `config` is a dict laid over a base with listener, metrics and log, or whole text in
    which @PORT@, @METRICS@ and @LOG@ are filled in."""

    def __init__(self, directory, config, args=(), cores=1, supervisor=True, environment=None, wrapper=(), wait=True):
        self.directory = directory
        self.file = directory / "sluice.yaml"
        self.log_file = directory / "access.log"
        self.stderr_file = directory / "stderr.txt"
        self.stdout_file = directory / "stdout.txt"
        self.reservations = [PortReservation(), PortReservation()]
        self.port, self.metrics_port = (r.port for r in self.reservations)
        self.address, self.metrics_address = ("127.0.0.1", self.port), ("127.0.0.1", self.metrics_port)
        self.clients = []
        self.is_expected_dirty = False
        self.write(config)
        command = [*wrapper, binary(), "run", str(self.file), "--cores", str(cores)]
        command += [] if supervisor else ["--no-supervisor"]
        with open(self.stderr_file, "ab") as err, open(self.stdout_file, "ab") as out:
            self.process = subprocess.Popen([*command, *args], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                            cwd=directory, start_new_session=True,
                                            env={**os.environ, **(environment or {})})
        if wait:
            wait_until(self.is_started, "the gateway is ready")

    # Configuration.

    def base(self):
        return {
            "listeners": {"http": {"listen": f"127.0.0.1:{self.port}"}},
            "observe": {"access_log": {"format": "json", "to": str(self.log_file)},
                        "metrics": {"listen": f"127.0.0.1:{self.metrics_port}"}},
        }

    def render(self, config):
        if isinstance(config, dict):
            return json.dumps(merged(self.base(), config), indent=1)
        return (config.replace("@PORT@", str(self.port)).replace("@METRICS@", str(self.metrics_port))
                .replace("@LOG@", str(self.log_file)))

    def write(self, config):
        temporary = self.file.with_suffix(".new")
        temporary.write_text(self.render(config))
        temporary.rename(self.file)

    def reload(self, config=None, is_refused=False):
        """Writes the file, sends SIGHUP and waits until it is in use (or, if it must be, refused)."""
        before = self.metrics()
        if config is not None:
            self.write(config)
        self.process.send_signal(signal.SIGHUP)
        name = "sluice_reload_failures_total" if is_refused else "sluice_reloads_total"
        wait_until(lambda: self.metrics()(name) > before(name), f"{name} has risen")

    # State.

    def assert_sound(self):
        """Fails if it died, was started again, or reported a fault of its own."""
        self.assert_running()
        said = self.stderr()
        assert not REPORTS.search(said), f"the gateway reported a fault of its own:\n{said[-4000:]}"

    def assert_running(self):
        status = self.process.poll()
        assert status is None, f"the gateway left with {status}:\n{self.stderr()}"

    def get_ops(self, target):
        with client.Client(self.metrics_address) as c:
            return c.request("GET", target, [("Connection", "close")])

    def is_ready(self):
        try:
            return self.get_ops("/readyz").status == 200
        except (OSError, AssertionError):
            return False

    def is_started(self):
        self.assert_running()
        return self.is_ready()

    def metrics(self):
        response = self.get_ops("/metrics")
        assert response.status == 200, response
        return Metrics(response.body.decode())

    def wait_metric(self, claim, what):
        """Waits until `claim(metrics)` is true."""
        return wait_until(lambda: claim(self.metrics()), what)

    def access_log(self):
        """Every whole line of the access log, as dicts."""
        try:
            text = self.log_file.read_text()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in text.split("\n")[:-1]]

    def wait_log(self, count):
        """Waits for `count` lines of the access log and returns all there are."""
        return wait_until(lambda: (lines := self.access_log()) and len(lines) >= count and lines,
                          f"the access log has {count} lines")

    def stderr(self):
        return self.stderr_file.read_text(errors="replace")

    def data_pid(self):
        """The process that serves: the child of the supervisor, or the process itself."""
        pid = self.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else pid

    def rss_bytes(self):
        for line in pathlib.Path(f"/proc/{self.data_pid()}/status").read_text().split("\n"):
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def fd_count(self):
        return len(os.listdir(f"/proc/{self.data_pid()}/fd"))

    # Clients.

    def connect(self, port=None, **options):
        """A raw client on the first listener, closed at the end of the test."""
        made = client.Client(("127.0.0.1", port or self.port), **options)
        self.clients.append(made)
        return made

    def request(self, *args, **options):
        """One request on a connection of its own."""
        with client.Client(self.address) as c:
            return c.request(*args, **options)

    # The end.

    def stop(self):
        """SIGTERM, then judges how it left."""
        for each in self.clients:
            each.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
                raise AssertionError("SIGTERM did not end the gateway") from None
        for reservation in self.reservations:
            reservation.release()
        if self.is_expected_dirty:
            return
        said = self.stderr()
        assert not REPORTS.search(said), "the gateway reported a fault of its own"
        assert self.process.returncode == 0, f"the gateway left with {self.process.returncode}"
