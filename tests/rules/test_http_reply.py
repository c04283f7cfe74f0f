"""Replies of partners: whole ones are read however they are cut, and what could be read in two ways is not read."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable, Iterator

import pytest

from hub.rules import http_reply
from hub.rules.http_reply import BrokenReply, HttpReply, ReplyReader
from tests.support.http_replies import BROKEN, CHUNKED, FIVE, OK, WHOLE


def pieces(raw: bytes, size: int) -> Callable[[], bytes]:
    """Give bytes in pieces, and then the end."""
    cut: Iterator[bytes] = iter([raw[at : at + size] for at in range(0, len(raw), size)])
    return lambda: next(cut, b"")


def read(raw: bytes, size: int = 65_536, method: str = "POST") -> tuple[HttpReply, bool]:
    return ReplyReader(pieces(raw, size)).read(method)


@pytest.mark.parametrize("size", [1, 7, 65_536])
@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_reply_is_read_however_it_is_cut(name: str, size: int) -> None:
    raw, status, body, reusable = WHOLE[name]
    reply, again = read(raw, size)

    assert (reply.status, reply.body) == (status, body)
    # What comes after a reply is only seen where it came in the same piece; the wire looks again before it uses a connection.
    assert again is reusable or (name == "more than was said" and size < len(raw))


@pytest.mark.parametrize("name", [name for name in WHOLE if name != "the most headers"])
def test_the_standard_library_reads_the_same(name: str) -> None:
    """But for two forms: it takes the interim reply 103 for the last one, and reads one header less than we do."""
    raw, status, body, _ = WHOLE[name]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(raw)
        ours.shutdown(socket.SHUT_WR)
        reply = http.client.HTTPResponse(theirs, method="POST")
        reply.begin()
        read_there = (reply.status, reply.read())
        reply.close()

    assert read_there == ((103, b"") if name == "after hints" else (status, body))


@pytest.mark.parametrize("size", [1, 65_536])
@pytest.mark.parametrize("name", BROKEN)
def test_what_could_be_read_in_two_ways_is_not_read(name: str, size: int) -> None:
    with pytest.raises(BrokenReply):
        read(BROKEN[name], size)


@pytest.mark.parametrize("name", [name for name, (_, _, _, reusable) in WHOLE.items() if reusable])
def test_a_reply_that_is_cut_anywhere_is_none(name: str) -> None:
    raw = WHOLE[name][0]
    for end in range(len(raw)):
        with pytest.raises(BrokenReply):
            read(raw[:end])


def test_headers_have_lower_case_names_and_repeated_ones_are_joined() -> None:
    reply, _ = read(OK + b"X-A: 1\r\nx-a:2 \r\nEmpty:\r\nName: \xe9\r\n" + FIVE + b"\r\nhello")

    assert reply.headers == {"x-a": "1, 2", "empty": "", "name": "é", "content-length": "5"}


@pytest.mark.parametrize(("method", "status"), [("HEAD", b"200"), ("POST", b"204"), ("POST", b"304")])
def test_a_reply_that_has_no_body_has_none_whatever_its_length(method: str, status: bytes) -> None:
    reply, reusable = read(b"HTTP/1.1 " + status + b" OK\r\n" + FIVE + b"\r\n", method=method)

    assert (reply.body, reusable) == (b"", True)


@pytest.mark.parametrize(
    "raw",
    [
        OK + b"Content-Length: 11\r\n\r\nhello hello",
        OK + b"\r\nhello hello",
        CHUNKED + b"5\r\nhello\r\n6\r\n hello\r\n0\r\n\r\n",
    ],
)
def test_a_body_larger_than_allowed_is_not_read(monkeypatch: pytest.MonkeyPatch, raw: bytes) -> None:
    monkeypatch.setattr(http_reply, "MAX_BODY_BYTES", 11)
    assert read(raw)[0].body == b"hello hello"
    monkeypatch.setattr(http_reply, "MAX_BODY_BYTES", 10)

    with pytest.raises(BrokenReply, match="larger than 10 bytes"):
        read(raw)


def test_a_body_that_is_announced_too_large_is_not_waited_for() -> None:
    """Refused by its headers: ``receive`` is not asked for more."""
    with pytest.raises(BrokenReply, match="larger than"):
        ReplyReader(iter([OK + b"Content-Length: 999999999999\r\n\r\n"]).__next__).read("POST")


def test_the_first_bytes_of_a_broken_reply_are_kept_as_they_came() -> None:
    raw = OK + b"Content-Length: 200000\r\n\r\n" + bytes(range(256)) * 400
    reader = ReplyReader(pieces(raw, 1_000))
    with pytest.raises(BrokenReply):
        reader.read("POST")

    assert bytes(reader.start) == raw[: http_reply.KEPT_BYTES]


# --- bodies piece by piece


def streamed(raw: bytes, size: int = 65_536, limit: int = 1000) -> tuple[int, bytes]:
    reply, body = ReplyReader(pieces(raw, size)).begin("GET", limit)
    assert reply.body == b""
    return reply.status, b"".join(body)


@pytest.mark.parametrize("size", [1, 7, 65_536])
@pytest.mark.parametrize("name", WHOLE)
def test_piece_by_piece_the_same_is_read(name: str, size: int) -> None:
    raw, status, body, _ = WHOLE[name]

    assert streamed(raw, size) == (status, body)


@pytest.mark.parametrize("name", BROKEN)
def test_piece_by_piece_nothing_else_is_read(name: str) -> None:
    with pytest.raises(BrokenReply):
        streamed(BROKEN[name])


@pytest.mark.parametrize(
    "raw",
    [
        OK + b"Content-Length: 11\r\n\r\nhello hello",
        CHUNKED + b"6\r\nhello \r\n5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"fffffffffffffff\r\nhello",
        OK + b"\r\nhello hello",
    ],
)
@pytest.mark.parametrize("size", [1, 65_536])
def test_piece_by_piece_no_more_than_allowed_is_read(raw: bytes, size: int) -> None:
    with pytest.raises(BrokenReply, match="larger than 10 bytes"):
        streamed(raw, size, limit=10)
