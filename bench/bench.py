#!/usr/bin/python3
"""Compares Sluice with Debian's HAProxy and nginx: CPU per request in interleaved slices, memory, instructions, calls.

    make bench                    the whole comparison (under 10 minutes)
    make bench BENCH=--quick      fewer and shorter slices (about a minute)
    make bench BENCH=--write      also writes docs/benchmarks.md

One proxy worker is pinned to core 0; load generator and origin are pinned to core 1. Every peer keeps its connections
open for the whole scenario and gets a slice of load in turn, so that a slow spell of the machine meets all of them.
CPU is what /proc/PID/schedstat says over all threads and children of the proxy, divided by the requests of the slice.
Nothing here is a test: it prints figures and the aims beside them.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BALANCE_BENCH = str(ROOT / "build/bench/balance_bench")
PROXY_CORE, LOAD_CORE = 0, 1
SETTLE_S = 0.15
STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_listening(port, process, patience_s=20):
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args[0]} left with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"nothing listens on port {port}")


def process_tree(pid):
    """The process and everything below it."""
    pids = [pid]
    for parent in pids:
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                children = pathlib.Path(f"/proc/{parent}/task/{task}/children").read_text().split()
                pids += [int(child) for child in children]
        except OSError:
            pass
    return pids


def cpu_ns(pid):
    """CPU time of a process tree, user and system, in nanoseconds."""
    total = 0
    for each in process_tree(pid):
        for task in os.listdir(f"/proc/{each}/task"):
            total += int(pathlib.Path(f"/proc/{each}/task/{task}/schedstat").read_text().split()[0])
    return total


def rss_kib(pid):
    total = 0
    for each in process_tree(pid):
        total += int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{each}/status").read_text()).group(1))
    return total


def machine_busy_ns():
    """Busy time of all cores and time stolen by the host, in nanoseconds."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:9])
    tick_ns = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq + steal) * tick_ns


class Proxy:
    """One proxy under test: its configuration, its process, its load generator."""

    def __init__(self, name, directory, origin_port, cores=1, pinned=True, log=False, large_buffers=False, wrapper=(),
                 is_l4=False):
        self.name, self.directory, self.cores = name, directory, cores
        self.origin_port, self.log, self.large_buffers = origin_port, log, large_buffers
        self.port, self.ops_port = free_port(), free_port()
        self.load = None
        self.run_directory = pathlib.Path(tempfile.mkdtemp(prefix=name, dir=directory))
        command = getattr(self, ("make_l4_" if is_l4 else "make_") + name)()
        pin = ["taskset", "-c", str(PROXY_CORE)] if pinned else []
        with open(self.run_directory / "output.txt", "ab") as output:
            self.process = subprocess.Popen([*pin, *wrapper, *command], cwd=self.run_directory, stdin=subprocess.DEVNULL,
                                            stdout=output, stderr=output, start_new_session=True)
        try:
            wait_listening(self.port, self.process, 60 if wrapper else 20)
        except RuntimeError as problem:
            said = (self.run_directory / "output.txt").read_text()[-2000:]
            self.stop()
            raise RuntimeError(f"{problem}\n{said}") from None

    def write(self, name, text):
        path = self.run_directory / name
        path.write_text(text)
        return str(path)

    def make_sluice(self):
        log = f"format: json, to: {self.run_directory}/access.log" if self.log else "to: off"
        config = self.write("sluice.yaml", f"""\
listeners: {{ http: {{ listen: "127.0.0.1:{self.port}" }} }}
services: {{ app: {{ targets: ["127.0.0.1:{self.origin_port}"] }} }}
routes: {{ all: {{ match: "/*", to: app }} }}
observe:
  access_log: {{ {log} }}
  metrics: {{ listen: "127.0.0.1:{self.ops_port}" }}
""")
        binary = os.environ.get("SLUICE_BIN", str(ROOT / "build" / "sluice"))
        return [binary, "run", config, "--cores", str(self.cores), "--no-supervisor"]

    def make_haproxy(self):
        # A buffer that holds head and body of the 16 KiB row; the default elsewhere.
        bufsize = "tune.bufsize 32768" if self.large_buffers else ""
        config = self.write("haproxy.cfg", f"""\
global
    nbthread {self.cores}
    maxconn 9700
    maxpipes 128
    tune.pipesize 262144
    {bufsize}
defaults
    mode http
    timeout connect 5s
    timeout client 300s
    timeout server 300s
    timeout http-keep-alive 300s
    option splice-auto
    http-reuse always
frontend front
    bind 127.0.0.1:{self.port} backlog 16384
    default_backend back
backend back
    server origin 127.0.0.1:{self.origin_port} maxconn 512 pool-max-conn 512
""")
        return [shutil.which("haproxy") or "/usr/sbin/haproxy", "-db", "-f", config]

    def make_nginx(self):
        config = self.write("nginx.conf", f"""\
daemon off; master_process {'off' if self.cores == 1 else 'on'}; worker_processes {self.cores};
pid {self.run_directory}/nginx.pid; error_log /dev/null crit; worker_rlimit_nofile 20000;
events {{ worker_connections 19900; use epoll; multi_accept on; }}
http {{
    access_log off; sendfile on; tcp_nodelay on; server_tokens off; reset_timedout_connection off;
    keepalive_timeout 300s; keepalive_requests 1000000000;
    client_body_temp_path {self.run_directory}/b; proxy_temp_path {self.run_directory}/p;
    fastcgi_temp_path {self.run_directory}/f; uwsgi_temp_path {self.run_directory}/u; scgi_temp_path {self.run_directory}/s;
    upstream back {{ server 127.0.0.1:{self.origin_port}; keepalive 512; keepalive_requests 1000000000; keepalive_timeout 300s; }}
    server {{
        listen 127.0.0.1:{self.port} backlog=16384;
        location / {{
            proxy_pass http://back; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_buffer_size 16k; proxy_buffers 8 64k; proxy_busy_buffers_size 128k; proxy_max_temp_file_size 0;
        }}
    }}
}}
""")
        return [shutil.which("nginx") or "/usr/sbin/nginx", "-p", str(self.run_directory), "-c", config]

    def make_l4_sluice(self):
        log = f"format: json, to: {self.run_directory}/access.log" if self.log else "to: off"
        config = self.write("sluice.yaml", f"""\
listeners: {{ it: {{ listen: "127.0.0.1:{self.port}", tcp: "127.0.0.1:{self.origin_port}" }} }}
observe: {{ access_log: {{ {log} }} }}
""")
        binary = os.environ.get("SLUICE_BIN", str(ROOT / "build" / "sluice"))
        return [binary, "run", config, "--cores", str(self.cores), "--no-supervisor"]

    def make_l4_haproxy(self):
        config = self.write("haproxy.cfg", f"""\
global
    nbthread {self.cores}
    maxconn 9700
    maxpipes 128
    tune.pipesize 262144
defaults
    mode tcp
    timeout connect 5s
    timeout client 300s
    timeout server 300s
    option splice-auto
listen it
    bind 127.0.0.1:{self.port} backlog 16384
    server origin 127.0.0.1:{self.origin_port}
""")
        return [shutil.which("haproxy") or "/usr/sbin/haproxy", "-db", "-f", config]

    def make_l4_nginx(self):
        config = self.write("nginx.conf", f"""\
load_module {STREAM_MODULE};
daemon off; master_process {'off' if self.cores == 1 else 'on'}; worker_processes {self.cores};
pid {self.run_directory}/nginx.pid; error_log /dev/null crit; worker_rlimit_nofile 20000;
events {{ worker_connections 19900; use epoll; multi_accept on; }}
stream {{
    proxy_buffer_size 64k; tcp_nodelay on; proxy_timeout 300s;
    upstream back {{ server 127.0.0.1:{self.origin_port}; }}
    server {{ listen 127.0.0.1:{self.port} backlog=16384; proxy_pass back; }}
}}
""")
        return [shutil.which("nginx") or "/usr/sbin/nginx", "-p", str(self.run_directory), "-c", config]

    def attach(self, connections, path, is_new=False, pinned=True):
        pin = ["taskset", "-c", str(LOAD_CORE)] if pinned else []
        command = [*pin, str(ROOT / "build/bench/load"), f"127.0.0.1:{self.port}", str(connections), path]
        self.load = subprocess.Popen(command + (["--new"] if is_new else []), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     text=True)

    def order(self, command):
        """Gives the load generator one command; returns its report."""
        self.load.stdin.write(command + "\n")
        self.load.stdin.flush()
        line = self.load.stdout.readline()
        if not line:
            raise RuntimeError(f"the load generator for {self.name} left")
        report = json.loads(line)
        report["failed"] = sum(report["errors"].values())
        return report

    def slice(self, seconds):
        """One slice of load: its report with cpu_us per request and the share of the machine that others used."""
        pids = [self.process.pid, self.load.pid, Proxy.origin_pid]
        mine, all_mine, machine = cpu_ns(self.process.pid), sum(map(cpu_ns, pids)), machine_busy_ns()
        report = self.order(f"run {seconds}")
        mine = cpu_ns(self.process.pid) - mine
        foreign = (machine_busy_ns() - machine) - (sum(map(cpu_ns, pids)) - all_mine)
        report["cpu_us"] = mine / 1000 / max(report["requests"], 1)
        report["foreign"] = max(0.0, foreign / 1e9 / max(report["seconds"], 1e-9))
        report["rps"] = report["requests"] / max(report["seconds"], 1e-9)
        return report

    def stop(self):
        if self.load is not None:
            self.load.stdin.close()
            self.load.wait()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


class Scenario:
    """A row of the table: what is asked, and the aim as a share of the better peer."""

    def __init__(self, title, connections, path, aim, is_new=False, log=False, is_l4=False):
        self.title, self.connections, self.path, self.aim = title, connections, path, aim
        self.is_new, self.log, self.is_l4 = is_new, log, is_l4


SCENARIOS = [
    Scenario("128 B, 64 connections", 64, "/128", 0.70),
    Scenario("128 B, 256 connections", 256, "/128", 0.70),
    Scenario("128 B, 1024 connections", 1024, "/128", 0.65),
    Scenario("16 KiB, 64 connections", 64, "/16384", 0.75),
    Scenario("1 MiB, 16 connections", 16, "/1048576", 0.65),
    Scenario("128 B, a new connection for each request, 64 at once", 64, "/128", 0.95, is_new=True),
    Scenario("128 B, 64 connections, Sluice writing its access log", 64, "/128", None, log=True),
]

# The same load through TCP services: Sluice's `tcp`, HAProxy's mode tcp with splice, nginx's stream module.
L4_SCENARIOS = [
    Scenario("TCP: 128 B, 64 connections", 64, "/128", 0.95, is_l4=True),
    Scenario("TCP: 1 MiB, 16 connections", 16, "/1048576", 0.95, is_l4=True),
    Scenario("TCP: 16 KiB, 64 connections", 64, "/16384", None, is_l4=True),
]


def spread(values, form="{:.1f}"):
    """median [min-max]"""
    return f"{form.format(statistics.median(values))} [{form.format(min(values))}-{form.format(max(values))}]"


class Bench:
    """One run of the comparison: what was measured, and the lines of the page."""

    def __init__(self, options, directory):
        self.options, self.directory = options, directory
        self.peers = [name for name in ("sluice", "haproxy", "nginx") if self.is_there(name)]
        self.lines = []
        with open(directory / "origin.txt", "wb") as output:
            self.origin = subprocess.Popen(["taskset", "-c", str(LOAD_CORE), str(ROOT / "build/bench/origin")],
                                           stdout=output)
        Proxy.origin_pid = self.origin.pid
        while not (text := (directory / "origin.txt").read_text()).endswith("\n"):
            if self.origin.poll() is not None:
                sys.exit("bench: bench/origin did not start; make bench builds it")
            time.sleep(0.01)
        self.origin_port = int(text)

    def is_there(self, name):
        if name == "sluice":
            there = pathlib.Path(os.environ.get("SLUICE_BIN", ROOT / "build" / "sluice")).exists()
        else:
            there = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin") is not None
        if not there:
            print(f"bench: {name} is not there and is left out", file=sys.stderr)
        return there and (not self.options.only or name in self.options.only.split(","))

    def say(self, line=""):
        print(line, flush=True)
        self.lines.append(line)

    def proxies(self, scenario):
        peers = [name for name in self.peers
                 if not (scenario.is_l4 and name == "nginx") or pathlib.Path(STREAM_MODULE).exists()]
        return [Proxy(name, self.directory, self.origin_port, log=scenario.log, is_l4=scenario.is_l4,
                      large_buffers=scenario.path == "/16384") for name in peers]

    def run_scenario(self, scenario):
        """Interleaved slices; returns {name: [report]} with equal counts."""
        proxies = self.proxies(scenario)
        results = {proxy.name: [] for proxy in proxies}
        try:
            for proxy in proxies:
                proxy.attach(scenario.connections, scenario.path, scenario.is_new)
                proxy.order("open")
                proxy.slice(SETTLE_S)
            for round_number in range(self.options.slices):
                # Each round starts with another peer, so that none always follows the same one.
                first = round_number % len(proxies)
                for proxy in proxies[first:] + proxies[:first]:
                    results[proxy.name].append(proxy.slice(self.options.seconds))
        finally:
            for proxy in proxies:
                proxy.stop()
        return results

    def compare_l4(self):
        self.compare(L4_SCENARIOS)

    def compare(self, scenarios=SCENARIOS):
        self.say("| scenario | CPU us per request: Sluice | HAProxy | nginx | ratio to the better peer | aim | "
                 "requests/s: Sluice | HAProxy | nginx |")
        self.say("|---|---|---|---|---|---|---|---|---|")
        notes = []
        for scenario in scenarios:
            if self.options.scenario and self.options.scenario not in scenario.title:
                continue
            results = self.run_scenario(scenario)
            cells = {name: spread([r["cpu_us"] for r in reports]) for name, reports in results.items()}
            rates = {name: f"{statistics.median(r['rps'] for r in reports):,.0f}" for name, reports in results.items()}
            ratio, aim = self.ratio(results), "-" if scenario.aim is None else f"{scenario.aim:.2f}"
            self.say(f"| {scenario.title} | " + " | ".join(cells.get(n, "-") for n in ("sluice", "haproxy", "nginx")) +
                     f" | {ratio} | {aim} | " + " | ".join(rates.get(n, "-") for n in ("sluice", "haproxy", "nginx")) + " |")
            for name, reports in results.items():
                failed = {k: v for r in reports for k, v in r["errors"].items() if v}
                if failed:
                    notes.append(f"{scenario.title}: {name} had errors: {failed}")
            foreign = statistics.median(r["foreign"] for reports in results.values() for r in reports)
            if foreign > 0.1:
                notes.append(f"{scenario.title}: other processes used {foreign:.0%} of a core (median over slices)")
        self.say()
        for note in notes:
            self.say(f"- {note}")

    def ratio(self, results):
        """Median, minimum and maximum of the paired ratios to the peer with the lower median."""
        peers = [name for name in results if name != "sluice"]
        if "sluice" not in results or not peers:
            return "-"
        better = min(peers, key=lambda name: statistics.median(r["cpu_us"] for r in results[name]))
        pairs = [mine["cpu_us"] / other["cpu_us"] for mine, other in zip(results["sluice"], results[better])]
        return f"{spread(pairs, '{:.2f}')} {better}"

    def two_cores(self):
        """CPU per request with one and with two cores, nothing pinned: capacity grows by 2 x one / two."""
        if "sluice" not in self.peers:
            return
        ones, twos = [], []
        proxies = [Proxy("sluice", self.directory, self.origin_port, cores=n, pinned=False) for n in (1, 2)]
        try:
            for proxy in proxies:
                proxy.attach(64, "/128", pinned=False)
                proxy.order("open")
                proxy.slice(SETTLE_S)
            for _ in range(self.options.slices):
                ones.append(proxies[0].slice(self.options.seconds)["cpu_us"])
                twos.append(proxies[1].slice(self.options.seconds)["cpu_us"])
        finally:
            for proxy in proxies:
                proxy.stop()
        gains = [2 * one / two for one, two in zip(ones, twos)]
        self.say(f"Two cores: CPU per request {spread(ones)} us with one, {spread(twos)} us with two, nothing pinned. "
                 f"Throughput of two cores, were load and origin elsewhere: {spread(gains, '{:.2f}')} times one (aim 1.8). "
                 "On two cores the load generator shares them, so it is derived from CPU per request (2 x one / two).")
        self.say()

    def idle(self):
        """Memory of 9,500 idle keep-alive clients over the empty process; then all of them at once."""
        count = self.options.idle
        self.say(f"| {count:,} idle keep-alive clients | memory over the empty process | open | "
                 "then all active: requests/s | errors | p99 ms | idle again: memory |")
        self.say("|---|---|---|---|---|---|---|")
        for name in self.peers:
            proxy = Proxy(name, self.directory, self.origin_port)
            try:
                empty = rss_kib(proxy.process.pid)
                proxy.attach(count, "/128")
                opened = proxy.order("open")
                time.sleep(0.5)
                held = rss_kib(proxy.process.pid) - empty
                active = proxy.slice(self.options.seconds * 3)
                errors = {k: v for k, v in active["errors"].items() if v} or 0
                time.sleep(0.5)
                again = rss_kib(proxy.process.pid) - empty
                self.say(f"| {name} | {held / 1024:.1f} MiB | {opened['open']:,} | {active['rps']:,.0f} | {errors} | "
                         f"{active['p99_us'] / 1000:.0f} | {again / 1024:.1f} MiB |")
            finally:
                proxy.stop()
        self.say("\nAim for Sluice: at most 15 MiB, and all answered.\n")

    def instructions(self, name):
        """User instructions per request: the slope of two run lengths under callgrind."""
        counts = []
        lengths = (1000, 4000) if self.options.quick else (2000, 12000)
        for requests in lengths:
            out = self.directory / f"callgrind.{name}.{requests}"
            proxy = Proxy(name, self.directory, self.origin_port,
                          wrapper=["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--quiet"])
            try:
                proxy.attach(64, "/128")
                proxy.order("open")
                report = proxy.order(f"count {requests}")
                if report["failed"]:
                    return None
            finally:
                proxy.stop()
            match = re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.M)
            if not match:
                return None
            counts.append(int(match.group(1)))
        return (counts[1] - counts[0]) / (lengths[1] - lengths[0])

    def system_calls(self, name):
        """System calls per request at 64 connections, counted by perf, else by strace."""
        proxy = Proxy(name, self.directory, self.origin_port)
        try:
            proxy.attach(64, "/128")
            proxy.order("open")
            pids = ",".join(map(str, process_tree(proxy.process.pid)))
            return self.perf_calls(proxy, pids) or self.strace_calls(proxy, pids)
        finally:
            proxy.stop()

    def perf_calls(self, proxy, pids):
        if not shutil.which("perf"):
            return None
        perf = subprocess.Popen(["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-p", pids], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        time.sleep(0.5)
        report = proxy.order("run 1")
        perf.send_signal(signal.SIGINT)
        said = perf.communicate()[1]
        match = re.search(r"^(\d+),", said, re.M)
        return int(match.group(1)) / report["requests"] if match and int(match.group(1)) else None

    def strace_calls(self, proxy, pids):
        if not shutil.which("strace"):
            return None
        summary = proxy.run_directory / "strace.txt"
        strace = subprocess.Popen(["strace", "-c", "-f", "-q", "-o", str(summary), "-p", pids], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1)
        report = proxy.order("run 1")
        strace.send_signal(signal.SIGINT)
        strace.wait()
        match = re.search(r"([\d]+)\s+(?:\d+\s+)?total", summary.read_text())
        return int(match.group(1)) / report["requests"] if match and report["requests"] else None

    def count(self):
        self.say("| per request, 128 B, 64 connections | user instructions | system calls |")
        self.say("|---|---|---|")
        for name in self.peers:
            calls = self.system_calls(name)
            instructions = self.instructions(name) if shutil.which("valgrind") else None
            self.say(f"| {name} | " + (f"{instructions:,.0f}" if instructions else "not counted") + " | " +
                     (f"{calls:.2f}" if calls else "not counted") + " |")
        self.say("\nAims for Sluice: at most 8,000 instructions and 4.3 system calls.\n")

    @staticmethod
    def pick_instructions(method, instances):
        """User instructions of one pick and its end: the slope of two run lengths under callgrind."""
        counts = []
        for picks in (10_000, 20_000):
            run = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=run_picks",
                                  BALANCE_BENCH, method, str(instances), str(picks)], capture_output=True, text=True, check=True)
            counts.append(int(re.search(r"Collected : (\d+)", run.stderr).group(1)))
        return (counts[1] - counts[0]) / 10_000

    def picks(self):
        """What picking an instance costs, by method, and how long the tables of methods take to be made."""
        if not shutil.which("valgrind"):
            return
        self.say("## Picking an instance\n\nUser instructions of a pick and its end, on one core, loads uneven, ring and maglev bound at "
                 "1.25. The loop\nof the benchmark and the begin and end of the exchange are in them: all of what `first` takes at 8.\n")
        self.say("| method | 8 instances | 1,000 instances | table for 1,000 made in |")
        self.say("|---|---|---|---|")
        listing = subprocess.run([BALANCE_BENCH], capture_output=True, text=True, check=True).stdout
        for method, made in re.findall(r"^(\w+) +1000 instances.* made in +([\d.]+) ms", listing, re.M):
            few, many = (self.pick_instructions(method, count) for count in (8, 1000))
            self.say(f"| `{method}` | {few:,.0f} | {many:,.0f} | {made} ms |")
        self.say("\nAims: a pick adds at most 300 at 8 instances and 2,000 at 1,000; a table of maglev (65,537 entries) in less than "
                 "20 ms.\n")

    def end(self):
        self.origin.terminate()
        self.origin.wait()


def first_line(*command):
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        return (run.stdout + run.stderr).strip().split("\n")[0]
    except OSError:
        return "not there"


def describe_machine():
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return (f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} CPUs ({cpu.group(1) if cpu else 'unknown'}), "
            f"Linux {os.uname().release}; {first_line('/usr/sbin/haproxy', '-v').split(' - ')[0]}; "
            f"{first_line('/usr/sbin/nginx', '-v')}.")


def write_page(lines, slices):
    page = ROOT / "docs" / "benchmarks.md"
    page.parent.mkdir(exist_ok=True)
    head = f"""# Benchmarks

Written by `make bench BENCH=--write`; repeat it on your own machine, absolute figures hold only inside one table.
Measured {describe_machine()}

How: one worker of each proxy pinned to core 0, load generator and origin (bench/load.c, bench/origin.c) to core 1,
keep-alive to the origin on, logs off except in the row that says so, {slices} interleaved slices for each peer. The request head is 414 bytes as a
browser sends it. Figures are medians with [minimum-maximum] over the slices; ratios are paired by round against the peer
with the lower median. The configurations of the peers stand in bench/bench.py.

"""
    page.write_text(head + "\n".join(lines).rstrip() + "\n")
    print(f"bench: wrote {page.relative_to(ROOT)}")


def main():
    parser = argparse.ArgumentParser(description="Sluice beside HAProxy and nginx")
    parser.add_argument("--quick", action="store_true", help="3 short slices: a look, not a measurement")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    parser.add_argument("--slices", type=int, help="slices for each peer (9)")
    parser.add_argument("--seconds", type=float, help="length of a slice (0.6)")
    parser.add_argument("--scenario", help="only the rows whose title has this text; no counts, no memory")
    parser.add_argument("--only", help="only these proxies, comma separated")
    parser.add_argument("--part", choices=["compare", "l4", "cores", "idle", "count", "picks"], help="only this part")
    options = parser.parse_args()
    options.slices = options.slices or (3 if options.quick else 9)
    options.seconds = options.seconds or (0.25 if options.quick else 0.6)
    options.idle = 9500
    if os.cpu_count() < 2:
        sys.exit("bench: two cores are needed: one for the proxy, one for load and origin")

    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as directory:
        bench = Bench(options, pathlib.Path(directory))
        parts = {"compare": bench.compare, "l4": bench.compare_l4, "cores": bench.two_cores, "idle": bench.idle, "count": bench.count,
                 "picks": bench.picks}
        chosen = [options.part] if options.part else ["compare"] if options.scenario else list(parts)
        try:
            for name in chosen:
                parts[name]()
        finally:
            bench.end()
    if options.write:
        write_page(bench.lines, options.slices)
    return 0


if __name__ == "__main__":
    sys.exit(main())
