"""Dossiers by any of their numbers: state, origin, who takes part, coordinates from the first message."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from hub.canonical.base import VIETNAM
from hub.canonical.codes import Status
from hub.canonical.compact_json import compact_sorted
from hub.canonical.dossier import Dossier
from hub.errors import InvalidMessage, bad_value
from hub.ledger.sql import Statement, sent_ahead
from hub.ledger.tables import chains, dossier_codes, dossiers
from hub.rules import dossier_facts, trade_lifecycle
from hub.rules.dossier_facts import Facts
from hub.rules.trade_lifecycle import Course

_KEY = Statement(select(dossier_codes.c.key).where(dossier_codes.c.code == bindparam("number")))
_DOSSIER = Statement(select(dossiers).where(dossiers.c.key == bindparam("dossier")))
_NUMBERS = Statement(select(dossier_codes.c.code).where(dossier_codes.c.key == bindparam("dossier")))
_RECIPIENTS = Statement(select(chains.c.endpoint).where(chains.c.subject == bindparam("dossier")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the register holds about one dossier."""

    key: str
    procedure: str
    status: Status
    origin: str
    native: Mapping[str, str]
    version: int
    #: ``numbering:number`` of every number.
    codes: tuple[str, ...]
    #: Endpoints that got deliveries of it.
    recipients: tuple[str, ...] = field(default=())
    #: What statistics count it by.
    facts: Facts = field(default_factory=Facts)
    #: A test dossier.
    test: bool = False
    #: Of a trade dossier: where it stands; None: it is none.
    course: Course | None = None

    @property
    def begun(self) -> datetime | None:
        """Say when it was submitted, as far as that was told."""
        told = self.facts.submitted_at
        return datetime.fromtimestamp(told, VIETNAM) if told is not None else None


def native_of(known: Known) -> str:
    """Write the coordinates of a dossier's first message, as the register keeps them."""
    return compact_sorted(dict(known.native))


def codes_of(dossier: Dossier) -> tuple[str, ...]:
    """List every number a dossier is given under, ``numbering:number``."""
    others = (f"{numbering}:{code}" for numbering, code in dossier.other_codes.items() if code)
    return tuple(dict.fromkeys((dossier.key, *others)))


def find(conn: Connection, codes: Iterable[str]) -> Known | None:
    """Find the one dossier that has any of these numbers.

    Raises InvalidMessage where they belong to two dossiers: a number was mistaken.
    """
    wanted = tuple(codes)
    found = find_all(conn, [wanted])
    if wanted not in found:
        raise two_dossiers(wanted)
    return found[wanted]


def find_all(conn: Connection, wanted: Collection[tuple[str, ...]]) -> dict[tuple[str, ...], Known | None]:
    """Find a dossier for each of these sets of numbers, in two rounds to the server; None where no dossier has any of them.

    A set whose numbers belong to two dossiers is left out.
    """
    keys = _keys(conn, {number for codes in wanted for number in codes})
    meant = {codes: {keys[number] for number in codes if number in keys} for codes in wanted}
    known = _known(conn, {key for found in meant.values() if len(found) == 1 for key in found})
    return {codes: known[next(iter(found))] if found else None for codes, found in meant.items() if len(found) < 2}


def _keys(conn: Connection, numbers: Iterable[str]) -> dict[str, str]:
    """Give the dossier that has a number, for those that one has."""
    with sent_ahead(conn):
        asked = {number: _KEY.run(conn, number=number) for number in numbers}
        found = {number: found.scalar() for number, found in asked.items()}
    return {number: key for number, key in found.items() if key is not None}


def two_dossiers(codes: Iterable[str]) -> InvalidMessage:
    """Say that these numbers, given as one dossier's, belong to two."""
    both = " · ".join(codes)
    return InvalidMessage(
        [bad_value("/HoSo/MaHoSo", f"các mã số {both} thuộc hai hồ sơ khác nhau", f"numbers {both} belong to two dossiers")]
    )


def _known(conn: Connection, keys: Iterable[str]) -> dict[str, Known]:
    with sent_ahead(conn):
        asked = {key: [each.run(conn, dossier=key) for each in (_DOSSIER, _NUMBERS, _RECIPIENTS)] for key in keys}
        return {
            key: _of_row(row.one(), numbers.scalars(), recipients.scalars()) for key, (row, numbers, recipients) in asked.items()
        }


def _of_row(row: Any, numbers: Iterable[str], recipients: Iterable[str]) -> Known:
    codes = tuple(numbers)
    return Known(
        key=row.key,
        procedure=row.procedure,
        status=Status(row.status),
        origin=row.origin,
        native=json.loads(row.native),
        version=row.version,
        codes=codes,
        recipients=tuple(recipients),
        facts=dossier_facts.of_row(row),
        test=bool(row.test),
        course=course_of(row, codes),
    )


def course_of(row: Any, numbers: Iterable[str]) -> Course | None:
    """Give where a trade dossier stands; one that was known before stages were is judged by its status."""
    found = trade_lifecycle.read(row.trade_stage, row.trade_course, row.answer_due)
    if found is not None or trade_lifecycle.begun(numbers) is None:
        return found
    return trade_lifecycle.of_status(Status(row.status))
