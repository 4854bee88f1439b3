"""Which route a request takes: hosts, paths, methods, headers and queries in the precedence of the Gateway API, and what a route
does with it: forward, rewrite, redirect, respond.
"""
import json

import pytest

from kit import client
from kit.stage import code_of
from kit.waiting import wait_until


def respond(text, **more):
    """A route that answers with its own name."""
    return {"respond": {"status": 200, "body": text}, **more}


def taker(gateway, method, target, fields=(), host="localhost"):
    """The name of the route that takes a request, or the status if none does."""
    response = gateway.request(method, target, fields, host=host)
    return response.body.decode() if response.status == 200 else response.status


@pytest.fixture(scope="module")
def table(shared):
    """One gateway with many routes that answer with their names."""
    routes = {
        "any": respond("any", match="/*"),
        "exact": respond("exact", match="/a"),
        "prefix": respond("prefix", match="/a/*"),
        "deeper": respond("deeper", match="/a/b/*"),
        "deep_exact": respond("deep_exact", match="/a/b/c"),
        "param": respond("param", match="/users/{id}"),
        "param_literal": respond("param_literal", match="/users/me"),
        "param_below": respond("param_below", match="/users/{id}/orders/{order}"),
        "param_prefix": respond("param_prefix", match="/users/{id}/files/*"),
        "pattern": respond("pattern", match={"path": {"pattern": "/v[0-9]+/(x|y)"}}),
        "pattern_prefix": respond("pattern_prefix", match="/v1/*"),
        "pattern_exact": respond("pattern_exact", match="/v1/x"),
        "get": respond("get", match="GET /m"),
        "post": respond("post", match="POST,PUT /m"),
        "only_get": respond("only_get", match="GET /only"),
        "only_deep": respond("only_deep", match="DELETE /only/deep/*"),
        "header": respond("header", match={"path": "/h", "header": {"X-Version": "2"}}),
        "header_any": respond("header_any", match={"path": "/h", "header": {"X-Version": ["3", "4"]}}),
        "header_two": respond("header_two", match={"path": "/h",
                                                   "header": {"X-Version": "2", "X-Beta": {"present": True}}}),
        "header_pattern": respond("header_pattern", match={"path": "/h",
                                                           "header": {"X-Version": {"pattern": "5\\.[0-9]+"}}}),
        "header_absent": respond("header_absent", match={"path": "/absent", "header": {"X-Beta": {"present": False}}}),
        "header_present": respond("header_present", match={"path": "/absent", "header": {"X-Beta": {"present": True}}}),
        "no_header": respond("no_header", match="/h"),
        "query": respond("query", match={"path": "/q", "query": {"v": "2"}}),
        "query_two": respond("query_two", match={"path": "/q", "query": {"v": "2", "w": {"pattern": "[ab]+"}}}),
        "query_text": respond("query_text", match={"path": "/q", "query": {"t": "a b&c"}}),
        "no_query": respond("no_query", match="/q"),
        "method_and_header": respond("method_and_header", match={"path": "/mh", "methods": "GET"}),
        "header_alone": respond("header_alone", match={"path": "/mh", "header": {"X-A": "1", "X-B": "2"}}),
        "low": respond("low", match="/prio/exact"),
        "high": respond("high", match="/prio/*", priority=10),
        "two": respond("two", match=["/two/a", "POST /two/b", {"path": "/two/c", "header": {"X-A": "1"}}]),
        "first": respond("first", match={"path": "/tie", "header": {"X-A": "1"}}),
        "second": respond("second", match={"path": "/tie", "header": {"X-B": "1"}}),
        "slash_exact": respond("slash_exact", match="/slash/"),
        "escaped": respond("escaped", match="/caf%C3%A9/*"),
    }
    return shared.start({"routes": routes})


CASES = [
    ("/", "any"), ("/other/x", "any"), ("/a", "exact"), ("/a/", "prefix"), ("/a/x", "prefix"), ("/ab", "any"),
    ("/A", "any"),
    ("/a/b", "deeper"), ("/a/b/", "deeper"), ("/a/b/x", "deeper"), ("/a/bc", "prefix"), ("/a/b/c", "deep_exact"),
    ("/a/b/c/", "deeper"),
    ("/users/7", "param"), ("/users/me", "param_literal"), ("/users/", "any"), ("/users", "any"), ("/users/7/", "any"),
    ("/users/7/orders/8", "param_below"), ("/users/7/orders", "any"), ("/users/me/orders/8", "param_below"),
    ("/users/7/files", "param_prefix"), ("/users/7/files/a/b", "param_prefix"), ("/users/a%20b", "param"),
    ("/v2/x", "pattern"), ("/v1/y", "pattern"), ("/v1/x", "pattern_exact"), ("/v1/z", "pattern_prefix"),
    ("/v2/xz", "any"), ("/x/v2/x", "any"),
    ("/q?v=2", "query"), ("/q?v=3", "no_query"), ("/q?v=3&v=2", "query"), ("/q?w=ab&v=2", "query_two"),
    ("/q?w=abc&v=2", "query"),
    ("/q?V=2", "no_query"), ("/q?v=%32", "query"), ("/q?%76=2", "query"), ("/q?t=a+b%26c", "query_text"),
    ("/q?t=a%20b%26c", "query_text"), ("/q?v", "no_query"),
    ("/q?xv=2", "no_query"), ("/q?v=2;w=a", "no_query"), ("/prio/exact", "high"), ("/prio/x", "high"),
    ("/slash/", "slash_exact"), ("/slash", "any"), ("/slash/x", "any"), ("/caf%c3%a9/x", "escaped"), ("/two/a", "two"),
    ("/two/b", "any"),
    ("//a//b", "deeper"), ("/x/../a", "exact"), ("/%61", "exact"), ("/a;b", "any"), ("/a?b", "exact"),
    ("/a/b/c?x=/y", "deep_exact"),
]


@pytest.mark.parametrize("target,name", CASES)
def test_paths_and_queries_in_their_precedence(table, target, name):
    assert taker(table, "GET", target) == name


def test_methods(table):
    assert [taker(table, m, "/m") for m in ("GET", "POST", "PUT")] == ["get", "post", "post"]
    assert taker(table, "DELETE", "/m") == "any", "another route takes every method"
    assert taker(table, "get", "/m") == "any", "methods are case-sensitive"
    assert taker(table, "POST", "/two/b") == "two"


def test_headers(table):
    cases = [([], "no_header"), ([("X-Version", "2")], "header"), ([("x-version", "2")], "header"),
             ([("X-Version", "4")], "header_any"),
             ([("X-Version", "2"), ("X-Beta", "")], "header_two"), ([("X-Version", "5.10")], "header_pattern"),
             ([("X-Version", "5.10x")], "no_header"),
             ([("X-Version", "x5.10")], "no_header"), ([("X-Version", "9"), ("X-Version", "2")], "header"),
             ([("X-Version", "2"), ("X-Version", "9")], "header"),
             ([("X-Version", "2, 9")], "no_header"), ([("X-Version", "22")], "no_header")]
    for fields, name in cases:
        assert taker(table, "GET", "/h", fields) == name, fields
    assert taker(table, "GET", "/absent") == "header_absent"
    assert taker(table, "GET", "/absent", [("X-Beta", "1")]) == "header_present"
    assert taker(table, "GET", "/two/c", [("X-A", "1")]) == "two"


def test_a_condition_on_the_method_counts_before_conditions_on_headers(table):
    both = [("X-A", "1"), ("X-B", "2")]
    assert taker(table, "GET", "/mh", both) == "method_and_header"
    assert taker(table, "POST", "/mh", both) == "header_alone"


def test_what_is_equal_goes_by_the_order_in_the_file(table):
    assert taker(table, "GET", "/tie", [("X-A", "1"), ("X-B", "1")]) == "first"
    assert taker(table, "GET", "/tie", [("X-B", "1")]) == "second"


# Hosts.

@pytest.fixture(scope="module")
def hosts(shared):
    return shared.start({"routes": {
        "none": respond("none", match="/*"),
        "exact": respond("exact", match="api.example.com/*"),
        "wild": respond("wild", match="*.example.com/*"),
        "wilder": respond("wilder", match="*.eu.example.com/*"),
        "two": respond("two", match={"host": ["a.test", "b.test"], "path": "/*"}),
        "path": respond("path", match="api.example.com/orders/*"),
        "path_any": respond("path_any", match="/orders/7"),
        "v6": respond("v6", match="[::1]/*"),
    }})


@pytest.mark.parametrize("host,name", [
    ("api.example.com", "exact"), ("API.Example.COM", "exact"), ("api.example.com.", "exact"),
    ("api.example.com:8080", "exact"),
    ("www.example.com", "wild"), ("a.b.example.com", "wild"), ("x.eu.example.com", "wilder"),
    ("eu.example.com", "wild"),
    ("example.com", "none"), ("evilexample.com", "none"), ("example.com.evil", "none"),
    ("api.example.com.evil", "none"), ("xapi.example.com", "wild"),
    ("a.test", "two"), ("b.test", "two"), ("c.test", "none"), ("[::1]", "v6"), ("[0::1]:80", "v6")])
def test_the_most_specific_host_wins(hosts, host, name):
    assert taker(hosts, "GET", "/x", host=host) == name


def test_the_host_counts_before_the_path(hosts):
    assert taker(hosts, "GET", "/orders/7", host="api.example.com") == "path"
    assert taker(hosts, "GET", "/orders/7", host="www.example.com") == "wild"
    assert taker(hosts, "GET", "/orders/7", host="other") == "path_any"


def test_an_absolute_target_is_routed_by_its_host(hosts):
    assert taker(hosts, "GET", "http://a.test/x", host="a.test") == "two"


# No route.

@pytest.fixture(scope="module")
def few(shared):
    return shared.start({"routes": {
        "get": respond("get", match="GET,HEAD /a"),
        "post": respond("post", match={"path": "/a", "methods": "POST", "header": {"X-A": "1"}}),
        "put": respond("put", match="PUT api.test/a"),
        "other": respond("other", match="GET other.test/*"),
    }})


def test_nothing_matches_is_404_and_the_connection_stands(few):
    with few.connect() as c:
        for method, target in (("GET", "/b"), ("POST", "/b"), ("GET", "/"), ("GET", "/a/")):
            response = c.request(method, target, body=b"hello" if method == "POST" else None)
            assert (response.status, code_of(response)) == (404, "no_route")
        assert c.request("GET", "/a").status == 200
    response = few.request("HEAD", "/b")
    assert (response.status, response.body) == (404, b"") and int(response.header("Content-Length", "1")) > 0


def allow(response):
    return sorted(response.header("Allow").replace(" ", "").split(","))


def test_another_method_is_405_and_says_which(few):
    response = few.request("DELETE", "/a")
    assert (response.status, code_of(response), allow(response)) == (405, "method_not_allowed", ["GET", "HEAD"])
    response = few.request("DELETE", "/a", [("X-A", "1")])
    assert allow(response) == ["GET", "HEAD", "POST"]
    response = few.request("DELETE", "/a", host="api.test")
    assert response.status == 405 and "PUT" in allow(response)
    assert few.request("POST", "/x", host="other.test").status == 405
    assert few.request("OPTIONS", "/a").status == 405


def test_a_route_for_get_takes_head(sluice):
    """RFC 9110 9.3.2: HEAD is GET without the body. So the route, and its policies, are the same."""
    gateway = sluice({"routes": {
        "get": {**respond("get", match="GET /a"), "headers": {"response": {"set": {"X-Route": "get"}}}},
        "head": {**respond("head", match="HEAD /only"), "priority": 1},
        "get_only": respond("get", match="GET /only"),
        "post": respond("post", match="POST /post"),
        "rest": respond("rest", match="/*"),
    }})
    get, head = gateway.request("GET", "/a"), gateway.request("HEAD", "/a")
    assert (head.status, head.header("X-Route"), head.body) == (200, "get", b"")
    assert head.header("Content-Length") == get.header("Content-Length") == "3"
    assert gateway.request("HEAD", "/only").header("Content-Length") == "4"
    assert gateway.request("HEAD", "/post").header("Content-Length") == "4"  # "rest"


# What a route does.

def test_respond(sluice):
    gateway = sluice({"routes": {
        "text": {"match": "/text", "respond": {"status": 418, "body": "short and stout\n",
                                               "headers": {"Content-Type": "text/plain", "X-Pot": "tea"}}},
        "none": {"match": "/none", "respond": {"status": 204}},
        "empty": {"match": "/empty", "respond": {}},
    }})
    with gateway.connect() as c:
        response = c.request("GET", "/text")
        assert (response.status, response.body) == (418, b"short and stout\n")
        assert (response.header("Content-Type"), response.header("X-Pot")) == ("text/plain", "tea")
        assert response.header("Date") and response.header("Content-Length") == "16"
        response = c.request("HEAD", "/text")
        assert (response.status, response.body, response.header("Content-Length")) == (418, b"", "16")
        assert c.request("GET", "/none").status == 204
        response = c.request("POST", "/empty", body=b"hello")
        assert (response.status, response.body) == (200, b"")
        assert c.is_open()


REDIRECTS = {
    "to_https": ({"match": "/s/*", "redirect": {"scheme": "https", "status": 301}}, "/s/a?b=c", 301,
                 "https://shop.test/s/a?b=c"),
    "to_url": ({"match": "/u/*", "redirect": "https://www.test/*"}, "/u/a/b?c", 302, "https://www.test/a/b?c"),
    "to_host": ({"match": "/h/*", "redirect": {"host": "new.test", "status": 308}}, "/h/a", 308,
                "http://new.test:8080/h/a"),
    "to_port": ({"match": "/p", "redirect": {"scheme": "https", "port": 8443}}, "/p", 302, "https://shop.test:8443/p"),
    "to_path": ({"match": "/old/*", "redirect": {"path": "/new/*", "status": 307}}, "/old/x?y", 307,
                "http://shop.test:8080/new/x?y"),
    "to_param": ({"match": "/item/{id}", "redirect": {"path": "/items/{id}/view", "status": 303}}, "/item/7%20a", 303,
                 "http://shop.test:8080/items/7%20a/view"),
    "no_query": ({"match": "/nq", "redirect": {"path": "/x", "keep_query": False}}, "/nq?a=b", 302,
                 "http://shop.test:8080/x"),
    "whole_path": ({"match": "/w/*", "redirect": {"path": "/x"}}, "/w/a/b", 302, "http://shop.test:8080/x"),
}


@pytest.fixture(scope="module")
def redirecting(shared):
    return shared.start({"routes": {name: route for name, (route, *_) in REDIRECTS.items()}})


@pytest.mark.parametrize("name", REDIRECTS)
def test_redirects(redirecting, name):
    _, target, status, location = REDIRECTS[name]
    response = redirecting.request("GET", target, host="shop.test:8080")
    assert (response.status, response.header("Location")) == (status, location)


def test_a_redirect_leads_nowhere_else(redirecting):
    """Nothing that a client sends may turn Location to another host or into two lines."""
    for target in ("/s//evil.test", "/u//evil.test/x", "/u/%0d%0aSet-Cookie:a=b", "/u/%5c%5cevil.test",
                   "/old//evil.test"):
        response = redirecting.request("GET", target, host="shop.test")
        if response.status != 400:
            assert response.header("Location").split("/")[2] in ("shop.test", "www.test")
            assert "Set-Cookie" not in response.fields


REWRITES = [
    ({"match": "/api/*", "rewrite": "/*"}, "/api/a/b?c=d", "/a/b?c=d"),
    ({"match": "/api/*", "rewrite": "/*"}, "/api", "/"),
    ({"match": "/api/*", "rewrite": "/*"}, "/api/", "/"),
    ({"match": "/api/*", "rewrite": "/v1/*"}, "/api/a", "/v1/a"),
    ({"match": "/api/*", "rewrite": "/v1/*"}, "/api", "/v1"),
    ({"match": "/*", "rewrite": "/all/*"}, "/a", "/all/a"), ({"match": "/*", "rewrite": "/all/*"}, "/", "/all/"),
    ({"match": "/u/{id}/o/{order}", "rewrite": "/orders/{order}/of/{id}"}, "/u/7/o/a%20b?x", "/orders/a%20b/of/7?x"),
    ({"match": "/x/*", "rewrite": "/fixed"}, "/x/a/b?c", "/fixed?c"),
    ({"match": "/api/*", "rewrite": "/*"}, "/api//a//../b", "/b"), ({"match": "/api/*"}, "/api/%61", "/api/a"),
]


@pytest.mark.parametrize("route,target,seen", REWRITES)
def test_rewrites(sluice, origins, route, target, seen):
    origin = origins.recorder()
    gateway = sluice({"services": {"app": {"targets": [origin.target]}}, "routes": {"r": {**route, "to": "app"}}})
    assert gateway.request("GET", target).status == 200
    assert origin.arrived[0].target == seen
    line = gateway.wait_log(1)[0]
    assert line["path"] == seen.split("?")[0] if "rewrite" not in route else True


def test_a_rewrite_cannot_make_a_path_that_no_route_saw(sluice, origins):
    """The remainder of a prefix and the value of a parameter are put into a path; what comes out is judged again."""
    origin = origins.recorder()
    gateway = sluice({"listeners": {"http": {"encoded_slash": "keep"}},
                      "services": {"app": {"targets": [origin.target]}},
                      "routes": {"p": {"match": "/p/{id}", "to": "app", "rewrite": "/x/{id}/y"},
                                 "q": {"match": "/q/*", "to": "app", "rewrite": "/*"}}})
    for target in ("/p/..", "/p/.", "/p/%2e%2e", "/p/..%2fadmin", "/q/..%2f..%2fadmin", "/q/%2e%2e/admin", "/p/a%3fb",
                   "/p/a%23b"):
        gateway.request("GET", target)
    for request in origin.arrived:
        path = request.target.split("?")[0]
        assert ".." not in path.split("/") and "." not in path.split("/"), path
        assert "#" not in request.target and "?" not in request.target


def test_shortest_forms(sluice, origins):
    origin = origins.echo()
    gateway = sluice({"routes": {"/*": f"http://{origin.target}"}})
    assert gateway.request().status == 200
    gateway = sluice({"services": {"app": origin.target}, "routes": {"/a/*": "app", "GET /b": {"to": "app"}}})
    assert [gateway.request("GET", t).status for t in ("/a", "/b", "/c")] == [200, 200, 404]


def test_each_listener_has_all_routes(sluice, origins):
    from kit.gateway import PortReservation
    second = PortReservation()
    gateway = sluice({"listeners": {"second": {"listen": f"127.0.0.1:{second.port}"}},
                      "routes": {"a": respond("a", match="/*")}})
    for port in (gateway.port, second.port):
        with gateway.connect(port=port) as c:
            assert c.request().body == b"a"
    assert {line["listener"] for line in gateway.wait_log(2)} == {"http", "second"}
    second.release()


def test_many_routes_are_told_apart(sluice, origins):
    routes = {f"r{i}": respond(f"r{i}", match=f"/base/{i % 50}/{i}/*") for i in range(2000)}
    gateway = sluice({"routes": routes})
    with gateway.connect() as c:
        for i in range(0, 2000, 37):
            assert c.request("GET", f"/base/{i % 50}/{i}/x").body == f"r{i}".encode()
        assert c.request("GET", "/base/1/2/x").status == 404


def test_a_pattern_out_of_its_budget_is_refused_and_not_passed_by(sluice):
    """A pattern that cannot be decided must neither match nor let the request fall through to a weaker route."""
    gateway = sluice({"routes": {"guard": respond("guard", match={"path": {"pattern": "/((a|b|ab)*)*x"}}),
                                 "open": respond("open", match="/*")}})
    response = gateway.request("GET", "/" + "ab" * 1000 + "c")
    assert response.status in (200, 400, 500, 503)
    if response.status != 200:
        assert code_of(response) in ("limit", "policy", "bad_path")
    gateway.assert_sound()


def test_a_name_that_does_not_resolve_is_503_and_holds_nothing_up(sluice):
    gateway = sluice({"services": {"app": {"targets": ["no-such-name.invalid:80"]}},
                      "routes": {"app": {"match": "/app/*", "to": "app"}, "ok": respond("ok", match="/*")}})
    assert gateway.request("GET", "/x").body == b"ok"
    response = gateway.request("GET", "/app")
    assert response.status == 503 and code_of(response) in ("name_unresolved", "no_endpoint")


def test_names_are_resolved(sluice, origins):
    origin = origins.echo()
    for target in (f"localhost:{origin.port}", f"dns://localhost:{origin.port}"):
        gateway = sluice({"services": {"app": {"targets": [target]}}, "routes": {"/*": "app"}})
        wait_until(lambda: gateway.request().status == 200, f"{target} is resolved")
        assert json.loads(gateway.request().body)["origin"] == "echo"


def test_options_asterisk_is_for_a_route_without_path(sluice, origins):
    origin = origins.recorder()
    gateway = sluice({"services": {"app": {"targets": [origin.target]}},
                      "routes": {"all": {"match": "/*", "to": "app"}}})
    with gateway.connect() as c:
        c.send(client.head("OPTIONS", "*"))
        assert c.receive("OPTIONS").status == 200
    assert origin.arrived[0].target == "*"
