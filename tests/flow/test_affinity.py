"""Clients stay with their instance by a sealed cookie: over restarts and processes, while it drains, and not when it is gone."""
import re
import time

import pytest

from kit.gateway import merged

SECRET = "a secret of some length, and more"


def sticky(made, **keys):
    return {"services": {"app": {"targets": [o.target for o in made], "balance": "round_robin",
                                 "sticky": {"cookie": "sid", "secret": SECRET, **keys}}},
            "routes": {"/*": "app"}}


def visit(gateway, made, cookie=None, fields=()):
    """One request: which instance served it, and the Set-Cookie of its answer."""
    before = [o.served for o in made]
    fields = list(fields) + ([("Cookie", cookie)] if cookie else [])
    response = gateway.request("GET", "/", fields=fields)
    assert response.status == 200
    served = next(i for i, o in enumerate(made) if o.served > before[i])
    return served, response.header("Set-Cookie")


def value_of(line):
    return line.split(";")[0]


def test_a_client_stays_and_others_are_spread(sluice, origins):
    made = [origins.echo(str(i)) for i in range(3)]
    gateway = sluice(sticky(made), cores=2)
    clients = [visit(gateway, made) for _ in range(6)]
    assert {served for served, _ in clients} == {0, 1, 2}
    for served, line in clients:
        assert re.fullmatch(r"sid=[\w-]{76}; Path=/; Max-Age=28800; HttpOnly; SameSite=Lax", line)
        for _ in range(3):
            assert visit(gateway, made, value_of(line)) == (served, None)


def test_no_instance_sees_the_cookie_and_others_stay(sluice, origins):
    origin = origins.echo("a")
    gateway = sluice(sticky([origin]))
    _, line = visit(gateway, [origin])
    visit(gateway, [origin], f"a=1; {value_of(line)}; b=2")
    visit(gateway, [origin], value_of(line))
    seen = [r.header("Cookie") for r in origin.requests]
    assert seen == [None, "a=1; b=2", None]


def test_it_is_secure_only_where_the_client_came_by_https(sluice, origins):
    made = [origins.echo("a")]
    config = merged(sticky(made), {"listeners": {"http": {"trusted_proxies": ["127.0.0.0/8"]}}})
    gateway = sluice(config)
    assert "Secure" not in visit(gateway, made)[1]
    assert visit(gateway, made, fields=[("X-Forwarded-Proto", "https")])[1].endswith("; Secure")


def test_two_processes_with_one_secret_agree_and_so_does_one_that_is_started_again(sluice, origins):
    made = [origins.echo(str(i)) for i in range(4)]
    first, second = sluice(sticky(made)), sluice(sticky(list(reversed(made))))
    for _ in range(6):
        served, line = visit(first, made)
        assert visit(second, made, value_of(line)) == (served, None)
    third = sluice(sticky(made, secret="quite another secret", previous=SECRET))
    assert visit(third, made, value_of(line)) == (served, None)
    stranger = sluice(sticky(made, secret="quite another secret"))
    assert visit(stranger, made, value_of(line))[1] is not None


@pytest.mark.parametrize("cookie", ["sid=", "sid=" + "A" * 76, "sid=" + "A" * 5000, "sid=%00; sid=x", "sid"])
def test_what_is_no_cookie_of_ours_is_no_error(sluice, origins, cookie):
    made = [origins.echo("a")]
    assert visit(sluice(sticky(made)), made, cookie)[1] is not None


def test_an_expired_cookie_binds_nobody(sluice, origins):
    made = [origins.echo(str(i)) for i in range(2)]
    gateway = sluice(sticky(made, ttl="1s"))
    _, line = visit(gateway, made)
    time.sleep(2.1)
    assert visit(gateway, made, value_of(line))[1] is not None


def test_a_client_of_an_instance_that_is_gone_is_given_another(sluice, origins):
    made = [origins.echo(str(i)) for i in range(3)]
    config = sticky(made)
    gateway = sluice(config)
    served, line = visit(gateway, made)
    made[served].stop()
    left = [o for i, o in enumerate(made) if i != served]
    now, again = visit(gateway, left, value_of(line))
    assert again is not None
    assert visit(gateway, left, value_of(again)) == (now, None)


def test_weight_0_keeps_bound_clients_and_takes_no_others(sluice, origins):
    made = [origins.echo(str(i)) for i in range(2)]
    config = sticky(made)
    gateway = sluice(config)
    served, line = visit(gateway, made)
    config["services"]["app"]["targets"] = [{"address": o.target, "weight": 0 if i == served else 1}
                                            for i, o in enumerate(made)]
    gateway.reload(config)
    for _ in range(4):
        assert visit(gateway, made, value_of(line)) == (served, None)
        assert visit(gateway, made)[0] == 1 - served
