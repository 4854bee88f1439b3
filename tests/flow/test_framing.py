"""Requests whose length or lines could be understood in two ways are refused once, with a close, and never reach an origin
(RFC 9112 2.2, 5, 6, 7.1, 11.2; the framing rows of the threat model). What is unambiguous passes, reframed.
"""
import itertools

import pytest

from kit import client, http1
from kit import stage as stage_module
from kit.stage import SMUGGLED, code_of

POST = b"POST /p HTTP/1.1\r\nHost: a\r\n"
GET = b"GET /g HTTP/1.1\r\nHost: a\r\n"
HELLO = b"5\r\nhello\r\n0\r\n\r\n"

LENGTHS = {
    "cl_te": b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
    "te_cl": b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\nGPOST / HTTP/1.1\r\n\r\n0\r\n\r\n",
    "cl_0_te": b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n" + HELLO,
    "cl_te_identity": b"Content-Length: 5\r\nTransfer-Encoding: identity\r\n\r\nhello",
    "cl_twice_same": b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "cl_twice_other": b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "cl_twice_0_first": b"Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello",
    "cl_twice_apart": b"Content-Length: 5\r\nX-Between: 1\r\ncontent-length: 5\r\n\r\nhello",
    "cl_list_same": b"Content-Length: 5, 5\r\n\r\nhello",
    "cl_list_tight": b"Content-Length: 5,5\r\n\r\nhello",
    "cl_list_open": b"Content-Length: 5,\r\n\r\nhello",
    "cl_plus": b"Content-Length: +5\r\n\r\nhello",
    "cl_minus": b"Content-Length: -5\r\n\r\nhello",
    "cl_minus_0": b"Content-Length: -0\r\n\r\n",
    "cl_hex": b"Content-Length: 0x5\r\n\r\nhello",
    "cl_hex_digit": b"Content-Length: a\r\n\r\nhello",
    "cl_octal_like": b"Content-Length: 0o5\r\n\r\nhello",
    "cl_underscore": b"Content-Length: 1_0\r\n\r\nhellohello",
    "cl_blank_inside": b"Content-Length: 1 0\r\n\r\nhellohello",
    "cl_tab_inside": b"Content-Length: 1\t0\r\n\r\nhellohello",
    "cl_dot": b"Content-Length: 5.0\r\n\r\nhello",
    "cl_exponent": b"Content-Length: 5e0\r\n\r\nhello",
    "cl_comment": b"Content-Length: 5;a\r\n\r\nhello",
    "cl_quoted": b"Content-Length: \"5\"\r\n\r\nhello",
    "cl_empty": b"Content-Length:\r\n\r\n",
    "cl_blank": b"Content-Length: \t \r\n\r\n",
    "cl_arabic_digit": "Content-Length: ٥\r\n\r\nhello".encode(),
    "cl_2_63": b"Content-Length: 9223372036854775808\r\n\r\n",
    "cl_2_64_less_1": b"Content-Length: 18446744073709551615\r\n\r\n",
    "cl_2_64": b"Content-Length: 18446744073709551616\r\n\r\n",
    "cl_2_64_and_5": b"Content-Length: 18446744073709551621\r\n\r\nhello",
    "cl_2_32_wrapped_19_digits_more": b"Content-Length: 42949672960000000000\r\n\r\n",
    "cl_20_digits_of_5": b"Content-Length: 00000000000000000005\r\n\r\nhello",
    "cl_1000_digits": b"Content-Length: " + b"1" * 1000 + b"\r\n\r\n",
    "te_twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + HELLO,
    "te_twice_other": b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n" + HELLO,
    "te_twice_behind": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n" + HELLO,
}

CODINGS = {
    "x": b"xchunked", "x_behind": b"chunkedx", "list_twice": b"chunked, chunked", "not_last": b"chunked, identity",
    "identity": b"identity", "identity_first": b"identity, chunked", "gzip": b"gzip", "gzip_first": b"gzip, chunked",
    "param": b"chunked;ext", "param_q": b"chunked; q=1.0", "quoted": b'"chunked"', "single_quoted": b"'chunked'",
    "comma_first": b",chunked", "comma_last": b"chunked,", "empty": b"", "blank_inside": b"chun ked",
    "dotted": b"chunked.", "latin_1": b"chunked\xa0", "utf_8": "chunķed".encode(),
    "zero_width": "chunked\u200b".encode(),
    "slash": b"chunked/1", "two_words": b"chunked chunked", "cow": b"cow", "equals": b"=chunked",
}

# A name or line that some readers take for a length and others do not.
DISGUISES = {
    "name_blank": (b"Content-Length : 5\r\n\r\nhello", "bad_field_name"),
    "name_tab": (b"Content-Length\t: 5\r\n\r\nhello", "bad_field_name"),
    "te_name_blank": (b"Transfer-Encoding : chunked\r\n\r\n" + HELLO, "bad_field_name"),
    "te_name_vt": (b"Transfer-Encoding\x0b: chunked\r\n\r\n" + HELLO, "bad_field_name"),
    "te_name_nul": (b"Transfer-Encoding\0: chunked\r\n\r\n" + HELLO, "bad_field_name"),
    "te_name_8bit": (b"Transfer-Encoding\xa0: chunked\r\n\r\n" + HELLO, "bad_field_name"),
    "te_value_vt": (b"Transfer-Encoding: chunked\x0b\r\n\r\n" + HELLO, "bad_field"),
    "te_value_vt_first": (b"Transfer-Encoding: \x0bchunked\r\n\r\n" + HELLO, "bad_field"),
    "te_value_nul": (b"Transfer-Encoding: chunked\0\r\n\r\n" + HELLO, "bad_field"),
    "te_value_ff": (b"Transfer-Encoding: \x0cchunked\r\n\r\n" + HELLO, "bad_field"),
    "te_folded": (b"Transfer-Encoding:\r\n chunked\r\n\r\n" + HELLO, "bad_field"),
    "te_folded_tab": (b"Transfer-Encoding:\r\n\tchunked\r\n\r\n" + HELLO, "bad_field"),
    "te_folded_name": (b"Transfer-Encoding\r\n : chunked\r\n\r\n" + HELLO, ("bad_field", "bad_field_name")),
    "te_blank_first": (b" Transfer-Encoding: chunked\r\n\r\n" + HELLO, "bad_field"),
    "te_bare_lf": (b"X: a\nTransfer-Encoding: chunked\r\n\r\n" + HELLO, "bad_line_end"),
    "te_bare_cr": (b"X: a\rTransfer-Encoding: chunked\r\n\r\n" + HELLO, "bad_line_end"),
    "te_nul_line": (b"X: a\0Transfer-Encoding: chunked\r\n\r\n" + HELLO, "bad_field"),
    "cl_folded": (b"Content-Length:\r\n 5\r\n\r\nhello", "bad_field"),
    "cl_value_vt": (b"Content-Length: 5\x0b\r\n\r\nhello", "bad_field"),
    "cl_bare_cr": (b"X: a\rContent-Length: 5\r\n\r\nhello", "bad_line_end"),
    "folded_expect": (b"Expect:\r\n 100-continue\r\nContent-Length: 5\r\n\r\nhello", "bad_field"),
    "folded_any": (b"X: a\r\n b\r\n\r\n", "bad_field"),
    "folded_empty": (b"X: a\r\n \r\n\r\n", "bad_field"),
    "no_colon": (b"Content-Length\r\n\r\n", "bad_field"),
    "no_name": (b": 5\r\n\r\n", "bad_field_name"),
    "quoted_name": (b"\"Content-Length\": 5\r\n\r\nhello", "bad_field_name"),
    "name_in_parens": (b"(Content-Length): 5\r\n\r\nhello", "bad_field_name"),
}

REQUEST_LINES = {
    "lf": (b"GET / HTTP/1.1\nHost: a\r\n\r\n", (400,)),
    "http_09": (b"GET /\r\n\r\n", (400,)),
    "no_target": (b"GET HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    "empty_target": (b"GET  HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    "two_blanks": (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    "two_blanks_behind": (b"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    "blank_inside": (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    "tab": (b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    "tab_behind": (b"GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    "blank_first": (b" GET / HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    "blank_last": (b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", (400,)),
    "more_words": (b"GET / HTTP/1.1 more\r\nHost: a\r\n\r\n", (400,)),
    "empty_line_first": (b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    "lf_first": (b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    "no_method": (b" / HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    "method_not_token": (b"G@T / HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    "method_colon": (b"Host: / HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    "lower_case": (b"GET / http/1.1\r\nHost: a\r\n\r\n", (400,)),
    "other_name": (b"GET / HTCPCP/1.1\r\nHost: a\r\n\r\n", (400,)),
    "one_digit": (b"GET / HTTP/1\r\nHost: a\r\n\r\n", (400,)),
    "two_digits": (b"GET / HTTP/1.10\r\nHost: a\r\n\r\n", (400,)),
    "leading_0": (b"GET / HTTP/01.1\r\nHost: a\r\n\r\n", (400,)),
    "1_2": (b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", (505,)),
    "0_9": (b"GET / HTTP/0.9\r\nHost: a\r\n\r\n", (505,)),
    "2_0": (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", (505,)),
    "h2_preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (505, 400)),
    "tls": (bytes.fromhex("16030100c8010000c40303") + b"\0" * 40, (400,)),
    "socks": (b"\x05\x01\x00", (400,)),
    "proxy_protocol": (b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
}


@pytest.mark.parametrize("name", LENGTHS)
def test_a_length_that_can_be_read_in_two_ways_is_refused(stage, name):
    stage.refuse(POST + LENGTHS[name], 400, "framing")


@pytest.mark.parametrize("name", CODINGS)
def test_a_transfer_coding_that_is_not_chunked_alone_is_refused(stage, name):
    stage.refuse(POST + b"Transfer-Encoding: " + CODINGS[name] + b"\r\n\r\n" + HELLO, (400, 501),
                 ("framing", "transfer_coding"))


def test_transfer_coding_from_http_1_0_is_refused(stage):
    stage.refuse(b"POST /p HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + HELLO, 400, "framing")
    stage.refuse(b"POST /p HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n" + HELLO,
                 400, "framing")


@pytest.mark.parametrize("name", DISGUISES)
def test_a_line_that_only_some_readers_understand_is_refused(stage, name):
    data, code = DISGUISES[name]
    stage.refuse(POST + data, 400, code)


@pytest.mark.parametrize("name", REQUEST_LINES)
def test_a_request_line_is_method_target_and_version_or_refused(stage, name):
    data, statuses = REQUEST_LINES[name]
    answer = stage.refuse(data, statuses, ("bad_request_line", "bad_method", "bad_target", "bad_version",
                                           "bad_line_end"))
    assert (answer.status == 505) == (code_of(answer) == "bad_version")


@pytest.mark.parametrize("value,length", [
    (b"5", "5"), (b"005", "5"), (b"0000000000000000005", "5"), (b"\t5 \t", "5"), (b"0", "0"), (b"00", "0")])
def test_digits_alone_are_a_length_and_it_is_stated_anew(stage, value, length):
    got = stage.accept(POST + b"Content-Length: " + value + b"\r\n\r\n" + b"hello"[:int(length)])
    assert got.header("Content-Length") == length
    assert got.body == b"hello"[:int(length)]


@pytest.mark.parametrize("value", [b"chunked", b"Chunked", b"CHUNKED", b"chunked \t", b"\tchunked"])
def test_chunked_alone_in_any_case_is_a_coding_and_it_is_stated_anew(stage, value):
    got = stage.accept(POST + b"tRANSFER-eNCODING:" + value + b"\r\n\r\n" + HELLO)
    assert got.fields.all("Transfer-Encoding") == ["chunked"]
    assert got.body == b"hello"


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS", "QUERY"])
def test_any_method_may_have_a_body_and_it_never_becomes_a_request(stage, method):
    """CL.0 and 0.CL: neither side may forget the length of a method that seldom has one."""
    got = stage.accept(client.head(method, "/p", [("Content-Length", str(len(SMUGGLED)))]) + SMUGGLED, method)
    assert (got.method, got.body) == (method, SMUGGLED)


def test_a_body_without_a_length_is_the_next_request_and_refused_as_such(stage):
    """Without framing fields a request has no body: what follows is judged as a head of its own."""
    def action():
        with stage.connect() as c:
            c.send(POST + b"\r\nhello\r\n\r\n" + SMUGGLED)
            assert c.receive().status == 200
            assert c.receive().status == 400
            c.expect_close()
    _, arrived = stage.arrivals(action)
    assert [r.target for r in arrived] == ["/p"]


# Chunked bodies.

CHUNK_SIZES = [b"+5", b"-5", b"0x5", b"0X5", b" 5", b"5 ", b"\t5", b"5\t", b"5_0", b"", b"g", b"5g", b"\"5\"", b"5,5",
               b"5.0",
               b"00000000000000005", b"FFFFFFFFFFFFFFFFF", b"10000000000000005", b"5\x0b", b"5\0", b"\xb5", b"5\xa0"]
CHUNK_BODIES = {
    "size_lf": b"5\nhello\r\n0\r\n\r\n",
    "size_cr": b"5\rhello\r\n0\r\n\r\n",
    "size_cr_cr_lf": b"5\r\r\nhello\r\n0\r\n\r\n",
    "size_lf_first": b"\n5\r\nhello\r\n0\r\n\r\n",
    "size_crlf_first": b"\r\n5\r\nhello\r\n0\r\n\r\n",
    "data_long": b"5\r\nhello!\r\n0\r\n\r\n",
    "data_lf": b"5\r\nhello\n0\r\n\r\n",
    "data_cr": b"5\r\nhello\r0\r\n\r\n",
    "data_unended": b"5\r\nhello0\r\n\r\n",
    "data_cr_cr_lf": b"5\r\nhello\r\r\n0\r\n\r\n",
    "data_two_bytes": b"5\r\nhelloXX0\r\n\r\n",
    "second_size_bad": b"5\r\nhello\r\n-1\r\n\r\n",
    "ext_empty": b"5;\r\nhello\r\n0\r\n\r\n",
    "ext_blank": b"5; a\r\nhello\r\n0\r\n\r\n",
    "ext_blank_before": b"5 ;a\r\nhello\r\n0\r\n\r\n",
    "ext_blank_around_equals": b"5;a = b\r\nhello\r\n0\r\n\r\n",
    "ext_lf": b"5;a\nb=1\r\nhello\r\n0\r\n\r\n",
    "ext_cr": b"5;a\rb=1\r\nhello\r\n0\r\n\r\n",
    "ext_lf_end": b"5;a\nhello\r\n0\r\n\r\n",
    "ext_nul": b"5;a=\"\0\"\r\nhello\r\n0\r\n\r\n",
    "ext_quote_open": b"5;a=\"b\r\nhello\r\n0\r\n\r\n",
    "ext_quote_lf": b"5;a=\"b\nc\"\r\nhello\r\n0\r\n\r\n",
    "ext_no_value": b"5;a=\r\nhello\r\n0\r\n\r\n",
    "ext_not_token": b"5;a=b c\r\nhello\r\n0\r\n\r\n",
    "ext_long": b"5;" + b"x" * 300 + b"\r\nhello\r\n0\r\n\r\n",
    "ext_many": b"5" + b";a=b" * 100 + b"\r\nhello\r\n0\r\n\r\n",
    "last_lf": b"5\r\nhello\r\n0\n\r\n",
    "last_ext_lf": b"5\r\nhello\r\n0;a\n\r\n",
}
TRAILERS = {
    "lf": b"X: a\n\r\n", "cr": b"X: a\rb\r\n\r\n", "folded": b"X: a\r\n b\r\n\r\n", "folded_first": b" X: a\r\n\r\n",
    "name_blank": b"X : a\r\n\r\n", "no_name": b": a\r\n\r\n", "no_colon": b"X\r\n\r\n", "nul": b"X: \0\r\n\r\n",
    "name_8bit": b"\xe9: a\r\n\r\n", "last_lf": b"X: a\r\n\n", "last_cr_only": b"X: a\r\n\rX", "request": SMUGGLED,
    "long": b"X: " + b"a" * 9000 + b"\r\n\r\n", "many": b"X: a\r\n" * 2000 + b"\r\n",
}


def refuse_body(stage, body, codes):
    """The head may have gone out before the fault came: then the origin must not see a whole message."""
    def action():
        with stage.connect() as c:
            c.try_send(POST + b"Transfer-Encoding: chunked\r\n\r\n" + body + SMUGGLED)
            answer = c.receive()
            assert (answer.status, code_of(answer)) in [(400, code) for code in codes], answer
            assert answer.header("Connection") == "close"
            c.expect_close()
    _, arrived = stage.arrivals(action)
    assert arrived == []


@pytest.mark.parametrize("size", CHUNK_SIZES)
def test_a_chunk_size_is_1_to_16_hexadecimal_digits(stage, size):
    refuse_body(stage, size + b"\r\nhello\r\n0\r\n\r\n", ["bad_chunk"])
    refuse_body(stage, b"1\r\nx\r\n" + size + b"\r\nhello\r\n0\r\n\r\n", ["bad_chunk"])


@pytest.mark.parametrize("name", CHUNK_BODIES)
def test_a_chunk_ends_where_it_says_and_lines_end_in_cr_lf(stage, name):
    refuse_body(stage, CHUNK_BODIES[name], ["bad_chunk", "bad_trailer"] if name.startswith("last") else ["bad_chunk"])


@pytest.mark.parametrize("name", TRAILERS)
def test_trailers_follow_the_grammar_of_fields(stage, name):
    refuse_body(stage, b"5\r\nhello\r\n0\r\n" + TRAILERS[name], ["bad_trailer"])


def test_the_largest_chunk_size_does_not_wrap_around(stage):
    """2^64 - 1 and neighbours are sizes: all that follows is data, however small a sum might make it."""
    for size in (b"FFFFFFFFFFFFFFFF", b"8000000000000000", b"7FFFFFFFFFFFFFFF", b"FFFFFFFFFFFFFFFB"):
        def action():
            with stage.connect() as c:
                c.send(POST + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\nhello\r\n0\r\n\r\n" + SMUGGLED)
                c.half_close()
                rest = c.rest()
                assert rest.count(b"HTTP/1.1 ") <= 1 and b"HTTP/1.1 200" not in rest, rest
        _, arrived = stage.arrivals(action)
        assert arrived == []


@pytest.mark.parametrize("body", [
    HELLO, b"0005\r\nhello\r\n0000\r\n\r\n", b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", b"5;a\r\nhello\r\n0;b=c\r\n\r\n",
    b"5;a=\"x;\\\"y\\\"\";b\r\nhello\r\n0\r\n\r\n", b"0000000000000005\r\nhello\r\n0\r\n\r\n",
    b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"])
def test_whatever_form_chunks_have_the_origin_gets_plain_ones(stage, body):
    def action():
        with stage.connect() as c:
            c.send(POST + b"Transfer-Encoding: chunked\r\n\r\n" + body + client.head("GET", "/next"))
            assert (c.receive().status, c.receive().status) == (200, 200)
    _, (first, second) = stage.arrivals(action)
    assert (first.body, first.is_chunked, first.trailers.pairs) == (b"hello", True, [])
    assert b";" not in first.raw[len(first.head):]
    assert second.target == "/next"


@pytest.mark.parametrize("size", [b"a", b"A", b"0A"])
def test_hexadecimal_digits_have_two_cases(stage, size):
    got = stage.accept(POST + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\nhellohello\r\n0\r\n\r\n")
    assert got.body == b"hellohello"


@pytest.mark.parametrize("name,value", [
    ("Content-Length", "100"), ("Transfer-Encoding", "chunked"), ("Host", "evil"), ("Authorization", "Basic eDp5"),
    ("X-Forwarded-For", "1.2.3.4"), ("X-User", "admin"), ("Connection", "close"), ("Cookie", "a=b"),
    ("X_User", "admin")])
def test_trailers_never_become_fields_of_the_request(stage, name, value):
    def action():
        with stage.connect() as c:
            c.send(POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n" + f"{name}: {value}\r\n\r\n".encode()
                   + client.head("GET", "/next"))
            assert (c.receive().status, c.receive().status) == (200, 200)
    _, (first, second) = stage.arrivals(action)
    assert value not in [v for _, v in first.fields] or name == "Transfer-Encoding"
    assert first.trailers.pairs == []
    assert (first.body, second.target) == (b"hello", "/next")


# One bad byte at every place.

PLAIN = b"GET /a?b=c HTTP/1.1\r\nHost: a.example\r\nX-One: two three\r\nX-Two:\r\n\r\n"


def opinion(data):
    """What an independent strict reader makes of a request: the message, or None if it is malformed or unfinished."""
    parts = [data]
    try:
        message = http1.Reader(lambda: parts.pop() if parts else b"").request()
    except (http1.Malformed, http1.Closed):
        return None
    target = message.target.encode("latin-1")
    return message if all(0x20 < b < 0x7f for b in target) and message.method.isalpha() else None


@pytest.mark.parametrize("byte", [b"\r", b"\n", b"\0", b"\x0b", b"\x0c", b"\x85", b"\xa0", b"\x7f", b"\x01"])
@pytest.mark.parametrize("way", ["insert", "replace"])
def test_one_bad_byte_at_every_place_of_a_head(stage, byte, way):
    for at in range(len(PLAIN)):
        data = PLAIN[:at] + byte + PLAIN[at + (way == "replace"):]
        good = opinion(data)
        if good is not None and good.header("Host") == "a.example":
            got = stage.accept(data)
            assert got.header("X-One", "").strip() == good.header("X-One", "").strip(), data
        else:
            answer = stage.refuse(data, 400, ("bad_request_line", "bad_method", "bad_target", "bad_field",
                                              "bad_field_name",
                                              "bad_line_end", "bad_host", "bad_path"))
            assert answer.status == 400, data


def test_one_bad_byte_at_every_place_of_a_chunked_body(stage):
    body = b"3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n"
    data_at = body.index(b"abc")
    for at, byte in itertools.product(range(len(body)), [b"\r", b"\n", b"\0", b"\x0b", b"\xff"]):
        if data_at <= at < data_at + 3:
            continue
        bad = body[:at] + byte + body[at + 1:]
        if bad == body or (byte == b"\xff" and body[at:at + 1] in b" y"):
            continue  # obs-text may stand in a value
        refuse_body(stage, bad, ["bad_chunk", "bad_trailer"])


def test_a_request_is_the_same_however_it_is_cut(stage):
    data = POST + b"Transfer-Encoding: chunked\r\nX-A: b\r\n\r\n5;x=y\r\nhello\r\n0\r\nT: 1\r\n\r\n"
    whole = stage.accept(data)
    for size in (1, 2, 3, 7):
        def action():
            with stage.connect() as c:
                c.send_split(data, size)
                assert c.receive().status == 200
        _, (got,) = stage.arrivals(action)
        assert (got.body, got.header("X-A")) == (whole.body, "b")


# Expect.

@pytest.mark.parametrize("lines", [
    b"Expect: 200-ok\r\n", b"Expect: 100-continue, 100-continue\r\n",
    b"Expect: 100-continue\r\nExpect: 100-continue\r\n",
    b"Expect: 100-continue; a=b\r\n", b"Expect: x 100-continue\r\n", b"Expect: 100 continue\r\n",
    b"Expect: y100-continue\r\n"])
def test_an_expectation_other_than_100_continue_fails(stage, lines):
    stage.refuse(POST + lines + b"Content-Length: 5\r\n\r\nhello", 417, "expectation")


def test_an_expectation_without_a_body_or_from_http_1_0_is_ignored(stage):
    for data in (GET + b"Expect: 100-continue\r\n\r\n",
                 b"POST /p HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"):
        (answer, arrived) = stage.send(data)
        assert answer.status == 200 and answer.interim == []
        assert "Expect" not in arrived[0].fields


def test_an_expectation_with_its_body_sent_at_once_is_met(stage):
    got = stage.accept(POST + b"EXPECT: 100-Continue\r\nContent-Length: 5\r\n\r\nhello")
    assert got.body == b"hello"


# Answers before the end of the body (CL.0, TE.0): whoever answers, the rest of the body is never a request (CVE-2025-4366).

@pytest.fixture(scope="module")
def local(shared):
    """A gateway that answers on each path by itself, for each of the reasons that it can have."""
    recorder = shared.peers.recorder("local")
    gateway = shared.start({
        "services": {"app": {"targets": [recorder.target]}, "none": {"versions": {"v": {"weight": 0,
                                                                                        "targets": [recorder.target]}}},
                     "dead": {"targets": ["127.0.0.1:1"]}},
        "routes": {"respond": {"match": "/respond", "respond": {"status": 200, "body": "here"}},
                   "redirect": {"match": "/redirect", "redirect": "/elsewhere"},
                   "method": {"match": "GET /method", "to": "app"},
                   "limit": {"match": "/limit", "to": "app", "body_limit": 10},
                   "no_version": {"match": "/no_version", "to": "none"},
                   "no_connection": {"match": "/no_connection", "to": "dead"},
                   "next": {"match": "/next", "to": "app"}, "fence": {"match": "/fence/*", "to": "app"},
                   "smuggled": {"match": "/smuggled", "to": "app"}}})
    return stage_module.Stage(gateway, recorder)


LOCAL = {"/respond": 200, "/redirect": 302, "/method": 405, "/limit": 413, "/no_version": 503, "/no_connection": 502,
         "/none": 404}
NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"


def framed(framing, body):
    if framing == "length":
        return b"Content-Length: %d\r\n\r\n" % len(body), body
    return b"Transfer-Encoding: chunked\r\n\r\n", b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


@pytest.mark.parametrize("path", LOCAL)
def test_a_body_that_never_comes_is_not_waited_for(local, path):
    """The answer does not need the body: it comes at once, and what comes instead is still body."""
    def action():
        with local.connect() as c:
            c.send(b"POST " + path.encode() + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n")
            assert c.receive().status == LOCAL[path]
            c.try_send(SMUGGLED[:40])
    _, arrived = local.arrivals(action)
    assert arrived == []


@pytest.mark.parametrize("path", LOCAL)
def test_a_long_body_that_nobody_wants_is_not_read_for_ever(local, path):
    with local.connect() as c:
        c.send(b"POST " + path.encode() + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n")
        first = c.receive()
        assert first.status == LOCAL[path]
        sent = 0
        while c.try_send(b"x" * 100_000):
            sent += 100_000
            assert sent < 100_000_000, "it reads and reads"


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("order", ["at_once", "body_later", "byte_by_byte", "expect"])
@pytest.mark.parametrize("path", LOCAL)
def test_an_answer_of_the_gateway_does_not_leave_the_body_behind(local, path, order, framing):
    head, body = framed(framing, SMUGGLED)
    head = b"POST " + path.encode() + b" HTTP/1.1\r\nHost: a\r\n" + (b"Expect: 100-continue\r\n"
                                                                     if order == "expect" else b"") + head

    def action():
        with local.connect() as c:
            if order == "at_once":
                c.try_send(head + body + NEXT)
            elif order == "byte_by_byte":
                c.send_split(head + body + NEXT)
            else:
                c.try_send(head)
            if order in ("body_later", "expect") and (path, framing) == ("/limit", "chunked"):
                c.try_send(body + NEXT)  # only the body can tell that it is too long
            first = c.receive()
            assert first.status == LOCAL[path]
            if order in ("body_later", "expect") and (path, framing) != ("/limit", "chunked"):
                c.try_send(body + NEXT)
            if first.header("Connection") == "close":
                assert c.rest() == b"", "one answer, then the end"
                return []
            second = c.receive()
            assert second.status == 200 and b'"/next"' in second.body, second
            return ["/next"]
    expected, arrived = local.arrivals(action)
    assert [r.target for r in arrived] == expected
