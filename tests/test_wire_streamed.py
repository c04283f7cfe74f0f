"""Bodies that are read while they are sent: in pieces, never whole at the partner where one piece is lacking."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hub.errors import InDoubt
from hub.simulation import Call, Said, SimulatorServer
from hub.wire import Streamed, Wire

PIECES = [bytes([number]) * 100_000 for number in range(20)]


class Server:
    """Keeps the bodies that came whole."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.server = SimulatorServer("wire", self._handle)

    def _handle(self, call: Call) -> Said:
        if len(call.body) == int(call.headers["content-length"]):
            self.bodies.append(call.body)
        return Said(b"{}")


@pytest.fixture
def at() -> Iterator[tuple[Server, Wire]]:
    server, wire = Server(), Wire()
    with server.server:
        yield server, wire
    wire.close()


def test_pieces_arrive_as_one_body(at: tuple[Server, Wire]) -> None:
    server, wire = at
    body = Streamed(2_000_000, iter([PIECES[0], b"", *PIECES[1:]]))

    reply = wire.call("POST", f"{server.server.url}/x", body=body, deadline_seconds=20)

    assert reply.status == 200
    assert server.bodies == [b"".join(PIECES)]


def test_an_empty_body_is_one(at: tuple[Server, Wire]) -> None:
    server, wire = at

    assert wire.call("POST", f"{server.server.url}/x", body=Streamed(0, iter(())), deadline_seconds=20).status == 200
    assert server.bodies == [b""]


def test_pieces_that_cannot_be_had_leave_nothing_whole_and_are_told(at: tuple[Server, Wire]) -> None:
    server, wire = at

    def broken() -> Iterator[bytes]:
        yield from PIECES[:-1]
        raise InDoubt("the store is gone", "kho tệp hỏng")

    with pytest.raises(InDoubt, match="the store is gone"):
        wire.call("POST", f"{server.server.url}/x", body=Streamed(2_000_000, broken()), deadline_seconds=20)
    # The next call has a connection of its own.
    assert wire.call("POST", f"{server.server.url}/x", body=b"1", deadline_seconds=20).status == 200
    assert server.bodies == [b"1"]


@pytest.mark.parametrize("length", [1_999_999, 2_000_001])
def test_a_body_that_is_not_as_long_as_it_says_is_never_whole(at: tuple[Server, Wire], length: int) -> None:
    server, wire = at

    with pytest.raises(ValueError, match="not as long"):
        wire.call("POST", f"{server.server.url}/x", body=Streamed(length, iter(PIECES)), deadline_seconds=20)
    assert server.bodies == []
