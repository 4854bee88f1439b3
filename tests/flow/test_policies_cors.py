"""CORS as browsers read it: preflights answered before anybody else is asked, fields on every response, no origin let in by
chance, and caches that cannot mix answers (Fetch standard, CORS protocol).
"""
import pytest

from kit import client
from kit.gateway import merged
from kit.stage import code_of

APP = "https://app.example.com"
ALLOW = "Access-Control-Allow-"


def with_cors(origin, cors, **route):
    return {"services": {"app": {"targets": [origin.target]}},
            "routes": {"api": {"match": "/api/*", "to": "app", "cors": cors, **route},
                       "plain": {"match": "/plain", "to": "app"}}}


def preflight(gateway, origin=APP, method="PUT", headers=None, target="/api/x", more=()):
    fields = [("Origin", origin), ("Access-Control-Request-Method", method), *more]
    if headers is not None:
        fields.append(("Access-Control-Request-Headers", headers))
    return gateway.request("OPTIONS", target, fields)


def vary(response):
    return {name.strip().lower() for value in response.fields.all("Vary") for name in value.split(",")}


def granted(response):
    """The origin that may read it, and every field that says so is there at most once."""
    for name, _ in response.fields:
        if name.lower().startswith("access-control-"):
            response.header(name)
    return response.header(ALLOW + "Origin")


@pytest.fixture(scope="module")
def full(shared):
    recorder = shared.peers.recorder("cors")
    gateway = shared.start(with_cors(recorder, {
        "origins": [APP, "https://*.shop.test", "http://localhost:3000",
                    {"pattern": "https://pr-[0-9]+\\.preview\\.test"}],
        "methods": ["GET", "PUT", "DELETE"], "request_headers": ["X-Token", "Content-Type"],
        "expose": ["X-Total", "RateLimit"],
        "credentials": True, "max_age": "10m"}))
    gateway.recorder = recorder
    return gateway


def test_a_preflight_is_answered_here(full):
    before = len(full.recorder.arrived)
    response = preflight(full, headers="content-type, x-token")
    assert (response.status, response.body) == (204, b"")
    assert granted(response) == APP
    assert {m.strip() for m in response.header(ALLOW + "Methods").split(",")} == {"GET", "PUT", "DELETE"}
    assert {h.strip().lower() for h in response.header(ALLOW + "Headers").split(",")} == {"x-token", "content-type"}
    assert (response.header(ALLOW + "Credentials"), response.header("Access-Control-Max-Age")) == ("true", "600")
    assert vary(response) >= {"origin", "access-control-request-method", "access-control-request-headers"}
    assert len(full.recorder.arrived) == before, "no origin was asked"


ORIGINS = [
    (APP, True), ("https://a.shop.test", True), ("https://a.b.shop.test", True), ("http://localhost:3000", True),
    ("https://pr-17.preview.test", True),
    ("https://app.example.com.evil", False), ("https://evilapp.example.com", False), ("http://app.example.com", False),
    ("https://app.example.com:8443", False),
    ("https://shop.test", False), ("https://evilshop.test", False), ("http://a.shop.test", False),
    ("https://a.shop.test.evil", False), ("http://localhost", False),
    ("https://pr-17.preview.test.evil", False), ("https://pr-.preview.test", False),
    ("https://xpr-17.preview.test", False), ("https://pr-17xpreview.test", False),
    ("null", False), ("", False), ("*", False), ("https://APP.example.com", False), (APP + "/", False),
    (APP + ", https://evil", False), (APP + " ", True),
]


@pytest.mark.parametrize("origin,is_allowed", ORIGINS)
def test_only_origins_that_are_meant_may_read(full, origin, is_allowed):
    for response in (preflight(full, origin), full.request("GET", "/api/x", [("Origin", origin)])):
        assert granted(response) == (origin.strip() if is_allowed else None)
        assert (ALLOW + "Credentials" in response.fields) == is_allowed
        assert "origin" in vary(response), "a cache must ask again for another origin, allowed or not"
    assert full.request("GET", "/api/x",
                        [("Origin",
                          origin)]).status == 200, "the request itself is served: CORS protects users, not origins"


def test_two_origins_are_none(full):
    response = full.request("GET", "/api/x", [("Origin", APP), ("Origin", APP)])
    assert granted(response) is None


def test_actual_responses_say_what_may_be_read(full):
    response = full.request("GET", "/api/x", [("Origin", APP)])
    assert (response.status, granted(response)) == (200, APP)
    assert {h.strip() for h in response.header("Access-Control-Expose-Headers").split(",")} == {"X-Total", "RateLimit"}
    assert ALLOW + "Methods" not in response.fields


def test_a_request_without_origin_is_left_alone_but_varies(full):
    response = full.request("GET", "/api/x")
    assert response.status == 200 and granted(response) is None and "origin" in vary(response)
    before = len(full.recorder.arrived)
    response = full.request("OPTIONS", "/api/x")
    assert response.status == 200, "no preflight: the origin answers"
    assert len(full.recorder.arrived) == before + 1


def test_a_route_without_cors_says_nothing(full):
    response = full.request("GET", "/plain", [("Origin", APP)])
    assert not [n for n, _ in response.fields if n.lower().startswith("access-control")]


def test_vary_of_the_origin_is_kept(full):
    response = full.request("GET", "/api/x?header=Vary:Accept-Encoding", [("Origin", APP)])
    assert vary(response) == {"accept-encoding", "origin"}
    response = full.request("GET", "/api/x?header=Vary:*", [("Origin", APP)])
    assert vary(response) >= {"*"}


def test_what_the_origin_says_of_sharing_is_replaced(full):
    """Two answers to one question are none: browsers refuse them."""
    for name, value in (("Origin", "*"), ("Origin", "https://evil"), ("Credentials", "false"), ("Methods", "*")):
        response = full.request("GET", f"/api/x?header={ALLOW}{name}:{value}", [("Origin", APP)])
        assert granted(response) == APP and response.header(ALLOW + "Credentials") == "true"
        response = full.request("GET", f"/api/x?header={ALLOW}{name}:{value}", [("Origin", "https://evil")])
        assert granted(response) is None


def test_errors_of_the_gateway_can_be_read_too(sluice, origins):
    """Without the fields a page sees a network error instead of the reason (pain: errors lack CORS)."""
    gateway = sluice({"services": {"dead": {"targets": ["127.0.0.1:1"]}},
                      "routes": {"a": {"match": "/dead", "to": "dead", "cors": APP},
                                 "b": {"match": "/limit", "to": "dead", "body_limit": 1, "cors": APP},
                                 "c": {"match": "/respond", "respond": {"status": 403}, "cors": APP}}})
    for method, target, status in (("GET", "/dead", 502), ("POST", "/limit", 413), ("GET", "/respond", 403)):
        response = gateway.request(method, target, [("Origin", APP)], body=b"hello" if method == "POST" else None)
        assert (response.status, granted(response)) == (status, APP)
        assert "origin" in vary(response)


def test_a_star_is_a_star_and_needs_no_vary(sluice, origins):
    origin = origins.recorder()
    gateway = sluice(with_cors(origin, {"origins": "*", "methods": "*", "request_headers": "*", "expose": "*"}))
    for fields in ([("Origin", "https://any")], [("Origin", "null")], []):
        response = gateway.request("GET", "/api/x", fields)
        assert granted(response) == "*" and ALLOW + "Credentials" not in response.fields
        assert "origin" not in vary(response)
    response = preflight(gateway, "https://any", "PATCH", "x-a, x-b")
    assert (response.header(ALLOW + "Methods"), response.header(ALLOW + "Headers")) == ("*", "*")


def test_null_is_an_origin_only_if_written(sluice, origins):
    origin = origins.recorder()
    gateway = sluice(with_cors(origin, {"origins": ["null"]}))
    assert granted(gateway.request("GET", "/api/x", [("Origin", "null")])) == "null"
    assert granted(gateway.request("GET", "/api/x", [("Origin", "https://a")])) is None


def test_a_strict_preflight_is_refused_with_a_reason(sluice, origins):
    origin = origins.recorder()
    gateway = sluice(with_cors(origin, {"origins": APP, "methods": ["GET", "PUT"], "request_headers": "X-Token",
                                        "preflight": "strict"}))
    assert preflight(gateway, headers="x-token").status == 204
    for response in (preflight(gateway, "https://evil"), preflight(gateway, method="DELETE"),
                     preflight(gateway, headers="x-token, x-other"),
                     preflight(gateway, method="put")):
        assert response.status == 403 and code_of(response).startswith("cors")
    assert origin.arrived == []


def test_a_preflight_can_be_left_to_the_origin(sluice, origins):
    origin = origins.recorder()
    gateway = sluice(with_cors(origin, {"origins": APP, "preflight": "forward"}))
    response = preflight(gateway, target=f"/api/x?status=204&header={ALLOW}Methods:PUT")
    assert [r.method for r in origin.arrived] == ["OPTIONS"]
    assert (granted(response), response.header(ALLOW + "Methods")) == (APP, "PUT")


def test_a_preflight_is_routed_as_the_method_that_it_asks_about(sluice, origins):
    origin = origins.recorder()
    gateway = sluice({"services": {"app": {"targets": [origin.target]}},
                      "routes": {"put": {"match": "PUT /x", "to": "app", "cors": {"origins": APP, "methods": "PUT"}},
                                 "get": {"match": "GET /x", "to": "app"}}})
    response = preflight(gateway, target="/x")
    assert (response.status, granted(response)) == (204, APP)
    response = preflight(gateway, target="/x", method="GET")
    assert granted(response) is None
    assert preflight(gateway, target="/x", method="DELETE").status == 405
    assert gateway.request("OPTIONS", "/x").status == 405


def test_private_networks_are_granted_only_if_asked_for_and_allowed(sluice, origins):
    origin = origins.recorder()
    ask = [("Access-Control-Request-Private-Network", "true")]
    for is_on in (True, False):
        gateway = sluice(with_cors(origin, {"origins": APP, "private_network": is_on}))
        assert (ALLOW + "Private-Network" in preflight(gateway, more=ask).fields) == is_on
        assert ALLOW + "Private-Network" not in preflight(gateway).fields


def test_the_short_form_and_its_defaults(sluice, origins):
    origin = origins.recorder()
    gateway = sluice(with_cors(origin, APP))
    response = preflight(gateway, method="POST")
    assert granted(response) == APP
    assert {m.strip() for m in response.header(ALLOW + "Methods").split(",")} == {"GET", "HEAD", "POST"}
    assert ALLOW + "Headers" not in response.fields and ALLOW + "Credentials" not in response.fields


def test_the_nearest_cors_holds(sluice, origins):
    origin = origins.recorder()
    config = merged(with_cors(origin, "https://route.test"), {
        "defaults": {"cors": "https://default.test"}, "policies": {"web": {"cors": "https://bundle.test"}},
        "routes": {"bundle": {"match": "/bundle", "to": "app", "use": "web"},
                   "skip": {"match": "/skip", "to": "app", "skip": "cors"}}})
    gateway = sluice(config)
    for target, name in (("/api/x", "route"), ("/bundle", "bundle"), ("/plain", "default"), ("/skip", None)):
        for asked in ("route", "bundle", "default"):
            response = gateway.request("GET", target, [("Origin", f"https://{asked}.test")])
            assert granted(response) == (f"https://{asked}.test" if asked == name else None), target


def test_head_and_pipelined_preflights(full):
    with full.connect() as c:
        c.send(client.head("OPTIONS", "/api/x", [("Origin", APP), ("Access-Control-Request-Method", "PUT")]) * 3
               + client.head("HEAD", "/api/x", [("Origin", APP)]))
        assert [c.receive("OPTIONS").status for _ in range(3)] == [204] * 3
        response = c.receive("HEAD")
        assert (response.status, granted(response)) == (200, APP)
