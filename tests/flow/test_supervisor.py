"""The supervisor keeps the sockets and brings the data process back; SIGTERM lets what is in flight finish, and says so to those
who ask before it happens.
"""
import os
import signal
import socket
import threading
import time

import pytest

from kit import client
from kit.gateway import all_to, merged
from kit.origin import expect_request, forever, send, wait
from kit.waiting import wait_until


def is_alive(pid):
    try:
        os.kill(pid, 0)
        return True
    except ProcessLookupError:
        return False


# A data process that dies.

@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_data_process_that_dies_is_replaced(sluice, origins, how):
    gateway = sluice(all_to(origins.echo()))
    for round_ in range(3):
        pid = gateway.data_pid()
        assert pid != gateway.process.pid, "the supervisor does not serve"
        os.kill(pid, how)
        wait_until(lambda: gateway.data_pid() not in (pid, gateway.process.pid) and gateway.is_ready(),
                   "another one serves")
        assert gateway.request().status == 200
        assert gateway.metrics()("sluice_process_restarts_total") == round_ + 1
    gateway.is_expected_dirty = how != signal.SIGKILL  # a sanitizer build reports the signal


def test_the_listening_socket_is_never_closed(sluice, origins):
    """Who connects while nobody serves waits in the accept queue and is served: no connection is refused."""
    gateway = sluice(all_to(origins.echo()), cores=2)
    for _ in range(3):
        pid = gateway.data_pid()
        os.kill(pid, signal.SIGSTOP)
        waiting = [gateway.connect() for _ in range(4)]
        for c in waiting:
            c.send(client.head("GET", "/"))
        os.kill(pid, signal.SIGKILL)
        statuses = []
        for c in waiting:
            # Those that the old process had accepted went with it; the others are answered by the new one.
            try:
                statuses.append(c.receive().status)
            except (AssertionError, ConnectionResetError):
                statuses.append(None)
        assert set(statuses) <= {200, None}
        for _ in range(20):
            assert gateway.request().status == 200


def test_no_connection_is_refused_while_it_dies_and_comes_back(sluice, origins):
    gateway = sluice(all_to(origins.echo()))
    stop, refused, served = threading.Event(), [], [0]

    def knock():
        while not stop.is_set():
            try:
                if gateway.request().status == 200:
                    served[0] += 1
            except ConnectionRefusedError as problem:
                refused.append(problem)
            except (OSError, AssertionError):
                pass  # it was in flight
    threads = [threading.Thread(target=knock, daemon=True) for _ in range(2)]
    for t in threads:
        t.start()
    for _ in range(3):
        before, pid = served[0], gateway.data_pid()
        wait_until(lambda: served[0] > before, "requests are served")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: gateway.data_pid() not in (pid, gateway.process.pid) and gateway.is_ready(),
                   "another one serves")
    stop.set()
    for t in threads:
        t.join()
    assert refused == [] and served[0] > 3


def test_a_supervisor_that_dies_does_not_stop_the_service(sluice, origins):
    """Static stability: who serves needs nobody's help to go on, and still drains when it is told to."""
    gateway = sluice(all_to(origins.echo()))
    pid = gateway.data_pid()
    with gateway.connect() as c:
        assert c.request().status == 200
        os.kill(gateway.process.pid, signal.SIGKILL)
        gateway.process.wait()
        gateway.is_expected_dirty = True
        for _ in range(3):
            assert c.request().status == 200
            assert gateway.request().status == 200
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not is_alive(pid), "the data process has ended")
    with pytest.raises(ConnectionRefusedError):
        gateway.connect()


# Shutting down.

def start_slow(sluice, origins, **drain):
    may_answer = threading.Event()
    origin = origins.script([forever(expect_request(), wait(may_answer),
                                     send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone"))])
    gateway = sluice(merged(all_to(origin), {"drain": drain} if drain else {}))
    return gateway, origin, may_answer


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_what_is_in_flight_finishes(sluice, origins, how):
    gateway, origin, may_answer = start_slow(sluice, origins)
    busy = [gateway.connect() for _ in range(3)]
    for c in busy:
        c.send(client.head("GET", "/"))
    origin.wait_requests(3)
    gateway.process.send_signal(how)
    wait_until(lambda: is_draining(gateway), "readiness has failed")
    assert gateway.process.poll() is None, "it waits for what is in flight"
    may_answer.set()
    for c in busy:
        response = c.receive()
        assert (response.status, response.body, response.header("Connection")) == (200, b"done", "close")
        c.expect_close()
    gateway.process.wait()
    assert gateway.process.returncode == 0


def is_draining(gateway):
    try:
        return gateway.get_ops("/readyz").status == 503
    except (OSError, AssertionError):
        return False


def test_readiness_fails_first_and_health_does_not(sluice, origins):
    gateway, origin, may_answer = start_slow(sluice, origins)
    c = gateway.connect()
    c.send(client.head("GET", "/"))
    origin.wait_requests(1)
    gateway.process.send_signal(signal.SIGTERM)
    wait_until(lambda: is_draining(gateway), "readiness has failed")
    assert gateway.get_ops("/healthz").status == 200
    assert gateway.get_ops("/metrics").status == 200
    may_answer.set()
    assert c.receive().status == 200
    gateway.process.wait()


def test_idle_connections_are_closed(sluice, origins):
    gateway, origin, may_answer = start_slow(sluice, origins)
    busy, idle, fresh = gateway.connect(), gateway.connect(), gateway.connect()
    may_answer.set()
    assert idle.request().status == 200
    may_answer.clear()
    busy.send(client.head("GET", "/"))
    origin.wait_requests(2)
    gateway.process.send_signal(signal.SIGTERM)
    idle.expect_close()
    fresh.expect_close()
    may_answer.set()
    assert busy.receive().status == 200
    gateway.process.wait()


def test_a_response_on_its_way_is_sent_to_its_end(sluice, origins):
    origin = origins.echo()
    gateway = sluice(all_to(origin))
    c = gateway.connect(receive_buffer_bytes=65536)
    size = 30_000_000
    c.send(client.head("GET", f"/?size={size}"))
    assert c.receive_head().status == 200
    gateway.process.send_signal(signal.SIGTERM)
    wait_until(lambda: is_draining(gateway), "readiness has failed")
    assert len(c.reader.exactly(size)) == size
    c.expect_close()
    gateway.process.wait()
    assert gateway.process.returncode == 0


def test_an_upload_on_its_way_is_taken_to_its_end(sluice, origins):
    origin = origins.echo()
    gateway = sluice(all_to(origin))
    c = gateway.connect()
    c.send(client.head("POST", "/", [("Content-Length", "1000000")]) + b"x" * 1000)
    wait_until(lambda: gateway.metrics()("sluice_requests_in_flight") == 1, "it is in flight")
    gateway.process.send_signal(signal.SIGTERM)
    wait_until(lambda: is_draining(gateway), "readiness has failed")
    c.send(b"x" * 999_000)
    response = c.receive()
    assert response.status == 200 and b'"body_bytes": 1000000' in response.body
    gateway.process.wait()


def test_what_does_not_finish_in_time_is_cut(sluice, origins):
    gateway, origin, may_answer = start_slow(sluice, origins, timeout="300ms")
    c = gateway.connect()
    c.send(client.head("GET", "/"))
    origin.wait_requests(1)
    gateway.process.send_signal(signal.SIGTERM)
    gateway.process.wait()
    assert gateway.process.returncode == 0
    rest = c.rest()
    assert rest == b"" or b"HTTP/1.1 503" in rest
    may_answer.set()


# Without a supervisor, and at the start.

def test_without_a_supervisor_one_process_serves_and_drains(sluice, origins):
    gateway = sluice(all_to(origins.echo()), supervisor=False)
    assert gateway.data_pid() == gateway.process.pid
    assert gateway.request().status == 200


def test_a_bad_file_at_the_start_ends_with_a_reason(sluice):
    gateway = sluice("routes: [", wait=False)
    gateway.is_expected_dirty = True
    assert gateway.process.wait(20) == 1
    assert "error[E" in gateway.stderr()


def test_a_taken_port_at_the_start_ends_with_a_reason(sluice):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gateway = sluice({"listeners": {"second": {"listen": "127.0.0.1:%d" % taken.getsockname()[1]}},
                          "routes": {"a": {"match": "/*", "respond": {}}}}, wait=False)
        gateway.is_expected_dirty = True
        assert gateway.process.wait(20) == 1
        assert str(taken.getsockname()[1]) in gateway.stderr()


def test_a_process_that_dies_at_once_is_not_started_for_ever_in_a_hurry(sluice, origins):
    """A crash loop leaves room for the machine: pauses grow, and the supervisor still obeys SIGTERM."""
    gateway = sluice(all_to(origins.echo()))
    for _ in range(6):
        pid = gateway.data_pid()
        if pid != gateway.process.pid:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: gateway.data_pid() != pid, "it was noticed")
    gateway.process.send_signal(signal.SIGTERM)
    assert gateway.process.wait(20) == 0


def test_new_connections_are_served_or_refused_but_never_left_hanging(sluice, origins):
    gateway, origin, may_answer = start_slow(sluice, origins)
    c = gateway.connect()
    c.send(client.head("GET", "/"))
    origin.wait_requests(1)
    gateway.process.send_signal(signal.SIGTERM)
    wait_until(lambda: is_draining(gateway), "readiness has failed")
    try:
        late = gateway.connect()
        late.try_send(client.head("GET", "/late"))
        wait_until(lambda: not late.is_open() or "/late" in [r.target for r in origin.requests],
                   "the late one is let in or sent away")
    except ConnectionRefusedError:
        pass
    finally:
        may_answer.set()
    assert c.receive().status == 200
    gateway.process.wait()


# The configuration of a process that is started again.

def kill_and_wait(gateway):
    pid = gateway.data_pid()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: gateway.data_pid() not in (pid, gateway.process.pid) and gateway.is_ready(),
               "another one serves")


def test_a_restarted_process_has_the_configuration_that_was_in_use(sluice, origins):
    """A file that a reload would have refused must not be what keeps the new process from serving."""
    first, second = origins.echo("first"), origins.echo("second")
    gateway = sluice(all_to(first))
    gateway.reload(all_to(second))
    gateway.write("nonsense: [")
    for _ in range(2):
        kill_and_wait(gateway)
        assert b'"origin": "second"' in gateway.request().body
    assert "last good configuration" in gateway.stderr()
    assert gateway.metrics()("sluice_reload_successful") == 0
    gateway.reload(is_refused=True)
    assert b'"origin": "second"' in gateway.request().body
    gateway.reload(all_to(first))
    assert b'"origin": "first"' in gateway.request().body


def test_included_files_and_secrets_survive_too(sluice, origins, tmp_path):
    first, second = origins.echo("first"), origins.echo("second")
    parts, secret = tmp_path / "parts", tmp_path / "secret"
    parts.mkdir()
    secret.write_text(second.target)
    (parts / "a.yaml").write_text("services: {app: {targets: ['${file:%s}']}}" % secret)
    gateway = sluice({"include": str(parts / "*.yaml"), "routes": {"all": {"match": "/*", "to": "app"}}})
    secret.unlink()
    (parts / "a.yaml").unlink()
    (parts / "b.yaml").write_text("services: {app: {targets: ['%s']}, broken: }" % first.target)
    kill_and_wait(gateway)
    assert b'"origin": "second"' in gateway.request().body


def test_a_right_file_is_what_a_restarted_process_takes(sluice, origins):
    """Whoever mends the file that makes the process die needs no more than that."""
    first, second = origins.echo("first"), origins.echo("second")
    gateway = sluice(all_to(first))
    gateway.write(all_to(second))
    kill_and_wait(gateway)
    assert b'"origin": "second"' in gateway.request().body


def test_signals_that_come_late_do_not_change_the_exit_code(sluice, origins):
    for wait_s in (0, 0.002, 0.005, 0.01, 0.02):
        gateway = sluice(all_to(origins.echo()))
        gateway.process.send_signal(signal.SIGTERM)
        until = time.monotonic() + 20
        while gateway.process.poll() is None:
            assert time.monotonic() < until
            gateway.process.send_signal(signal.SIGTERM)
            time.sleep(wait_s)
        assert gateway.process.returncode == 0
