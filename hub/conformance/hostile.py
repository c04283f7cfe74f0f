"""Hostile bodies made of good ones: cut, stuffed, re-encoded, nested, and with a wrong value in every place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.parsers import expat

#: As deep as a careless reader survives, and deeper than any parser's stack.
DEPTHS = (300, 100_000)
_DOCTYPE = b'<!DOCTYPE a [<!ENTITY b "b"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
_EXTERNAL = b'<!DOCTYPE a SYSTEM "file:///etc/hostname">'
_DECLARATION = re.compile(rb"^\s*<\?xml[^>]*\?>")
_FIRST_KEY = re.compile(rb'^\s*\{\s*("(?:[^"\\]|\\.)*")\s*:')
#: JSON that stands where something else was expected.
_WRONG_JSON = (
    "null", "true", "-1", "1.5", "1e999", "NaN", "9" * 5000, '""', '" "', '"\\u0000"', '"\\u000b"', '"\\ud800"',
    '"9999-12-31T23:59:59-23:59"', '"0001-01-01T00:00:00+23:59"', '"00000000000000"', '"' + "x" * 100_000 + '"',
    "[]", "{}", "[null]", '{"a":{"a":null}}', "[" * 300 + "]" * 300,
)  # fmt: skip
#: Content that stands where something else was expected in XML.
_WRONG_XML = (
    b"", b" ", b"-1", b"9" * 5000, b"&#xFFFD;", b"<unexpected/>", b"<a>" * 200 + b"</a>" * 200, b"<!-- -->", b"x" * 100_000,
    b"9999-12-31T23:59:59-23:59", b"0001-01-01T00:00:00+23:59", b"00000000000000", b"<![CDATA[<&]]>",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hostile:
    """One hostile body."""

    name: str
    body: bytes
    #: False: it is not a document of any kind, and reading it must fail. True: a reader may still make sense of it.
    may_be_read: bool = False


def is_xml(body: bytes) -> bool:
    """Tell XML from JSON and texts, by its first sign."""
    return body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def is_json(body: bytes) -> bool:
    """Tell a JSON object or list from XML and texts, by its first sign."""
    return body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


def well_formed(body: bytes, *, xml: bool) -> bool:
    """Say whether this is one whole JSON or XML document; by the standard library, not by the parser under test."""
    try:
        if xml:
            expat.ParserCreate().Parse(body, True)
        else:
            json.loads(body)
    except (ValueError, RecursionError, expat.ExpatError):
        return False
    return True


def cuts(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Cut the body at every tenth of its length; spaces at its end do not count."""
    whole = body.strip()
    for tenth in range(1, 10):
        yield f"cut-{tenth}0", whole[: len(whole) * tenth // 10]


def bodies(body: bytes) -> Iterator[Hostile]:
    """Make the hostile variants of one body as a whole."""
    middle = len(body) // 2
    yield from (Hostile(name, cut) for name, cut in cuts(body))
    yield Hostile("empty", b"")
    yield Hostile("rubbish-after", body + b"\xff\x00 }]> rubbish")
    yield Hostile("nul-inside", body[:middle] + b"\x00" + body[middle:])
    yield Hostile("byte-order-mark", b"\xef\xbb\xbf" + body, may_be_read=True)
    yield Hostile("utf-16", _recoded(body, "utf-16"), may_be_read=True)
    yield Hostile("latin-1", _recoded(body, "latin-1"), may_be_read=True)
    yield from _xml_bodies(body) if is_xml(body) else _json_bodies(body)


def _recoded(body: bytes, encoding: str) -> bytes:
    return body.decode("utf-8", "replace").encode(encoding, "ignore")


def _xml_bodies(body: bytes) -> Iterator[Hostile]:
    found = _DECLARATION.match(body)
    start = found.end() if found else 0
    yield Hostile("other-root", b"<other/>")
    yield Hostile("json-instead", b'{"a": 1}')
    yield Hostile("dtd", body[:start] + _DOCTYPE + body[start:])
    yield Hostile("external-dtd", body[:start] + _EXTERNAL + body[start:])
    for depth in DEPTHS:
        yield Hostile(f"deep-{depth}", b"<a>" * depth + b"</a>" * depth)


def _json_bodies(body: bytes) -> Iterator[Hostile]:
    yield from (Hostile(f"only-{text}", text.encode()) for text in ("null", "true", "1", '""', "[]", "[null]"))
    yield Hostile("xml-instead", b"<a/>")
    for depth in DEPTHS:
        yield Hostile(f"deep-{depth}", b"[" * depth + b"]" * depth)
        yield Hostile(f"deep-object-{depth}", b'{"a":' * depth + b"1" + b"}" * depth)
    if first := _FIRST_KEY.match(body):
        brace = body.index(b"{") + 1
        yield Hostile("key-twice", body[:brace] + first[1] + b":null," + body[brace:])
        yield Hostile("deep-inside", body[:brace] + b'"deep":' + b"[" * 300 + b"]" * 300 + b"," + body[brace:], may_be_read=True)


# --- a wrong value in every place --------------------------------------------------------------------------------


def places(body: bytes) -> Iterator[Hostile]:
    """Put each wrong value into every place of the document, one at a time; also leave each place out."""
    if is_xml(body):
        yield from _xml_places(body)
    elif is_json(body):
        yield from _json_places(body)


def _json_places(body: bytes) -> Iterator[Hostile]:
    tree = json.loads(body)
    mark = '"a place of its own"'
    for path in _paths(tree):
        text = json.dumps(_with(tree, path, json.loads(mark)))
        for wrong in _WRONG_JSON:
            name = f"/{'/'.join(map(str, path))} = {wrong[:30]}"
            yield Hostile(name, text.replace(mark, wrong).encode(), may_be_read=True)
        yield Hostile(f"/{'/'.join(map(str, path))} left out", json.dumps(_with(tree, path)).encode(), may_be_read=True)


def _paths(tree: Any, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """List the place of every value; of a list only the first two items, the others are of the same kind."""
    parts: list[tuple[str | int, Any]] = []
    if isinstance(tree, dict):
        parts = list(tree.items())
    elif isinstance(tree, list):
        parts = list(enumerate(tree[:2]))
    for name, part in parts:
        yield (*above, name)
        yield from _paths(part, (*above, name))


_LEFT_OUT: Any = object()


def _with(tree: Any, path: tuple[str | int, ...], value: Any = _LEFT_OUT) -> Any:
    """Copy the tree with another value at one place, or without it."""
    if not path:
        return value
    parts = dict(tree) if isinstance(tree, dict) else dict(enumerate(tree))
    parts[path[0]] = _with(parts[path[0]], path[1:], value)
    if parts[path[0]] is _LEFT_OUT:
        del parts[path[0]]
    return parts if isinstance(tree, dict) else list(parts.values())


def texts_replaced(tree: Any, wrong: str) -> Iterator[tuple[str, Any]]:
    """Put a text into the place of each text of a JSON tree, one at a time."""
    for path in _paths(tree):
        value = tree
        for name in path:
            value = value[name]
        if isinstance(value, str):
            yield "/" + "/".join(map(str, path)), _with(tree, path, wrong)


def _xml_places(body: bytes) -> Iterator[Hostile]:
    seen: dict[str, int] = {}
    for name, start, inside, outside, end in _elements(body):
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 2:
            continue  # rows of one list: the others are of the same kind
        yield Hostile(f"{name} left out", body[:start] + body[end:], may_be_read=True)
        yield Hostile(f"{name} twice", body[:end] + body[start:end] + body[end:], may_be_read=True)
        for wrong in _WRONG_XML:
            title = f"{name} = {wrong[:30].decode()}"
            yield Hostile(title, body[:inside] + wrong + body[outside:], may_be_read=True)


def _elements(body: bytes) -> list[tuple[str, int, int, int, int]]:
    """List the elements below the root that have an end tag: path, start, start and end of the content, end."""
    found: list[tuple[str, int, int, int, int]] = []
    open_elements: list[tuple[str, int]] = []
    parser = expat.ParserCreate()

    def begin(name: str, attributes: object) -> None:
        open_elements.append((name, parser.CurrentByteIndex))

    def finish(name: str) -> None:
        path = "/" + "/".join(each for each, _ in open_elements)
        _, start = open_elements.pop()
        at = parser.CurrentByteIndex
        if open_elements and body[at : at + 2] == b"</":
            found.append((path, start, body.index(b">", start) + 1, at, body.index(b">", at) + 1))

    parser.StartElementHandler = begin
    parser.EndElementHandler = finish
    parser.Parse(body, True)
    return found


# --- replies -----------------------------------------------------------------------------------------------------


def with_unknown_code(body: bytes, code: str) -> bytes | None:
    """Put a code that no partner has into the reply in place of its own; None where it does not stand there by itself."""
    unknown = "987654"
    if is_xml(body):
        pattern = rf"(?<=[>\"'])\s*{re.escape(code)}\s*(?=[<\"'])"
    else:
        pattern = rf"(?<=[:\[,\s]){re.escape(code)}(?=[,\]}}\s])|(?<=\"){re.escape(code)}(?=\"\s*[,\]}}])"
    text = body.decode("utf-8", "replace")
    changed = re.sub(pattern, unknown, text) if code else text
    return None if changed == text else changed.encode()
