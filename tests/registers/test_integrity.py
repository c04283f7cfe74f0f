"""Integrity: whatever is changed in the database behind the hub's back is found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from hub.ledger.journal import row_hash
from hub.ledger.tables import journal, messages, payloads
from hub.registers import integrity
from tests.support.night_shift import Shift, shift


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Shift]:
    with shift(tmp_path) as opened:
        opened.send(1)
        opened.send(2)
        yield opened


def wrong(night: Shift) -> list[str]:
    with night.hub.ledger.read() as conn:
        return [each.kind for each in integrity.wrong(conn)]


def tamper(night: Shift, statement: Any) -> None:
    with night.hub.ledger._engine.begin() as conn:
        # Who can write to the file need not keep to the keys.
        conn.exec_driver_sql("PRAGMA foreign_keys=OFF")
        assert conn.execute(statement).rowcount
        conn.exec_driver_sql("PRAGMA foreign_keys=ON")


def test_a_ledger_as_it_was_written_is_whole(night: Shift) -> None:
    with night.hub.ledger.read() as conn:
        size = integrity.size(conn)

    assert wrong(night) == []
    assert (size.messages, size.journal_rows > 4, size.payloads > 4) == (2, True, True)


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        (update(journal).where(journal.c.number == 2).values(actor="nobody"), "journal"),
        (delete(journal).where(journal.c.number == 2), "journal"),
        (update(payloads).values(body=b"other"), "payload"),
        (update(messages).values(raw_digest="sha256:" + "0" * 64), "message"),
        (update(messages).values(answer_digest="sha256:" + "0" * 64), "message"),
        (update(messages).values(received_at=1.0), "message"),
        (update(messages).values(error_code="refused"), "message"),
        (update(messages).values(verdict="{}"), "message"),
        (update(messages).values(identity="other"), "message"),
        (update(messages).values(certificate_digest="sha256:" + "0" * 64), "message"),
        (delete(messages), "message"),
        (delete(payloads), "payload"),
    ],
    ids=[
        "row changed",
        "row removed",
        "payload changed",
        "message exchanged",
        "answer exchanged",
        "moment changed",
        "error changed",
        "verdict changed",
        "identity changed",
        "certificate exchanged",
        "messages removed",
        "payloads removed",
    ],
)
def test_what_was_changed_is_found(night: Shift, statement: Any, kind: str) -> None:
    tamper(night, statement)

    assert kind in wrong(night)


def test_a_message_that_the_journal_does_not_know_is_found(night: Shift) -> None:
    with night.hub.ledger.read() as conn:
        row = conn.execute(messages.select().limit(1)).one()._asdict()

    tamper(night, messages.insert().values(**row | {"id": "added", "received_at": 1.0}))

    assert wrong(night) == ["message"]


def test_a_removed_message_is_named(night: Shift) -> None:
    with night.hub.ledger.read() as conn:
        name = conn.execute(messages.select().limit(1)).one().id
    tamper(night, delete(messages).where(messages.c.id == name))

    with night.hub.ledger.read() as conn:
        found = [(each.kind, each.name) for each in integrity.wrong(conn)]
    assert ("message", name) in found


def test_a_last_row_that_was_written_anew_with_its_hash_is_found(night: Shift) -> None:
    with night.hub.ledger.read() as conn:
        last = conn.execute(journal.select().order_by(journal.c.number.desc()).limit(1)).one()
    anew = row_hash(last.subject, last.number, last.at, "nobody", last.event, last.entry, last.previous)

    tamper(night, update(journal).where(journal.c.seq == last.seq).values(actor="nobody", hash=anew))

    assert wrong(night) == ["journal"]


def test_bytes_that_retention_deleted_are_no_fault(night: Shift) -> None:
    tamper(night, update(payloads).values(body=None, deleted_at=1.0))

    assert wrong(night) == []


def test_bytes_that_somebody_else_deleted_are_a_fault(night: Shift) -> None:
    tamper(night, update(payloads).values(body=None))

    assert set(wrong(night)) == {"payload"}
