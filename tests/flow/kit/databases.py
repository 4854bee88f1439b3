"""Real database servers from Debian's packages, on loopback, each in a directory of its own: PostgreSQL with a streaming
replica, Redis with a replica, MariaDB. Started as the user that their package made, where the tests run as root.
"""
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile

from .waiting import wait_until

POSTGRES_BIN = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), default=pathlib.Path("/nonexistent"))
MARIADB = shutil.which("mariadbd") or "/usr/sbin/mariadbd"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """One server process; `user` is who it runs as when we are root."""

    def __init__(self, name, user):
        self.user = user if os.getuid() == 0 else None
        self.port = free_port()
        self.target = f"127.0.0.1:{self.port}"
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"sluice-{name}-"))
        self.process = None
        if self.user:
            entry = pwd.getpwnam(self.user)
            os.chown(self.directory, entry.pw_uid, entry.pw_gid)
        self.log = open(self.directory / "log.txt", "ab")

    def options(self):
        who = {"user": self.user, "group": pwd.getpwnam(self.user).pw_gid, "extra_groups": []} if self.user else {}
        return {"cwd": self.directory, "stdin": subprocess.DEVNULL, **who}

    def run(self, *command, **more):
        return subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              **self.options(), **more).stdout.decode()

    def start(self, *command):
        self.process = subprocess.Popen([str(c) for c in command], stdout=self.log, stderr=self.log, **self.options())

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """As a crash would."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)


class Postgres(Server):
    def __init__(self, primary=None, auth="scram-sha-256"):
        super().__init__("postgres", "postgres")
        data = self.directory / "data"
        if primary:
            self.run(POSTGRES_BIN / "pg_basebackup", "-h", "127.0.0.1", "-p", primary.port, "-U", "postgres",
                     "-D", data, "-R", "-X", "stream", "-c", "fast")
        else:
            (self.directory / "password").write_text("secret\n")
            self.run(POSTGRES_BIN / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync",
                     "--pwfile", self.directory / "password")
            (data / "pg_hba.conf").write_text(
                f"host all checker 127.0.0.1/32 {auth}\nhost all,replication postgres 127.0.0.1/32 trust\n")
        self.start(POSTGRES_BIN / "postgres", "-D", data, "-p", self.port, "-c", "listen_addresses=127.0.0.1",
                   "-c", f"unix_socket_directories={self.directory}", "-c", "fsync=off", "-c", "hot_standby=on",
                   "-c", f"password_encryption={'md5' if auth == 'md5' else 'scram-sha-256'}")
        wait_until(self.is_ready, "PostgreSQL is ready")
        if not primary:
            self.query("CREATE ROLE checker LOGIN PASSWORD 'geheim'")

    def psql(self, sql):
        return subprocess.run([POSTGRES_BIN / "psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-Atc",
                               sql], capture_output=True, check=False)

    def query(self, sql):
        done = self.psql(sql)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode().strip()

    def is_ready(self):
        return self.psql("SELECT 1").returncode == 0


class Redis(Server):
    def __init__(self, primary=None, password=None):
        super().__init__("redis", "redis" if shutil.which("redis-server") else None)
        more = ["--replicaof", "127.0.0.1", primary.port, "--repl-ping-replica-period", "1"] if primary else []
        more += ["--requirepass", password] if password else []
        self.password = password
        self.start("redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--dir", self.directory,
                   "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1", *more)
        wait_until(lambda: "PONG" in self.command("PING"), "Redis is ready")

    def command(self, *words):
        word = ["-a", self.password, "--no-auth-warning"] if self.password else []
        return subprocess.run(["redis-cli", "-p", str(self.port), *word, *words], capture_output=True,
                              check=False).stdout.decode()


class MariaDb(Server):
    def __init__(self):
        super().__init__("mariadb", "mysql")
        data = self.directory / "data"
        self.run("mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
                 "--skip-test-db")
        self.number = self.port
        self.start(MARIADB, "--no-defaults", f"--datadir={data}", f"--port={self.port}", "--bind-address=127.0.0.1",
                   f"--socket={self.directory}/socket", f"--server-id={self.number}", "--log-bin", "--skip-name-resolve",
                   f"--pid-file={self.directory}/pid", "--innodb-flush-log-at-trx-commit=0",
                   "--innodb-buffer-pool-size=16M")
        wait_until(lambda: self.sql("SELECT 1").returncode == 0, "MariaDB is ready", 60)
        self.query("CREATE USER checker@'127.0.0.1' IDENTIFIED BY 'geheim'")
        self.query("GRANT REPLICATION SLAVE, SLAVE MONITOR, BINLOG MONITOR ON *.* TO checker@'127.0.0.1'")
        self.query("CREATE USER empty@'127.0.0.1' IDENTIFIED BY ''")

    def sql(self, text):
        return subprocess.run(["mariadb", "--no-defaults", f"--socket={self.directory}/socket", "-u", "root", "-Ne", text],
                              capture_output=True, check=False)

    def query(self, text):
        done = self.sql(text)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode().strip()

    def follow(self, primary):
        self.query("RESET MASTER")
        at = primary.query("SHOW MASTER STATUS").split("\t")
        self.query(f"CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={primary.port}, MASTER_USER='checker', "
                   f"MASTER_PASSWORD='geheim', MASTER_LOG_FILE='{at[0]}', MASTER_LOG_POS={at[1]}, "
                   "MASTER_CONNECT_RETRY=1")
        self.query("START SLAVE")
        self.query("SET GLOBAL read_only = 1")
