"""Retries: what is tried again, what never is, and within which bounds; origins count what they received."""
import time

import pytest

from kit.origin import answer, close, expect_request, forever


def two(sluice, first, second, retry, **more):
    service = {"targets": sorted({first.target, second.target}), "balance": "round_robin", "retry": retry}
    service.update(more)
    return sluice({"services": {"app": service}, "routes": {"all": {"match": "/*", "to": "app"}}})


@pytest.mark.parametrize("status", [404, 429, 500, 502, 503, 504])
def test_a_status_that_is_listed_is_tried_elsewhere(sluice, origins, status):
    bad = origins.script([forever(answer(status=status))])
    good = origins.script([forever(answer(body=b"good"))])
    gateway = two(sluice, bad, good, {"on": [str(status)], "backoff": "1ms..1ms"})
    for _ in range(6):
        assert gateway.request("GET", "/").status == 200
    assert len(good.requests) == 6


def test_a_status_that_is_not_listed_is_passed_on(sluice, origins):
    bad = origins.script([forever(answer(status=503))])
    gateway = two(sluice, bad, bad, 2)
    assert gateway.request("GET", "/").status == 503
    assert len(bad.requests) == 1


def test_a_post_that_was_answered_with_503_is_not_sent_again_but_with_a_key_it_is(sluice, origins):
    bad = origins.script([forever(answer(status=503))])
    gateway = two(sluice, bad, bad, {"on": ["503"], "tries": 1, "backoff": "1ms..1ms"})
    assert gateway.request("POST", "/", body=b"hi").status == 503
    assert len(bad.requests) == 1
    assert gateway.request("POST", "/", fields=[("Idempotency-Key", "k")], body=b"hi").status == 503
    assert len(bad.requests) == 3


def test_retry_after_is_waited_for_or_the_answer_is_passed_on(sluice, origins):
    busy = origins.script([answer(status=503, fields=[("Retry-After", "1")]), forever(answer())])
    gateway = sluice({"services": {"app": {"targets": [busy.target], "retry": {"on": ["503"]}}},
                      "routes": {"all": {"match": "/*", "to": "app"}}})
    began = time.monotonic()
    assert gateway.request("GET", "/").status == 200
    assert time.monotonic() - began >= 1
    late = origins.script([forever(answer(status=503, fields=[("Retry-After", "60")]))])
    gateway = two(sluice, late, late, {"on": ["503"]})
    assert gateway.request("GET", "/").status == 503
    assert len(late.requests) == 1


def test_the_budget_bounds_what_failing_instances_are_sent(sluice, origins):
    bad = origins.script(*[[forever(answer(status=503))]] * 4)
    gateway = two(sluice, bad, bad, {"on": ["503"], "budget_floor": 0, "backoff": "0ms..0ms"})
    for _ in range(200):
        assert gateway.request("GET", "/").status == 503
    assert len(bad.requests) <= 200 * 1.25


def test_off_sends_each_request_once(sluice, origins):
    breaks = origins.script(*[[expect_request(), close()]] * 4)
    gateway = two(sluice, breaks, breaks, "off")
    assert gateway.request("GET", "/").status == 502
    assert len(breaks.requests) == 1


def test_an_instance_that_stops_answering_costs_half_of_the_time(sluice, origins):
    deaf = origins.script(*[[expect_request(), lambda c: time.sleep(2)]] * 2)
    good = origins.script([forever(answer(body=b"good"))])
    gateway = two(sluice, deaf, good, 2, timeout={"total": "1s"})
    for _ in range(2):
        began = time.monotonic()
        assert gateway.request("GET", "/").status == 200
        assert time.monotonic() - began < 0.9


def test_the_log_tells_each_attempt_and_why_there_was_no_other_one(sluice, origins):
    breaks = origins.script(*[[expect_request(), close()]] * 4)
    gateway = two(sluice, breaks, breaks, {"tries": 1, "backoff": "1ms..1ms"})
    assert gateway.request("GET", "/").status == 502
    line = gateway.wait_log(1)[0]
    assert [attempt["reason"] for attempt in line["tries"]] == ["origin_reset", "origin_reset"]
    assert (line["attempts"], line["retry_refused"]) == (2, "tries")
