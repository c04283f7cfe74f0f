"""Append-only history: one hash chain per subject, so that a changed, removed or reordered row shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from hub.ledger.tables import journal, journal_heads

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Broken:
    """One place where the journal is not what was written."""

    subject: str
    number: int
    vi: str
    en: str


def append(conn: Connection, subject: str, event: str, *, at: float, actor: str, entry: Mapping[str, Any]) -> None:
    """Append one row to the subject's chain."""
    head = conn.execute(
        select(journal_heads.c.number, journal_heads.c.hash).where(journal_heads.c.subject == subject).with_for_update()
    ).first()
    number, previous = (head.number + 1, head.hash) if head else (1, GENESIS)
    text = json.dumps(entry, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    digest = row_hash(subject, number, at, actor, event, text, previous)
    conn.execute(
        insert(journal).values(
            subject=subject, number=number, at=at, actor=actor, event=event, entry=text, previous=previous, hash=digest
        )
    )
    if head:
        conn.execute(update(journal_heads).where(journal_heads.c.subject == subject).values(number=number, hash=digest))
    else:
        conn.execute(insert(journal_heads).values(subject=subject, number=number, hash=digest))


def row_hash(subject: str, number: int, at: float, actor: str, event: str, entry: str, previous: str) -> str:
    """Compute a row's hash: SHA-256 over its fields as a JSON array, the previous hash last."""
    fields = [subject, number, f"{at:.6f}", actor, event, entry, previous]
    return hashlib.sha256(json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def verify(conn: Connection) -> Iterator[Broken]:
    """Recompute every chain; yield each row that was changed, removed, reordered or added outside."""
    rows = conn.execution_options(yield_per=1000).execute(select(journal).order_by(journal.c.subject, journal.c.number))
    subject, number, previous = "", 0, GENESIS
    for row in rows:
        if row.subject != subject:
            subject, number, previous = row.subject, 0, GENESIS
        number += 1
        if row.number != number:
            yield Broken(subject, number, f"thiếu dòng {number}", f"row {number} is missing")
            number = row.number
        elif row.previous != previous:
            yield Broken(subject, number, "không nối với dòng trước", "does not follow the row before it")
        if row.hash != row_hash(subject, row.number, row.at, row.actor, row.event, row.entry, row.previous):
            yield Broken(subject, row.number, "nội dung đã bị sửa", "its content was changed")
        previous = row.hash
    yield from _cut_off(conn)


def _cut_off(conn: Connection) -> Iterator[Broken]:
    """Find chains whose last rows are gone: the head remembers more than the chain holds."""
    last = select(journal.c.subject, func.max(journal.c.number).label("number")).group_by(journal.c.subject).subquery()
    heads = conn.execute(
        select(journal_heads.c.subject, journal_heads.c.number, last.c.number.label("found")).outerjoin(
            last, last.c.subject == journal_heads.c.subject
        )
    )
    for row in heads:
        if row.found != row.number:
            yield Broken(row.subject, row.number, "các dòng cuối đã bị xóa", "its last rows were removed")
