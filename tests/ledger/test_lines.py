"""Statements said by libpq itself: what goes comes back, what fails is told to who hears it, and nothing is prepared twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Boolean, Connection, Double, LargeBinary, Text, bindparam, cast, func, select, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError, ProgrammingError

from hub.ledger import lines, postgresql
from hub.ledger.engine import open_engine, writing
from hub.ledger.sql import Statement, command, insert_new, sent_ahead
from hub.ledger.tables import journal_heads
from hub.rules.retention import Kept
from tests.support import postgres

KINDS = {"word": Text, "octets": LargeBinary, "moment": Double, "fact": Boolean}
ECHO = Statement(select(*(cast(bindparam(name, type_=kind), kind).label(name) for name, kind in KINDS.items())))
HEADS = Statement(select(journal_heads.c.subject).order_by(journal_heads.c.subject))
NEW = Statement(journal_heads.insert().values({name: bindparam(name) for name in ("subject", "number", "hash")}))
NEW_ONE = insert_new(journal_heads, "subject")
NOBODY_KNOWS = Statement(text("SELECT nothing FROM nowhere"))
#: Longer than the test looks.
STANDS_STILL = Statement(text("SELECT pg_sleep(60)"))
PREPARED = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%journal_heads%'")


@pytest.fixture
def conn() -> Iterator[Connection]:
    """A connection as the writer has it."""
    postgres.require()
    with postgres.ledger_url() as address:
        engine = open_engine(address)
        with engine.connect() as connection:
            postgresql.prepare_writer(connection)
            yield connection
        engine.dispose()


def head(subject: str) -> dict[str, Any]:
    return {"subject": subject, "number": 1, "hash": "0"}


def subjects(conn: Connection) -> list[str]:
    return list(HEADS.run(conn).scalars())


@pytest.mark.parametrize(
    "given",
    [
        {"word": "Hồ sơ 'số' \\ \"1\" %s $1 🜁", "octets": b"\0\xff'\\", "moment": 0.1 + 0.2, "fact": True},
        {"word": "", "octets": b"", "moment": -1.7976931348623157e308, "fact": False},
        {"word": "x" * 1_000_000, "octets": bytes(3_000_000), "moment": 5e-324, "fact": None},
        {"word": None, "octets": b"0", "moment": None, "fact": None},
    ],
)
def test_values_come_back_as_they_went(conn: Connection, given: dict[str, Any]) -> None:
    assert ECHO.run(conn, **given).one()._asdict() == given


def test_a_text_with_a_nul_is_refused_before_anything_is_said(conn: Connection) -> None:
    with pytest.raises(DataError):
        NEW.run(conn, **head("a\0b"))

    with writing(conn):
        NEW.run(conn, **head("a"))
    assert subjects(conn) == ["a"]


def test_statements_that_are_sent_ahead_are_carried_out_in_their_order(conn: Connection) -> None:
    with writing(conn), sent_ahead(conn):
        first = NEW_ONE.run(conn, **head("a"))
        seen = HEADS.run(conn)
        again = NEW_ONE.run(conn, **head("a"))
        NEW_ONE.run_each(conn, [head("b"), head("c")])
        assert [first.rowcount, again.rowcount, list(seen.scalars())] == [1, 0, ["a"]]

    assert subjects(conn) == ["a", "b", "c"]


def test_what_failed_is_raised_by_who_hears_a_later_statement(conn: Connection) -> None:
    with pytest.raises(IntegrityError) as raised, writing(conn), sent_ahead(conn):
        NEW.run(conn, **head("a"))
        NEW.run(conn, **head("a"))
        list(HEADS.run(conn))

    assert "duplicate key" in str(raised.value)
    assert "(a)" not in str(raised.value), "the server's DETAIL names the row"
    assert subjects(conn) == []


def test_what_failed_and_nobody_heard_is_raised_at_the_end(conn: Connection) -> None:
    with pytest.raises(IntegrityError), writing(conn), sent_ahead(conn):
        NEW.run_each(conn, [head("a"), head("a")])

    assert subjects(conn) == []


def test_an_exception_of_ours_leaves_the_session_fit_for_the_next_commit(conn: Connection) -> None:
    with pytest.raises(KeyError), writing(conn), sent_ahead(conn):
        NEW.run(conn, **head("a"))
        raise KeyError

    with writing(conn):
        NEW.run(conn, **head("b"))
    assert subjects(conn) == ["b"]


def test_a_statement_that_the_server_does_not_understand_is_said_anew(conn: Connection) -> None:
    for _ in range(2):
        with pytest.raises(ProgrammingError, match="nowhere"), writing(conn), sent_ahead(conn):
            NOBODY_KNOWS.run(conn)
            NEW.run(conn, **head("a"))

    with writing(conn):
        NEW.run(conn, **head("a"))
    assert subjects(conn) == ["a"]


def test_nothing_is_prepared_twice_also_after_what_was_undone(conn: Connection) -> None:
    for subject in "ab":
        with pytest.raises(KeyError), writing(conn):
            command(conn, "SAVEPOINT verb")
            NEW.run(conn, **head(subject))
            command(conn, "ROLLBACK TO SAVEPOINT verb")
            NEW.run(conn, **head(subject))
            raise KeyError

    assert conn.execute(PREPARED).scalar_one() == 1


def test_a_server_that_ended_the_session_is_told_as_such(conn: Connection) -> None:
    with pytest.raises(DBAPIError) as raised, writing(conn), sent_ahead(conn):
        NEW.run(conn, **head("a"))
        Statement(text("SELECT pg_terminate_backend(pg_backend_pid())")).run(conn)
        list(HEADS.run(conn))

    assert raised.value.connection_invalidated
    assert conn.invalidated


@pytest.mark.parametrize("value", [memoryview(b"x"), bytearray(b"x"), 1j])
def test_a_value_that_it_cannot_write_is_refused(conn: Connection, value: Any) -> None:
    with pytest.raises(TypeError):
        ECHO.run(conn, word="a", octets=value, moment=1.0, fact=True)


def test_a_whole_number_of_an_enumeration_goes_as_a_number(conn: Connection) -> None:
    with writing(conn):
        NEW.run(conn, **head("a") | {"number": Kept.WORK})
    with writing(conn):
        assert Statement(select(journal_heads.c.number)).run(conn).scalar() == int(Kept.WORK)


def test_what_the_server_prepares_no_more_is_prepared_anew(conn: Connection) -> None:
    with writing(conn):
        assert subjects(conn) == []
    with writing(conn):
        conn.execute(text("DEALLOCATE ALL"))

    with pytest.raises(DBAPIError), writing(conn):
        subjects(conn)
    with writing(conn):
        assert subjects(conn) == []


def test_a_text_after_an_empty_value_of_bytes_is_its_own_statement(conn: Connection) -> None:
    either = Statement(select(func.octet_length(cast(bindparam("octets", type_=LargeBinary), LargeBinary))))
    with writing(conn):
        assert either.run(conn, octets=None).scalar() is None
        assert either.run(conn, octets=b"a\0\xff").scalar() == 3


def test_no_cursor_is_given_where_statements_are_sent_ahead(conn: Connection) -> None:
    """It would wait for ever."""
    with pytest.raises(DBAPIError), writing(conn), sent_ahead(conn):
        NEW.run(conn, **head("a"))
        conn.execute(text("SELECT :x"), {"x": 1})


def test_a_server_that_stands_still_does_not_keep_the_writer(conn: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "SILENT_SECONDS", 0.1)
    session: Any = conn.connection.driver_connection

    with pytest.raises(OperationalError, match="said nothing"):
        STANDS_STILL.run(conn)

    assert (session.closed, conn.invalidated) == (True, True)
