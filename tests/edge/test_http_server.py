"""The server itself: limits on heads and connections, TLS with client certificates, start and stop."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from hub import bootstrap
from hub.edge.http import server
from hub.edge.http.application import make_app
from hub.edge.http.server import serve_http
from hub.errors import BadSettings

from .conftest import PATIENCE_SECONDS, HubFolder, Serve, Served, dossier

# --- heads -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST /doors/province_a HTTP/1.1\r\nHost: x\r\nX-A: \x00\r\n\r\n",
        b"POST /doors/province_a HTTP/1.1\r\nHost: x\r\nX\x00A: 1\r\n\r\n",
        b"POST /doors/province_a\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /doors/province_a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /doors/province_a HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /doors/province_a HTTP/1.1\r\nHost: x\r\nContent-Length: 1e3\r\n\r\n",
        b"POST /doors/province_a HTTP/1.1\r\n\r\n",
        # What two readers could read in two ways.
        b"POST /doors/province_a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /doors/province_a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        b"POST /doors/province_a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"POST /doors/province_a HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n 2\r\n\r\n",
        b"POST /doors/province_a HTTP/1.1\nHost: x\n\n",
        # Heads that do not come to their end.
        b"GET /" + b"a" * 40_000,
        b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 40_000,
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-A: a\r\n" * 5000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
def test_a_head_that_is_no_head_is_refused(served: Served, request_bytes: bytes) -> None:
    with served.connect() as connection:
        connection.sendall(request_bytes)
        assert connection.recv(1000).startswith(b"HTTP/1.1 400 ")
    assert served.send("province_a", dossier(), "k1").status == 202


@pytest.mark.parametrize("begun", [b"", b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-A"])
@pytest.mark.parametrize("answered_before", [True, False])
def test_a_head_that_does_not_come_is_given_up(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, begun: bytes, answered_before: bool
) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(server, "KEEPALIVE_SECONDS", 0)
    with serve().connect() as connection:
        if answered_before:
            connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(4000).endswith(b"}")
        connection.sendall(begun)
        assert connection.recv(1000) == b""


def test_the_patience_with_heads_is_not_asked_of_a_call_that_is_worked_on(
    hub_folder: HubFolder, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(server, "KEEPALIVE_SECONDS", 0)
    hub_folder.hub(doors={"body_seconds": 1.0})
    token = hub_folder.tokens["province_a"]
    with serve().connect() as connection:
        head = f"POST /doors/province_a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        connection.sendall(f"{head}Content-Length: 10\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 408 ")


def test_who_goes_on_sending_after_its_answer_is_cut_off(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(server, "KEEPALIVE_SECONDS", 0)
    with serve().connect() as connection:
        connection.sendall(b"POST /doors/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
        assert connection.recv(4000).startswith(b"HTTP/1.1 401 ")
        with pytest.raises(OSError, match=r"reset|pipe"):
            while True:
                connection.sendall(b" " * 65_536)


def chunked(served: Served, chunks: bytes, trailers: bytes = b"") -> bytes:
    """Send a call in chunks; give what is answered."""
    token = served.folder.tokens["province_a"]
    head = f"POST /doors/province_a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: k1\r\n"
    with served.connect() as connection:
        connection.sendall(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n" + trailers + b"\r\n")
        return connection.recv(4000)


def test_chunks_may_be_as_small_as_they_like(served: Served) -> None:
    body = json.dumps(dossier()).encode() + b" " * 20_000

    assert chunked(served, b"".join(b"1\r\n%c\r\n" % octet for octet in body)).startswith(b"HTTP/1.1 202 ")


def test_what_is_sent_beside_the_body_cannot_grow_for_ever(served: Served) -> None:
    assert chunked(served, b"1;x=%s\r\n{\r\n" % (b"a" * 1000) * 100).startswith(b"HTTP/1.1 400 ")
    assert chunked(served, b"1\r\n{\r\n", b"X-A: a\r\n" * 10_000).startswith(b"HTTP/1.1 4")


def test_a_trailer_is_no_header(served: Served) -> None:
    body = json.dumps(dossier()).encode()
    chunks = b"%x\r\n%s\r\n" % (len(body), body)

    assert chunked(served, chunks, b"Content-Encoding: gzip\r\nIdempotency-Key: k2\r\n").startswith(b"HTTP/1.1 202 ")
    assert served.send("province_a", body, "k1").status == 202
    assert served.recorded() == 1


def test_a_connection_serves_call_after_call(served: Served) -> None:
    connection = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=PATIENCE_SECONDS)
    headers = served.folder.authorized("province_a")
    for number in range(3):
        given = headers | {"Idempotency-Key": str(number)}
        connection.request("POST", "/doors/province_a", json.dumps(dossier(f"A-{number}")), given)
        reply = connection.getresponse()
        assert (reply.status, b"MaThongDiep" in reply.read()) == (202, True)
    connection.close()


def test_the_answer_does_not_name_our_software(served: Served) -> None:
    assert "server" not in served.call("GET", "/health/live").headers


# --- start and stop ----------------------------------------------------------------------------------------------


def test_the_real_address_is_told(hub_folder: HubFolder) -> None:
    hub = bootstrap.open_hub(hub_folder.settings())
    told: list[str] = []
    with serve_http(hub, "127.0.0.1", 0, told.append) as running:
        assert told == [running.url]
        assert urlsplit(running.url).port not in (0, None)
    hub.ledger.close()


def test_an_address_that_is_taken_is_a_wrong_setting(served: Served) -> None:
    with pytest.raises(BadSettings) as caught:
        serve_http(served.hub, "127.0.0.1", int(urlsplit(served.url).port or 0))

    assert caught.value.where == "hub.toml [doors] host, port"
    assert "không mở được cổng" in caught.value.vi


def test_the_public_address_stands_in_contracts(hub_folder: HubFolder, serve: Serve) -> None:
    hub_folder.hub(hub={"public_url": "https://truc.example.org/lienthong/"})
    hub_folder.endpoint("vnsw", "single_window")
    said = serve().call("GET", "/doors/vnsw?wsdl", headers=hub_folder.authorized("vnsw"))

    assert b'location="https://truc.example.org/lienthong/doors/vnsw"' in said.body


def test_a_stop_finishes_the_call_that_is_being_answered(hub_folder: HubFolder) -> None:
    hub = bootstrap.open_hub(hub_folder.settings())
    running = serve_http(hub, "127.0.0.1", 0).start()
    served = Served(hub_folder, hub, running.url)
    body = json.dumps(dossier()).encode()
    head = "POST /doors/province_a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nIdempotency-Key: k1\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in hub_folder.authorized("province_a").items())
    with served.connect() as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 "), "the call is being worked on"
        stopping = threading.Thread(target=running.stop)
        stopping.start()
        connection.sendall(body)
        assert connection.recv(1000).startswith(b"HTTP/1.1 202 ")
        stopping.join()
    assert served.recorded() == 1
    with pytest.raises(OSError):
        served.connect()
    hub.ledger.close()


def test_a_server_that_was_never_started_can_be_stopped(hub_folder: HubFolder) -> None:
    hub = bootstrap.open_hub(hub_folder.settings())
    serve_http(hub, "127.0.0.1", 0).stop()
    hub.ledger.close()


def test_an_application_can_be_made_without_a_configuration_file(served: Served) -> None:
    assert {"/doors/{endpoint}", "/notices"} <= set(make_app(served.hub).openapi()["paths"])


# --- the access log ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [True, False])
def test_calls_are_logged_where_that_is_wanted_without_what_they_say(
    hub_folder: HubFolder, serve: Serve, capfd: pytest.CaptureFixture[str], wanted: bool
) -> None:
    hub_folder.hub(doors={"access_log": wanted})
    served = serve()
    headers = hub_folder.authorized("province_a", **{"Idempotency-Key": "k1"})
    said = served.call("POST", "/doors/province_a?ten=Nguyen", json.dumps(dossier()).encode(), headers)
    logged = "".join(capfd.readouterr())

    assert said.status == 202
    assert ("http.call" in logged, "/doors/{endpoint}" in logged) == (wanted, wanted)
    assert "Nguyen" not in logged


# --- TLS ---------------------------------------------------------------------------------------------------------


class Certificate:
    """A self-signed certificate with its key, as files."""

    def __init__(self, folder: Path, name: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        begin = datetime.now(UTC) - timedelta(days=1)
        built = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        built = built.serial_number(1).not_valid_before(begin).not_valid_after(begin + timedelta(days=30))
        built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        made = built.sign(key, hashes.SHA256())
        self.digest = hashlib.sha256(made.public_bytes(Encoding.DER)).hexdigest()
        self.file, self.key = folder / f"{name}.pem", folder / f"{name}.key"
        self.file.write_bytes(made.public_bytes(Encoding.PEM))
        self.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@pytest.fixture
def own(hub_folder: HubFolder) -> Certificate:
    (hub_folder.path / "tls").mkdir()
    return Certificate(hub_folder.path / "tls", "hub")


def call_tls(served: Served, own: Certificate, client: Certificate | None) -> int:
    trust = ssl.create_default_context(cafile=own.file)
    if client:
        trust.load_cert_chain(client.file, client.key)
    port = urlsplit(served.url).port
    connection = http.client.HTTPSConnection("localhost", port, context=trust, timeout=PATIENCE_SECONDS)
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k1"}
    connection.request("POST", "/doors/province_a", json.dumps(dossier()), headers)
    try:
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_client_certificate_opens_its_door_without_a_front(hub_folder: HubFolder, serve: Serve, own: Certificate) -> None:
    right, other = (Certificate(hub_folder.path / "tls", name) for name in ("right", "other"))
    both = hub_folder.path / "tls" / "clients.pem"
    both.write_bytes(right.file.read_bytes() + other.file.read_bytes())
    doors = {"certificate": "file:tls/hub.pem", "key": "file:tls/hub.key", "client_authorities": "file:tls/clients.pem"}
    hub_folder.hub(doors=doors)
    hub_folder.endpoint("province_a", inbound={"client_certificate_sha256": [right.digest]})
    served = serve()

    assert served.url.startswith("https://")
    assert [call_tls(served, own, client) for client in (right, other, None)] == [202, 401, 401]
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
        call_tls(served, own, Certificate(hub_folder.path / "tls", "stranger"))


def test_a_client_that_speaks_no_tls_is_not_served(hub_folder: HubFolder, serve: Serve, own: Certificate) -> None:
    hub_folder.hub(doors={"certificate": "file:tls/hub.pem", "key": "file:tls/hub.key"})
    with serve().connect() as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert not _received(connection).startswith(b"HTTP/1.1")


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1000)
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize(
    "doors",
    [
        {"certificate": "file:tls/none.pem", "key": "file:tls/hub.key"},
        {"certificate": "env:CERTIFICATE", "key": "file:tls/hub.key"},
        {"certificate": "file:tls/hub.pem", "key": ""},
        {"certificate": "file:tls/hub.key", "key": "file:tls/hub.key"},
        {"certificate": "file:tls/hub.pem", "key": "file:tls/hub.key", "client_authorities": "file:tls/hub.key"},
    ],
)
def test_tls_files_that_cannot_be_used_stop_the_start(
    hub_folder: HubFolder, serve: Serve, own: Certificate, doors: dict[str, str]
) -> None:
    hub_folder.hub(doors=doors)

    with pytest.raises(BadSettings, match=r"hub\.toml \[doors\]"):
        serve()
