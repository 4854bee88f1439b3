"""Between the programs that people have: nginx, Python and Node behind, curl and wrk in front."""
import re
import subprocess

import pytest

from kit.client import Client
from kit.gateway import PortReservation
from kit.waiting import PATIENCE_S, wait_until

PYTHON_HTTP_SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length) if "chunked" not in self.headers.get("Transfer-Encoding", "") else self.chunks()
        said = b"python " + self.command.encode() + b" " + self.path.encode() + b" %d" % len(body)
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said)
    def chunks(self):
        body = b""
        while (size := int(self.rfile.readline().split(b";")[0], 16)):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline() != b"\\r\\n":
            pass
        return body
    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer
    def log_message(self, *args):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
# The old default of http.server: HTTP/1.0, one answer a connection, ended by closing it.
SAYS_LENGTH = '        self.send_header("Content-Length", str(len(said)))\n'
PYTHON_HTTP_1_0 = PYTHON_HTTP_SERVER.replace('"HTTP/1.1"', '"HTTP/1.0"').replace(SAYS_LENGTH, "")
PYTHON_ASYNCIO = """
import asyncio, sys
async def serve(reader, writer):
    try:
        while True:
            head = (await reader.readuntil(b"\\r\\n\\r\\n")).decode("latin-1").split("\\r\\n")
            method, path, _ = head[0].split(" ")
            fields = {k.lower(): v for k, v in (line.split(": ", 1) for line in head[1:-2])}
            body = await reader.readexactly(int(fields.get("content-length", 0)))
            writer.write(b"HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n")
            if method != "HEAD":
                for part in (b"asyncio ", method.encode(), b" ", path.encode(), b" %d" % len(body)):
                    writer.write(b"%x\\r\\n%s\\r\\n" % (len(part), part))
                writer.write(b"0\\r\\n\\r\\n")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
async def main():
    await (await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))).serve_forever()
asyncio.run(main())
"""
NODE = """
const http = require("http");
http.createServer((request, response) => {
    let count = 0;
    request.on("data", part => { count += part.length; });
    request.on("end", () => {
        if (request.method !== "HEAD") response.setHeader("Trailer", "X-Count");
        response.write(`node ${request.method} ${request.url} `);
        response.write(`${count}`);
        if (request.method !== "HEAD") response.addTrailers({ "X-Count": `${count}` });
        response.end();
    });
}).listen(+process.argv[2], "127.0.0.1");
"""
NGINX = """
daemon off; master_process off; error_log stderr; pid {directory}/nginx.pid; worker_processes 1;
events {{ worker_connections 512; }}
http {{
    access_log off; client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi; client_max_body_size 100m; keepalive_timeout 2s;
    server {{
        listen 127.0.0.1:{port};
        root {directory}/files; etag on;
        location /say {{ return 200 "nginx $request_method $request_uri $http_host $http_x_forwarded_for"; }}
        location /upload {{ dav_methods PUT; create_full_put_path on; }}
    }}
}}
"""


class Server:
    """One real server as a process, ended with the test."""

    def __init__(self, command, port):
        self.port, self.target = port, f"127.0.0.1:{port}"
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE)
        wait_until(self.is_up, f"{command[0]} listens")

    def is_up(self):
        assert self.process.poll() is None, self.process.stderr.read()
        try:
            Client(("127.0.0.1", self.port)).close()
            return True
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.communicate(timeout=PATIENCE_S)


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    directory = tmp_path_factory.mktemp("servers")
    directory.chmod(0o755)
    (directory / "files").mkdir()
    (directory / "files" / "big.bin").write_bytes(bytes(range(256)) * 40_000)
    (directory / "files" / "small.txt").write_text("small\n")
    for text, name in ((PYTHON_HTTP_SERVER, "http_server.py"), (PYTHON_HTTP_1_0, "http_1_0.py"),
                       (PYTHON_ASYNCIO, "aio.py"), (NODE, "node.js")):
        (directory / name).write_text(text)
    made, ports = {}, [PortReservation() for _ in range(5)]
    for each in ports:
        each.release()
    (directory / "nginx.conf").write_text(NGINX.format(directory=directory, port=ports[0].port))
    try:
        made["nginx"] = Server(["nginx", "-e", "stderr", "-p", str(directory), "-c", str(directory / "nginx.conf"),
                                "-g", "user root;"]
                               if is_root() else ["nginx", "-e", "stderr", "-p", str(directory), "-c",
                                                  str(directory / "nginx.conf")], ports[0].port)
        made["python"] = Server(["/usr/bin/python3", str(directory / "http_server.py"), str(ports[1].port)],
                                ports[1].port)
        made["old"] = Server(["/usr/bin/python3", str(directory / "http_1_0.py"), str(ports[2].port)], ports[2].port)
        made["asyncio"] = Server(["/usr/bin/python3", str(directory / "aio.py"), str(ports[3].port)], ports[3].port)
        made["node"] = Server(["node", str(directory / "node.js"), str(ports[4].port)], ports[4].port)
        made["directory"] = directory
        yield made
    finally:
        for each in made.values():
            if isinstance(each, Server):
                each.stop()


def is_root():
    return subprocess.run(["id", "-u"], capture_output=True, text=True).stdout.strip() == "0"


@pytest.fixture(scope="module")
def front(shared, servers):
    names = ("nginx", "python", "old", "asyncio", "node")
    return shared.start({"services": {name: {"targets": [servers[name].target]} for name in names},
                         "routes": {name: {"match": f"/{name}/*", "to": name, "rewrite": "/*"} for name in names}},
                        cores=2)


def curl(gateway, path, *words, code=0):
    done = subprocess.run(["curl", "-sS", "--http1.1", "--max-time", "30", *words,
                           f"http://127.0.0.1:{gateway.port}{path}"], capture_output=True)
    assert done.returncode == code, done.stderr
    return done.stdout


@pytest.mark.parametrize("name,says", [("nginx", b"nginx GET /say?a=b"), ("python", b"python GET /say?a=b 0"),
                                       ("old", b"python GET /say?a=b 0"),
                                       ("asyncio", b"asyncio GET /say?a=b 0"), ("node", b"node GET /say?a=b 0")])
def test_curl_through_to_every_server(front, name, says):
    assert curl(front, f"/{name}/say?a=b").startswith(says)
    head = curl(front, f"/{name}/say", "-I").decode()
    assert head.startswith("HTTP/1.1 200") and "via: 1.1 sluice" in head.lower()
    several = curl(front, f"/{name}/say?[1-5]")
    assert several.count(says.split(b"?")[0]) == 5


@pytest.mark.parametrize("name,word", [("python", b"python"), ("old", b"python"), ("asyncio", b"asyncio"),
                                       ("node", b"node")])
def test_uploads_by_curl_arrive_whole(front, servers, name, word):
    big = servers["directory"] / "files" / "big.bin"
    size = str(big.stat().st_size).encode()
    assert curl(front, f"/{name}/up", "--data-binary", f"@{big}") == word + b" POST /up " + size
    # Over a megabyte curl asks with Expect: 100-continue, which an HTTP/1.0 server never answers; after a second curl goes on.
    assert curl(front, f"/{name}/up", "-T", str(big)) == word + b" PUT /up " + size
    if name in ("python", "node"):
        assert curl(front, f"/{name}/up", "-T", str(big), "-H",
                    "Transfer-Encoding: chunked") == word + b" PUT /up " + size


def test_files_of_nginx(front, servers):
    big = (servers["directory"] / "files" / "big.bin").read_bytes()
    assert curl(front, "/nginx/big.bin") == big
    assert curl(front, "/nginx/big.bin", "-r", "100-199") == big[100:200]
    etag = re.search(rb"(?i)etag: (\S+)", curl(front, "/nginx/small.txt", "-I")).group(1).decode()
    assert curl(front, "/nginx/small.txt", "-o", "/dev/null", "-w", "%{http_code}", "-H",
                f"If-None-Match: {etag}") == b"304"
    assert curl(front, "/nginx/nothing", "-o", "/dev/null", "-w", "%{http_code}") == b"404"
    seen = curl(front, "/nginx/say", "-H", "X-Forwarded-For: 6.6.6.6")
    assert b"127.0.0.1" in seen and b"6.6.6.6" not in seen


def test_trailers_of_node_reach_who_asks(front):
    with front.connect() as c:
        response = c.request("POST", "/node/x", [("TE", "trailers"), ("Connection", "TE")], b"hello")
        assert (response.body, response.trailers.pairs) == (b"node POST /x 5", [("X-Count", "5")])


def test_idle_closes_of_nginx_are_never_seen(front):
    """keepalive_timeout 2s: however the pauses fall, no request meets the connection that nginx just closed."""
    with front.connect() as c:
        for _ in range(3):
            assert c.request("GET", "/nginx/say").status == 200
            idle = front.metrics()("sluice_origin_connections_idle", service="nginx")
            wait_until(lambda: front.metrics()("sluice_origin_connections_idle", service="nginx") < idle,
                       "an idle connection is closed")
            assert c.request("POST", "/nginx/say", body=b"x").status == 200


@pytest.mark.parametrize("name", ["nginx", "node"])
def test_wrk_sees_nothing_but_200(front, name):
    before = front.metrics()
    done = subprocess.run(["wrk", "-t1", "-c20", "-d1s", f"http://127.0.0.1:{front.port}/{name}/say"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Non-2xx" not in done.stdout and "Socket errors" not in done.stdout, done.stdout
    count = int(re.search(r"(\d+) requests in", done.stdout).group(1))
    assert count > 100
    name_of = {"service": name, "code": "2xx"}
    front.wait_metric(lambda m: m("sluice_requests_total", **name_of) - before("sluice_requests_total", **name_of) >= count,
                      "each is counted")
    after = front.metrics()
    assert after("sluice_errors_total", reason="origin_reset") == before("sluice_errors_total", reason="origin_reset")


def test_the_log_has_a_line_for_each(front):
    curl(front, "/python/logged", "-A", "curl/test")
    (line,) = wait_until(lambda: [line for line in front.access_log() if line["path"] == "/python/logged"],
                         "the line is written")
    assert (line["user_agent"], line["service"], line["status"]) == ("curl/test", "python", 200)


def test_a_real_server_that_is_stopped_is_502_and_back_when_it_is(sluice, tmp_path):
    (tmp_path / "server.py").write_text(PYTHON_ASYNCIO)
    port = PortReservation()
    port.release()
    command = ["/usr/bin/python3", str(tmp_path / "server.py"), str(port.port)]
    server = Server(command, port.port)
    gateway = sluice({"routes": {"/*": f"http://127.0.0.1:{port.port}"}})
    assert gateway.request("GET", "/x").body == b"asyncio GET /x 0"
    server.stop()
    assert gateway.request("GET", "/x").status == 502
    server = Server(command, port.port)
    assert gateway.request("GET", "/x").body == b"asyncio GET /x 0"
    server.stop()
