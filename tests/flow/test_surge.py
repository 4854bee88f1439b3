"""More than a service can do: who goes first, who waits in vain and hears so at once, and why."""
import threading
import time

from kit import client
from kit.gateway import all_to, merged
from kit.origin import answer, forever, scripted
from kit.stage import code_of
from kit.waiting import wait_until


def depth(gateway):
    return gateway.metrics()("sluice_queue_depth")


def crowd(gateway, count, seconds, path="/"):
    """So many clients that ask all the time; every answer."""
    answers = []
    until = time.monotonic() + seconds

    def run():
        connection = gateway.connect()
        while time.monotonic() < until:
            answers.append(connection.request("GET", path))

    workers = [threading.Thread(target=run) for _ in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return answers


def routes_by_urgency(origin, **service):
    base = all_to(origin, connections={"max": 1}, **service)
    return merged(base, {"routes": {name: {"match": f"/{name}/*", "to": "app", "urgency": name}
                                    for name in ("high", "low")}})


def test_the_urgent_go_first_and_the_others_are_not_forgotten(sluice, origins):
    origin = origins.echo()
    gateway = sluice(routes_by_urgency(origin))
    held = gateway.connect()
    held.send(client.head("GET", "/first?delay_ms=600"))
    wait_until(lambda: gateway.metrics()("sluice_requests_in_flight") == 1, "the place is taken")
    waiting = []
    for path in ["/low/"] * 6 + ["/high/"] * 12:
        waiting.append(gateway.connect())
        waiting[-1].send(client.head("GET", path))
        wait_until(lambda: depth(gateway) == len(waiting), "it is in line")
    for connection in [held, *waiting]:
        assert connection.receive().status == 200
    order = [line["path"] for line in gateway.wait_log(19)][1:]
    assert order[:6] == ["/high/"] * 6
    assert "/low/" in order[:12], order
    assert order[-4:] == ["/low/"] * 4


def test_a_line_that_stands_is_made_shorter_and_the_answer_says_why(sluice, origins):
    origin = origins.echo()
    gateway = sluice(all_to(origin, connections={"max": 1}, queue={"target": "20ms", "wait": "10s"}))
    answers = crowd(gateway, 24, 2.5, "/?delay_ms=10")
    shed = [a for a in answers if a.status == 503]
    assert {a.status for a in answers} == {200, 503}
    assert {code_of(a) for a in shed} == {"queue_shed"}
    assert {a.header("Retry-After") for a in shed} == {"1"}
    assert gateway.metrics()("sluice_errors_total", reason="queue_shed") == len(shed)
    wait_until(lambda: depth(gateway) == 0, "nobody waits any more")


def test_without_a_target_a_line_may_stand(sluice, origins):
    gateway = sluice(all_to(origins.echo(), connections={"max": 1}))
    assert {a.status for a in crowd(gateway, 16, 1.5, "/?delay_ms=10")} == {200}


def test_who_would_be_answered_too_late_hears_so_at_once(sluice, origins):
    origin = origins.echo()
    gateway = sluice(merged(all_to(origin, connections={"max": 1}),
                            {"routes": {"hurried": {"match": "/hurried/*", "to": "app", "timeout": {"total": "300ms"}}}}))
    for _ in range(3):
        assert gateway.request("GET", "/?delay_ms=500").status == 200
    held = gateway.connect()
    held.send(client.head("GET", "/?delay_ms=700"))
    wait_until(lambda: gateway.metrics()("sluice_requests_in_flight") == 1, "the place is taken")
    before = time.monotonic()
    response = gateway.request("GET", "/hurried/")
    assert (response.status, code_of(response)) == (503, "queue_deadline")
    assert time.monotonic() - before < 0.25
    assert held.receive().status == 200


class Moody:
    """An origin that answers with the status that it is told."""

    def __init__(self, origins):
        self.status = 200
        self.origin = origins.keep(scripted([forever(self.step)]))

    def step(self, connection):
        answer(self.status, b"said")(connection)


def breaker_state(gateway):
    return gateway.metrics()("sluice_breaker_state", service="app")


BREAKER = {"errors": "50% in 2s", "min_requests": 10, "open": "1s", "probes": 3}


def test_a_service_that_fails_is_left_alone_and_asked_again_a_few_times(sluice, origins):
    moody = Moody(origins)
    gateway = sluice(all_to(moody.origin, breaker=BREAKER), cores=2)
    assert {a.status for a in crowd(gateway, 2, 0.4)} == {200}
    moody.status = 500
    wait_until(lambda: gateway.request("GET", "/").status == 503, "the breaker is open")
    asked = len(moody.origin.requests)
    response = gateway.request("GET", "/")
    assert (response.status, code_of(response)) == (503, "breaker_open")
    assert response.header("Retry-After") is not None
    assert len(moody.origin.requests) == asked
    assert breaker_state(gateway) == 1
    wait_until(lambda: gateway.request("GET", "/").status == 500, "a probe goes through")
    crowd(gateway, 4, 0.5)
    assert len(moody.origin.requests) <= asked + 3, "no more than the probes"
    moody.status = 200
    wait_until(lambda: crowd(gateway, 1, 0.3)[-1].status == 200 and breaker_state(gateway) == 0, "it is closed again")
    assert "the breaker is open: " in gateway.stderr()
    assert "the breaker is closed: " in gateway.stderr()
    assert any(line["reason"] == "breaker_open" for line in gateway.access_log())


def test_a_service_that_is_slow_is_left_alone_too(sluice, origins):
    gateway = sluice(all_to(origins.echo(), breaker={**BREAKER, "slow": "50% over 50ms", "open": "60s"}))
    assert {a.status for a in crowd(gateway, 2, 0.4)} == {200}
    wait_until(lambda: 503 in {a.status for a in crowd(gateway, 8, 0.5, "/?delay_ms=80")}, "the breaker is open")
    assert "were slow" in gateway.stderr()


def test_a_reload_without_a_breaker_closes_it(sluice, origins):
    moody = Moody(origins)
    moody.status = 500
    config = all_to(moody.origin, breaker={**BREAKER, "open": "1h"})
    gateway = sluice(config)
    wait_until(lambda: gateway.request("GET", "/").status == 503, "the breaker is open")
    del config["services"]["app"]["breaker"]
    gateway.reload(config)
    assert gateway.request("GET", "/").status == 500
    assert breaker_state(gateway) == 0


def test_a_fixed_answer_stands_in_for_a_service_without_instances(sluice, origins):
    gone = origins.echo()
    gone.stop()
    gateway = sluice(all_to(gone, fallback={"status": 200, "body": "[]", "headers": {"X-From": "fallback"}}))
    response = gateway.request("POST", "/", body=b"asked")
    assert (response.status, response.body, response.header("X-From")) == (200, b"[]", "fallback")
    line = gateway.wait_log(1)[0]
    assert (line["status"], line["reason"], line["fallback"]) == (200, "origin_connect", "origin_connect")
    assert gateway.metrics()("sluice_fallbacks_total", service="app") == 1


def test_another_service_stands_in_and_gets_the_whole_request(sluice, origins):
    gone, other = origins.echo("gone"), origins.echo("other", keep_bodies=True)
    gone.stop()
    config = all_to(gone, fallback={"to": "other"}, host="target")
    config["services"]["other"] = {"targets": [other.target], "host": "target"}
    gateway = sluice(config)
    for body in (None, b"x" * 3000):
        response = gateway.request("POST" if body else "GET", "/path?q=1", body=body) if body else \
            gateway.request("GET", "/path?q=1")
        assert response.status == 200
        asked = other.requests[-1]
        assert (asked.target, asked.body) == ("/path?q=1", body or b"")
        assert asked.fields.get("Host") == other.target
    line = gateway.wait_log(2)[0]
    assert (line["service"], line["reason"], line["fallback"]) == ("other", "ok", "origin_connect")


def test_a_fallback_takes_over_when_the_breaker_is_open_or_the_line_is_full(sluice, origins):
    moody = Moody(origins)
    moody.status = 500
    gateway = sluice(all_to(moody.origin, breaker={**BREAKER, "open": "1h"}, fallback={"status": 203, "body": "instead"}))
    wait_until(lambda: gateway.request("GET", "/").status == 203, "the fallback answers")
    wait_until(lambda: gateway.access_log()[-1].get("fallback") == "breaker_open", "the log says why")
    busy = origins.echo()
    gateway = sluice(all_to(busy, connections={"max": 1}, queue={"size": 0}, fallback={"status": 203}))
    held = gateway.connect()
    held.send(client.head("GET", "/?delay_ms=500"))
    wait_until(lambda: gateway.metrics()("sluice_requests_in_flight") == 1, "the place is taken")
    assert gateway.request("GET", "/").status == 203
    assert held.receive().status == 200


def test_what_the_service_answers_itself_is_passed_on(sluice, origins):
    moody = Moody(origins)
    moody.status = 503
    gateway = sluice(all_to(moody.origin, fallback={"status": 203}))
    assert gateway.request("GET", "/").status == 503


def test_a_learned_ceiling_is_far_below_the_fixed_one_and_nobody_is_refused(sluice, origins):
    gateway = sluice(all_to(origins.echo(), concurrency={"min": 2, "max": 64}), cores=2)
    assert {a.status for a in crowd(gateway, 8, 1.5, "/?delay_ms=20")} == {200}
    ceiling = gateway.metrics()("sluice_endpoint_ceiling", service="app")
    assert 2 <= ceiling <= 64
    ceiling_of_one = sluice(all_to(origins.echo(), concurrency={"min": 1, "max": 1}))
    crowd(ceiling_of_one, 2, 0.6)
    assert ceiling_of_one.metrics()("sluice_endpoint_ceiling") == 1
