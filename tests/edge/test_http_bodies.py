"""Limits of size, time and memory on what is sent to a door."""

from __future__ import annotations

import json
import selectors
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from hub.edge.http.bodies import LARGEST_AT_ONCE

from .conftest import HubFolder, Serve, Served, dossier

MAX_BYTES = 2000


@pytest.fixture
def small(hub_folder: HubFolder, serve: Serve) -> Served:
    """A hub whose doors take little."""
    hub_folder.endpoint("province_a", inbound={"max_bytes": MAX_BYTES})
    hub_folder.endpoint("province_b", inbound={"max_bytes": MAX_BYTES})
    return serve()


def padded(size: int) -> bytes:
    body = json.dumps(dossier()).encode()
    return body + b" " * (size - len(body))


def head(served: Served, length: str, *, door: str = "province_a", more: str = "") -> bytes:
    lines = [f"POST /doors/{door} HTTP/1.1", "Host: x", "Content-Type: application/json", "Idempotency-Key: k", length]
    lines.append(f"Authorization: Bearer {served.folder.tokens[door]}")
    return ("\r\n".join([*lines, more]).strip() + "\r\n\r\n").encode()


def status_of(connection: socket.socket) -> int:
    return int(connection.recv(4000).split(b" ", 2)[1])


def test_the_largest_body_is_taken(small: Served) -> None:
    assert small.send("province_a", padded(MAX_BYTES), "k").status == 202


def test_a_larger_body_is_refused_before_it_is_sent(small: Served) -> None:
    with small.connect() as connection:
        connection.sendall(head(small, f"Content-Length: {MAX_BYTES + 1}"))
        assert status_of(connection) == 413
    assert small.recorded() == 0


def test_a_larger_body_is_refused_in_both_languages(small: Served) -> None:
    said = small.send("province_a", padded(MAX_BYTES + 1), "k")

    assert (said.status, small.recorded()) == (413, 0)
    assert "2000 byte" in said.json["message"] and "2000 bytes" in said.json["message_en"]


def chunked(body: bytes, size: int) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


def test_a_chunked_body_is_taken_up_to_the_limit(small: Served) -> None:
    headers = small.folder.authorized("province_a", **{"Idempotency-Key": "k"})

    assert small.call("POST", "/doors/province_a", chunked(padded(MAX_BYTES), 100), headers).status == 202
    assert small.call("POST", "/doors/province_a", chunked(padded(MAX_BYTES + 1), 100), headers).status == 413
    assert small.recorded() == 1


def test_a_chunked_body_without_end_is_refused_at_the_limit(small: Served) -> None:
    with small.connect() as connection:
        connection.sendall(head(small, "Transfer-Encoding: chunked") + b"801\r\n" + b" " * 0x801 + b"\r\n")
        assert status_of(connection) == 413


def test_a_body_that_drips_is_given_up(hub_folder: HubFolder, serve: Serve) -> None:
    hub_folder.hub(doors={"body_seconds": 0.2})
    served = serve()
    with served.connect() as connection:
        connection.sendall(head(served, "Content-Length: 1000") + b"{")
        assert status_of(connection) == 408
    assert served.recorded() == 0


def test_a_body_that_is_cut_off_is_not_recorded(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(head(served, "Content-Length: 1000") + b'{"HoSo":')
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1000) == b"", "there is nobody left to answer"
    assert served.send("province_b", dossier("B-1"), "k").status == 202
    assert served.recorded() == 1


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip"])
def test_a_compressed_body_is_refused_with_the_reason(served: Served, encoding: str) -> None:
    headers = served.folder.authorized("province_a", **{"Idempotency-Key": "k", "Content-Encoding": encoding})
    said = served.call("POST", "/doors/province_a", b"{}", headers)

    assert (said.status, said.headers["accept-encoding"], served.recorded()) == (415, "identity", 0)


def test_one_door_cannot_take_the_memory_of_the_others(small: Served) -> None:
    """Bodies that stop one byte before their end are held; beyond four of the largest, the door says 503, other doors serve."""
    body = padded(MAX_BYTES)
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        held = [stack.enter_context(small.connect()) for _ in range(LARGEST_AT_ONCE + 1)]
        for connection in held:
            connection.sendall(head(small, f"Content-Length: {MAX_BYTES}") + body[:-1])
            selector.register(connection, selectors.EVENT_READ)
        [(turned, _)] = selector.select()

        said = turned.fileobj.recv(4000)  # type: ignore[union-attr]
        assert said.startswith(b"HTTP/1.1 503 ") and b"retry-after: 5" in said.lower()
        assert small.send("province_b", dossier("B-1"), "k").status == 202
        waiting = [connection for connection in held if connection is not turned.fileobj]
        for connection in waiting:
            connection.sendall(body[-1:])
        assert [status_of(connection) for connection in waiting] == [202] * LARGEST_AT_ONCE
    assert small.send("province_a", body, "k").status == 202
