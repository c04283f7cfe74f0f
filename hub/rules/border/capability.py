"""What each country takes (OCP Rule 27: a member may declare which processes and elements it implements)."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from hub.canonical.border.declaration import ExportDeclaration
from hub.canonical.border.message import AnswerResult, BorderDocument, BorderEvent, BorderMessage
from hub.canonical.border.origin import OriginCertificate
from hub.rules.border.finding import REFUSE, Rule, RuleFinding, findings, where

#: Of which characters texts may be made. Latin: with accents, as ISO 8859-1 has them; ASCII: none of Vietnamese.
CHARACTERS: Mapping[str, str] = {"any": "utf-8", "latin": "iso-8859-1", "ascii": "ascii"}
COLUMNS = ("country", "documents", "functions", "answers", "fob", "max_items", "characters", "transport", "note")
_TRUE = {"true": True, "false": False, "": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """One country's declaration; what is empty is taken without exception."""

    country: str
    documents: frozenset[BorderDocument] = frozenset()
    events: frozenset[BorderEvent] = frozenset()
    results: frozenset[AnswerResult] = frozenset()
    #: It asks for the FOB value where the criterion is regional value content (Rule 25).
    needs_fob: bool = False
    #: Most items of one document; 0: no limit.
    most_items: int = 0
    characters: str = "any"
    #: How it is reached, and where this is known from: for people.
    transport: str = ""
    note: str = ""


def read_capabilities(text: str) -> dict[str, Capability]:
    """Read the table, one row for each country, lists parted by spaces; raises ValueError naming the row."""
    rows = csv.DictReader(io.StringIO(text))
    if tuple(rows.fieldnames or ()) != COLUMNS:
        raise ValueError(f"columns must be {','.join(COLUMNS)}")
    found: dict[str, Capability] = {}
    for number, row in enumerate(rows, start=2):
        try:
            capability = _capability(row)
        except (ValueError, KeyError, AttributeError) as error:
            raise ValueError(f"row {number}: {error}") from error
        if capability.country in found:
            raise ValueError(f"row {number}: {capability.country} stands twice")
        found[capability.country] = capability
    return found


def _capability(row: Mapping[str, str]) -> Capability:
    if row["characters"] not in ("", *CHARACTERS):
        raise ValueError(f"characters: one of {', '.join(CHARACTERS)}")
    return Capability(
        country=row["country"],
        documents=frozenset(map(BorderDocument, row["documents"].split())),
        events=frozenset(map(BorderEvent, row["functions"].split())),
        results=frozenset(map(AnswerResult, row["answers"].split())),
        needs_fob=_TRUE[row["fob"]],
        most_items=int(row["max_items"] or 0),
        characters=row["characters"] or "any",
        transport=row["transport"],
        note=row["note"],
    )


@dataclass(frozen=True, slots=True)
class _Case:
    message: BorderMessage
    capability: Capability


def lacking(message: BorderMessage, capability: Capability) -> tuple[RuleFinding, ...]:
    """Say what of a message a country does not take."""
    return tuple(findings(RULES, _Case(message, capability), outgoing=True))


def items(message: BorderMessage) -> int:
    """Count the items of the document that a message carries."""
    if message.phyto is not None:
        return sum(len(item.lines) for item in message.phyto.items)
    content = message.content
    return len(content.items) if isinstance(content, OriginCertificate | ExportDeclaration) else 0


def _document(case: _Case) -> Iterator[str]:
    taken = case.capability.documents
    return where("document", bool(taken) and case.message.document not in taken)


def _event(case: _Case) -> Iterator[str]:
    taken = case.capability.events
    return where("event", bool(taken) and case.message.event not in taken)


def _result(case: _Case) -> Iterator[str]:
    answer, taken = case.message.answer, case.capability.results
    return where("answer.result", answer is not None and bool(taken) and answer.result not in taken)


def _most_items(case: _Case) -> Iterator[str]:
    most = case.capability.most_items
    return where(f"{case.message.document}.items", 0 < most < items(case.message))


def _characters(case: _Case) -> Iterator[str]:
    codec = CHARACTERS[case.capability.characters]
    content = case.message.content
    if codec != "utf-8" and content is not None:
        yield from _not_in(content.model_dump(mode="json"), str(case.message.document), codec)


def _not_in(value: object, place: str, codec: str) -> Iterator[str]:
    """Give the places of texts that have characters beyond a set."""
    if isinstance(value, str):
        yield from where(place, value.encode(codec, "replace").decode(codec) != value)
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _not_in(part, f"{place}.{name}", codec)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _not_in(part, f"{place}.{index}", codec)


_RULE_27 = ("Quy tắc 27 OCP", "OCP Rule 27")


def _row(number: str, vi: str, en: str, check: Callable[[_Case], Iterator[str]]) -> Rule[_Case]:
    # An answer of ours that the other country does not take is not sent either: there is one level only.
    return Rule(number=number, clause=_RULE_27, vi=vi, en=en, outgoing=REFUSE, incoming=REFUSE, check=check)


RULES: tuple[Rule[_Case], ...] = (
    _row("C01", "Nước nhận có nhận loại chứng từ này", "The other country takes this kind of document", _document),
    _row("C02", "Nước nhận có nhận loại thông báo này", "The other country takes this kind of message", _event),
    _row("C03", "Nước nhận có nhận loại kết quả này", "The other country takes this kind of result", _result),
    _row("C04", "Số dòng hàng không vượt quá giới hạn của nước nhận", "No more items than the other country takes", _most_items),
    _row("C05", "Chữ viết nằm trong bảng mã của nước nhận", "Texts are within the other country's character set", _characters),
)
