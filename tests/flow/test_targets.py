"""Whom a request addresses: the forms of a target, the one canonical path that router and origin both see, and the rules
for Host (RFC 9112 3.2, RFC 3986 6.2.2, RFC 9110 4.2 and 7.2).
"""
import pytest

from kit import client
from kit.gateway import merged
from kit.stage import code_of

BAD_TARGETS = {
    "fragment": b"/a#b", "fragment_alone": b"#", "asterisk": b"*", "asterisk_path": b"*/a", "no_slash": b"a",
    "authority": b"a.example:80", "userinfo": b"http://u:p@a/x", "ftp": b"ftp://a/x", "https": b"https://a/x",
    "file": b"file:///etc/passwd", "scheme_alone": b"http:", "one_slash": b"http:/a/x", "no_host": b"http:///x",
    "empty_host": b"http://:80/x", "absolute_fragment": b"http://a/x#y", "backslash_host": b"http:\\\\a\\x",
    "host_blank_escape": b"http://a%20b/x", "utf_8": "/é".encode(), "nul": b"/a\0b", "del": b"/a\x7fb",
    "quote_8bit": b"/\xff",
}
BAD_PATHS = [
    b"/a%2fb", b"/a%2Fb", b"/a%5cb", b"/a%5Cb", b"/a\\b", b"/\\a", b"/..\\a", b"/a%00", b"/%00", b"/a%0d%0aX:b",
    b"/a%0a", b"/a%09b",
    b"/a%7f", b"/%", b"/%4", b"/%4g", b"/%g4", b"/a%", b"/%%34%31", b"/%u0041", b"/..", b"/../", b"/../a", b"/a/../..",
    b"/a/../../b",
    b"/%2e%2e", b"/%2e%2e/a", b"/.%2e/a", b"/%2E./a", b"/a/%2e%2e/%2e%2e/b", b"/..;/a", b"/a/..;x/b", b"/a/.;/b",
    b"/a/..;",
    b"/a/%2e%2e;/b", b"/..%2fa", b"/..%5ca", b"/%2e%2e%2fa",
]
# What arrives and what both the router and the origin see.
PATHS = [
    (b"/", "/"), (b"/a", "/a"), (b"/a/", "/a/"), (b"/a/b", "/a/b"), (b"/.", "/"), (b"/./", "/"), (b"/a/.", "/a/"),
    (b"/a/./b", "/a/b"), (b"/a/..", "/"), (b"/a/../", "/"), (b"/a/../b", "/b"), (b"/a/b/../../c", "/c"),
    (b"/a/b/..", "/a/"),
    (b"//", "/"), (b"//a", "/a"), (b"///a//b///", "/a/b/"), (b"/a//b", "/a/b"), (b"/a//../b", "/b"), (b"/%61", "/a"),
    (b"/%41%7A", "/Az"),
    (b"/%7euser", "/~user"), (b"/%2d%2e%5f%7e", "/-._~"), (b"/a%2e", "/a."), (b"/a/%2e/b", "/a/b"),
    (b"/a/%2e%2e/b", "/b"),
    (b"/a/.%2E/b", "/b"), (b"/%c3%a9", "/%C3%A9"), (b"/a%20b", "/a%20b"), (b"/a%2bb", "/a%2Bb"), (b"/a+b", "/a+b"),
    (b"/a%3fb", "/a%3Fb"),
    (b"/a%23b", "/a%23b"), (b"/a%25b", "/a%25b"), (b"/%2561", "/%2561"), (b"/%252e%252e/a", "/%252e%252e/a"),
    (b"/%252fa", "/%252fa"),
    (b"/a;b=c", "/a;b=c"), (b"/a:b@c", "/a:b@c"), (b"/a!$&'()*+,;=", "/a!$&'()*+,;="), (b"/...", "/..."),
    (b"/a/...", "/a/..."),
    (b"/.a", "/.a"), (b"/..a", "/..a"), (b"/a..", "/a.."), (b"/a|b", "/a%7Cb"), (b"/a\"b", "/a%22b"),
    (b"/<a>", "/%3Ca%3E"), (b"/{a}", "/%7Ba%7D"),
    (b"/a^b`c", "/a%5Eb%60c"), (b"/[a]", "/%5Ba%5D"), (b"/%ff", "/%FF"), (b"/%80%81", "/%80%81"),
]
QUERIES = [b"", b"?", b"?a", b"?a=b&c=d", b"?a=%2F%00", b"?a=../..//b", b"?a?b", b"?a=b%", b"?/../x", b"?a=\\",
           b"?a=%zz", b"?http://x/y", b"?a=|"]


@pytest.mark.parametrize("name", BAD_TARGETS)
def test_a_target_of_another_form_is_refused(stage, name):
    stage.refuse(b"GET " + BAD_TARGETS[name] + b" HTTP/1.1\r\nHost: a\r\n\r\n", 400,
                 ("bad_target", "bad_path", "bad_host", "bad_request_line"))


@pytest.mark.parametrize("path", BAD_PATHS)
def test_a_path_without_one_clear_form_is_refused(stage, path):
    stage.refuse(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n", 400, ("bad_path", "bad_target"))


@pytest.mark.parametrize("path,canonical", PATHS)
def test_the_origin_gets_the_canonical_path(stage, path, canonical):
    assert stage.accept(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n").target == canonical
    absolute = stage.accept(b"GET http://a" + path + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    assert absolute.target == canonical
    again = stage.accept(b"GET " + canonical.encode() + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    assert again.target == canonical, "canonical of canonical is the same"


@pytest.mark.parametrize("query", QUERIES)
def test_the_query_is_passed_on_untouched(stage, query):
    assert stage.accept(b"GET /q" + query + b" HTTP/1.1\r\nHost: a\r\n\r\n").target == "/q" + query.decode()


@pytest.mark.parametrize("query", [b"?a#b", b"?\0", b"?\x7f", "?é".encode(), b"?a b", b"?\t"])
def test_a_query_has_visible_ascii_only(stage, query):
    stage.refuse(b"GET /q" + query + b" HTTP/1.1\r\nHost: a\r\n\r\n", 400, ("bad_target", "bad_request_line"))


def test_absolute_form_is_served_by_its_path_and_host(stage):
    for target, sent, path, host in (
            (b"http://a/x?y", b"a", "/x?y", "a"), (b"http://a", b"a", "/", "a"), (b"http://a?y", b"a", "/?y", "a"),
            (b"HTTP://A/x", b"a", "/x", "a"), (b"http://a:80/x", b"a", "/x", "a"), (b"http://a/x", b"A:80", "/x", "a"),
            (b"http://a:8080/x", b"a:8080", "/x", "a:8080"), (b"http://[::1]:81/x", b"[::1]:81", "/x", "[::1]:81")):
        got = stage.accept(b"GET " + target + b" HTTP/1.1\r\nHost: " + sent + b"\r\n\r\n")
        assert (got.target, got.header("Host")) == (path, host), target


def test_absolute_form_and_host_must_name_the_same(stage):
    for target, host in ((b"http://a/", b"b"), (b"http://a:81/", b"a"), (b"http://a/", b"a:81"),
                         (b"http://a:81/", b"a:82"),
                         (b"http://a.b/", b"b.a"), (b"http://a/", b"")):
        stage.refuse(b"GET " + target + b" HTTP/1.1\r\nHost: " + host + b"\r\n\r\n", 400, "bad_host")


@pytest.mark.parametrize("target", [b"a:443", b"a", b"/", b"http://a/", b"127.0.0.1:22"])
def test_connect_is_not_offered(stage, target):
    stage.refuse(b"CONNECT " + target + b" HTTP/1.1\r\nHost: a:443\r\n\r\n", 405, "connect_refused", "CONNECT")


def test_methods_are_tokens_and_keep_their_case(stage):
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY", "PROPFIND", "get", "M-SEARCH",
                   "X!#$%&'*+-.^_`|~9"):
        assert stage.accept(client.head(method, "/m")).method == method


# Host.

GOOD_HOSTS = [("a", "a"), ("A.Example", "a.example"), ("a.example.", "a.example"), ("a:80", "a"), ("a:81", "a:81"),
              ("a_b", "a_b"),
              ("1.2.3.4", "1.2.3.4"), ("1.2.3.4:81", "1.2.3.4:81"), ("[::1]", "[::1]"), ("[0:0::1]:81", "[::1]:81"),
              ("[::FFFF]", "[::ffff]"), ("xn--bcher-kva.example", "xn--bcher-kva.example"),
              ("a.example.:81", "a.example:81"),
              ("a" * 63 + ".b", "a" * 63 + ".b")]
BAD_HOSTS = ["", "a b", "a,b", "a, a", "a;b", "a/b", "a\\b", "a@b", "u:p@a", "a#b", "a?b", "a%41", "a:", "a:0",
             "a:00080", "a:65536", "a:x",
             "a:8 0", "a:-1", "a:80:80", ":80", ".", "a..b", ".a", "http://a", "[::1", "::1", "[::1]x", "[::g]",
             "[1.2.3.4]", "[]", "[fe80::1%25eth0]",
             "a" * 254, "\"a\"", "a'b", "(a)", "a\x01", "*", "*.a", "é", "a\xa0"]


@pytest.mark.parametrize("sent,seen", GOOD_HOSTS)
def test_the_origin_gets_the_host_in_its_one_form(stage, sent, seen):
    got = stage.accept(client.head("GET", "/h", host=sent))
    assert got.fields.all("Host") == [seen]


@pytest.mark.parametrize("host", BAD_HOSTS)
def test_a_malformed_host_is_refused(stage, host):
    stage.refuse(client.head("GET", "/h", host=host), 400, ("bad_host", "bad_field"))


@pytest.mark.parametrize("lines", [
    [("Host", "a"), ("Host", "a")], [("Host", "a"), ("Host", "b")], [("Host", "a"), ("X", "y"), ("hOST", "a")],
    [("Host", "a"), ("Host", "")]])
def test_two_hosts_are_refused(stage, lines):
    stage.refuse(client.head("GET", "/h", lines, host=None), 400, "bad_host")


def test_no_host_is_refused_in_http_1_1_even_with_an_absolute_target(stage):
    stage.refuse(client.head("GET", "/h", host=None), 400, "bad_host")
    stage.refuse(client.head("GET", "http://a/h", host=None), 400, "bad_host")


def test_http_1_0_needs_no_host(stage):
    for target, fields in (("/h", []), ("http://a/h", []), ("/h", [("Host", "a")])):
        got = stage.accept(client.head("GET", target, fields, host=None, version="1.0"))
        assert got.target == "/h" and got.version == "1.1"
        assert len(got.fields.all("Host")) == 1, "the origin is spoken to in HTTP/1.1, which needs one"


def test_names_that_look_like_host_are_not_host(stage):
    stage.refuse(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, "bad_field_name")
    stage.refuse(b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, "bad_field")
    got = stage.accept(b"GET / HTTP/1.1\r\nHost: a\r\nX-Host: b\r\nX_Host: c\r\n\r\n")
    assert got.fields.all("Host") == ["a"]


# The same path decides the route and reaches the origin; the listener's rules say what the open questions are.

def routed(origin, **listener):
    return {"listeners": {"http": listener},
            "services": {"app": {"targets": [origin.target]}},
            "routes": {"admin": {"match": "/admin/*", "respond": {"status": 403}}, "all": {"match": "/*", "to": "app"}}}


@pytest.mark.parametrize("path", [
    "/admin", "/admin/", "/admin/x", "//admin", "//admin//x", "/./admin", "/x/../admin", "/%61dmin",
    "/%61%64%6d%69%6e/x", "/x/%2e%2e/admin",
    "/x/.%2e/admin", "/.//admin", "/admin/../admin/x", "http://localhost/admin", "http://localhost//admin"])
def test_no_spelling_of_a_path_walks_around_its_route(sluice, origins, path):
    origin = origins.recorder()
    gateway = sluice(routed(origin))
    with gateway.connect() as c:
        assert c.request("GET", path).status == 403
        for other in ("/adminx", "/Admin", "/x/admin", "/admin%20", "/%2561dmin"):
            assert c.request("GET", other).status == 200
    assert [r.target for r in origin.arrived] == ["/adminx", "/Admin", "/x/admin", "/admin%20", "/%2561dmin"]


def test_an_encoded_slash_can_be_kept_and_is_then_no_separator(sluice, origins):
    origin = origins.recorder()
    gateway = sluice(routed(origin, encoded_slash="keep"))
    with gateway.connect() as c:
        for path in ("/a%2fb", "/admin%2fx", "/x/..%2Fadmin", "/a%2F..%2fadmin"):
            assert c.request("GET", path).status == 200
        assert c.request("GET", "/admin/a%2fb").status == 403
    assert [r.target for r in origin.arrived] == ["/a%2Fb", "/admin%2Fx", "/x/..%2Fadmin", "/a%2F..%2Fadmin"]


def test_double_slashes_can_be_kept_for_origins_that_need_them(sluice, origins):
    origin = origins.recorder()
    gateway = sluice(routed(origin, merge_slashes=False))
    with gateway.connect() as c:
        for path in ("/a//b", "//x", "/a/b//"):
            assert c.request("GET", path).status == 200
    assert [r.target for r in origin.arrived] == ["/a//b", "//x", "/a/b//"]


def test_what_host_an_origin_is_sent_is_a_choice(sluice, origins):
    origin = origins.recorder()
    base = {"routes": {"all": {"match": "/*", "to": "app"}}}
    for mode, wanted in (("client", "shop.example:81"), ("target", origin.target),
                         ("api.internal:8080", "api.internal:8080")):
        gateway = sluice(merged(base, {"services": {"app": {"targets": [origin.target], "host": mode}}}))
        assert gateway.request("GET", f"/{len(origin.arrived)}", host="Shop.Example.:81").status == 200
        assert origin.arrived[-1].fields.all("Host") == [wanted]
        assert origin.arrived[-1].header("X-Forwarded-Host") == "shop.example:81"


def test_a_refused_target_is_told_with_its_reason(stage):
    with stage.connect() as c:
        answer = c.request("GET", "/../x")
        assert code_of(answer) == "bad_path"


def test_asterisk_form_is_for_options_alone(stage):
    got = stage.accept(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS")
    assert (got.method, got.target) == ("OPTIONS", "*")
    got = stage.accept(b"OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS")
    assert (got.method, got.target) == ("OPTIONS", "*")
    stage.refuse(b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_target")
