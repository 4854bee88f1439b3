"""Checks that ask a database who it is, against the real servers: alive, of which role, how far behind, and who is asked
after a promotion.
"""
import shutil
import signal

import pytest

from kit import databases
from kit.databases import MariaDb, Postgres, Redis
from kit.waiting import wait_until

QUICK = {"interval": "100ms", "fast_interval": "50ms", "down_interval": "50ms", "down_interval_max": "200ms",
         "timeout": "2s", "fall": 2}

needs_postgres = pytest.mark.skipif(not databases.POSTGRES_BIN.exists(), reason="PostgreSQL is not installed")
needs_redis = pytest.mark.skipif(not shutil.which("redis-server"), reason="Redis is not installed")
needs_mariadb = pytest.mark.skipif(not shutil.which("mariadb-install-db"), reason="MariaDB is not installed")


@pytest.fixture
def servers():
    made = []

    def start(kind, *args, **options):
        server = kind.__new__(kind)
        made.append(server)
        server.__init__(*args, **options)
        return server
    yield start
    for server in reversed(made):
        server.stop()


def config(*services):
    """Services by name: (name, check, servers)."""
    return {"services": {name: {"targets": [s.target for s in them], "panic": "off", "health": {**QUICK, **check}}
                         for name, check, them in services},
            "routes": {name: {"match": f"/{name}", "to": name} for name, _, _ in services}}


def usable(gateway, service, server):
    """Whether the service would use the server now."""
    m = gateway.metrics()
    return m("sluice_endpoint_state", service=service, endpoint=server.target, state="active") == 1


def wait_usable(gateway, service, **wanted):
    servers = wanted.pop("of")
    names = {s.target: is_wanted for s, is_wanted in servers}
    wait_until(lambda: all(usable(gateway, service, s) == is_wanted for s, is_wanted in servers),
               f"{service} uses {names}: {gateway.stderr()[-1500:]}")


def said(gateway, text):
    return wait_until(lambda: text in gateway.stderr(), f"it is said: {text}: {gateway.stderr()[-1500:]}")


@needs_postgres
def test_writes_go_to_the_primary_reads_to_the_replica_and_a_promotion_moves_both(sluice, servers):
    one = servers(Postgres)
    two = servers(Postgres, primary=one)
    login = {"user": "checker", "password": "geheim", "database": "postgres"}
    gateway = sluice(config(("write", {"postgres": {**login, "role": "primary"}}, (one, two)),
                            ("read", {"postgres": {**login, "role": "replica", "lag": "10s"}}, (one, two))))
    wait_usable(gateway, "write", of=((one, True), (two, False)))
    wait_usable(gateway, "read", of=((one, False), (two, True)))
    said(gateway, "it is a primary, wanted a replica")
    one.kill()
    wait_usable(gateway, "write", of=((one, False), (two, False)))
    two.query("SELECT pg_promote()")
    wait_usable(gateway, "write", of=((one, False), (two, True)))
    wait_usable(gateway, "read", of=((one, False), (two, False)))


@needs_postgres
def test_a_replica_that_is_too_far_behind_is_not_read_from(sluice, servers):
    one = servers(Postgres)
    two = servers(Postgres, primary=one)
    login = {"user": "checker", "password": "geheim", "database": "postgres"}
    gateway = sluice(config(("read", {"postgres": {**login, "role": "replica", "lag": "1s"}}, (two,))))
    wait_usable(gateway, "read", of=((two, True),))
    one.query("CREATE TABLE t (n int)")
    two.query("SELECT pg_wal_replay_pause()")
    one.query("INSERT INTO t SELECT generate_series(1, 1000)")
    wait_usable(gateway, "read", of=((two, False),))
    said(gateway, "ms behind, 1000ms allowed")
    two.query("SELECT pg_wal_replay_resume()")
    wait_usable(gateway, "read", of=((two, True),))


@needs_postgres
@pytest.mark.parametrize("auth", ["scram-sha-256", "md5", "password", "trust"])
def test_a_log_in_succeeds_with_the_right_password_alone(sluice, servers, auth):
    one = servers(Postgres, auth=auth)
    check = {"user": "checker", "database": "postgres", "password": "geheim"}
    gateway = sluice(config(("right", {"postgres": check}, (one,)), ("alive", {"postgres": {}}, (one,)),
                            ("wrong", {"postgres": {**check, "password": "falsch"}}, (one,)),
                            ("no_database", {"postgres": {**check, "database": "none"}}, (one,))))
    wait_usable(gateway, "right", of=((one, True),))
    wait_usable(gateway, "alive", of=((one, True),))
    wait_usable(gateway, "no_database", of=((one, False),))
    said(gateway, '3D000: database "none" does not exist')
    wait_usable(gateway, "wrong", of=((one, auth == "trust"),))
    assert auth == "trust" or said(gateway, "28P01: password authentication failed")


@needs_postgres
def test_a_server_that_is_stopped_or_frozen_is_down(sluice, servers):
    one = servers(Postgres)
    gateway = sluice(config(("alive", {"postgres": {}, "timeout": "300ms"}, (one,))))
    wait_usable(gateway, "alive", of=((one, True),))
    one.signal(signal.SIGSTOP)
    wait_usable(gateway, "alive", of=((one, False),))
    said(gateway, "timed out after 300ms")
    one.signal(signal.SIGCONT)
    wait_usable(gateway, "alive", of=((one, True),))


@needs_redis
def test_redis_writes_go_to_the_primary_and_a_promotion_is_noticed(sluice, servers):
    one = servers(Redis)
    two = servers(Redis, primary=one)
    gateway = sluice(config(("write", {"redis": {"role": "primary"}}, (one, two)),
                            ("read", {"redis": {"role": "replica", "lag": "10s"}}, (one, two)),
                            ("any", {"redis": {}}, (one, two))))
    wait_usable(gateway, "write", of=((one, True), (two, False)))
    wait_usable(gateway, "read", of=((one, False), (two, True)))
    wait_usable(gateway, "any", of=((one, True), (two, True)))
    one.kill()
    wait_usable(gateway, "read", of=((one, False), (two, False)))
    said(gateway, "its link to the primary is")
    two.command("REPLICAOF", "NO", "ONE")
    wait_usable(gateway, "write", of=((one, False), (two, True)))


@needs_redis
def test_redis_asks_for_a_password_and_is_alive_without(sluice, servers):
    one = servers(Redis, password="geheim")
    gateway = sluice(config(("right", {"redis": {"password": "geheim"}}, (one,)),
                            ("wrong", {"redis": {"password": "falsch"}}, (one,)), ("none", {"redis": {}}, (one,))))
    wait_usable(gateway, "right", of=((one, True),))
    wait_usable(gateway, "none", of=((one, True),))
    wait_usable(gateway, "wrong", of=((one, False),))
    said(gateway, "WRONGPASS")
    one.signal(signal.SIGSTOP)
    wait_usable(gateway, "right", of=((one, False),))
    one.signal(signal.SIGCONT)


@needs_mariadb
def test_mariadb_writes_go_to_the_primary_and_a_promotion_is_noticed(sluice, servers):
    one = servers(MariaDb)
    two = servers(MariaDb)
    two.follow(one)
    login = {"user": "checker", "password": "geheim"}
    gateway = sluice(config(("write", {"mysql": {**login, "role": "primary"}}, (one, two)),
                            ("read", {"mysql": {**login, "role": "replica", "lag": "10s"}}, (one, two)),
                            ("alive", {"mysql": {"user": "empty"}}, (one,)), ("greet", {"mysql": {}}, (one,)),
                            ("wrong", {"mysql": {"user": "checker", "password": "falsch"}}, (one,))))
    wait_usable(gateway, "write", of=((one, True), (two, False)))
    wait_usable(gateway, "read", of=((one, False), (two, True)))
    wait_usable(gateway, "alive", of=((one, True),))
    wait_usable(gateway, "greet", of=((one, True),))
    wait_usable(gateway, "wrong", of=((one, False),))
    said(gateway, "1045: Access denied")
    two.query("STOP SLAVE")
    wait_usable(gateway, "read", of=((one, False), (two, False)))
    said(gateway, "its replication does not run")
    one.kill()
    two.query("SET GLOBAL read_only = 0")
    wait_usable(gateway, "write", of=((one, False), (two, True)))
