"""Passive detection: who fails or is slow where the others are not loses its share, then is out, and comes back."""
import threading
import time

from kit.gateway import all_to
from kit.origin import answer, forever, scripted
from kit.waiting import wait_until

ERROR = answer(500, b"broken")
EJECTED = {"state": "ejected", "reason": "outlier"}


class Moody:
    """An origin that answers well or badly as it is told."""

    def __init__(self, origins):
        self.is_bad = False
        self.delay_s = 0
        self.origin = origins.keep(scripted([forever(self.step)]))

    def step(self, connection):
        if self.delay_s:
            time.sleep(self.delay_s)
        (ERROR if self.is_bad else answer(200, b"fine"))(connection)


def ask(gateway, seconds, threads=4):
    """Asks all the time for so long and returns the statuses."""
    statuses = []
    until = time.monotonic() + seconds

    def run():
        connection = gateway.connect()
        while time.monotonic() < until:
            statuses.append(connection.request("GET", "/").status)

    workers = [threading.Thread(target=run) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return statuses


def ejections(gateway):
    metrics = gateway.metrics()
    name = "sluice_endpoint_transitions_total"
    return metrics(name, **EJECTED) if metrics.has(name) else 0


def test_errors_in_a_row_take_an_instance_out_and_it_comes_back_when_it_works(sluice, origins):
    moody = Moody(origins)
    others = [origins.echo(str(i)) for i in range(2)]
    gateway = sluice(all_to(moody.origin, *others, balance="round_robin",
                            eject={"after": "5 errors in 10s", "for": "3s", "latency": "0s"}))
    ask(gateway, 1)
    moody.is_bad = True
    ask(gateway, 1)
    assert set(ask(gateway, 0.5)) == {200}
    assert ejections(gateway) == 1
    assert "errors in a row" in gateway.stderr()
    assert "is ejected, was active (outlier)" in gateway.stderr()
    moody.is_bad = False
    before = len(moody.origin.requests)
    ask(gateway, 8)
    assert set(ask(gateway, 0.5)) == {200}
    assert len(moody.origin.requests) > before + 100
    assert "does as well as the others, it has 100 % of its share" in gateway.stderr()


def test_one_instance_alone_answers_itself_whatever_it_answers(sluice, origins):
    moody = Moody(origins)
    moody.is_bad = True
    gateway = sluice(all_to(moody.origin))
    assert set(ask(gateway, 1)) == {500}
    assert ejections(gateway) == 0


def test_where_all_fail_nobody_is_out(sluice, origins):
    made = [Moody(origins) for _ in range(3)]
    gateway = sluice(all_to(*[moody.origin for moody in made], balance="round_robin"))
    ask(gateway, 1)
    for moody in made:
        moody.is_bad = True
    ask(gateway, 2)
    assert ejections(gateway) <= 1
    counts = [len(moody.origin.requests) for moody in made]
    ask(gateway, 1)
    gained = [len(moody.origin.requests) - count for moody, count in zip(made, counts)]
    assert sorted(gained)[1] > 20, gained


def test_switched_off_nothing_is_taken_out_and_a_reload_brings_back_what_was(sluice, origins):
    moody = Moody(origins)
    moody.is_bad = True
    config = all_to(moody.origin, origins.echo("b"), balance="round_robin", eject="off")
    gateway = sluice(config)
    assert set(ask(gateway, 1)) == {200, 500}
    assert ejections(gateway) == 0
    config["services"]["app"]["eject"] = "5 errors in 10s for 5m"
    gateway.reload(config)
    ask(gateway, 1)
    assert set(ask(gateway, 0.5)) == {200}
    config["services"]["app"]["eject"] = "5 errors in 10s for 4m"
    gateway.reload(config)
    assert set(ask(gateway, 0.5)) == {200}, "a reload that does not switch it off brings nobody back"
    config["services"]["app"]["eject"] = "off"
    gateway.reload(config)
    assert set(ask(gateway, 0.5)) == {200, 500}


def test_an_instance_that_takes_no_connections_is_out(sluice, origins):
    refusing = origins.echo("a")
    gateway = sluice(all_to(refusing, origins.echo("b"), balance="round_robin"))
    refusing.stop()
    ask(gateway, 1)
    wait_until(lambda: ejections(gateway) == 1, "the instance is out")
    assert set(ask(gateway, 0.5)) == {200}


def test_an_instance_that_is_much_slower_loses_its_share(sluice, origins):
    moody = Moody(origins)
    others = [origins.echo(str(i)) for i in range(3)]
    gateway = sluice(all_to(moody.origin, *others, balance="round_robin", eject={"latency": "20ms"}))
    ask(gateway, 2)
    moody.delay_s = 0.05
    ask(gateway, 9, threads=8)
    before = len(moody.origin.requests)
    total = len(ask(gateway, 2, threads=8))
    assert len(moody.origin.requests) - before <= max(2, total // 8), "well below its even share"
    assert "time to first byte" in gateway.stderr()
