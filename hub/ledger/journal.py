"""Append-only history: one hash chain per subject, so that a changed, removed or reordered row shows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, exists, insert, select, update
from sqlalchemy.engine import Row

from hub.canonical.compact_json import compact, compact_sorted
from hub.ledger.sql import Statement, insert_new
from hub.ledger.tables import journal, journal_heads

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Broken:
    """One place where the journal is not what was written."""

    subject: str
    number: int
    vi: str
    en: str


_HEAD = Statement(
    select(journal_heads.c.number, journal_heads.c.hash)
    .where(journal_heads.c.subject == bindparam("sought"))
    .with_for_update()
)
_COLUMNS = ("subject", "number", "at", "actor", "event", "entry", "previous", "hash")
_APPEND = Statement(insert(journal).values({name: bindparam(name) for name in _COLUMNS}))
_NEW_HEAD = insert_new(journal_heads, "subject")
_MOVE_HEAD = Statement(
    update(journal_heads)
    .where(journal_heads.c.subject == bindparam("sought"))
    .values(number=bindparam("new_number"), hash=bindparam("new_hash"))
)
_ROWS = (
    select(journal, journal_heads.c.number.label("head_number"), journal_heads.c.hash.label("head_hash"))
    .outerjoin(journal_heads, journal_heads.c.subject == journal.c.subject)
    .order_by(journal.c.subject, journal.c.number)
)
_HEADS_WITHOUT_ROWS = (
    select(journal_heads.c.subject)
    .where(~exists().where(journal.c.subject == journal_heads.c.subject))
    .order_by(journal_heads.c.subject)
)


def append(conn: Connection, subject: str, event: str, *, at: float, actor: str, entry: Mapping[str, Any]) -> None:
    """Append one row to the subject's chain."""
    text = compact_sorted(entry)
    number, previous, digest = 1, GENESIS, ""
    head = _HEAD.run(conn, sought=subject).first()
    if head is None:
        digest = row_hash(subject, number, at, actor, event, text, previous)
        if not _NEW_HEAD.run(conn, subject=subject, number=number, hash=digest).rowcount:
            # Another process has just begun this chain.
            head = _HEAD.run(conn, sought=subject).one()
    if head is not None:
        number, previous = head.number + 1, head.hash
        digest = row_hash(subject, number, at, actor, event, text, previous)
        _MOVE_HEAD.run(conn, sought=subject, new_number=number, new_hash=digest)
    _APPEND.run(
        conn,
        subject=subject,
        number=number,
        at=at,
        actor=actor,
        event=event,
        entry=text,
        previous=previous,
        hash=digest,
    )


def row_hash(subject: str, number: int, at: float, actor: str, event: str, entry: str, previous: str) -> str:
    """Compute a row's hash: SHA-256 over its fields as a JSON array, the previous hash last."""
    fields = [subject, number, f"{at:.6f}", actor, event, entry, previous]
    return hashlib.sha256(compact(fields).encode()).hexdigest()


def verify(conn: Connection) -> Iterator[Broken]:
    """Recompute every chain; yield each row that was changed, removed, reordered, added outside or cut off.

    A chain that was removed together with its head leaves nothing here to compare with, and rows cut off together with
    a head that was set back look whole: both need a copy that is kept elsewhere.
    """
    last: Row[Any] | None = None
    for row in conn.execute(_ROWS, execution_options={"yield_per": 1000}):
        if last is not None and row.subject != last.subject:
            yield from _compare_with_head(last)
            last = None
        yield from _check_row(row, last)
        last = row
    if last is not None:
        yield from _compare_with_head(last)
    for subject in conn.execute(_HEADS_WITHOUT_ROWS).scalars():
        yield _cut_off(subject, 1)


def _check_row(row: Row[Any], before: Row[Any] | None) -> Iterator[Broken]:
    number, previous = (before.number + 1, before.hash) if before is not None else (1, GENESIS)
    if row.number != number:
        yield Broken(row.subject, number, f"thiếu dòng {number}", f"row {number} is missing")
    elif row.previous != previous:
        yield Broken(row.subject, row.number, "không nối với dòng trước", "does not follow the row before it")
    if row.hash != row_hash(row.subject, row.number, row.at, row.actor, row.event, row.entry, row.previous):
        yield Broken(row.subject, row.number, "nội dung đã bị sửa", "its content was changed")


def _compare_with_head(last: Row[Any]) -> Iterator[Broken]:
    """Compare a chain's last row with what the head remembers."""
    if last.head_number is None or last.number > last.head_number:
        yield Broken(last.subject, last.number, "được thêm từ bên ngoài hệ thống", "was added outside the hub")
    elif last.number < last.head_number:
        yield _cut_off(last.subject, last.number + 1)
    elif last.hash != last.head_hash:
        yield Broken(last.subject, last.number, "không phải dòng cuối đã ghi", "is not the row that was written last")


def _cut_off(subject: str, number: int) -> Broken:
    text = "its last rows were removed, from row"
    return Broken(subject, number, f"các dòng cuối đã bị xóa, từ dòng {number}", f"{text} {number}")
