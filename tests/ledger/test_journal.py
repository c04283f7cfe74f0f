"""The journal shows what was done to it: each changed, removed, reordered, added or cut-off row is found and named."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert, select, update

from hub.canonical.compact_json import compact, compact_sorted
from hub.ledger import journal as journal_module
from hub.ledger.journal import GENESIS
from hub.ledger.ledger import Ledger
from hub.ledger.tables import journal, journal_heads
from tests.support.looking import broken_rows

SUBJECTS = ("national:1", "national:2", "national:3")
ROWS = 4


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A ledger whose journal has three subjects with four rows each, written in turns."""
    folder: Path = tmp_path_factory.mktemp("journal")
    ledger = Ledger(f"sqlite:///{folder / 'ledger.db'}")
    ledger.create()
    for number in range(1, ROWS + 1):
        for subject in SUBJECTS:
            ledger._write(lambda conn, subject=subject, number=number: _append(conn, subject, number))
    yield ledger
    ledger.close()


def _append(conn: Connection, subject: str, number: int) -> None:
    journal_module.append(conn, subject, "test.event", at=1000.5 + number, actor="hub", entry={"number": number, "vi": "số"})


class TamperedOnPurpose(Exception):
    """Takes the tampering back."""


def found_after(ledger: Ledger, tamper: Any) -> list[tuple[str, int, str]]:
    """Verify a journal that was tampered with, and put it back."""
    found: list[tuple[str, int, str]] = []

    def verb(conn: Connection) -> None:
        tamper(conn)
        found.extend((each.subject, each.number, each.en) for each in journal_module.verify(conn))
        raise TamperedOnPurpose

    with pytest.raises(TamperedOnPurpose):
        ledger._write(verb)
    assert broken_rows(ledger) == []
    return found


def row(subject: str, number: int) -> Any:
    return (journal.c.subject == subject) & (journal.c.number == number)


def test_what_was_written_verifies(book: Ledger) -> None:
    assert broken_rows(book) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    subject=st.sampled_from(SUBJECTS),
    number=st.integers(1, ROWS),
    change=st.sampled_from(
        [{"at": 1.0}, {"actor": "x"}, {"event": "x"}, {"entry": "{}"}, {"hash": "0" * 64}, {"previous": "1" * 64}]
    ),
)
def test_a_changed_row_is_named(book: Ledger, subject: str, number: int, change: dict[str, Any]) -> None:
    found = found_after(book, lambda conn: conn.execute(update(journal).where(row(subject, number)).values(**change)))

    assert (subject, number) in {each[:2] for each in found}
    assert {each[0] for each in found} == {subject}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
@given(subject=st.sampled_from(SUBJECTS), number=st.integers(1, ROWS - 1))
def test_a_removed_row_is_named(book: Ledger, subject: str, number: int) -> None:
    found = found_after(book, lambda conn: conn.execute(delete(journal).where(row(subject, number))))

    assert found == [(subject, number, f"row {number} is missing")]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
@given(subject=st.sampled_from(SUBJECTS), count=st.integers(1, ROWS))
def test_cut_off_rows_are_named(book: Ledger, subject: str, count: int) -> None:
    cut = (journal.c.subject == subject) & (journal.c.number > ROWS - count)

    found = found_after(book, lambda conn: conn.execute(delete(journal).where(cut)))

    assert [each[:2] for each in found] == [(subject, ROWS - count + 1)]
    assert "last rows were removed" in found[0][2]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(subject=st.sampled_from(SUBJECTS), order=st.permutations(range(1, ROWS + 1)))
@example(subject=SUBJECTS[0], order=[2, 1, 3, 4])
def test_reordered_rows_are_named(book: Ledger, subject: str, order: list[int]) -> None:
    def reorder(conn: Connection) -> None:
        rows = conn.execute(select(journal).where(journal.c.subject == subject).order_by(journal.c.number)).fetchall()
        for each in rows:
            conn.execute(update(journal).where(journal.c.seq == each.seq).values(number=each.number + 100))
        for each, number in zip(rows, order, strict=True):
            conn.execute(update(journal).where(journal.c.seq == each.seq).values(number=number))

    found = found_after(book, reorder)

    moved = {number for place, number in enumerate(order, start=1) if place != number}
    assert {each[0] for each in found} == ({subject} if moved else set())
    assert moved <= {each[1] for each in found}


def test_a_row_moved_to_another_subject_is_named_there_and_missed_here(book: Ledger) -> None:
    def move(conn: Connection) -> None:
        conn.execute(update(journal).where(row(SUBJECTS[0], ROWS)).values(subject=SUBJECTS[1], number=ROWS + 1))

    found = {each[:2] for each in found_after(book, move)}

    assert {(SUBJECTS[0], ROWS), (SUBJECTS[1], ROWS + 1)} <= found


def _forged(conn: Connection, subject: str, number: int, previous: str, *, replace: bool = False) -> None:
    """Write a row whose hash is right: the rule is public, only the head remembers what was there."""
    digest = journal_module.row_hash(subject, number, 2000.0, "hub", "test.forged", "{}", previous)
    values = {"at": 2000.0, "actor": "hub", "event": "test.forged", "entry": "{}", "previous": previous, "hash": digest}
    if replace:
        conn.execute(update(journal).where(row(subject, number)).values(**values))
    else:
        conn.execute(insert(journal).values(subject=subject, number=number, **values))


def _hash_of(conn: Connection, subject: str, number: int) -> str:
    return str(conn.execute(select(journal.c.hash).where(row(subject, number))).scalar_one())


def test_a_row_appended_outside_with_a_right_hash_is_named(book: Ledger) -> None:
    found = found_after(book, lambda conn: _forged(conn, SUBJECTS[0], ROWS + 1, _hash_of(conn, SUBJECTS[0], ROWS)))

    assert found == [(SUBJECTS[0], ROWS + 1, "was added outside the hub")]


def test_a_last_row_rewritten_with_a_right_hash_is_named(book: Ledger) -> None:
    def rewrite(conn: Connection) -> None:
        _forged(conn, SUBJECTS[0], ROWS, _hash_of(conn, SUBJECTS[0], ROWS - 1), replace=True)

    found = found_after(book, rewrite)

    assert found == [(SUBJECTS[0], ROWS, "is not the row that was written last")]


def test_a_subject_made_up_outside_is_named(book: Ledger) -> None:
    found = found_after(book, lambda conn: _forged(conn, "national:9", 1, journal_module.GENESIS))

    assert found == [("national:9", 1, "was added outside the hub")]


def test_a_subject_whose_head_was_removed_is_named(book: Ledger) -> None:
    gone = delete(journal_heads).where(journal_heads.c.subject == SUBJECTS[2])

    found = found_after(book, lambda conn: conn.execute(gone))

    assert {each[0] for each in found} == {SUBJECTS[2]}


def test_all_rows_of_a_subject_removed_but_for_its_head_is_named(book: Ledger) -> None:
    found = found_after(book, lambda conn: conn.execute(delete(journal).where(journal.c.subject == SUBJECTS[1])))

    assert [each[:2] for each in found] == [(SUBJECTS[1], 1)]


def test_a_subject_removed_with_its_head_is_not_seen(book: Ledger) -> None:
    """What this journal cannot see by itself: nothing is left to compare with. A copy kept elsewhere would show it."""

    def remove(conn: Connection) -> None:
        conn.execute(delete(journal).where(journal.c.subject == SUBJECTS[1]))
        conn.execute(delete(journal_heads).where(journal_heads.c.subject == SUBJECTS[1]))

    assert found_after(book, remove) == []


def test_every_broken_place_is_named_not_only_the_first(book: Ledger) -> None:
    def tamper(conn: Connection) -> None:
        conn.execute(update(journal).where(row(SUBJECTS[0], 1)).values(actor="x"))
        conn.execute(delete(journal).where(row(SUBJECTS[1], 2)))
        conn.execute(delete(journal).where(row(SUBJECTS[2], ROWS)))

    found = found_after(book, tamper)

    assert {each[:2] for each in found} >= {(SUBJECTS[0], 1), (SUBJECTS[1], 2), (SUBJECTS[2], ROWS)}


def test_the_bytes_that_are_hashed_are_those_of_the_compact_json() -> None:
    letters = "".join(chr(number) for number in range(0x110000) if not 0xD800 <= number < 0xE000)
    fields = [letters, 7, "1000.500000", "hub", "test.event", compact_sorted({"vi": letters}), GENESIS]

    expected = hashlib.sha256(compact(fields).encode()).hexdigest()

    assert journal_module.row_hash(letters, 7, 1000.5, "hub", "test.event", compact_sorted({"vi": letters}), GENESIS) == expected


def test_a_subject_without_a_row_is_looked_for_once(book: Ledger) -> None:
    said: list[str] = []

    def verb(conn: Connection) -> None:
        driver: Any = conn.connection.driver_connection
        driver.set_trace_callback(said.append)
        pages = journal_module.Pages(conn, ["national:new"])
        for number in (1, 2):
            pages.append("national:new", "test.event", at=1000.0, actor="hub", entry={"number": number})
        driver.set_trace_callback(None)
        pages.write()
        assert list(journal_module.verify(conn)) == []
        raise TamperedOnPurpose

    with pytest.raises(TamperedOnPurpose):
        book._write(verb)

    assert len([each for each in said if "journal_heads" in each]) == 1
