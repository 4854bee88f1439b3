"""Fixtures of the flow tests: `sluice(config)` starts the real process, `origins` makes peers behind it, `through(origin)`
puts one before the other, and `stage` is one pair of both that the tests of a file share, for tables of many small cases.

The order of ending matters: clients first, then origins, then the gateway, so that nothing in flight holds it back; then
its stderr and its exit status are judged, and with a failure its output is shown.
"""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from kit import gateway as gateway_module  # noqa: E402
from kit import origin as origin_module  # noqa: E402
from kit import stage as stage_module  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "load: puts load on the machine; left out under sanitizers")


def pytest_collection_modifyitems(config, items):
    """FLOW_SHARD=i/n keeps every n-th test, so that n processes share the suite."""
    shard = os.environ.get("FLOW_SHARD")
    if shard:
        index, count = (int(part) for part in shard.split("/"))
        items[:] = items[index::count]


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    setattr(item, "report_" + call.when, outcome.get_result())


class Peers:
    """Makes origins that end with the test."""

    def __init__(self):
        self.made = []

    def keep(self, origin):
        self.made.append(origin)
        return origin

    def script(self, *scripts, **options):
        return self.keep(origin_module.scripted(*scripts, **options))

    def echo(self, name="echo", **options):
        return self.keep(origin_module.Echo(name, **options))

    def recorder(self, name="recorder", **options):
        return self.keep(origin_module.Recorder(name, **options))

    def by_path(self, scripts, **options):
        return self.keep(origin_module.by_path(scripts, **options))


class World:
    """The gateways and origins of one test, ended in order."""

    def __init__(self, directory):
        self.directory, self.gateways, self.peers = directory, [], Peers()

    def start(self, config, *args, **options):
        directory = self.directory / f"gateway{len(self.gateways)}"
        directory.mkdir()
        made = gateway_module.Gateway.__new__(gateway_module.Gateway)
        self.gateways.append(made)
        made.__init__(directory, config, args, **options)
        return made

    def end(self):
        problems = []
        for gateway in self.gateways:
            for each in getattr(gateway, "clients", []):
                each.close()
        for ending in [o.stop for o in self.peers.made] + \
                [g.stop for g in self.gateways if hasattr(g, "process")] + [o.judge for o in self.peers.made]:
            try:
                ending()
            except AssertionError as problem:
                problems.append(str(problem))
        return problems


@pytest.fixture
def world(request, tmp_path):
    made = World(tmp_path)
    yield made
    problems = made.end()
    report = getattr(request.node, "report_call", None)
    if problems or (report is not None and report.failed):
        for gateway in made.gateways:
            show(gateway)
    assert not problems, "\n".join(problems)


@pytest.fixture(scope="module")
def shared(request, tmp_path_factory):
    """A world that the tests of one file share."""
    made = World(tmp_path_factory.mktemp(request.module.__name__))
    yield made
    problems = made.end()
    if problems:
        for gateway in made.gateways:
            show(gateway)
    assert not problems, "\n".join(problems)


@pytest.fixture(scope="module")
def shared_stage(request, shared):
    """One gateway before one recorder; STAGE in the file is laid over its configuration."""
    recorder = shared.peers.recorder()
    gateway = shared.start(gateway_module.merged(gateway_module.all_to(recorder), getattr(request.module, "STAGE", {})))
    return stage_module.Stage(gateway, recorder)


@pytest.fixture
def stage(request, shared_stage):
    """The shared pair; a fault of the gateway's own is charged to the test in which it happened."""
    yield shared_stage
    report = getattr(request.node, "report_call", None)
    if report is not None and report.failed:
        show(shared_stage.gateway)
    shared_stage.gateway.assert_sound()


def show(gateway):
    """Prints what a gateway left behind."""
    for name in ("file", "stderr_file", "stdout_file", "log_file"):
        path = getattr(gateway, name, None)
        if path is not None and path.exists():
            text = path.read_text(errors="replace")
            print(f"--- {path.name}\n{text[-6000:]}")


@pytest.fixture
def sluice(world):
    """sluice(config, *args, cores=1, supervisor=True, ...) starts a gateway and waits until it is ready."""
    return world.start


@pytest.fixture
def origins(world):
    """origins.script(steps, ...) and origins.echo(name)."""
    return world.peers


@pytest.fixture
def through(sluice):
    """through(origin) is a gateway that sends everything to one origin; keywords are laid over its configuration."""
    def start(origin, *args, cores=1, supervisor=True, environment=None, wrapper=(), **changes):
        return sluice(gateway_module.merged(gateway_module.all_to(origin), changes), *args, cores=cores,
                      supervisor=supervisor, environment=environment, wrapper=wrapper)
    return start
