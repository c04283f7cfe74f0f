"""Append-only history: one hash chain per subject, so that a changed, removed or reordered row shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Integer, Text, exists, select, update
from sqlalchemy.engine import Row

from hub.canonical.compact_json import compact_octets, compact_sorted
from hub.canonical.digests import sha256
from hub.ledger.for_each import Unheard, for_each, insert_each
from hub.ledger.tables import journal, journal_heads

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Broken:
    """One place where the journal is not what was written."""

    subject: str
    number: int
    vi: str
    en: str


_HEADS = for_each(
    lambda given: (
        select(journal_heads.c.subject, journal_heads.c.number, journal_heads.c.hash)
        .where(journal_heads.c.subject == given.sought)
        .order_by(journal_heads.c.subject)
        .with_for_update()
    ),
    sought=Text,
)
_APPEND = insert_each(journal, "subject", "number", "at", "actor", "event", "entry", "previous", "hash")
_NEW_HEADS = insert_each(journal_heads, "subject", "number", "hash", new=["subject"])
_MOVE_HEADS = for_each(
    lambda given: (
        update(journal_heads).where(journal_heads.c.subject == given.sought).values(number=given.new_number, hash=given.new_hash)
    ),
    sought=Text,
    new_number=Integer,
    new_hash=Text,
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


class Pages:
    """The ends of some subjects' chains, locked until the commit, and the rows that are appended there.

    All are locked at once and in their order, before any other row of these subjects: so groups of verbs in two processes
    never wait for each other crosswise.
    """

    def __init__(self, conn: Connection, subjects: Iterable[str]) -> None:
        self._conn = conn
        #: Subject -> number and hash of its last row, as this commit will leave it; of none that was looked for: 0.
        self._ends: dict[str, tuple[int, str]] = {}
        self._begun: set[str] = set()
        self._rows: list[dict[str, Any]] = []
        #: What was asked for, and is looked at when the first row is appended: so nobody waits for it alone.
        self._asked: list[Iterable[Any]] = []
        self._open(subjects)

    def _open(self, subjects: Iterable[str]) -> None:
        sought = sorted(set(subjects))
        self._ends |= dict.fromkeys(sought, (0, GENESIS))
        self._asked.append(_HEADS.find(self._conn, [{"sought": subject} for subject in sought]))

    def _look(self) -> None:
        while self._asked:
            for row in self._asked.pop():
                self._ends[row.subject] = row.number, row.hash
                self._begun.add(row.subject)

    def append(self, subject: str, event: str, *, at: float, actor: str, entry: Mapping[str, Any]) -> None:
        """Append one row to the subject's chain; ``write`` writes it."""
        if subject not in self._ends:
            self._open([subject])
        if self._asked:
            self._look()
        text = compact_sorted(entry)
        number, previous = self._ends[subject]
        number += 1
        digest = row_hash(subject, number, at, actor, event, text, previous)
        self._ends[subject] = number, digest
        row = {"subject": subject, "number": number, "at": at, "actor": actor, "event": event, "entry": text}
        self._rows.append(row | {"previous": previous, "hash": digest})

    def write(self, unheard: Unheard | None = None) -> None:
        """Write what was appended; raise Meanwhile where another process has just begun one of the chains."""
        new, moved = [], []
        for subject in sorted({row["subject"] for row in self._rows}):
            number, digest = self._ends[subject]
            if subject in self._begun:
                moved.append({"sought": subject, "new_number": number, "new_hash": digest})
            else:
                new.append({"subject": subject, "number": number, "hash": digest})
        _NEW_HEADS.change_all(self._conn, new, unheard)
        _MOVE_HEADS.change(self._conn, moved)
        _APPEND.change(self._conn, self._rows)


def append(conn: Connection, subject: str, event: str, *, at: float, actor: str, entry: Mapping[str, Any]) -> None:
    """Append one row to the subject's chain."""
    pages = Pages(conn, [subject])
    pages.append(subject, event, at=at, actor=actor, entry=entry)
    pages.write()


def row_hash(subject: str, number: int, at: float, actor: str, event: str, entry: str, previous: str) -> str:
    """Compute a row's hash: SHA-256 over its fields as a JSON array (``compact``), the previous hash last."""
    return sha256(compact_octets([subject, number, f"{at:.6f}", actor, event, entry, previous]))


def verify(conn: Connection, tick: Callable[[int], None] = lambda count: None) -> Iterator[Broken]:
    """Recompute every chain; yield each row that was changed, removed, reordered, added outside or cut off.

    A chain that was removed together with its head leaves nothing here to compare with, and rows cut off together with
    a head that was set back look whole: both show in the seals (hub.registers.sealed). ``tick`` is told of each row.
    """
    last: Row[Any] | None = None
    for row in conn.execute(_ROWS, execution_options={"yield_per": 1000}):
        tick(1)
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
