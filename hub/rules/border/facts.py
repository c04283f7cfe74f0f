"""What the register keeps of a border document's content: lines with what they certify, its day, what tells it from another."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from decimal import Decimal

from hub.canonical.border.declaration import ExportDeclaration
from hub.canonical.border.message import BorderMessage
from hub.canonical.border.origin import OriginCertificate
from hub.canonical.border.parts import Measure
from hub.canonical.border.phyto import Phyto
from hub.canonical.compact_json import compact_sorted
from hub.canonical.digests import digest_of
from hub.rules.border import moments

#: What a database's whole numbers hold.
_LARGEST = 2**31 - 1
_NOT_KEY = re.compile(r"[\W_]", re.ASCII)
#: Codes that partners write are kept so long, and without what is no letter.
_LONGEST_CODE = 100
#: Says what becomes of a certificate, and not what is certified; and what was met beside it.
_NOT_CERTIFIED = frozenset({"status", "unplaced"})

Line = tuple[int, str, tuple[tuple[Decimal, str], ...]]


def number_key(number: str) -> str:
    """Give a number as it is compared with what people type: capitals and digits alone; where it has none, as it is."""
    return _NOT_KEY.sub("", unicodedata.normalize("NFKC", number)).upper() or number


def code(text: str) -> str:
    """Give a partner's code as it may be kept: one line of no more than a hundred letters."""
    return "".join(letter for letter in text if letter.isprintable())[:_LONGEST_CODE]


def declaration(number: str) -> str:
    """Give an import declaration's number as it is compared: capitals, without blanks, so that none is counted twice."""
    return "".join(code(number).split()).upper()


def is_item(number: int) -> bool:
    """Say whether a number can be that of a line."""
    return 0 < number <= _LARGEST


def content_digest(message: BorderMessage) -> str:
    """Name what is certified: the same for each repetition, another one for any other content; empty where there is none."""
    content = message.content
    if content is None:
        return ""
    return digest_of(compact_sorted(content.model_dump(mode="json", exclude=set(_NOT_CERTIFIED))).encode())


def issued_on(message: BorderMessage) -> str:
    """Give the day of issue as it is written, 2026-03-02; empty where it is not said."""
    content = message.content
    if isinstance(content, Phyto):
        day = moments.day(content.issued_at)
    elif isinstance(content, OriginCertificate):
        day = content.issued_on
    else:
        day = content.declared_on if content is not None else None
    return day.isoformat() if day else ""


def lines(message: BorderMessage) -> tuple[Line, ...]:
    """Give the lines, each number once: number, HS code, and what it certifies, the most of each unit."""
    found: dict[int, Line] = {}
    for number, hs_code, measures in _lines(message):
        if is_item(number) and number not in found:
            found[number] = number, code(hs_code), _most_by_unit(measures)
    return tuple(found.values())


def _lines(message: BorderMessage) -> Iterator[tuple[int, str, Iterable[Measure | None]]]:
    content = message.content
    if isinstance(content, OriginCertificate):
        for item in content.items:
            yield item.number, item.hs_code, (item.gross_weight, *item.quantities)
    elif isinstance(content, ExportDeclaration):
        for declared in content.items:
            yield declared.number, declared.hs_code, (declared.quantity, declared.net_weight, declared.gross_weight)
    elif isinstance(content, Phyto):
        for line in (line for item in content.items for line in item.lines):
            hs_code = next((each.code for each in line.classifications if each.system == "HS"), "")
            yield line.sequence, hs_code, (line.net_weight, line.gross_weight, line.net_volume, line.gross_volume)


def _most_by_unit(measures: Iterable[Measure | None]) -> tuple[tuple[Decimal, str], ...]:
    """Give each unit once: where net and gross weight are both in kilograms, nobody can say by which of them is drawn."""
    most: dict[str, Decimal] = {}
    for each in measures:
        if each is not None:
            unit = code(each.unit)
            most[unit] = max(each.value, most.get(unit, each.value))
    return tuple((value, unit) for unit, value in most.items())
