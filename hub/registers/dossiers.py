"""Dossiers by any of their numbers: state, origin, who takes part, coordinates from the first message."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, bindparam, select

from hub.canonical.codes import Status
from hub.canonical.dossier import Dossier
from hub.errors import InvalidMessage, bad_value
from hub.ledger.sql import Statement
from hub.ledger.tables import chains, dossier_codes, dossiers
from hub.rules import dossier_facts
from hub.rules.dossier_facts import Facts

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


def codes_of(dossier: Dossier) -> tuple[str, ...]:
    """List every number a dossier is given under, ``numbering:number``."""
    others = (f"{numbering}:{code}" for numbering, code in dossier.other_codes.items() if code)
    return tuple(dict.fromkeys((dossier.key, *others)))


def find(conn: Connection, codes: Iterable[str]) -> Known | None:
    """Find the one dossier that has any of these numbers.

    Raises InvalidMessage where they belong to two dossiers: a number was mistaken.
    """
    wanted = tuple(codes)
    keys = {key for number in wanted for key in _KEY.run(conn, number=number).scalars()}
    if not keys:
        return None
    if len(keys) > 1:
        raise two_dossiers(wanted)
    return _known(conn, keys.pop())


def two_dossiers(codes: Iterable[str]) -> InvalidMessage:
    """Say that these numbers, given as one dossier's, belong to two."""
    both = " · ".join(codes)
    return InvalidMessage(
        [bad_value("/HoSo/MaHoSo", f"các mã số {both} thuộc hai hồ sơ khác nhau", f"numbers {both} belong to two dossiers")]
    )


def _known(conn: Connection, key: str) -> Known:
    row = _DOSSIER.run(conn, dossier=key).one()
    return Known(
        key=key,
        procedure=row.procedure,
        status=Status(row.status),
        origin=row.origin,
        native=json.loads(row.native),
        version=row.version,
        codes=tuple(_NUMBERS.run(conn, dossier=key).scalars()),
        recipients=tuple(_RECIPIENTS.run(conn, dossier=key).scalars()),
        facts=dossier_facts.of_row(row),
        test=bool(row.test),
    )
