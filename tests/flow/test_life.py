"""The life of instances: operators drain, weigh and stop them, priorities and zones, slow start, panic."""
import json
import os
import signal
import socket
import subprocess

import pytest

from kit.gateway import binary
from kit.waiting import wait_until


SECRET = "0123456789abcdef0123456789abcdef"


def config_of(directory, targets, **service):
    return {"services": {"app": {"targets": targets, **service}}, "routes": {"/*": "app"},
            "admin": {"listen": f"unix:{directory}/admin.sock"}}


def targets_of(directory, *words, code=0):
    done = subprocess.run([binary(), "targets", *map(str, words), "--socket", str(directory / "admin.sock")],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def ask_admin(directory, method, path, body=None):
    """One question over the admin socket; the status and what the JSON says."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(str(directory / "admin.sock"))
        text = "" if body is None else body if isinstance(body, str) else json.dumps(body)
        length = f"Content-Length: {len(text)}\r\n" if text else ""
        s.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\n{length}\r\n{text}".encode())
        data = b""
        while chunk := s.recv(65536):
            data += chunk
    head, _, rest = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(rest)


def state_of(directory, instance):
    _, listed = ask_admin(directory, "GET", "/v1/targets")
    return next(t for t in listed if t["instance"] == instance)


def served(gateway, made, count):
    before = [o.served for o in made]
    for _ in range(count):
        assert gateway.request().status == 200
    return [o.served - b for o, b in zip(made, before)]


def test_operators_drain_and_return_an_instance(sluice, origins, tmp_path):
    made = [origins.echo(str(i)) for i in range(2)]
    gateway = sluice(config_of(tmp_path, [made[0].target, made[1].target], balance="round_robin"))
    said = targets_of(tmp_path, "drain", f"app/{made[0].target}", "--reason", "new disks")
    assert "draining" in said and "new disks" in said
    assert served(gateway, made, 10) == [0, 10]
    assert gateway.metrics()("sluice_endpoint_state", endpoint=made[0].target, state="draining") == 1
    targets_of(tmp_path, "ready", f"app/{made[0].target}")
    assert served(gateway, made, 10) == [5, 5]
    moments = state_of(tmp_path, made[0].target)["moments"]
    assert [m["state"] for m in moments] == ["active", "draining", "active"]
    assert "is draining, was active (operator): " in gateway.stderr()


def test_a_weight_of_an_operator_holds_for_a_time(sluice, origins, tmp_path):
    made = [origins.echo(str(i)) for i in range(2)]
    gateway = sluice(config_of(tmp_path, [made[0].target, made[1].target], balance="round_robin"))
    targets_of(tmp_path, "weight", f"app/{made[0].target}", 4, "--for", "2s")
    wait_until(lambda: gateway.request().status == 200 and served(gateway, made, 10) == [8, 2], "the weight holds")
    wait_until(lambda: served(gateway, made, 10) == [5, 5], "it has ended")
    assert ask_admin(tmp_path, "GET", "/v1/overrides") == (200, [])


def test_what_operators_said_survives_reload_crash_and_restart(sluice, origins, tmp_path):
    made = [origins.echo(str(i)) for i in range(2)]
    config = config_of(tmp_path, [{"address": made[0].target, "name": "one"}, made[1].target])
    config["state_dir"] = str(tmp_path)
    gateway = sluice(config)
    targets_of(tmp_path, "maint", "app/one", "--reason", "broken")
    assert served(gateway, made, 6) == [0, 6]
    config["services"]["app"]["connections"] = {"max": 100}
    gateway.reload(config)
    assert state_of(tmp_path, "one")["state"] == "maintenance"
    os.kill(gateway.data_pid(), signal.SIGKILL)
    wait_until(gateway.is_ready, "it is back")
    assert state_of(tmp_path, "one")["override"]["reason"] == "broken"
    assert served(gateway, made, 6) == [0, 6]
    gateway.stop()
    again = sluice(config)
    assert state_of(tmp_path, "one")["state"] == "maintenance"
    assert served(again, made, 6) == [0, 6]
    targets_of(tmp_path, "clear", "app/one")
    assert not (tmp_path / "overrides.json").read_text()


def test_an_override_outlives_its_instance(sluice, origins, tmp_path):
    made = [origins.echo(str(i)) for i in range(2)]
    gateway = sluice(config_of(tmp_path, [made[0].target, made[1].target]))
    targets_of(tmp_path, "drain", f"app/{made[0].target}")
    gateway.reload(config_of(tmp_path, [made[1].target]))
    wait_until(lambda: "an override for an instance that is not there" in targets_of(tmp_path), "it is shown")
    gateway.reload(config_of(tmp_path, [made[0].target, made[1].target]))
    assert served(gateway, made, 6) == [0, 6]


@pytest.mark.parametrize("body,status,code", [
    ({"service": "app", "instance": "nobody", "state": "drain"}, 404, "not_found"),
    ({"service": "app", "instance": "nobody"}, 400, "bad_body"),
    ({"service": "app", "instance": "x", "state": "drain", "extra": 1}, 400, "bad_body"),
    ({"service": "app", "instance": "x", "weight": -1}, 400, "bad_body"),
    ("state: drain", 400, "bad_body"),
])
def test_a_change_that_cannot_be_made_is_a_problem(sluice, origins, tmp_path, body, status, code):
    sluice(config_of(tmp_path, [origins.echo().target]))
    got, problem = ask_admin(tmp_path, "POST", "/v1/targets", body)
    assert (got, problem["code"], problem["status"]) == (status, code, status)


def test_maintenance_of_everything_is_told(sluice, origins, tmp_path):
    origin = origins.echo()
    gateway = sluice(config_of(tmp_path, [origin.target]))
    targets_of(tmp_path, "maint", f"app/{origin.target}")
    response = gateway.request()
    assert response.status == 503
    assert gateway.wait_log(1)[0]["reason"] == "no_endpoint"


def test_the_next_priority_takes_over_when_a_level_is_gone(sluice, origins, tmp_path):
    made = [origins.echo(str(i)) for i in range(3)]
    targets = [{"address": made[0].target}, {"address": made[1].target},
               {"address": made[2].target, "priority": 1}]
    gateway = sluice(config_of(tmp_path, targets, balance="round_robin"))
    assert served(gateway, made, 20) == [10, 10, 0]
    targets_of(tmp_path, "maint", f"app/{made[0].target}")
    got = served(gateway, made, 200)  # half of the level is left: 70 % stay
    assert got[0] == 0 and 110 <= got[1] <= 170
    targets_of(tmp_path, "maint", f"app/{made[1].target}")
    assert served(gateway, made, 20) == [0, 0, 20]


def test_a_retry_goes_to_the_next_priority(sluice, origins, tmp_path):
    dead, alive = origins.echo("dead"), origins.echo("alive")
    gateway = sluice(config_of(tmp_path, [dead.target, {"address": alive.target, "priority": 1}]))
    dead.stop_listening()
    assert gateway.request().status == 200
    assert alive.served == 1


def test_the_own_zone_is_preferred(sluice, origins, tmp_path):
    made = [origins.echo(str(i)) for i in range(3)]
    targets = [{"address": o.target, "zone": z} for o, z in zip(made, ("eu-1", "eu-2", "eu-1"))]
    config = config_of(tmp_path, targets, balance="round_robin")
    config["zone"] = "${env:SLUICE_TEST_ZONE:-eu-1}"
    gateway = sluice(config)
    assert served(gateway, made, 20) == [10, 0, 10]
    targets_of(tmp_path, "maint", f"app/{made[0].target}")
    targets_of(tmp_path, "maint", f"app/{made[2].target}")
    assert served(gateway, made, 10) == [0, 10, 0]


def test_a_fresh_instance_gets_its_share_slowly(sluice, origins, tmp_path):
    made = [origins.echo(str(i)) for i in range(3)]
    config = config_of(tmp_path, [o.target for o in made[:2]], slow_start="1m")
    gateway = sluice(config)
    served(gateway, made, 20)
    config["services"]["app"]["targets"] = [o.target for o in made]
    gateway.reload(config)
    assert state_of(tmp_path, made[2].target)["state"] == "warming"
    got = served(gateway, made, 300)
    assert 1 <= got[2] <= 30, got  # 10 % of a third would be 10; without it, all that are idle
    gateway.reload(config | {"drain": {"timeout": "29s"}})
    assert state_of(tmp_path, made[2].target)["state"] == "warming"


def test_explain_names_what_would_be_picked(sluice, origins, tmp_path):
    made = [origins.echo(str(i)) for i in range(2)]
    sluice(config_of(tmp_path, [o.target for o in made]))
    targets_of(tmp_path, "drain", f"app/{made[0].target}", "--reason", "disks")
    done = subprocess.run([binary(), "explain", "GET", "/", "--live", "--socket", str(tmp_path / "admin.sock")],
                          capture_output=True, text=True, timeout=20)
    assert "skipped: draining: disks" in done.stdout, done.stdout
    assert "candidate" in done.stdout and "in flight 0" in done.stdout


def test_diff_shows_what_operators_said_above_the_file(sluice, origins, tmp_path):
    origin = origins.echo()
    gateway = sluice(config_of(tmp_path, [origin.target]))
    ask = [binary(), "diff", str(gateway.file), "--socket", str(tmp_path / "admin.sock")]
    assert subprocess.run(ask, capture_output=True, text=True, timeout=20).stdout == "no difference in meaning\n"
    targets_of(tmp_path, "weight", f"app/{origin.target}", 3)
    said = subprocess.run(ask, capture_output=True, text=True, timeout=20).stdout
    assert said.startswith("override {") and '"weight": 3' in said


def test_a_client_that_is_bound_stays_while_its_instance_drains(sluice, origins, tmp_path):
    made = [origins.echo(str(i)) for i in range(2)]
    gateway = sluice(config_of(tmp_path, [o.target for o in made], sticky={"cookie": "at", "secret": SECRET}))
    first = gateway.request()
    bound = 0 if made[0].served else 1
    cookie = ("Cookie", first.header("Set-Cookie").split(";")[0])
    targets_of(tmp_path, "drain", f"app/{made[bound].target}", "--keep", "2s")
    for _ in range(5):
        gateway.request("GET", "/", fields=[cookie])
    assert [o.served for o in made][bound] == 6
    wait_until(lambda: state_of(tmp_path, made[bound].target)["state"] == "maintenance", "its time is over")
    assert gateway.request("GET", "/", fields=[cookie]).status == 200
    assert [o.served for o in made] == ([6, 1] if bound == 0 else [1, 6])
