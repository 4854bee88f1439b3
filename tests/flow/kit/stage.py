"""A gateway and a recorder behind it, and the two questions of every strictness test: what did the client get, and what,
to the byte, did the origin receive?
"""
import itertools
import json

from . import client

# What an attacker would like to have answered, or to have reach the origin.
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


def code_of(response):
    """The reason code of a problem+json answer (RFC 9457)."""
    assert response.header("Content-Type") == "application/problem+json", response
    problem = json.loads(response.body)
    assert problem["status"] == response.status, problem
    return problem["code"]


class Stage:
    """One gateway, one recorder. The fence is a request that comes last: what arrived before it is all that arrived."""

    def __init__(self, gateway, origin):
        self.gateway, self.origin = gateway, origin
        self.numbers = itertools.count()

    def connect(self, **options):
        return client.Client(self.gateway.address, **options)

    def arrivals(self, action):
        """Runs `action`, then returns (its result, the requests that reached the origin meanwhile)."""
        mark = len(self.origin.arrived)
        result = action()
        fence = f"/fence/{next(self.numbers)}"
        assert self.gateway.request("GET", fence).status == 200
        arrived = self.origin.arrived[mark:]
        assert arrived[-1].target == fence, arrived
        return result, arrived[:-1]

    def send(self, data, method="GET"):
        """Sends bytes on a connection of their own, reads one answer and closes: (answer, arrivals)."""
        def action():
            with self.connect() as c:
                c.try_send(data)
                return c.receive(method)
        return self.arrivals(action)

    def refuse(self, data, status, code, method="GET"):
        """Asserts one refusal and a close, and that neither these bytes nor those behind them reach the origin."""
        def action():
            with self.connect() as c:
                c.try_send(data + SMUGGLED)
                answer = c.receive(method)
                statuses = status if isinstance(status, tuple) else (status,)
                codes = code if isinstance(code, tuple) else (code,)
                assert answer.status in statuses, answer
                if method != "HEAD":
                    assert code_of(answer) in codes, answer
                assert answer.header("Connection") == "close", answer
                c.expect_close()
                return answer
        answer, arrived = self.arrivals(action)
        assert arrived == [], f"reached the origin: {arrived}"
        return answer

    def accept(self, data, method="GET"):
        """Asserts that the bytes are one request, answered 200, and returns it as the origin received it."""
        answer, arrived = self.send(data, method)
        assert answer.status == 200, answer
        assert len(arrived) == 1, arrived
        return arrived[0]
