"""HTTP to partners over real sockets: when a call ends, what it says of itself, and which connection it uses."""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import hub.wire
from hub.errors import BadSettings, Busy, InDoubt, NotSent
from hub.wire import HttpReply, Wire, raise_for_busy, recorded, shown
from tests.support.http_replies import BROKEN, FIVE, OK, WHOLE
from tests.support.raw_partner import PATIENCE_SECONDS, RawPartner, Script, answering, closing, request_of

HELLO = OK + FIVE + b"\r\nhello"
#: A deadline that is meant to pass.
SHORT_SECONDS = 0.3
LARGE = 30_000_000


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    yield made
    made.close()


def post(wire: Wire, url: str, body: bytes = b"{}", deadline: float = PATIENCE_SECONDS, **more: Any) -> HttpReply:
    return wire.call("POST", url, body=body, deadline_seconds=deadline, **more)


# --- what leaves -------------------------------------------------------------------------------------------------


def test_headers_and_body_leave_together_and_at_once(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """One write, on a socket that does not wait for more to come."""
    writes: list[tuple[bytes, bool]] = []

    class Seen(socket.socket):
        def send(self, data: Any, *given: int) -> int:
            writes.append((bytes(data), bool(self.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))))
            return super().send(data, *given)

    monkeypatch.setattr(hub.wire.socket, "socket", Seen)
    with RawPartner(answering(HELLO)) as partner:
        reply = post(wire, f"{partner.url}?a=b", b'{"a":1}', headers={"Content-Type": "application/json"})
        expected = (
            f"POST /api?a=b HTTP/1.1\r\nHost: 127.0.0.1:{partner.port}\r\nAccept-Encoding: identity\r\n"
            'Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}'
        )

    assert (reply.status, reply.body) == (200, b"hello")
    assert writes == [(expected.encode(), True)]


def test_a_large_body_arrives_whole(wire: Wire) -> None:
    body, seen = bytes(range(256)) * 4_000, SimpleQueue[bytes]()

    def script(connection: socket.socket) -> None:
        seen.put(request_of(connection))
        connection.sendall(HELLO)

    with RawPartner(script) as partner:
        post(wire, partner.url, body)

    assert seen.get(timeout=PATIENCE_SECONDS).endswith(b"\r\n\r\n" + body)


def test_a_look_up_without_body_says_nothing_of_one(wire: Wire) -> None:
    seen: SimpleQueue[bytes] = SimpleQueue()

    def script(connection: socket.socket) -> None:
        seen.put(request_of(connection))
        connection.sendall(HELLO)

    with RawPartner(script) as partner:
        wire.call("GET", partner.url.removesuffix("/api"), deadline_seconds=PATIENCE_SECONDS)

    sent = seen.get(timeout=PATIENCE_SECONDS)
    assert sent.startswith(b"GET / HTTP/1.1\r\n")
    assert b"Content-Length" not in sent


SECRET = "invented-token"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", "Bearer "),
        ("Authorization", f"{SECRET}\r\nX-Other: 1"),
        ("Authorization", f"{SECRET}\n"),
        ("Authorization", f"{SECRET}\0"),
        ("Authorization", f" {SECRET}"),
        ("Authorization", f"{SECRET}ế"),
        ("X: y", SECRET),
        ("X\r\n", SECRET),
        ("", SECRET),
        ("content-length", "1"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "close"),
    ],
)
def test_a_header_that_http_does_not_allow_stops_the_call_before_a_byte_leaves(wire: Wire, name: str, value: str) -> None:
    """A wrong setting, never a doubt; and the text does not show what may be a secret."""
    with RawPartner(answering(HELLO)) as partner:
        with pytest.raises(BadSettings) as caught:
            post(wire, partner.url, headers={name: value})

        assert partner.connections == 0
    assert SECRET not in caught.value.en + caught.value.vi + caught.value.where


def test_a_method_with_a_blank_is_refused(wire: Wire) -> None:
    with pytest.raises(BadSettings):
        wire.call("GET /x HTTP/1.1\r\n", "http://127.0.0.1:9/", deadline_seconds=1)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org/x",
        "ftp://example.org/",
        "http:///x",
        "http://example.org:port/",
        "http://example.org:70000/",
        "http://example.org:0/",
        "http://[::1/",
        "http://a..b/",
        f"http://{'a' * 64}.example.org/",
        "http://example.org/a b",
        "http://example.org/a\r\nb",
        "http://example.org/ế",
        f"http://user:{SECRET}@example.org/",
    ],
)
def test_what_is_no_address_is_a_wrong_setting(wire: Wire, url: str) -> None:
    with pytest.raises(BadSettings) as caught:
        post(wire, url)

    assert SECRET not in caught.value.en + caught.value.vi + caught.value.where


def test_proxies_of_the_environment_are_not_used(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    with RawPartner(answering(HELLO)) as partner, RawPartner(answering(OK + b"Content-Length: 0\r\n\r\n")) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)

        assert post(wire, partner.url).body == b"hello"
        assert proxy.connections == 0


def test_redirects_are_not_followed(wire: Wire) -> None:
    with RawPartner(answering(HELLO)) as other:
        moved = f"HTTP/1.1 307 Moved\r\nLocation: {other.url}\r\nContent-Length: 0\r\n\r\n"
        with RawPartner(answering(moved.encode())) as partner:
            reply = post(wire, partner.url)

        assert (reply.status, reply.headers["location"]) == (307, other.url)
        assert other.connections == 0


# --- the fence ---------------------------------------------------------------------------------------------------


def test_the_fence_stands_between_the_connection_and_the_first_byte(wire: Wire) -> None:
    arrived, seen = SimpleQueue[bool](), SimpleQueue[bytes]()

    def script(connection: socket.socket) -> None:
        arrived.put(bool(select.select([connection], [], [], 0)[0]))
        seen.put(connection.recv(1))

    def lost() -> None:
        assert arrived.get(timeout=PATIENCE_SECONDS) is False
        raise KeyError("lost")

    with RawPartner(script) as partner:
        with pytest.raises(KeyError, match="lost"):
            post(wire, partner.url, fence=lost)

        assert seen.get(timeout=PATIENCE_SECONDS) == b""


def test_a_deadline_that_passes_at_the_fence_is_not_sent(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [time.monotonic()]
    monkeypatch.setattr(hub.wire, "_clock", lambda: now[0])
    seen: SimpleQueue[bytes] = SimpleQueue()

    def late() -> None:
        now[0] += 1_000

    with RawPartner(lambda connection: seen.put(connection.recv(1))) as partner:
        with pytest.raises(NotSent):
            post(wire, partner.url, fence=late)

        assert seen.get(timeout=PATIENCE_SECONDS) == b""


# --- replies -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WHOLE)
def test_whole_replies_are_given_and_their_connections_kept_where_that_is_safe(wire: Wire, name: str) -> None:
    raw, status, body, reusable = WHOLE[name]
    with RawPartner(answering(raw) if reusable else closing(raw)) as partner:
        replies = [post(wire, partner.url) for _ in range(2)]

        assert [(reply.status, reply.body) for reply in replies] == [(status, body)] * 2
        assert partner.connections == (1 if reusable else 2)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_reply_leaves_a_doubt_that_keeps_its_bytes(wire: Wire, name: str) -> None:
    with RawPartner(closing(BROKEN[name])) as partner, pytest.raises(InDoubt) as caught:
        post(wire, partner.url)

    assert BROKEN[name].startswith(caught.value.reply)
    assert bool(caught.value.reply) == bool(BROKEN[name])
    assert caught.value.reply_status == 0


def test_a_reset_is_a_doubt(wire: Wire) -> None:
    def script(connection: socket.socket) -> None:
        request_of(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with RawPartner(script) as partner, pytest.raises(InDoubt, match="ConnectionResetError"):
        post(wire, partner.url)


def test_a_refusal_before_the_body_was_read_is_a_reply(wire: Wire) -> None:
    """The partner closes while we write: what it said waits to be read, and no second call uses that connection."""

    def refuse(connection: socket.socket) -> None:
        connection.recv(1)
        connection.sendall(b"HTTP/1.1 413 Content Too Large\r\n" + FIVE + b"\r\nhello")

    with RawPartner(refuse, answering(HELLO)) as partner:
        replies = [post(wire, partner.url, b"x" * LARGE), post(wire, partner.url)]

        assert [reply.status for reply in replies] == [413, 200]
        assert partner.connections == 2


def test_a_close_while_the_body_leaves_is_a_doubt(wire: Wire) -> None:
    with RawPartner(lambda connection: connection.recv(1)) as partner, pytest.raises(InDoubt):
        post(wire, partner.url, b"x" * LARGE)


# --- the total deadline ------------------------------------------------------------------------------------------


def dripping(raw: bytes) -> Script:
    """Answer byte by byte: each comes soon, all of them much later than the deadline."""

    def script(connection: socket.socket) -> None:
        request_of(connection)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pause = threading.Event()
        for place in range(len(raw)):
            pause.wait(SHORT_SECONDS / 10)
            connection.sendall(raw[place : place + 1])

    return script


@pytest.mark.parametrize(
    "raw",
    [HELLO, OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 20 + b"0\r\n\r\n", OK + b"\r\n" + b"hello" * 10],
    ids=["a length", "chunks", "until the end"],
)
def test_a_partner_that_drips_its_reply_is_cut_at_the_deadline(wire: Wire, raw: bytes) -> None:
    """Each byte comes before any read timeout; who waits for the whole reply gets one, and has waited too long."""
    with RawPartner(dripping(raw)) as partner:
        with pytest.raises(InDoubt) as caught:
            post(wire, partner.url, deadline=SHORT_SECONDS)

        assert isinstance(caught.value.__cause__, TimeoutError)
        assert raw.startswith(caught.value.reply)


def test_a_partner_that_does_not_read_is_cut_at_the_deadline(wire: Wire) -> None:
    done = threading.Event()
    with RawPartner(lambda connection: done.wait(PATIENCE_SECONDS)) as partner:
        with pytest.raises(InDoubt) as caught:
            post(wire, partner.url, b"x" * LARGE, deadline=SHORT_SECONDS)
        done.set()

    assert isinstance(caught.value.__cause__, TimeoutError)


@pytest.mark.parametrize("greeting", [b"", b"\x16\x03\x03\x40\x00" + b"x" * 400], ids=["silent", "dripping"])
def test_a_handshake_that_does_not_end_is_not_sent(wire: Wire, greeting: bytes) -> None:
    """Of TLS only a record's beginning comes, byte by byte."""
    gone = threading.Event()

    def script(connection: socket.socket) -> None:
        for place in range(len(greeting)):
            connection.sendall(greeting[place : place + 1])
            if gone.wait(SHORT_SECONDS / 10):
                break
        gone.wait(PATIENCE_SECONDS)

    with RawPartner(script) as partner:
        with pytest.raises(NotSent) as caught:
            post(wire, partner.url.replace("http:", "https:"), deadline=SHORT_SECONDS)
        gone.set()

    assert isinstance(caught.value.__cause__, TimeoutError)


@pytest.fixture
def full() -> Iterator[int]:
    """A port whose queue of connections is full: it answers no further one."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = int(server.getsockname()[1])
        waiting = []
        while True:
            waiting.append(socket.socket())
            waiting[-1].settimeout(SHORT_SECONDS)
            if waiting[-1].connect_ex(("127.0.0.1", port)):
                break
        yield port
        for each in waiting:
            each.close()


def test_a_connection_that_is_not_answered_is_not_sent(wire: Wire, full: int) -> None:
    with pytest.raises(NotSent) as caught:
        post(wire, f"http://127.0.0.1:{full}/", deadline=SHORT_SECONDS)

    assert isinstance(caught.value.__cause__, TimeoutError)


def test_an_address_that_does_not_answer_leaves_time_for_the_next(wire: Wire, full: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with RawPartner(answering(HELLO)) as partner:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in (full, partner.port)]
        monkeypatch.setattr(hub.wire.socket, "getaddrinfo", lambda *given, **more: found)

        assert post(wire, "http://partner.example/", deadline=1.0).body == b"hello"


def test_a_name_that_nobody_knows_is_not_sent(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*given: Any, **more: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(hub.wire.socket, "getaddrinfo", unknown)
    with pytest.raises(NotSent):
        post(wire, "http://partner.example/")


# --- kept connections --------------------------------------------------------------------------------------------


class Later:
    """Answers one request; when told, says more, or nothing and closes."""

    def __init__(self, more: bytes) -> None:
        self._more, self._told, self._done = more, threading.Event(), threading.Event()

    def __call__(self, connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(HELLO)
        self._told.wait(PATIENCE_SECONDS)
        if self._more:
            connection.sendall(self._more)
        else:
            connection.shutdown(socket.SHUT_RDWR)
        self._done.set()

    def happen(self) -> None:
        self._told.set()
        assert self._done.wait(PATIENCE_SECONDS)


@pytest.mark.parametrize("more", [b"", b"HTTP/1.1 408 Timeout\r\nContent-Length: 0\r\n\r\n"], ids=["closed", "spoke"])
def test_a_connection_that_went_stale_while_idle_is_not_used(wire: Wire, more: bytes) -> None:
    """A new one is opened before anything is sent: no doubt, no second sending, and no reply to another question."""
    later = Later(more)
    with RawPartner(later, answering(HELLO)) as partner:
        first = post(wire, partner.url)
        later.happen()
        second = post(wire, partner.url)

        assert [first.status, second.status] == [200, 200]
        assert partner.connections == 2


def test_nothing_is_sent_a_second_time(wire: Wire) -> None:
    """A kept connection that closes at our request leaves a doubt: the partner may have taken it."""
    asked: SimpleQueue[bytes] = SimpleQueue()

    def script(connection: socket.socket) -> None:
        asked.put(request_of(connection))
        connection.sendall(HELLO)
        asked.put(request_of(connection))

    with RawPartner(script) as partner:
        post(wire, partner.url)
        with pytest.raises(InDoubt):
            post(wire, partner.url)

        assert (partner.connections, asked.qsize()) == (1, 2)


def test_a_connection_that_idled_long_is_not_used(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [time.monotonic()]
    monkeypatch.setattr(hub.wire, "_clock", lambda: now[0])
    with RawPartner(answering(HELLO)) as partner:
        for seconds in (0.0, hub.wire.KEEPALIVE_SECONDS / 2, hub.wire.KEEPALIVE_SECONDS):
            now[0] += seconds
            post(wire, partner.url)

        assert partner.connections == 2


def test_what_idled_long_at_one_host_is_closed_by_calls_to_another(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    now, closed = [time.monotonic()], threading.Event()
    monkeypatch.setattr(hub.wire, "_clock", lambda: now[0])

    def script(connection: socket.socket) -> None:
        answering(HELLO)(connection)
        closed.set()

    with RawPartner(script) as quiet, RawPartner(answering(HELLO)) as busy:
        post(wire, quiet.url)
        now[0] += hub.wire.KEEPALIVE_SECONDS + 1
        post(wire, busy.url)

        assert closed.wait(PATIENCE_SECONDS)


def test_idle_connections_are_bounded_for_each_host(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub.wire, "IDLE_PER_HOST", 1)
    together, closed = threading.Barrier(3), SimpleQueue[bool]()

    def script(connection: socket.socket) -> None:
        request_of(connection)
        together.wait(PATIENCE_SECONDS)
        connection.sendall(HELLO)
        answering(HELLO)(connection)
        closed.put(True)

    with RawPartner(script) as partner, ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda _: post(wire, partner.url), range(3)))
        assert [closed.get(timeout=PATIENCE_SECONDS) for _ in range(2)] == [True, True]
        post(wire, partner.url)
        assert partner.connections == 3


def test_calls_that_hang_at_one_host_cost_others_nothing(wire: Wire) -> None:
    """More than any bound that was shared by all."""
    count = 80
    hanging, release = threading.Barrier(count + 1), threading.Event()

    def hang(connection: socket.socket) -> None:
        request_of(connection)
        hanging.wait(PATIENCE_SECONDS)
        release.wait(PATIENCE_SECONDS)
        connection.sendall(HELLO)

    with RawPartner(hang) as slow, RawPartner(answering(HELLO)) as quick, ThreadPoolExecutor(count) as threads:
        calls = [threads.submit(post, wire, slow.url) for _ in range(count)]
        hanging.wait(PATIENCE_SECONDS)
        assert post(wire, quick.url).body == b"hello"
        assert not any(call.done() for call in calls)
        release.set()
        assert {call.result().status for call in calls} == {200}


def test_a_wire_that_was_closed_keeps_nothing(wire: Wire) -> None:
    with RawPartner(answering(HELLO)) as partner:
        wire.close()
        for _ in range(2):
            post(wire, partner.url)

        assert partner.connections == 2


# --- TLS ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "partner")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "partner.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "partner.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return folder / "partner.pem", folder / "partner.key"


@pytest.fixture
def server_side(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*certificate)
    return made


@pytest.fixture
def trusting(certificate: tuple[Path, Path]) -> Iterator[Wire]:
    """A wire to which the partner's certificate is an authority."""
    made = Wire(tls=ssl.create_default_context(cafile=certificate[0]))
    yield made
    made.close()


def test_a_trusted_partner_is_called_by_tls_on_one_connection(trusting: Wire, server_side: ssl.SSLContext) -> None:
    """What TLS says of its own after the handshake does not make a connection stale."""
    with RawPartner(answering(HELLO), tls=server_side) as partner:
        assert [post(trusting, partner.url).body for _ in range(3)] == [b"hello"] * 3
        assert partner.connections == 1


def test_a_tls_connection_that_was_closed_while_idle_is_not_used(trusting: Wire, server_side: ssl.SSLContext) -> None:
    later = Later(b"")
    with RawPartner(later, answering(HELLO), tls=server_side) as partner:
        post(trusting, partner.url)
        later.happen()

        assert post(trusting, partner.url).body == b"hello"
        assert partner.connections == 2


def test_without_authorities_of_its_own_a_wire_trusts_the_systems(wire: Wire, server_side: ssl.SSLContext) -> None:
    """So a partner that only says who it is gets nothing."""
    asked: SimpleQueue[bytes] = SimpleQueue()
    with (
        RawPartner(lambda connection: asked.put(request_of(connection)), tls=server_side) as partner,
        pytest.raises(NotSent, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        post(wire, partner.url)

    assert asked.empty()


def test_a_certificate_for_another_name_is_not_sent_to(
    trusting: Wire, server_side: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawPartner(answering(HELLO), tls=server_side) as partner:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", partner.port))]
        monkeypatch.setattr(hub.wire.socket, "getaddrinfo", lambda *given, **more: found)
        with pytest.raises(NotSent, match="CERTIFICATE_VERIFY_FAILED"):
            post(trusting, "https://another.example/")


def test_the_systems_authorities_are_loaded_once(monkeypatch: pytest.MonkeyPatch, server_side: ssl.SSLContext) -> None:
    """And verify: name and chain."""
    made: list[ssl.SSLContext] = []
    create = ssl.create_default_context

    def counting() -> ssl.SSLContext:
        made.append(create())
        return made[-1]

    hub.wire._system_trust.cache_clear()
    monkeypatch.setattr(hub.wire.ssl, "create_default_context", counting)
    with RawPartner(answering(HELLO), tls=server_side) as partner:
        for wire in (Wire(), Wire()):
            with pytest.raises(NotSent):
                post(wire, partner.url)

    assert [(each.verify_mode, each.check_hostname) for each in made] == [(ssl.CERT_REQUIRED, True)]


@pytest.mark.parametrize("properly", [True, False])
def test_a_tls_connection_that_is_cut_is_no_end_of_a_reply(trusting: Wire, server_side: ssl.SSLContext, properly: bool) -> None:
    """A reply without length ends where TLS says so; a bare end of the connection can be anybody's doing."""

    def script(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(OK + b"\r\nhello")
        if properly:
            assert isinstance(connection, ssl.SSLSocket)
            connection.unwrap()

    with RawPartner(script, tls=server_side) as partner:
        if properly:
            assert post(trusting, partner.url).body == b"hello"
        else:
            with pytest.raises(InDoubt):
                post(trusting, partner.url)


# --- busy, and the record ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "seconds"), [("120", 120.0), ("0", 0.0), ("", None), ("²", None), ("-1", None), ("9" * 400, None), ("soon", None)]
)
def test_busy_tells_how_long_to_wait_where_it_is_a_number(given: str, seconds: float | None) -> None:
    with pytest.raises(Busy) as caught:
        raise_for_busy(HttpReply(503, {"retry-after": given}, b"later"), "http://x/y?name=z")

    assert caught.value.retry_after == seconds
    assert (caught.value.reply, caught.value.reply_status) == (b"later", 503)
    assert "?" not in caught.value.en + caught.value.vi + caught.value.where


@pytest.mark.parametrize(("error", "expected"), [(InDoubt, b"sent"), (Busy, b"sent"), (NotSent, b"")])
def test_only_a_failure_after_bytes_left_carries_them(error: type[InDoubt | NotSent], expected: bytes) -> None:
    with pytest.raises(error) as caught, recorded(b"sent"):
        raise error("en", "vi")

    assert caught.value.sent == expected


def test_a_call_is_shown_without_its_credential() -> None:
    made = shown("POST", "http://x/y", {"authorization": f"Basic {SECRET}", "A": "b"}, b"body")

    assert made == b"POST http://x/y\r\nauthorization: Bearer ***\r\nA: b\r\n\r\nbody"


# --- what may be large, and what may not be called


def test_a_body_comes_piece_by_piece_and_is_not_held(wire: Wire) -> None:
    body = bytes(range(256)) * 4000
    taken: list[bytes] = []
    with RawPartner(answering(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body)) as partner:
        reply = wire.fetch(partner.url, taken.append, max_bytes=len(body), deadline_seconds=PATIENCE_SECONDS)

    assert (reply.status, reply.body, b"".join(taken)) == (200, b"", body)
    assert max(map(len, taken)) <= hub.wire.RECEIVE_BYTES


@pytest.mark.parametrize("head", [b"Content-Length: 6\r\n\r\n", b"\r\n"])
def test_a_body_that_is_too_large_is_given_up(wire: Wire, head: bytes) -> None:
    with RawPartner(closing(OK + head + b"hello!")) as partner, pytest.raises(InDoubt, match="larger than 5"):
        wire.fetch(partner.url, lambda piece: None, max_bytes=5, deadline_seconds=PATIENCE_SECONDS)


def test_of_another_reply_no_body_is_taken(wire: Wire) -> None:
    taken: list[bytes] = []
    with RawPartner(answering(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/x\r\n" + FIVE + b"\r\nhello")) as partner:
        reply = wire.fetch(partner.url, taken.append, max_bytes=9, deadline_seconds=PATIENCE_SECONDS)

    assert (reply.status, taken) == (302, [])


def test_an_address_that_is_not_admitted_is_not_connected_to() -> None:
    asked: list[str] = []

    def admits(address: str) -> bool:
        asked.append(address)
        return False

    with RawPartner(answering(HELLO)) as partner:
        wire = Wire(admits=admits)
        with pytest.raises(NotSent, match="not one that may be called"):
            wire.call("GET", partner.url, deadline_seconds=PATIENCE_SECONDS)
        wire.close()

    assert (asked, partner.connections) == (["127.0.0.1"], 0)
