"""A browser in front, nginx behind: a page with its assets, and fetches to another origin, with and without leave."""
import subprocess

import pytest

from kit.client import Client
from kit.gateway import PortReservation
from kit.waiting import PATIENCE_S, wait_until

CHROMIUM = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]
NGINX = """
daemon off; master_process off; error_log stderr; pid {directory}/nginx.pid; {user}
events {{ worker_connections 256; }}
http {{
    access_log off; client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
    types {{ text/html html; text/css css; text/javascript js; image/svg+xml svg; }}
    server {{
        listen 127.0.0.1:{port};
        root {directory}/files; etag on; gzip on; gzip_types text/css text/javascript;
        location /api/ {{ default_type application/json; return 200 '{{"method": "$request_method", "key": "$http_x_key"}}'; }}
    }}
}}
"""
PAGE = """<!doctype html><html><head><title>loading</title><link rel=stylesheet href=/style.css>{scripts}</head>
<body><img id=picture src=/picture.svg><pre id=said></pre><script src=/app.js></script></body></html>"""
# What the page saw is written into it, so that it stands in the document that the browser prints.
APP = """
const said = [];
async function ask(name, url, options) {
    try {
        const answer = await fetch(url, options);
        const text = options.readAs === "length" ? (await answer.text()).length : JSON.stringify(await answer.json());
        said.push(`${name}=${answer.status} ${text} ${answer.headers.get("X-Request-Id") !== null}`);
    } catch (e) {
        said.push(`${name}=refused`);
    }
}
addEventListener("load", async () => {
    const other = `http://localhost:${location.port}`;
    said.push(`style=${getComputedStyle(document.body).color}`);
    said.push(`picture=${document.getElementById("picture").naturalWidth}`);
    said.push(`parts=${window.parts}`);
    await ask("same", "/api/same", {});
    await ask("simple", `${other}/api/simple`, {});
    await ask("preflight", `${other}/api/preflight`, { method: "PUT", headers: { "X-Key": "secret" }, body: "{}" });
    await ask("other_header", `${other}/api/other`, { headers: { "X-Other": "1" } });
    await ask("other_method", `${other}/api/other`, { method: "DELETE" });
    await ask("closed", `${other}/closed/x`, {});
    await ask("large", "/large.js", { readAs: "length" });
    document.getElementById("said").textContent = said.join("\\n");
    document.title = "done";
});
"""
CONFIG = """
listeners: { http: { listen: "127.0.0.1:@PORT@" } }
observe: { access_log: { format: json, to: "@LOG@" }, metrics: { listen: "127.0.0.1:@METRICS@" } }
services: { site: { targets: ["@SITE@"] } }
routes:
  api:
    match: /api/*
    to: site
    cors: { origins: "http://127.0.0.1:@PORT@", methods: [GET, PUT], request_headers: X-Key, expose: X-Request-Id }
    headers: { response: { set: { X-Request-Id: one } } }
  closed: { match: /closed/*, to: site, rewrite: /api/* }
  pages: { match: /*, to: site }
"""
PARTS = 30
LARGE_BYTES = 3_000_000


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    directory = tmp_path_factory.mktemp("site")
    files = directory / "files"
    files.mkdir()
    directory.chmod(0o755)
    parts = "".join(f"<script src=/part{i}.js></script>" for i in range(PARTS))
    (files / "index.html").write_text(PAGE.format(scripts=parts))
    (files / "style.css").write_text("body { color: rgb(1, 2, 3); }\n" + "/* filling */\n" * 2000)
    (files / "picture.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="123" height="45"/>')
    (files / "app.js").write_text(APP)
    (files / "large.js").write_text("x" * LARGE_BYTES)
    for i in range(PARTS):
        (files / f"part{i}.js").write_text(f"window.parts = (window.parts || 0) + 1; // {'x' * 997 * i}\n")
    reserved = PortReservation()
    reserved.release()
    is_root = subprocess.run(["id", "-u"], capture_output=True, text=True).stdout.strip() == "0"
    (directory / "nginx.conf").write_text(NGINX.format(directory=directory, port=reserved.port,
                                                       user="user root;" if is_root else ""))
    process = subprocess.Popen(["nginx", "-e", "stderr", "-p", str(directory), "-c", str(directory / "nginx.conf")],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def is_up():
        assert process.poll() is None, process.stderr.read()
        try:
            Client(("127.0.0.1", reserved.port)).close()
            return True
        except OSError:
            return False

    try:
        wait_until(is_up, "nginx listens")
        yield f"127.0.0.1:{reserved.port}"
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)


def load(url, directory):
    """The document as the browser has it once the page has done its work."""
    done = subprocess.run([*CHROMIUM, f"--user-data-dir={directory}", "--virtual-time-budget=20000", "--dump-dom", url],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_a_page_its_assets_and_its_fetches_to_another_origin(sluice, site, tmp_path):
    gateway = sluice(CONFIG.replace("@SITE@", site), cores=2)
    document = load(f"http://127.0.0.1:{gateway.port}/index.html", tmp_path / "browser")
    assert "<title>done</title>" in document, document[-2000:]
    said = dict(line.split("=", 1) for line in document.split('<pre id="said">')[1].split("</pre>")[0].split("\n"))
    assert said == {
        "style": "rgb(1, 2, 3)", "picture": "123", "parts": str(PARTS),
        "same": '200 {"method":"GET","key":""} true',
        "simple": '200 {"method":"GET","key":""} true',
        "preflight": '200 {"method":"PUT","key":"secret"} true',
        "other_header": "refused", "other_method": "refused", "closed": "refused",
        "large": f"200 {LARGE_BYTES} false",
    }
    lines = gateway.access_log()
    preflights = [line["status"] for line in lines if line["method"] == "OPTIONS"]
    assert len(preflights) == 3 and not any("instance" in line for line in lines if line["method"] == "OPTIONS")
    assert all(line["status"] < 400 or line["path"] == "/favicon.ico" for line in lines if line["method"] != "OPTIONS")
    assert sum(line["path"].startswith("/part") for line in lines) == PARTS
    assert gateway.metrics()("sluice_origin_reuses_total") > 0
