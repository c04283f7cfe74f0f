"""Files at the door: streamed in and out, counted only when whole, read only by whom they are for."""

from __future__ import annotations

import base64
import hashlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from hub.canonical.dossier import DossierMessage
from hub.canonical.message import from_json
from hub.edge.http.bodies import LARGEST_AT_ONCE
from hub.ledger import payloads
from hub.ledger.tables import attachments, deliveries, journal
from hub.simulation import SimulatorServer
from tests.support.hub import carry_all

from .conftest import HubFolder, Said, Serve, Served, dossier

BODY = "Đơn đề nghị (PDF)".encode() * 50_000


def digest_of(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def field(body: bytes) -> str:
    """Write a digest as RFC 9530 does."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def give(served: Served, body: Any, name: str = "province_a", **headers: str) -> Said:
    more = {key.replace("_", "-"): value for key, value in headers.items()}
    return served.call("POST", "/attachments", body, {"Authorization": f"Bearer {served.folder.tokens[name]}", **more})


def files(served: Served) -> list[Path]:
    return [path for path in (served.folder.path / "var" / "payloads").rglob("*") if path.is_file()]


def test_a_file_is_given_and_read_again_by_its_giver(served: Served) -> None:
    said = give(served, BODY)

    assert said.status == 201
    assert said.json == {"digest": digest_of(BODY), "size": len(BODY), "url": f"{served.url}/attachments/{digest_of(BODY)}"}
    assert said.headers["location"] == said.json["url"]
    read = served.read("province_a", f"/attachments/{digest_of(BODY)}")
    assert (read.status, read.body) == (200, BODY)


def test_a_file_is_never_shown_as_if_it_were_ours(served: Served) -> None:
    give(served, b"<script>alert(1)</script>", Content_Type="text/html")
    path = f"/attachments/{digest_of(b'<script>alert(1)</script>')}"

    for method in ("GET", "HEAD"):
        said = served.call(method, path, headers=served.folder.authorized("province_a"))
        assert said.status == 200
        assert said.headers["content-type"] == "application/octet-stream"
        assert said.headers["content-disposition"].startswith("attachment;")
        assert (said.headers["x-content-type-options"], said.headers["cache-control"]) == ("nosniff", "no-store")
        assert said.headers["content-length"] == "25"
        assert said.headers["content-digest"] == field(b"<script>alert(1)</script>")
        assert said.body == (b"" if method == "HEAD" else b"<script>alert(1)</script>")


def test_who_gave_what_is_in_the_journal(served: Served) -> None:
    give(served, BODY)
    give(served, BODY, "province_b")

    with served.hub.ledger.read() as conn:
        rows = conn.execute(select(journal.c.actor, journal.c.event).where(journal.c.subject == f"attachment:{digest_of(BODY)}"))
        assert rows.all() == [("province_a", "attachment.given"), ("province_b", "attachment.given")]
    assert len(files(served)) == 1


# --- what is turned away


def test_strangers_give_and_read_nothing(served: Served) -> None:
    give(served, BODY)

    assert served.call("POST", "/attachments", BODY).status == 401
    assert served.call("GET", f"/attachments/{digest_of(BODY)}").status == 401
    assert len(files(served)) == 1


@pytest.mark.parametrize(
    "digest", [digest_of(BODY), digest_of(b"never given"), "sha256:0", "..%2F..%2Fhub.toml", "md5:" + "0" * 64]
)
def test_a_file_of_others_looks_like_none(served: Served, digest: str) -> None:
    give(served, BODY)
    said = served.read("province_b", f"/attachments/{digest}")

    assert (said.status, said.json["DanhSachLoi"][0]["Ma"]) == (404, "not_there")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Digest": field(BODY)},
        {"Repr_Digest": f"md5=:AAAA:, {field(BODY)}"},
        {"Digest": f"SHA-256={base64.b64encode(hashlib.sha256(BODY).digest()).decode()}"},
        {"Content_Digest": "sha-512=:AAAA:;x=1"},
    ],
)
def test_a_digest_that_fits_or_that_we_do_not_compute_is_taken(served: Served, headers: dict[str, str]) -> None:
    assert give(served, BODY, **headers).status == 201


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Content_Digest": field(b"other")}, "digest_mismatch"),
        ({"Digest": "sha-256=" + base64.b64encode(b"0" * 32).decode()}, "digest_mismatch"),
        ({"Content_Digest": "sha-256=:not base64:"}, "bad_value"),
        ({"Content_Digest": "sha-256=:AAAA:"}, "bad_value"),
        ({"Repr_Digest": "sha-256"}, "bad_value"),
    ],
)
def test_a_digest_that_does_not_fit_leaves_nothing(served: Served, headers: dict[str, str], code: str) -> None:
    said = give(served, BODY, **headers)

    assert (said.status, said.json["DanhSachLoi"][0]["Ma"]) == (400, code)
    assert said.json["DanhSachLoi"][0]["DuongDan"] == next(iter(headers)).replace("_", "-").lower()
    assert files(served) == []


def test_an_empty_or_compressed_file_is_refused(served: Served) -> None:
    assert (give(served, b"").status, give(served, b"x", Content_Encoding="gzip").status) == (400, 415)
    assert files(served) == []


@pytest.fixture
def small(hub_folder: HubFolder, serve: Serve) -> Served:
    """A hub that takes small files only, and waits little."""
    hub_folder.hub(payloads={"max_bytes": 1000}, doors={"body_seconds": 0.2})
    return serve()


def test_the_largest_file_is_taken_and_a_larger_one_leaves_nothing(small: Served) -> None:
    assert give(small, bytes(1001)).status == 413
    assert give(small, iter([bytes(600), bytes(600)])).status == 413
    assert files(small) == []
    assert give(small, bytes(1000)).status == 201


def head(served: Served, *lines: str) -> bytes:
    token = served.folder.tokens["province_a"]
    all_lines = ["POST /attachments HTTP/1.1", "Host: x", f"Authorization: Bearer {token}", *lines, "", ""]
    return "\r\n".join(all_lines).encode()


def test_a_larger_file_is_refused_before_it_is_sent(small: Served) -> None:
    with small.connect() as connection:
        connection.sendall(head(small, "Content-Length: 1001"))
        assert connection.recv(4000).startswith(b"HTTP/1.1 413 ")


def test_a_file_that_drips_is_given_up(small: Served) -> None:
    with small.connect() as connection:
        connection.sendall(head(small, "Content-Length: 900") + b"x")
        assert connection.recv(4000).startswith(b"HTTP/1.1 408 ")
    assert files(small) == []


def test_a_file_that_never_stops_is_given_up_by_its_whole_time(hub_folder: HubFolder, serve: Serve) -> None:
    hub_folder.hub(payloads={"body_seconds": 0.3})
    served = serve()
    with served.connect() as connection:
        connection.sendall(head(served, "Content-Length: 900") + b"x")
        assert connection.recv(4000).startswith(b"HTTP/1.1 408 ")
    assert files(served) == []


def test_a_file_that_is_cut_off_leaves_nothing(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(head(served, "Content-Length: 900") + b"x")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1000) == b""
    assert give(served, BODY).status == 201
    assert len(files(served)) == 1


def test_one_partner_sends_so_many_files_at_once_and_the_others_are_served(served: Served) -> None:
    held = [served.connect() for _ in range(LARGEST_AT_ONCE)]
    try:
        for number, connection in enumerate(held):
            connection.sendall(head(served, "Content-Length: 2", "Expect: 100-continue"))
            # It says so when it begins to read: only then it counts.
            assert connection.recv(100).startswith(b"HTTP/1.1 100 "), number
        said = give(served, BODY)

        assert (said.status, said.headers["retry-after"]) == (503, "5")
        assert give(served, BODY, "province_b").status == 201
        for connection in held:
            connection.sendall(b"ab")
            assert connection.recv(4000).startswith(b"HTTP/1.1 201 ")
    finally:
        for connection in held:
            connection.close()
    assert give(served, BODY).status == 201


def test_where_the_store_takes_nothing_the_sender_comes_again(served: Served) -> None:
    (served.folder.path / "var").mkdir(exist_ok=True)
    (served.folder.path / "var" / "payloads").write_text("in the way")

    said = give(served, BODY)

    assert (said.status, said.headers["retry-after"]) == (503, "5")


# --- what is not as it was


@pytest.mark.parametrize("size", [10, 2_000_000])
def test_a_file_that_was_changed_on_the_disk_never_comes_out_whole(served: Served, size: int) -> None:
    body = bytes(size)
    give(served, body)
    (path,) = files(served)
    path.write_bytes(body[:-1] + b"x")
    with served.connect() as connection:
        token = served.folder.tokens["province_a"]
        request = f"GET /attachments/{digest_of(body)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
        connection.sendall(request.encode())
        came = b""
        while b"\r\n\r\n" not in came or came.startswith(b"HTTP/1.1 200"):
            piece = connection.recv(100_000)
            came += piece
            if not piece:
                break

    if size == 10:
        assert came.startswith(b"HTTP/1.1 503 ")
    else:
        _, _, content = came.partition(b"\r\n\r\n")
        assert len(content) < size, "the connection ends before the announced length"


def test_a_file_that_is_lost_is_no_file_of_none(served: Served) -> None:
    """It was accepted, so it is not *not there*: an operator must look."""
    give(served, BODY)
    files(served)[0].unlink()

    assert served.read("province_a", f"/attachments/{digest_of(BODY)}").status == 503


def test_a_file_that_retention_deleted_is_gone_for_whom_it_was_and_not_there_for_others(served: Served) -> None:
    give(served, BODY)
    with served.hub.ledger._engine.begin() as connection:
        connection.execute(text("UPDATE attachments SET deleted_at = 1"))

    said = served.read("province_a", f"/attachments/{digest_of(BODY)}")
    assert (said.status, said.json["DanhSachLoi"][0]["Ma"]) == (410, "deleted")
    assert served.read("province_b", f"/attachments/{digest_of(BODY)}").status == 404

    assert give(served, BODY).status == 201
    assert served.read("province_a", f"/attachments/{digest_of(BODY)}").body == BODY


# --- named by messages


def with_file(url: str, code: str = "H55.23-260302-0012") -> dict[str, Any]:
    rows = [{"TepDinhKemId": "1", "TenTepDinhKem": "don.pdf", "IsDeleted": False, "DuongDanTaiTepTin": url}]
    return dossier(code, TaiLieuNop=rows)


def carry(served: Served) -> int:
    served.hub.bus.open()
    try:
        return carry_all(served.hub)
    finally:
        served.hub.bus.close()


@pytest.fixture
def journey(hub_folder: HubFolder, serve: Serve, software: SimulatorServer) -> Served:
    """A hub whose commune can read what is meant for it, with a token of its own."""
    return serve()


def commune_at(served: Served, software: SimulatorServer) -> None:
    """Let the commune's software know where the hub is (its port is known only now)."""
    side = software.verbs["collect"].__self__  # type: ignore[attr-defined]
    side._hub, side._token = served.url, served.folder.tokens["commune"]


def test_the_recipient_of_a_message_reads_the_file_that_it_names(journey: Served, software: SimulatorServer) -> None:
    url = give(journey, BODY).json["url"]
    assert journey.read("commune", f"/attachments/{digest_of(BODY)}").status == 404

    assert journey.send("province_a", with_file(url), "k1").status == 202
    assert carry(journey) == 1

    commune_at(journey, software)
    (collected,) = software.verbs["collect"]({"reference": "H55.23-260302-0012"})
    assert collected == {"url": url, "status": 200, "size": len(BODY), "sha256": digest_of(BODY).partition(":")[2]}
    assert journey.read("province_b", f"/attachments/{digest_of(BODY)}").status == 404


def test_a_message_that_names_a_file_which_was_not_given_is_refused_with_its_place(journey: Served) -> None:
    url = f"{journey.url}/attachments/{digest_of(BODY)}"
    said = journey.send("province_a", with_file(url), "k1")

    (fault,) = said.json["DanhSachLoi"]
    assert (said.status, fault["DuongDan"], fault["Ma"]) == (400, "/HoSo/TaiLieuNop/0/DuongDanTaiTepTin", "not_stored")
    assert "POST /attachments" in fault["MoTa"]
    give(journey, BODY)
    assert journey.send("province_a", with_file(url), "k1").status == 202


def test_nobody_reads_a_file_of_others_by_naming_its_digest(journey: Served) -> None:
    """A digest is no key: who knows it from elsewhere could send a message that names it to himself."""
    url = give(journey, BODY).json["url"]

    assert journey.send("province_b", with_file(url), "k1").status == 400
    assert journey.read("commune", f"/attachments/{digest_of(BODY)}").status == 404


def test_recipients_whose_format_has_them_get_digest_and_size(journey: Served) -> None:
    url = give(journey, BODY).json["url"]
    journey.send("province_a", with_file(url), "k1")

    with journey.hub.ledger.read() as conn:
        digest = conn.execute(select(deliveries.c.canonical_digest)).scalar_one()
        message = from_json(payloads.get(conn, digest) or b"")
    assert isinstance(message, DossierMessage)
    (file,) = message.dossier.attachments
    assert (file.digest, file.size, file.url) == (digest_of(BODY), len(BODY), url)


def test_a_link_to_elsewhere_is_left_alone(journey: Served) -> None:
    assert journey.send("province_a", with_file("https://files.example.org/attachments/sha256:0"), "k1").status == 202


# --- memory

MANY = 200_000_000
#: What the process may grow by while a file of 200 MB goes in and out: buffers, not the file.
MOST_GROWTH_BYTES = 60_000_000
_CHILD = """
import http.client, json, resource, sys
from pathlib import Path
from urllib.parse import urlsplit
from hub import bootstrap
from hub.edge.http.server import serve_http
from hub.telemetry import configure_logging

configure_logging(json=True, level="ERROR")
folder, token, size = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
settings = bootstrap.load_settings(folder)
hub = bootstrap.open_hub(settings)
headers = {"Authorization": f"Bearer {token}"}
piece = bytes(range(256)) * 256

def call(server, method, path, body=None, **more):
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
    connection.request(method, path, body, {**headers, **more})
    reply = connection.getresponse()
    return connection, reply

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

def stream():
    left = size
    while left:
        some = piece[:left]
        left -= len(some)
        yield some

with serve_http(hub, "127.0.0.1", 0, settings=settings) as server:
    connection, reply = call(server, "POST", "/attachments", b"warm")
    assert reply.status == 201, reply.read()
    connection.close()
    before = peak()
    connection, reply = call(server, "POST", "/attachments", stream(), **{"Content-Length": str(size)})
    assert reply.status == 201, reply.status
    digest = json.loads(reply.read())["digest"]
    connection.close()
    connection, reply = call(server, "GET", f"/attachments/{digest}")
    got = 0
    while some := reply.read(65536):
        got += len(some)
    assert got == size, got
    print(peak() - before)
hub.ledger.close()
"""


@pytest.mark.slow
def test_a_file_of_200_mb_goes_in_and_out_without_being_held(hub_folder: HubFolder) -> None:
    given = [str(hub_folder.path), hub_folder.tokens["province_a"], str(MANY)]
    done = subprocess.run([sys.executable, "-c", _CHILD, *given], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < MOST_GROWTH_BYTES
    (large,) = [path for path in (hub_folder.path / "var" / "payloads").rglob("*") if path.is_file() and path.stat().st_size > 10]
    assert large.stat().st_size == MANY
    large.unlink()


@pytest.fixture(autouse=True)
def no_row_without_its_file(hub_folder: HubFolder) -> Iterator[None]:
    """After each test: nothing that was being received is left."""
    yield
    incoming = hub_folder.path / "var" / "payloads" / "incoming"
    assert not incoming.is_dir() or list(incoming.iterdir()) == []


def test_the_ledger_knows_each_file_once(served: Served) -> None:
    for name in ("province_a", "province_b", "province_a"):
        give(served, BODY, name)
    with served.hub.ledger.read() as conn:
        assert [row.size for row in conn.execute(select(attachments))] == [len(BODY)]
