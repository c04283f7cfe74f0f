"""What differs between two values or two documents: field by field, and line by line; bounded, so that a page can show it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from hub.errors import InvalidMessage
from hub.rules import xml, xml_tree

#: Differences that are given at most; who gets so many must expect that there are more.
MOST_FIELDS = 500
MOST_LINES = 2_000
#: Lines that stay the same shown before and after a difference.
AROUND = 3
#: A line is cut after so many letters.
LONGEST_LINE = 2_000
#: Documents are looked at up to here; what is larger is told apart only by being another one.
MOST_BYTES = 2_000_000
#: Lines compared with each other at most, after what both begin and end with: comparing costs the product.
_COMPARED = 1_500
#: Levels of a tree; what we read ourselves never has as many.
_DEEPEST = 200

CHANGED, ADDED, REMOVED = "changed", "added", "removed"
SAME, PLUS, MINUS, GAP, CUT = " ", "+", "-", "@", "…"


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs."""

    #: JSON pointer.
    path: str
    #: The value, a leaf of the tree; None where there was none, see ``kind``.
    before: Any
    after: Any
    #: CHANGED, ADDED or REMOVED.
    kind: str = CHANGED


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a difference."""

    #: SAME, PLUS (only after), MINUS (only before), GAP (lines left out that are the same), CUT (what follows is not shown).
    kind: str
    text: str


# --- fields ------------------------------------------------------------------------------------------------------


def fields(before: Any, after: Any, *, limit: int = MOST_FIELDS) -> tuple[Change, ...]:
    """Compare two JSON trees, leaf by leaf; lists by position. At most ``limit`` changes are given."""
    found = []
    for change in _compared(before, after, "", 0):
        found.append(change)
        if len(found) >= limit:
            break
    return tuple(found)


def _compared(before: Any, after: Any, path: str, depth: int) -> Iterator[Change]:
    if depth > _DEEPEST:
        yield from [Change(path, None, None)] if _deep_differ(before, after) else []
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys((*before, *after)):
            yield from _member(before, after, key, f"{path}/{escaped(key)}", depth)
    elif _is_list(before) and _is_list(after):
        first, second = dict(enumerate(before)), dict(enumerate(after))
        for place in range(max(len(first), len(second))):
            yield from _member(first, second, place, f"{path}/{place}", depth)
    elif _is_tree(before) or _is_tree(after):
        # Where there was nothing (null), nothing is taken away.
        yield from _leaves(before, path, REMOVED, depth) if before is not None else ()
        yield from _leaves(after, path, ADDED, depth) if after is not None else ()
    elif before != after or type(before) is not type(after):
        yield Change(path, before, after)


def _deep_differ(before: Any, after: Any) -> bool:
    try:
        return bool(before != after)
    except RecursionError:
        return True


def _member(before: Mapping[Any, Any], after: Mapping[Any, Any], key: Any, path: str, depth: int) -> Iterator[Change]:
    if key in before and key in after:
        yield from _compared(before[key], after[key], path, depth + 1)
    elif key in before:
        yield from _leaves(before[key], path, REMOVED, depth + 1)
    else:
        yield from _leaves(after[key], path, ADDED, depth + 1)


def _leaves(value: Any, path: str, kind: str, depth: int) -> Iterator[Change]:
    """Give every leaf of a value that is on one side only; an empty list or mapping is a leaf."""
    members: Iterator[tuple[Any, Any]] = iter(())
    if depth <= _DEEPEST and isinstance(value, Mapping):
        members = iter(value.items())
    elif depth <= _DEEPEST and _is_list(value):
        members = iter(enumerate(value))
    any_member = False
    for key, part in members:
        any_member = True
        yield from _leaves(part, f"{path}/{escaped(key)}", kind, depth + 1)
    if not any_member:
        leaf = None if depth > _DEEPEST else value
        yield Change(path, leaf, None, kind) if kind == REMOVED else Change(path, None, leaf, kind)


def escaped(key: Any) -> str:
    """Write a name as a part of a JSON pointer (RFC 6901)."""
    return str(key).replace("~", "~0").replace("/", "~1")


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _is_tree(value: Any) -> bool:
    return bool(value) and (isinstance(value, Mapping) or _is_list(value))


# --- documents ---------------------------------------------------------------------------------------------------


def tree_of(document: bytes) -> Any:
    """Read a document as a tree for ``fields``: JSON, or XML below the name of its root; None where it is neither."""
    if len(document) > MOST_BYTES:
        return None
    if (root := _element(document)) is not None:
        return {str(root.tag): xml_tree.to_tree(root)}
    return _json(document)


def _element(document: bytes) -> etree._Element | None:
    if not document.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return None
    try:
        return xml.parse(document)
    except InvalidMessage:
        return None


def _json(document: bytes) -> Any:
    try:
        return json.loads(document)
    except (ValueError, RecursionError):
        return None


def pretty(document: bytes) -> str:
    """Write a document for people: XML and JSON indented, anything else as the text that it is."""
    if len(document) > MOST_BYTES:
        return f"{len(document)} bytes"
    root = _element(document)
    if root is not None:
        etree.indent(root)
        return str(etree.tostring(root, encoding="unicode"))
    tree = _json(document)
    if isinstance(tree, dict | list):
        return json.dumps(tree, ensure_ascii=False, indent=2)
    return document.decode("utf-8", "replace")


def lines(before: bytes, after: bytes, *, limit: int = MOST_LINES) -> tuple[Line, ...]:
    """Compare two documents line by line in their pretty forms; nothing comes where these are the same."""
    first, second = pretty(before).splitlines(), pretty(after).splitlines()
    if first == second:
        return ()
    begun = _same(first, second)
    ended = _same(first[begun:][::-1], second[begun:][::-1])
    middle = list(_different(first[begun : len(first) - ended], second[begun : len(second) - ended]))
    above = _context(first[:begun], first=True)
    below = _context(first[len(first) - ended :], first=False)
    found = [*above, *middle, *below]
    cut = [Line(CUT, "")] if len(found) > limit else []
    return tuple([Line(each.kind, each.text[:LONGEST_LINE]) for each in found[:limit]] + cut)


def _same(first: list[str], second: list[str]) -> int:
    """Count the lines that both begin with."""
    for count, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return count
    return min(len(first), len(second))


def _context(same: list[str], *, first: bool) -> list[Line]:
    """Give the lines next to a difference, and say that there are more."""
    near = same[-AROUND:] if first else same[:AROUND]
    shown = [Line(SAME, text) for text in near]
    gap = [Line(GAP, str(len(same) - len(near)))] if len(same) > len(near) else []
    return [*gap, *shown] if first else [*shown, *gap]


def _different(first: list[str], second: list[str]) -> Iterator[Line]:
    if len(first) > _COMPARED or len(second) > _COMPARED:
        yield from (Line(MINUS, text) for text in first)
        yield from (Line(PLUS, text) for text in second)
        return
    for tag, start, end, begin, until in difflib.SequenceMatcher(None, first, second).get_opcodes():
        if tag == "equal":
            yield from _between(first[start:end])
        else:
            yield from (Line(MINUS, text) for text in first[start:end])
            yield from (Line(PLUS, text) for text in second[begin:until])


def _between(same: list[str]) -> Iterator[Line]:
    """Give the lines between two differences; of many only those next to them."""
    if len(same) <= 2 * AROUND:
        yield from (Line(SAME, text) for text in same)
        return
    yield from (Line(SAME, text) for text in same[:AROUND])
    yield Line(GAP, str(len(same) - 2 * AROUND))
    yield from (Line(SAME, text) for text in same[-AROUND:])
