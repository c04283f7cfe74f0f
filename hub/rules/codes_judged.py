"""Codes of traffic, counted and judged: which are unknown, closed, ambiguous or not corroborated, and who sends them; pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from hub.canonical.codes import CodeRow, CodeTables
from hub.rules import administration
from hub.rules.administration import AGENCIES, AREA_SUCCESSORS, AREAS, Standing
from hub.rules.codes_in import AGENCY, COMMUNE, DISTRICT, FIELD, KINDS, NUMBER, POSTAL, PROCEDURE, PROVINCE, Found, showable

#: What may be wrong with a code, the gravest first. ``unreadable``: a value without the shape of a code, which is not shown.
UNKNOWN, CLOSED, AMBIGUOUS, OTHER_NAME, DISTRICT_ENDED, SPELLED, UNCORROBORATED, UNREADABLE = FINDINGS = (
    "unknown", "closed", "ambiguous", "other_name", "district_ended", "spelled", "uncorroborated", "unreadable",
)  # fmt: skip
#: Law 72/2025/QH15: no districts from this day on.
DISTRICTS_ENDED = date(2025, 7, 1)
#: Different codes kept at most: who sends a million must not fill the memory.
MOST_CODES = 2_000
_MOST_SPELLINGS = 5
_TABLES: Mapping[str, str] = {AGENCY: AGENCIES, NUMBER: AGENCIES, PROVINCE: AREAS, COMMUNE: AREAS, POSTAL: administration.POSTAL}
#: Words before a name that are no part of it.
_BEFORE = ("ủy ban nhân dân", "ubnd", "tỉnh", "thành phố", "tp.", "tp", "xã", "phường")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenCode:
    """One code as it came, and what it is."""

    #: agency, number (the agency in dossiers' numbers), province, district, commune, postal, procedure, field.
    kind: str
    #: Empty: values that have not the shape of a code, and are not shown.
    code: str
    #: How often it came, and how often from each endpoint.
    number: int
    endpoints: Mapping[str, int]
    first_at: float
    last_at: float
    #: What it is today: current, closed, level_one, unknown; empty where no list says.
    standing: str
    #: What it is called, on the last day on which it was valid.
    name: str
    #: Who answers for it today, and that agency's name: differs from ``code`` where it was closed. Of areas: the code of today.
    today: str
    today_name: str
    #: Of FINDINGS.
    findings: tuple[str, ...]
    #: How often it came in messages of a day on which it was closed already; in messages that tell no day.
    late: int
    undated: int
    #: Names that came with it and are its own, but for the place of a tone mark or an apostrophe.
    spellings: tuple[str, ...]
    #: Names that came with it, and that it has on other days.
    other_names: tuple[str, ...]


@dataclass(slots=True)
class _Count:
    first_at: float
    last_at: float
    number: int = 0
    late: int = 0
    undated: int = 0
    ended: int = 0
    endpoints: dict[str, int] = field(default_factory=dict)
    spellings: set[str] = field(default_factory=set)
    other_names: set[str] = field(default_factory=set)


class Tally:
    """Counts codes, message by message."""

    def __init__(self, codes: CodeTables, today: date) -> None:
        self._codes, self._today = codes, today
        self._counts: dict[tuple[str, str], _Count] = {}
        #: Codes beyond MOST_CODES: how often some came that are not listed.
        self.left_out = 0

    def add(self, found: Found, endpoint: str, at: float) -> None:
        """Count one code of a message that came from an endpoint."""
        key = (found.kind, found.code if showable(found.kind, found.code) else "")
        count = self._counts.get(key)
        if count is None:
            if len(self._counts) >= MOST_CODES:
                self.left_out += 1
                return
            count = self._counts[key] = _Count(first_at=at, last_at=at)
        count.number += 1
        count.first_at, count.last_at = min(count.first_at, at), max(count.last_at, at)
        count.endpoints[endpoint] = count.endpoints.get(endpoint, 0) + 1
        if key[1]:
            self._look(found, count)

    def _look(self, found: Found, count: _Count) -> None:
        """Judge one occurrence by the day of its message."""
        day = found.day or self._today
        count.undated += found.day is None
        count.ended += found.kind == DISTRICT and day >= DISTRICTS_ENDED
        table = _TABLES.get(found.kind)
        if table is None:
            return
        codes, code = self._codes, _padded(found.kind, found.code)
        count.late += administration.standing(codes, table, code, day) is Standing.CLOSED
        if found.name:
            _compare(found.name, administration.meant(codes, table, code, day), _own(codes, table, code), count)

    def procedures(self) -> Collection[str]:
        """Give the codes of procedures that came, so that they can be looked up in the catalogues."""
        return [code for kind, code in self._counts if kind == PROCEDURE and code]

    def seen(self, catalogued: Collection[str] | None) -> tuple[SeenCode, ...]:
        """Judge all codes; what is wrong first, then what came most often.

        ``catalogued``: those of ``procedures`` that a catalogue has; None: the hub has no catalogue to say so.
        """
        judged = [self._seen(kind, code, count, catalogued) for (kind, code), count in self._counts.items()]
        return tuple(sorted(judged, key=_order))

    def _seen(self, kind: str, code: str, count: _Count, catalogued: Collection[str] | None) -> SeenCode:
        standing, name, today, today_name = self._is(kind, code, catalogued) if code else ("", "", "", "")
        return SeenCode(
            kind=kind,
            code=code,
            number=count.number,
            endpoints=dict(sorted(count.endpoints.items(), key=lambda each: (-each[1], each[0]))),
            first_at=count.first_at,
            last_at=count.last_at,
            standing=standing,
            name=name,
            today=today,
            today_name=today_name,
            findings=tuple(self._findings(kind, code, standing, count)),
            late=count.late,
            undated=count.undated,
            spellings=tuple(sorted(count.spellings)),
            other_names=tuple(sorted(count.other_names)),
        )

    def _is(self, kind: str, code: str, catalogued: Collection[str] | None) -> tuple[str, str, str, str]:
        """Give standing, name, code of today and its name."""
        codes, today = self._codes, self._today
        if kind in (AGENCY, NUMBER):
            standing = administration.standing(codes, AGENCIES, code, today).value
            owner = administration.owner_on(codes, code, today)
            return standing, _last_name(codes, AGENCIES, code), owner, administration.name_on(codes, code, today)
        if kind in _TABLES:
            padded = _padded(kind, code)
            now = administration.area_today(codes, padded, today) if kind != POSTAL else padded
            row = codes.find(_TABLES[kind], now, today)
            standing = administration.standing(codes, _TABLES[kind], padded, today).value
            return standing, _last_name(codes, _TABLES[kind], padded), now, row.name if row else ""
        return self._other(kind, code, catalogued), "", code, ""

    def _other(self, kind: str, code: str, catalogued: Collection[str] | None) -> str:
        """Say whether a procedure or a field is known; what agency stands *in* their codes is nobody's business."""
        listed = {PROCEDURE: "procedures", FIELD: "fields"}.get(kind)
        if listed is None:
            return ""
        if self._codes.versions(listed, code) or (kind == PROCEDURE and catalogued is not None and code in catalogued):
            return Standing.CURRENT.value
        if kind == PROCEDURE:
            return "" if catalogued is None else Standing.UNKNOWN.value
        return "" if administration.level_one(code.partition("-")[0]) else Standing.UNKNOWN.value

    def _findings(self, kind: str, code: str, standing: str, count: _Count) -> Iterator[str]:
        if not code:
            yield UNREADABLE
            return
        table = _TABLES.get(kind, "")
        if standing == Standing.UNKNOWN:
            yield UNKNOWN
        if count.late:
            yield CLOSED
        if count.undated and administration.ambiguous(self._codes, table, _padded(kind, code)):
            yield AMBIGUOUS
        if count.other_names:
            yield OTHER_NAME
        if count.ended:
            yield DISTRICT_ENDED
        if count.spellings:
            yield SPELLED
        if table and administration.uncorroborated(self._codes, table, _padded(kind, code), self._today):
            yield UNCORROBORATED


def _padded(kind: str, code: str) -> str:
    """Give an area code with the noughts in front that spreadsheets take away."""
    return code.zfill({PROVINCE: 2, COMMUNE: 5}.get(kind, 0))


def _compare(name: str, meant: CodeRow | None, versions: tuple[CodeRow, ...], count: _Count) -> None:
    """Note a name that is the code's but for its spelling, and one that is the code's of another day; others are not kept."""
    key = _name(name)
    if meant is not None and meant.name and key == _name(meant.name):
        if _bare(name).casefold() != _bare(meant.name).casefold() and len(count.spellings) < _MOST_SPELLINGS:
            count.spellings.add(name)
    elif any(row.name and key == _name(row.name) for row in versions) and len(count.other_names) < _MOST_SPELLINGS:
        count.other_names.add(name)


def _name(text: str) -> str:
    return administration.name_key(_bare(text))


def _bare(text: str) -> str:
    """Cut the words that stand before a name."""
    bare = unicodedata.normalize("NFC", " ".join(text.split()))
    key = administration.name_key
    while word := next((each for each in _BEFORE if key(bare).startswith(f"{key(each)} ")), ""):
        bare = bare[len(word) + 1 :]
    return bare


def _own(codes: CodeTables, table: str, code: str) -> tuple[CodeRow, ...]:
    """Give what a code was under itself, on whichever days."""
    return tuple(row for row in codes.versions(table, code) if table != AGENCIES or row.value == code)


def _last_name(codes: CodeTables, table: str, code: str) -> str:
    """Give what a code was called last under itself; of an agency's lower level, its level 1."""
    rows = _own(codes, table, code)
    if not rows:
        above = administration.level_one(code) if table == AGENCIES else ""
        rows = _own(codes, AGENCIES, above) if above else codes.versions(AREA_SUCCESSORS, code)
    return max(rows, key=lambda row: row.valid_from or date.min).name if rows else ""


def _order(each: SeenCode) -> tuple[int, int, int, str]:
    first = FINDINGS.index(each.findings[0]) if each.findings else len(FINDINGS)
    return first, -each.number, KINDS.index(each.kind), each.code
