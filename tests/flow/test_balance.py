"""Which version and which instance gets a request: exact shares, over all cores, and a wide berth around what is slow."""
import collections

import pytest

from kit import client
from kit.gateway import all_to, merged
from kit.stage import code_of
from kit.waiting import wait_until


def shares(made, gateway, count, cores=1):
    """Sends `count` requests over several connections and returns what each origin served of them."""
    before = [o.served for o in made]
    connections = [gateway.connect() for _ in range(4 * cores)]
    for i in range(count):
        assert connections[i % len(connections)].request("GET", f"/{i}").status == 200
    return [o.served - b for o, b in zip(made, before)]


@pytest.mark.parametrize("cores", [1, 2])
def test_round_robin_is_exact(sluice, origins, cores):
    made = [origins.echo(str(i)) for i in range(3)]
    gateway = sluice(all_to(*made, balance="round_robin"), cores=cores)
    assert shares(made, gateway, 90, cores) == [30, 30, 30]


@pytest.mark.parametrize("cores", [1, 2])
def test_round_robin_follows_weights_exactly(sluice, origins, cores):
    made = [origins.echo(str(i)) for i in range(3)]
    targets = [{"address": o.target, "weight": w} for o, w in zip(made, (5, 2, 1))]
    gateway = sluice({"services": {"app": {"targets": targets, "balance": "round_robin"}}, "routes": {"/*": "app"}},
                     cores=cores)
    assert shares(made, gateway, 80, cores) == [50, 20, 10]


def test_round_robin_is_smooth(sluice, origins):
    """5, 1, 1 does not mean five in a row: no instance gets more than its share of any stretch, but for one."""
    made = [origins.echo(str(i)) for i in range(3)]
    targets = [{"address": o.target, "weight": w} for o, w in zip(made, (4, 2, 2))]
    gateway = sluice({"services": {"app": {"targets": targets, "balance": "round_robin"}}, "routes": {"/*": "app"}})
    sequence = []
    for _ in range(16):
        gateway.request()
        sequence.append([o.served for o in made])
    steps = [next(i for i in range(3) if now[i] > was[i]) for was, now in zip([[0, 0, 0]] + sequence, sequence)]
    assert collections.Counter(steps) == {0: 8, 1: 4, 2: 4}
    assert all(steps[i:i + 3] != [0, 0, 0] for i in range(14)), steps


@pytest.mark.parametrize("balance", ["round_robin", "least_request", "random_two", "p2c_ewma", "least_time",
                                     "maglev", "ring", "ip_hash", "first"])
def test_weight_0_drains_an_instance(sluice, origins, balance):
    made = [origins.echo(str(i)) for i in range(3)]
    targets = [{"address": o.target, "weight": w} for o, w in zip(made, (1, 0, 1))]
    gateway = sluice({"services": {"app": {"targets": targets, "balance": balance}}, "routes": {"/*": "app"}})
    got = shares(made, gateway, 60)
    assert got[1] == 0 and sum(got) == 60
    if balance not in ("maglev", "ring", "ip_hash", "first"):  # they send one client to one instance
        assert min(got[0], got[2]) > 0


@pytest.mark.parametrize("balance", ["least_request", "random_two", "p2c_ewma"])
def test_every_instance_gets_its_part_of_even_load(sluice, origins, balance):
    made = [origins.echo(str(i)) for i in range(4)]
    gateway = sluice(all_to(*made, balance=balance, eject="off"))
    connections = [gateway.connect() for _ in range(16)]
    for _ in range(25):
        for c in connections:
            c.send(client.head("GET", "/"))
        for c in connections:
            assert c.receive().status == 200
    # One that this machine held up for a moment looks slow to a method that goes by time.
    assert min(o.served for o in made) > (0 if balance == "p2c_ewma" else 20), [o.served for o in made]


@pytest.mark.parametrize("cores", [1, 2])
@pytest.mark.parametrize("balance", ["least_request", "random_two"])
def test_a_busy_instance_gets_less_than_an_idle_one(sluice, origins, balance, cores):
    """Load counts over the whole process: with two instances both methods compare the same two."""
    made = [origins.echo("a"), origins.echo("b")]
    gateway = sluice(all_to(*made, balance=balance), cores=cores)
    held = [[], []]
    for i in range(8):
        c = gateway.connect()
        c.send(client.head("GET", "/?delay_ms=100000"))
        wait_until(lambda: sum(o.served for o in made) == i + 1, "it is held")
        held[len(held[0]) == made[0].served].append(c)
    assert [o.served for o in made] == [4, 4], "one after another they are spread evenly"
    for c in held[1][:3]:
        c.reset()
    wait_until(lambda: gateway.metrics()("sluice_requests_in_flight") == 5, "three have left the second")
    assert shares(made, gateway, 20, cores) == [0, 20]


def altered(origin, alter):
    """Makes an echo do `alter(request)` before each of its answers."""
    plain = origin.answer

    def answer(connection, request):
        alter(request)
        return plain(connection, request)
    origin.answer = answer
    return origin


def test_p2c_ewma_keeps_away_from_a_slow_instance(sluice, origins):
    slow, quick = origins.echo("slow"), [origins.echo(str(i)) for i in range(2)]
    altered(slow, lambda request: slow.is_stopping.wait(0.15))
    gateway = sluice(all_to(slow, *quick, balance="p2c_ewma"))
    connections = [gateway.connect() for _ in range(4)]
    for _ in range(50):
        for c in connections:
            c.send(client.head("GET", "/"))
        for c in connections:
            assert c.receive().status == 200
    assert slow.served < 200 / 3 / 2, f"the slow one got {slow.served} of 200"


def test_p2c_ewma_keeps_away_from_an_instance_that_fails_fast(sluice, origins):
    bad, good = origins.echo("bad"), [origins.echo(str(i)) for i in range(2)]
    altered(bad, lambda request: setattr(request, "target", "/?status=500"))
    gateway = sluice(all_to(bad, *good, balance="p2c_ewma"))
    statuses = collections.Counter(gateway.request().status for _ in range(200))
    assert statuses[500] < 200 / 3 / 2, statuses


def test_one_instance_takes_all_under_every_method(sluice, origins):
    origin = origins.echo()
    for balance in ("round_robin", "least_request", "random_two", "p2c_ewma"):
        gateway = sluice(all_to(origin, balance=balance))
        assert [gateway.request().status for _ in range(5)] == [200] * 5


# Versions.

def versions(*made, **weights):
    return {name: {"weight": weights[name], "targets": [o.target]} for name, o in zip(weights, made)}


def test_versions_share_by_weight_whatever_their_number_of_instances(sluice, origins):
    made = [origins.echo(str(i)) for i in range(4)]
    gateway = sluice({"services": {"app": {"versions": {"v1": {"weight": 90, "targets": [made[0].target]},
                                                        "v2": {"weight": 10,
                                                               "targets": [o.target for o in made[1:]]}}}},
                      "routes": {"/*": "app"}})
    with gateway.connect() as c:
        for _ in range(2000):
            c.request()
    second = sum(o.served for o in made[1:])
    assert 130 < second < 280, f"{second} of 2000 went to a version with 10 %"  # five standard deviations
    metrics = gateway.metrics()
    assert metrics("sluice_requests_total", version="v2") == second
    assert metrics("sluice_requests_total", version="v1") == made[0].served


def test_a_version_of_weight_0_gets_nothing_and_all_of_weight_0_is_503(sluice, origins):
    made = [origins.echo("1"), origins.echo("2")]
    gateway = sluice({"services": {"app": {"versions": versions(*made, v1=1, v2=0)}}, "routes": {"/*": "app"}})
    assert shares(made, gateway, 40) == [40, 0]
    gateway.reload({"services": {"app": {"versions": versions(*made, v1=0, v2=0)}}, "routes": {"/*": "app"}})
    response = gateway.request()
    assert (response.status, code_of(response)) == (503, "no_version")


COHORTS = {
    "header": ("header X-User", lambda u: [("X-User", u)]),
    "cookie": ("cookie uid", lambda u: [("Cookie", f"a=b; uid={u}; c=d")]),
}


@pytest.mark.parametrize("kind", COHORTS)
def test_a_cohort_stays_with_its_version_and_raising_a_weight_moves_nobody_back(sluice, origins, kind):
    by, fields = COHORTS[kind]
    made = [origins.echo("v1"), origins.echo("v2")]

    def config(first, second):
        return {"services": {"app": {"cohort": by, "versions": versions(*made, v1=first, v2=second)}},
                "routes": {"/*": "app"}}

    def placement(gateway):
        placed = {}
        with gateway.connect() as c:
            for i in range(200):
                body = c.request("GET", "/", fields(f"user-{i}")).body
                placed[i] = "v1" if b'"origin": "v1"' in body else "v2"
        return placed
    gateway = sluice(config(90, 10))
    before = placement(gateway)
    assert placement(gateway) == before, "the same user meets the same version"
    for first, second in ((70, 30), (50, 50), (10, 90)):
        gateway.reload(config(first, second))
        after = placement(gateway)
        moved_back = [i for i in before if before[i] == "v2" and after[i] == "v1"]
        assert moved_back == []
        assert sum(v == "v2" for v in after.values()) >= sum(v == "v2" for v in before.values())
        before = after
    assert 150 < sum(v == "v2" for v in before.values()) <= 200


def test_a_cohort_by_address_knows_the_client_behind_a_trusted_proxy(sluice, origins):
    made = [origins.echo("v1"), origins.echo("v2")]
    gateway = sluice({"listeners": {"http": {"trusted_proxies": ["127.0.0.1"]}},
                      "services": {"app": {"cohort": "address", "versions": versions(*made, v1=50, v2=50)}},
                      "routes": {"/*": "app"}})
    seen = collections.defaultdict(set)
    with gateway.connect() as c:
        for _ in range(3):
            for i in range(60):
                seen[i].add(c.request("GET", "/", [("X-Forwarded-For", f"1.2.3.{i}")]).body.split(b",")[0])
    assert all(len(v) == 1 for v in seen.values())
    assert len(set.union(*seen.values())) == 2


def test_who_has_no_cohort_key_is_spread_by_weight(sluice, origins):
    made = [origins.echo("v1"), origins.echo("v2")]
    gateway = sluice({"services": {"app": {"cohort": "header X-User", "versions": versions(*made, v1=50, v2=50)}},
                      "routes": {"/*": "app"}})
    got = shares(made, gateway, 200)
    assert min(got) > 50, got


def test_services_with_one_seed_put_a_user_into_the_same_place(sluice, origins):
    made = {name: [origins.echo("v1"), origins.echo("v2")] for name in ("a", "b")}
    gateway = sluice({"services": {name: {"cohort": {"by": "header X-User", "seed": "both"},
                                          "versions": versions(*two, v1=50, v2=50)}
                                   for name, two in made.items()},
                      "routes": {"a": {"match": "/a/*", "to": "a"}, "b": {"match": "/b/*", "to": "b"}}})
    with gateway.connect() as c:
        for i in range(60):
            user = [("X-User", f"u{i}")]
            assert c.request("GET", "/a", user).body.split(b",")[0] == c.request("GET", "/b", user).body.split(b",")[0]


def test_an_instance_can_stand_in_two_services(sluice, origins):
    origin = origins.echo()
    gateway = sluice(merged(all_to(origin), {"services": {"other": {"targets": [origin.target]}},
                                             "routes": {"other": {"match": "/o/*", "to": "other"}}}))
    assert [gateway.request("GET", t).status for t in ("/a", "/o/b")] == [200, 200]
    metrics = gateway.metrics()
    assert (metrics("sluice_requests_total", service="app"), metrics("sluice_requests_total", service="other")) == (1, 1)


def by_user(made, **balance):
    return {"services": {"app": {"targets": [o.target for o in made],
                                 "balance": {"on": "header X-User", **balance}}},
            "routes": {"/*": "app"}}


def owners(gateway, made, users):
    """Which instance serves each user."""
    found = {}
    for user in users:
        before = [o.served for o in made]
        assert gateway.request("GET", "/", fields=[("X-User", user)]).status == 200
        found[user] = next(i for i, o in enumerate(made) if o.served > before[i])
    return found


@pytest.mark.parametrize("method", ["maglev", "ring"])
def test_a_client_keeps_its_instance_by_header_and_over_reloads(sluice, origins, method, cores=2):
    made = [origins.echo(str(i)) for i in range(4)]
    users = [f"user-{i}" for i in range(64)]
    config = by_user(made, method=method, bound=10)
    gateway = sluice(config, cores=cores)
    first = owners(gateway, made, users)
    assert len(set(first.values())) == 4
    assert owners(gateway, made, users) == first
    gateway.reload(merged(config, {"services": {"app": {"queue": {"size": 10}}}}))
    assert owners(gateway, made, users) == first
    # The order of targets in the file means nothing.
    turned = by_user(list(reversed(made)), method=method, bound=10)
    gateway.reload(turned)
    assert owners(gateway, made, users) == first


@pytest.mark.parametrize("method", ["maglev", "ring"])
def test_when_an_instance_goes_only_its_clients_move(sluice, origins, method):
    made = [origins.echo(str(i)) for i in range(4)]
    users = [f"user-{i}" for i in range(40)]
    gateway = sluice(by_user(made, method=method))
    first = owners(gateway, made, users)
    gateway.reload(by_user(made[:3], method=method))
    after = owners(gateway, made, users)
    moved = [u for u in users if first[u] != after[u]]
    assert all(first[u] == 3 for u in users if first[u] == 3 and u in moved)
    assert {u for u in users if first[u] == 3} <= set(moved)
    assert len(moved) <= 2 * sum(1 for u in users if first[u] == 3) + 2


def test_a_second_process_sends_clients_to_the_same_instances(sluice, origins):
    made = [origins.echo(str(i)) for i in range(4)]
    users = [f"user-{i}" for i in range(16)]
    config = by_user(made, method="maglev")
    assert owners(sluice(config), made, users) == owners(sluice(config), made, users)


def test_requests_without_the_key_go_by_address(sluice, origins):
    made = [origins.echo(str(i)) for i in range(4)]
    gateway = sluice(by_user(made, method="maglev"))
    for _ in range(8):
        assert gateway.request().status == 200
    assert sorted(o.served for o in made) == [0, 0, 0, 8]


def test_first_fills_one_instance_before_the_next(sluice, origins):
    made = [origins.echo(str(i)) for i in range(3)]
    gateway = sluice(all_to(*made, balance="first"))
    for _ in range(10):
        assert gateway.request().status == 200
    assert [o.served for o in made] == [10, 0, 0]


def test_another_method_after_a_reload_keeps_what_is_known_of_instances(sluice, origins):
    made = [origins.echo(str(i)) for i in range(3)]
    gateway = sluice(all_to(*made, balance="p2c_ewma"))
    for method in ("maglev", "least_time", "round_robin", "ip_hash", "ring", "first"):
        gateway.reload(all_to(*made, balance=method))
        connects = sum(o.accepted for o in made) if hasattr(made[0], "accepted") else None
        for _ in range(6):
            assert gateway.request().status == 200
        assert connects is None or sum(o.accepted for o in made) - connects <= 3
