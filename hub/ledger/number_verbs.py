"""Numbers that partners give dossiers by their receipts, joined to the dossiers' others in the commit of the receipt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Text, select

from hub.errors import HubError
from hub.ledger.for_each import for_each, insert_each
from hub.ledger.tables import dossier_codes
from hub.ledger.values import Delivered
from hub.ledger.works import Commit, Work, going_on

_KNOWN = for_each(
    lambda given: select(dossier_codes.c.code, dossier_codes.c.key).where(dossier_codes.c.code == given.number), number=Text
)
_NEW = insert_each(dossier_codes, "code", "key", new=["code"])


class NumberTaken(HubError):
    """A partner gives a dossier a number that another dossier has: one of the two would be taken for the other."""

    code = "number_taken"
    who = "operator"


def join(commit: Commit, works: Sequence[Work[Delivered, None]], rows: Mapping[str, Any]) -> None:
    """Join what receipts say; refuse the shares with a number that another dossier has. Receipts without numbers cost nothing."""
    wanted = [(work, _codes(rows[work.given.held.id], work.given.receipt.numbers)) for work in going_on(works)]
    wanted = [(work, codes) for work, codes in wanted if codes]
    known = _known(commit.conn, [codes for _, codes in wanted])
    new: dict[str, str] = {}
    for work, codes in wanted:
        if taken := _taken(known, codes):
            work.refuse(_number_taken(taken, work.given.held.service))
            continue
        new |= {code: key for code, key in codes.items() if code not in known}
        known |= codes
    # Another process that joins the same number now is told to look again.
    _NEW.change_all(commit.conn, [{"code": code, "key": key} for code, key in sorted(new.items())], commit.unheard)


def join_one(conn: Connection, row: Any, numbers: Mapping[str, str]) -> None:
    """Join what a person found in a partner's reply; raises NumberTaken where another dossier has the number."""
    codes = _codes(row, numbers)
    known = _known(conn, [codes])
    if taken := _taken(known, codes):
        raise _number_taken(taken, row.service)
    _NEW.change_all(conn, [{"code": code, "key": key} for code, key in sorted(codes.items()) if code not in known])


def _codes(row: Any, numbers: Mapping[str, str]) -> dict[str, str]:
    """Write numbers as the register has them, with the dossier's key; only dossiers have numbers."""
    if row.kind != "dossier":
        return {}
    return {f"{numbering}:{number}": row.subject for numbering, number in numbers.items() if number}


def _known(conn: Connection, wanted: Sequence[Mapping[str, str]]) -> dict[str, str]:
    sought = sorted({code for codes in wanted for code in codes})
    return {row.code: row.key for row in _KNOWN.find(conn, [{"number": code} for code in sought])}


def _taken(known: Mapping[str, str], codes: Mapping[str, str]) -> str:
    """Name the first of these numbers that another dossier has; empty where there is none."""
    return next((code for code, key in sorted(codes.items()) if known.get(code, key) != key), "")


def _number_taken(code: str, service: str) -> NumberTaken:
    return NumberTaken(
        f"the partner gives the number {code}, which another dossier has: ask the partner which of the two it is",
        f"đối tác cấp mã số {code} nhưng mã này đã thuộc hồ sơ khác: hãy hỏi đối tác mã số thuộc hồ sơ nào",
        where=service,
    )
