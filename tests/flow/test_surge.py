"""More than a service can do: who goes first, who waits in vain and hears so at once, and why."""
import threading
import time

from kit import client
from kit.gateway import all_to, merged
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
