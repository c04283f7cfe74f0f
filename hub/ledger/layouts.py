"""Layouts: long texts, files in Base64 mostly, are taken out of the bodies that contain them and kept once.

A message with a file is kept as it came, as it was signed, as it was written for its recipient and as it was sent; of 200 KB
these four differ in some thousands of bytes. A text goes by its digest, as every body does, and a body's layout says where
which text stood. Whether two bodies contain the same text nobody has to know: equal bytes have equal digests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from hub.canonical.compact_json import compact

#: A text from this length on is taken out; below, a row of its own would cost more than it saves.
LONG_BYTES = 16_384
#: What ends a text: the markup of XML and JSON, and of one inside the other.
_MARKS = (b"<", b">", b'"', b"&", b";", b"\\")

#: Where in a body a text stood, and its digest.
Place = tuple[int, str]


def long_texts(body: bytes) -> list[tuple[int, bytes]]:
    """Find the long texts inside a body, each with its place; none in what is nothing but one."""
    found = [(begin, body[begin:end]) for begin, end in _spans(body)]
    return [] if found == [(0, body)] else found


def _spans(body: bytes) -> Iterator[tuple[int, int]]:
    """Give where each long text begins and ends; every byte is looked at once for each mark, whatever the bytes are."""
    begin = 0
    for start in range(0, len(body), LONG_BYTES):
        stop = start + LONG_BYTES
        ends = [at for mark in _MARKS if (at := body.find(mark, start, stop)) >= 0]
        if not ends:
            continue
        # Between the first mark of such a window and its last one there is no room for a long text.
        if (end := min(ends)) - begin >= LONG_BYTES:
            yield begin, end
        begin = max(body.rfind(mark, start, stop) for mark in _MARKS) + 1
    if len(body) - begin >= LONG_BYTES:
        yield begin, len(body)


def without(body: bytes, texts: Sequence[tuple[int, bytes]]) -> bytes:
    """Give what is left of a body without its long texts."""
    rest, at = [], 0
    for place, text in texts:
        rest.append(body[at:place])
        at = place + len(text)
    return b"".join((*rest, body[at:]))


def written(places: Sequence[Place]) -> str:
    """Write a layout: JSON, a list of places with digests."""
    return compact(places)


def read(layout: str | None) -> list[Place]:
    """Read a layout; a body without one contains all of its bytes. Raises ValueError where it is not what ``written`` writes."""
    if layout is None:
        return []
    try:
        places = [(place, digest) for place, digest in json.loads(layout)]
    except (TypeError, RecursionError) as error:
        raise ValueError("not a layout") from error
    if not all(type(place) is int and type(digest) is str for place, digest in places):
        raise ValueError("not a layout")
    return places


def whole(rest: bytes, places: Sequence[Place], texts: Mapping[str, bytes]) -> bytes:
    """Put a body together again; raise KeyError where one of its texts is not there."""
    pieces, at, length = [], 0, 0
    for place, digest in places:
        pieces += [rest[at : at + place - length], texts[digest]]
        at += place - length
        length = place + len(texts[digest])
    return b"".join((*pieces, rest[at:]))
