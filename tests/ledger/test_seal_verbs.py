"""Seals are over exact parts of the journal, also while others write; one sealer at a time keeps one."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Connection, insert, select

from hub.ledger import journal as chains
from hub.ledger import seal_verbs
from hub.ledger.ledger import Ledger
from hub.ledger.tables import journal, journal_heads, seal_leaves, seals
from hub.rules import ledger_seal
from hub.rules.ledger_seal import End, Seal
from tests.support.sealer import AT, write

PATIENCE_SECONDS = 60.0


def sealed(ledger: Ledger, most: int = 100) -> Seal | None:
    """Make the next seal; give it."""
    with ledger.read() as conn:
        before, upto = seal_verbs.last(conn), seal_verbs.newest_row(conn)
        found = seal_verbs.unsealed(conn, before.upto if before else 0, upto, most)
    made = ledger_seal.make(before, found.ends, at=AT, upto=found.upto)
    with ledger.apart() as conn:
        return made if seal_verbs.keep(conn, made, found.ends) else None


def leaves(ledger: Ledger, number: int) -> list[tuple[str, int]]:
    query = select(seal_leaves).where(seal_leaves.c.seal == number).order_by(seal_leaves.c.position)
    with ledger.read() as conn:
        return [(row.subject, row.number) for row in conn.execute(query)]


def test_a_seal_is_over_the_last_row_of_each_subject_that_went_on(ledger: Ledger) -> None:
    write(ledger, "a", "b", "a", "c")
    first = sealed(ledger)
    write(ledger, "b", "d")
    second = sealed(ledger)

    assert leaves(ledger, 1) == [("a", 2), ("b", 1), ("c", 1)]
    assert leaves(ledger, 2) == [("b", 2), ("d", 1)]
    assert (first.number, first.previous, first.leaves) == (1, ledger_seal.NO_ROOT, 4)
    assert (second.number, second.previous, second.leaves) == (2, first.root, 3)
    with ledger.read() as conn:
        assert seal_verbs.last(conn) == second
        assert second.upto == seal_verbs.newest_row(conn)


def test_what_a_seal_has_no_room_for_is_in_the_next_one(ledger: Ledger) -> None:
    write(ledger, "a", "b", "a", "c", "b")

    assert [sealed(ledger, most=2).leaves for _ in range(2)] == [3, 3]
    assert leaves(ledger, 1) == [("a", 2), ("b", 1)]
    assert leaves(ledger, 2) == [("c", 1), ("b", 2)]


def test_one_seal_reads_so_many_rows_at_most(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    write(ledger, *["a"] * 5)
    monkeypatch.setattr(seal_verbs, "ROWS", 3)

    sealed(ledger)
    sealed(ledger)

    assert leaves(ledger, 1) + leaves(ledger, 2) == [("a", 3), ("a", 5)]


def test_of_two_sealers_the_second_keeps_nothing(ledger: Ledger) -> None:
    write(ledger, "a")
    made = ledger_seal.make(None, [End("a", 1, "0" * 64)], at=AT, upto=1)

    kept = []
    for _ in range(2):
        with ledger.apart() as conn:
            kept.append(seal_verbs.keep(conn, made, [End("a", 1, "0" * 64)]))

    assert kept == [True, False]
    with ledger.read() as conn:
        assert len(conn.execute(select(seals)).all()) == 1


def test_while_one_sealer_keeps_a_seal_another_goes_away_at_once(ledger: Ledger) -> None:
    if ledger._engine.dialect.name == "sqlite":
        pytest.skip("on SQLite whoever writes is alone")
    made = ledger_seal.make(None, [], at=AT, upto=1)

    with ledger.apart() as conn:
        assert seal_verbs.keep(conn, made, [])
        with ledger.apart() as other:
            assert not seal_verbs.keep(other, made, [])


def test_a_seal_is_kept_with_all_its_leaves_or_not_at_all(ledger: Ledger) -> None:
    class Died(Exception):
        pass

    def keep_and_die() -> None:
        with ledger.apart() as conn:
            assert seal_verbs.keep(conn, ledger_seal.make(None, [End("a", 1, "0" * 64)], at=AT, upto=1), [End("a", 1, "0" * 64)])
            raise Died

    with pytest.raises(Died):
        keep_and_die()

    assert leaves(ledger, 1) == []
    with ledger.read() as conn:
        assert seal_verbs.last(conn) is None


# --- others write meanwhile


@pytest.fixture
def concurrent(ledger: Ledger) -> Ledger:
    if ledger._engine.dialect.name == "sqlite":
        pytest.skip("on SQLite places are given in the order of commits")
    return ledger


def append_outside(conn: Connection, subject: str) -> None:
    """Write a row as another process does, with its place drawn now."""
    digest = chains.row_hash(subject, 1, AT, "hub", "test.event", "{}", chains.GENESIS)
    row = {"subject": subject, "number": 1, "at": AT, "actor": "hub", "event": "test.event", "entry": "{}"}
    conn.execute(insert(journal).values(**row, previous=chains.GENESIS, hash=digest))
    conn.execute(insert(journal_heads).values(subject=subject, number=1, hash=digest))


def test_a_row_with_a_lower_place_that_is_committed_later_is_waited_for(concurrent: Ledger) -> None:
    settled: list[bool] = []
    looking = threading.Event()

    def look() -> None:
        with concurrent.read() as conn:
            looking.set()
            settled.append(seal_verbs.settle(conn))

    with concurrent._engine.connect() as slow:
        append_outside(slow, "slow")
        write(concurrent, "quick")
        waiting = threading.Thread(target=look)
        waiting.start()
        assert looking.wait(PATIENCE_SECONDS)
        assert not settled
        slow.commit()
    waiting.join(PATIENCE_SECONDS)
    sealed(concurrent)

    assert settled == [True]
    assert leaves(concurrent, 1) == [("slow", 1), ("quick", 1)]


def test_a_writer_that_hangs_is_not_waited_for_for_ever(concurrent: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal_verbs, "WAIT_SECONDS", 0.0)
    with concurrent._engine.connect() as slow:
        append_outside(slow, "slow")
        with concurrent.read() as conn:
            assert not seal_verbs.settle(conn)


def test_who_only_reads_or_begins_later_is_not_waited_for(concurrent: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal_verbs, "WAIT_SECONDS", 0.0)
    with concurrent._engine.connect() as reader:
        reader.execute(select(journal)).all()
        with concurrent.read() as conn:
            assert seal_verbs.settle(conn)


# --- timestamps


def test_a_timestamp_is_kept_once_and_the_oldest_seal_is_first(ledger: Ledger) -> None:
    for subject in ("a", "b"):
        write(ledger, subject)
        sealed(ledger)

    with ledger.apart() as conn:
        first = seal_verbs.oldest_unstamped(conn)
        assert seal_verbs.mark_asked(conn, first, AT + 30)
        assert not seal_verbs.mark_asked(conn, first, AT + 30)
        waiting = seal_verbs.oldest_unstamped(conn)
        assert (waiting.seal.number, waiting.asked, waiting.ask_at) == (1, 1, AT + 30)
        assert seal_verbs.keep_token(conn, 1, b"token", AT)
        assert not seal_verbs.keep_token(conn, 1, b"other", AT + 1)
        assert seal_verbs.oldest_unstamped(conn).seal.number == 2
        seal_verbs.ask_later(conn, 1, AT + 99)
        assert conn.execute(select(seals.c.token, seals.c.ask_at).where(seals.c.number == 1)).one() == (b"token", AT + 30)
