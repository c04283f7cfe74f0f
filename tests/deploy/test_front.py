"""The front of docs/deployment.md, read and run by nginx itself: who calls is told to the hub, and only by the front."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from http.client import HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.docs import pages
from tests.support.needed import lacking
from tests.support.rabbit import wait_until
from tests.support.tls import Authority

ABSENT = "nginx is not installed (Debian: apt-get install nginx): tests on it are skipped"
#: Debian keeps it where only root looks.
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
#: What Debian's own nginx.conf says around the file, in a folder of the test's own.
AROUND = """\
daemon off;
{account}
pid {folder}/pid;
error_log stderr;
events {{}}
http {{
    {places}
    include {folder}/lienthong.conf;
}}
"""
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
#: Paths that partners and the monitoring host ask for, and what stands behind the front.
DOOR, FILES = "/doors/bo", "/attachments"
NONE: Mapping[str, str] = {}


class Echo(BaseHTTPRequestHandler):
    """A process of the hub: says which headers reached it."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        said = "\n".join(f"{name.lower()}: {value}" for name, value in self.headers.items()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Front:
    """A running front: its address, and the authority of the test."""

    def __init__(self, folder: Path, authority: Authority, behind: int) -> None:
        self.authority = authority
        self.port, watched = _free_ports(2)
        shutil.copy(authority.issue("truc")[0], folder / "truc.crt")
        shutil.copy(authority.folder / "truc.key", folder / "truc.key")
        shutil.copy(authority.issue("a")[0], folder / "machine.crt")
        shutil.copy(authority.folder / "a.key", folder / "machine.key")
        text = pages.page("deploy/nginx/lienthong.conf")
        # The ports and places of the machine; the rest is as it stands.
        text = re.sub(r"\n *listen \[::\][^\n]*", "", text)
        for said, port in (("listen 443", self.port), ("listen 9443", watched)):
            text = text.replace(said, f"listen 127.0.0.1:{port}")
        text = re.sub(r"127\.0\.0\.1:(800\d|8090)", f"127.0.0.1:{behind}", text)
        text = text.replace("/etc/nginx/tls", str(folder)).replace("/var/log/nginx", str(folder))
        (folder / "lienthong.conf").write_text(text, encoding="utf-8")
        # Its workers are another account otherwise, to whom this folder is closed.
        account = "user root;" if os.getuid() == 0 else ""
        places = " ".join(f"{name}_temp_path {folder}/{name};" for name in TEMPORARY)
        (folder / "nginx.conf").write_text(AROUND.format(folder=folder, places=places, account=account), encoding="utf-8")
        self.command = [str(NGINX), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = NONE, *, name: str = ""
    ) -> tuple[int, str]:
        """Ask the front, with the certificate of this name where one is given."""
        trusting = ssl.create_default_context(cafile=str(self.authority.ca))
        if name:
            trusting.load_cert_chain(*self.authority.issue(name))
        connection = HTTPSConnection("127.0.0.1", self.port, context=trusting, timeout=60)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        said = answer.read().decode()
        connection.close()
        return answer.status, said

    def logs(self, line: str) -> str:
        """Give all that the logs hold once they have this: nginx writes a request's line after its answer."""
        wait_until(lambda: line in self._logged())
        return self._logged()

    def _logged(self) -> str:
        return "".join(path.read_text(encoding="utf-8") for path in Path(self.command[2]).glob("*.log"))

    def listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        found = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(each.getsockname()[1]) for each in found]


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """The front of a machine with one process behind it."""
    if NGINX is None:
        lacking(ABSENT)
    behind = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=behind.serve_forever, daemon=True).start()
    folder, authority = tmp_path_factory.mktemp("nginx"), Authority(tmp_path_factory.mktemp("authority"))
    made = Front(folder, authority, behind.server_address[1])
    server = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *made.command], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: made.listens() or server.poll() is not None)
        yield made
    finally:
        server.terminate()
        server.wait()
        behind.shutdown()
        behind.server_close()


def test_nginx_takes_the_settings(front: Front) -> None:
    done = subprocess.run([*front.command, "-t"], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr, done.stderr


def test_the_console_stands_behind_a_name_of_its_own(front: Front) -> None:
    """Who looks is told by the front alone; the session's cookie passes, and what partners prove has no meaning here."""
    false = {"Host": "dieu-hanh.example.org", "X-Forwarded-For": "10.9.9.9", "Cookie": "session=1"}

    status, said = front.ask("GET", "/metrics", headers=false, name="partner")

    assert status == 200, "the console has a guard of its own at every page"
    assert "host: dieu-hanh.example.org" in said and "cookie: session=1" in said
    assert "x-forwarded-for: 127.0.0.1" in said and "10.9.9.9" not in said and "x-client-cert" not in said


def test_the_hub_learns_who_calls_from_the_front_alone(front: Front) -> None:
    """The caller's own headers of these names never arrive."""
    false = {"X-Client-Cert": "mine", "X-Forwarded-For": "10.9.9.9"}

    status, without = front.ask("POST", DOOR, b"{}", false)
    _, proved = front.ask("POST", DOOR, b"{}", false, name="partner")

    assert status == 200
    assert "x-forwarded-for: 127.0.0.1" in without and "10.9.9.9" not in without
    assert "x-client-cert" not in without
    given = re.search(r"x-client-cert: (\S+)", proved)
    assert given is not None and unquote(given[1]) == (front.authority.folder / "partner.pem").read_text(encoding="ascii")


@pytest.mark.parametrize("path", ["/metrics", "/health/live", "/health/ready"])
def test_health_and_counters_are_not_for_partners(front: Front, path: str) -> None:
    assert front.ask("GET", path)[0] == 404


@pytest.mark.parametrize(("path", "size", "status"), [(DOOR, 30_000_000, 200), (DOOR, 32_000_000, 413), (FILES, 32_000_000, 200)])
def test_files_may_be_larger_than_messages(front: Front, path: str, size: int, status: int) -> None:
    assert front.ask("POST", path, bytes(size))[0] == status


def test_the_address_of_a_file_stands_in_no_log(front: Front) -> None:
    """Who has it may read the file."""
    name = "A" * 43
    status, said = front.ask("GET", f"/files/{name}")

    assert (status, "x-forwarded-for: 127.0.0.1" in said) == (200, True)
    assert name not in front.logs("GET /files/ 200")


def test_the_log_names_no_query(front: Front) -> None:
    front.ask("GET", f"{DOOR}?so=000000000000")

    assert "000000000000" not in front.logs(f"GET {DOOR} 200")
