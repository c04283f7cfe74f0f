"""Elements that are read one by one: by local name, in any prefix and capitals, and what nobody asked for is listed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import TypeVar

from lxml import etree

from adapters.ephyto.sps_read_content import UNDECLARED
from hub.canonical.border.parts import Measure, Text
from hub.canonical.border.phyto import Unplaced
from hub.canonical.document import Attachment
from hub.contract import InlineFile
from hub.errors import Fault, bad_value, missing
from hub.rules import base64_files

Value = TypeVar("Value")

#: All faults at once, but not a million of them in one answer.
MOST_FAULTS = 500
#: So many things without a place are listed one by one, and so much of the text of each; the document itself is kept whole.
MOST_UNPLACED, MOST_SIGNS = 200, 2_000
#: So many files stand in one document at most: each is kept by a commit of its own.
MOST_FILES = 100
#: What programs write in place of nothing. It is no content, and nobody can know what was meant.
NULLS = frozenset({"NULL", "null", "(null)"})

_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_OURS = ("urn:un:unece:uncefact:", "data:standard:", "http://ephyto.ippc.int", UNDECLARED)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,9}(?:\.0+)?", re.ASCII)
#: What ``parts.Quantity`` holds.
_DIGITS, _PLACES = 24, 9


def local(name: str) -> str:
    """Give the local part of a name."""
    return name.rpartition("}")[2]


@dataclass(slots=True)
class Reading:
    """One document that is being read."""

    faults: list[Fault] = field(default_factory=list)
    unplaced: list[Unplaced] = field(default_factory=list)
    files: dict[str, InlineFile] = field(default_factory=dict)
    _more: int = 0

    def fault(self, fault: Fault) -> None:
        """Note what is wrong."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(fault)

    def list(self, path: str, text: str = "") -> None:
        """Note what has no place."""
        if len(self.unplaced) >= MOST_UNPLACED:
            self._more += 1
            return
        shown = text if len(text) <= MOST_SIGNS else text[:MOST_SIGNS] + "…"
        self.unplaced.append(Unplaced(path=path, text=shown.strip()))

    def all_unplaced(self, root: str) -> tuple[Unplaced, ...]:
        """Give what has no place, and how much more there is."""
        more = (Unplaced(path=root, text=f"+ {self._more}"),) if self._more else ()
        return (*self.unplaced, *more)


@lru_cache(maxsize=2_000)
def _named(tag: str) -> tuple[str, bool]:
    """Give the local name of an element, and whether its namespace is one of ours: else it means something else."""
    namespace, _, name = tag.rpartition("}")
    own = namespace.lstrip("{").lower()
    return name, not own or own.startswith(_OURS)


def steps(element: etree._Element, path: str) -> Iterator[tuple[etree._Element, str]]:
    """Give each child with its path."""
    if not len(element):
        return
    names = [_named(str(child.tag))[0] for child in element]
    alone = len(set(names)) == len(names)
    totals, seen = Counter(() if alone else names), Counter[str]()
    for child, name in zip(element, names, strict=True):
        seen[name] += 1
        yield child, f"{path}/{name}" + (f"[{seen[name]}]" if totals[name] > 1 else "")


class Node:
    """One element: its children are taken out by name; ``closed`` lists those that nobody took."""

    def __init__(self, element: etree._Element, path: str, reading: Reading) -> None:
        self.element, self.path, self.reading = element, path, reading
        self._children: dict[str, list[tuple[etree._Element, str]]] = {}
        self._strange: list[tuple[etree._Element, str]] = []
        for child, step in steps(element, path):
            name, ours = _named(str(child.tag))
            if ours:
                self._children.setdefault(name.lower(), []).append((child, step))
            else:
                self._strange.append((child, step))

    def closed(self, value: Value) -> Value:
        """List what nobody asked for, and give the value that was made of the rest."""
        self._attributes(self.element, self.path)
        self._between(self.element, self.path)
        for child, path in (*self._strange, *(each for group in self._children.values() for each in group)):
            self._whole(child, path)
        return value

    # --- elements that have elements

    def nodes(self, name: str) -> list[Node]:
        """Take all children of a name."""
        return [Node(child, path, self.reading) for child, path in self._children.pop(name.lower(), [])]

    def node(self, name: str) -> Node | None:
        """Take the child of a name; further ones have no place."""
        first = self._first(name)
        return Node(*first, self.reading) if first else None

    # --- elements that have a text

    def text(self, name: str) -> str:
        """Read a free text as it is written; empty where there is none, or only blanks."""
        first = self._first(name)
        return self._leaf(*first) if first else ""

    def word(self, name: str) -> str:
        """Read a code, a number or a name without the blanks around it."""
        return self.text(name).strip()

    def words(self, name: str) -> tuple[str, ...]:
        """Read all codes of a name that say something."""
        found = (self._leaf(child, path).strip() for child, path in self._children.pop(name.lower(), []))
        return tuple(each for each in found if each)

    def only(self, name: str) -> str:
        """Read a word that must be there, once."""
        found = self._children.get(name.lower(), [])
        if len(found) > 1:
            vi, en = "chỉ được có một lần", "it may stand here only once"
            self.reading.fault(Fault(found[1][1], "repeated", f"{name}: {vi}", f"{name}: {en}"))
        before = len(self.reading.faults)
        word = self.word(name)
        if not word and len(self.reading.faults) == before:
            self.reading.fault(missing(f"{self.path}/{name}"))
        return word

    def texts(self, name: str) -> tuple[Text, ...]:
        """Read all texts of a name, each with its language."""
        found = [
            Text(text=self._leaf(child, path, "languageid"), language=self._attribute(child, path, "languageid"))
            for child, path in self._children.pop(name.lower(), [])
        ]
        return tuple(each for each in found if each.text or each.language)

    def coded(self, name: str, attribute: str) -> tuple[tuple[str, str], ...]:
        """Read all codes of a name, each with one attribute."""
        wanted = attribute.lower()
        found = [
            (self._leaf(child, path, wanted).strip(), self._attribute(child, path, wanted))
            for child, path in self._children.pop(name.lower(), [])
        ]
        return tuple(each for each in found if any(each))

    def whole_number(self, name: str) -> int:
        """Read a number that must be there: whole, not negative, of nine digits at most."""
        written = self.only(name)
        return self._whole_number(written, f"{self.path}/{name}") if written else 0

    def maybe_number(self, name: str) -> int:
        """Read a whole number; 0 where there is none."""
        written = self.word(name)
        return self._whole_number(written, f"{self.path}/{name}") if written else 0

    def quantity(self, name: str) -> Decimal | None:
        """Read a quantity; None where there is none."""
        first = self._first(name)
        return self._decimal(self._leaf(*first).strip(), first[1]) if first else None

    def measure(self, name: str) -> Measure | None:
        """Read a quantity with its unit; a unit without quantity says nothing that has a place."""
        first = self._first(name)
        if not first:
            return None
        child, path = first
        value = self._decimal(self._leaf(child, path, "unitcode").strip(), path)
        unit = self._attribute(child, path, "unitcode").strip()
        if value is None:
            if unit:
                self.reading.list(f"{path}/@unitCode", unit)
            return None
        return Measure(value=value, unit=unit)

    def moment(self, name: str) -> str:
        """Read a moment as it is written: without an hour, without an offset, or empty."""
        node = self.node(name)
        if node is None:
            return ""
        if not len(node.element):
            return self._leaf(node.element, node.path).strip()
        return node.closed(node.word("DateTimeString") or node.word("DateTime"))

    def files(self, name: str) -> list[tuple[Attachment, str]]:
        """Take the files out of all elements of a name: their digest stays in their place; each with its media type."""
        found = []
        for child, path in self._children.pop(name.lower(), []):
            text = self._leaf(child, path, "filename", "mimecode")
            called = self._attribute(child, path, "filename")
            digest, size = self._taken(text, path)
            media_type = self._attribute(child, path, "mimecode")
            if digest or called or media_type:
                found.append((Attachment(name=called, url=digest, digest=digest, size=size), media_type))
        return found

    # --- one element

    def _first(self, name: str) -> tuple[etree._Element, str] | None:
        found = self._children.get(name.lower())
        if not found:
            return None
        first = found.pop(0)
        if not found:
            del self._children[name.lower()]
        return first

    def _leaf(self, element: etree._Element, path: str, *attributes: str) -> str:
        """Read an element's own text, and list all that it has beside."""
        self._attributes(element, path, *attributes)
        if len(element):
            self._inside(element, path)
        return self._said(element.text or "", path)

    def _inside(self, element: etree._Element, path: str) -> None:
        """List elements that stand inside a text, and the texts after them."""
        for child, below in steps(element, path):
            self._whole(child, below)
            if (child.tail or "").strip():
                self.reading.list(f"{path}/text()", child.tail or "")

    def _said(self, text: str, path: str) -> str:
        if text.strip() in NULLS:
            vi, en = 'ghi chữ "NULL" thay cho nội dung', 'the word "NULL" stands in place of a content'
            self.reading.fault(bad_value(path, f"{path.rpartition('/')[2]}: {vi}", f"{path.rpartition('/')[2]}: {en}"))
            return ""
        return text if text.strip() else ""

    def _attribute(self, element: etree._Element, path: str, name: str) -> str:
        for key, value in element.items():
            if local(str(key)).lower() == name:
                return self._said(str(value), f"{path}/@{local(str(key))}")
        return ""

    def _attributes(self, element: etree._Element, path: str, *known: str) -> None:
        for key, value in element.items():
            if not str(key).startswith(_XSI) and local(str(key)).lower() not in known:
                self.reading.list(f"{path}/@{local(str(key))}", str(value))

    def _between(self, element: etree._Element, path: str) -> None:
        """List texts that stand between elements."""
        for text in (element.text, *(child.tail for child in element)):
            if text and text.strip():
                self.reading.list(f"{path}/text()", text)

    def _whole(self, element: etree._Element, path: str) -> None:
        """List an element with all that is below it."""
        self._attributes(element, path)
        if not len(element):
            self.reading.list(path, self._said(element.text or "", path))
            return
        self._between(element, path)
        for child, below in steps(element, path):
            self._whole(child, below)

    # --- values

    def _whole_number(self, written: str, path: str) -> int:
        if _WHOLE.fullmatch(written):
            return int(written.partition(".")[0])
        vi, en = "phải là số nguyên không âm, tối đa 9 chữ số", "it must be a whole number, not negative, of 9 digits at most"
        self.reading.fault(Fault(path, "bad_type", f"{path.rpartition('/')[2]}: {vi}", f"{path.rpartition('/')[2]}: {en}"))
        return 0

    def _decimal(self, written: str, path: str) -> Decimal | None:
        if not written:
            return None
        name = path.rpartition("/")[2]
        if len(written) > 60 or not _NUMBER.fullmatch(written):
            vi, en = "phải là số, dấu thập phân là dấu chấm", "it must be a number, with a point before its decimals"
            self.reading.fault(Fault(path, "bad_type", f"{name}: {vi}", f"{name}: {en}"))
            return None
        before, _, after = written.lstrip("+-").partition(".")
        if len(after) > _PLACES or len(before.lstrip("0")) + len(after) > _DIGITS:
            vi, en = f"có hơn {_DIGITS} chữ số hoặc hơn {_PLACES} số lẻ", f"has more than {_DIGITS} digits or {_PLACES} decimals"
            self.reading.fault(Fault(path, "too_precise", f"{name}: {vi}", f"{name}: {en}"))
            return None
        return Decimal(written)

    def _taken(self, text: str, path: str) -> tuple[str, int]:
        """Take a file out; empty where there is none."""
        try:
            signs = base64_files.compacted(text)
        except ValueError:
            self.reading.fault(bad_value(path, "nội dung tệp không phải Base64", "the file is not Base64"))
            return "", 0
        if not signs:
            return "", 0
        told = base64_files.measured(signs)
        if told.digest not in self.reading.files and len(self.reading.files) == MOST_FILES:
            vi, en = f"quá {MOST_FILES} tệp trong một thông điệp", f"more than {MOST_FILES} files stand in one message"
            self.reading.fault(Fault(path, "too_many_files", vi, en))
            return "", 0
        self.reading.files.setdefault(told.digest, InlineFile(digest=told.digest, size=told.size, pieces=told.pieces))
        return told.digest, told.size
