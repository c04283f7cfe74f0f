"""A reply whose body is given away piece by piece: the same bytes, and the same refusals, as one that is read whole."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.rules import http_reply
from hub.rules.http_reply import BrokenReply, ReplyReader

OK = b"HTTP/1.1 200 OK\r\n"


def receiver(wire: bytes, cuts: list[int]) -> Callable[[], bytes]:
    """Give the bytes of a connection in these pieces, then none."""
    pieces = []
    for cut in cuts:
        pieces.append(wire[:cut])
        wire = wire[cut:]
    pieces = [piece for piece in (*pieces, wire) if piece]
    return lambda: pieces.pop(0) if pieces else b""


def chunked(body: bytes, size: int) -> bytes:
    """Write a body in chunks."""
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@given(
    body=st.binary(max_size=300),
    cuts=st.lists(st.integers(1, 40), max_size=20),
    size=st.integers(1, 50),
    how=st.integers(0, 2),
)
def test_pieces_are_the_body(body: bytes, cuts: list[int], size: int, how: int) -> None:
    head = (b"Content-Length: %d\r\n\r\n" % len(body), b"Transfer-Encoding: chunked\r\n\r\n", b"\r\n")[how]
    wire = OK + head + (chunked(body, size) if how == 1 else body)
    pieces: list[bytes] = []

    reply, reusable = ReplyReader(receiver(wire, cuts)).read("GET", pieces.append)

    assert (reply.status, reply.body, b"".join(pieces)) == (200, b"", body)
    assert reusable is (how != 2)
    whole, again = ReplyReader(receiver(wire, cuts)).read("GET")
    assert (whole.body, again) == (body, reusable)


@pytest.mark.parametrize(
    "wire",
    [
        b"Content-Length: 5\r\n\r\nab",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nab",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"Content-Length: 99999999999\r\n\r\nab",
    ],
)
def test_what_is_cut_or_garbled_is_no_reply(wire: bytes) -> None:
    with pytest.raises(BrokenReply):
        ReplyReader(receiver(OK + wire, [])).read("GET", lambda piece: None)


@pytest.mark.parametrize("head", [b"\r\n", b"Transfer-Encoding: chunked\r\n\r\n"])
def test_a_body_without_end_is_not_read_for_ever(monkeypatch: pytest.MonkeyPatch, head: bytes) -> None:
    monkeypatch.setattr(http_reply, "MAX_BODY_BYTES", 1000)
    parts = iter([OK + head])
    piece = b"64\r\n" + b"x" * 100 + b"\r\n" if b"chunked" in head else b"x" * 100
    given: list[bytes] = []

    with pytest.raises(BrokenReply, match="larger"):
        ReplyReader(lambda: next(parts, piece)).read("GET", given.append)
    assert sum(map(len, given)) <= 1100


def test_a_refusal_is_not_given_away() -> None:
    pieces: list[bytes] = []

    reply, _ = ReplyReader(receiver(b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno", [])).read("GET", pieces.append)

    assert (reply.status, reply.body, pieces) == (404, b"no", [])
