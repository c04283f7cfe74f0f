"""PostgreSQL, where writers of several processes are at work at once: what each does while another has not committed yet."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, text, update

from hub.canonical.receipt import Receipt
from hub.ledger import breakers, chains, delivery_verbs, dispatch_verbs, intake_verbs, telling
from hub.ledger.acceptance_looks import DossierMoved
from hub.ledger.ledger import Ledger
from hub.ledger.sql import commit
from hub.ledger.tables import endpoint_states, journal_heads, messages
from hub.ledger.values import Claiming, Delivered, Delivery, Evidence, Notice, Queueing
from hub.ledger.works import Commit, Together, Work
from hub.registers import fates
from hub.rules.lifecycle import State
from tests.support import acceptances as make
from tests.support import postgres
from tests.support.looking import all_deliveries, delivery, state

AT, LEASE = make.AT, make.LEASE_SECONDS
PATIENCE_SECONDS = 30.0
PATIENCE_LOOKS = 100_000


@pytest.fixture
def url() -> Iterator[str]:
    """Address of a ledger on PostgreSQL only: on SQLite a writer is alone."""
    with postgres.shared().database() as address:
        yield address


class Another:
    """A writer of another process: its verbs are not committed before the test says so."""

    def __init__(self, ledger: Ledger) -> None:
        self._connection = ledger._engine.connect()

    def does(self, verb: Callable[..., Any], *given: Any, **named: Any) -> Any:
        return verb(self._connection, *given, **named)

    def shares(self, verb: Together, given: Any, *subjects: str) -> Any:
        """Carry out a verb that is carried for many, for itself alone."""
        work: Work[Any, Any] = Work(given)
        commit = Commit(self._connection, subjects)
        verb(commit, [work])
        commit.write()
        assert work.problem is None
        return work.value

    def commits(self) -> None:
        commit(self._connection)

    def dies(self) -> None:
        """Lose what was not committed."""
        if not self._connection.closed:
            self._connection.dialect.do_rollback(self._connection.connection)
            self._connection.close()


@pytest.fixture
def others(ledger: Ledger) -> Iterator[tuple[Another, Another]]:
    made = (Another(ledger), Another(ledger))
    yield made
    for each in made:
        each.dies()


@contextmanager
def meanwhile(verb: Callable[[], Any]) -> Iterator[Future[Any]]:
    """Start a verb that has to wait for somebody's commit; go on when it waits."""
    with ThreadPoolExecutor(1) as threads:
        waits = threads.submit(verb)
        for _ in range(PATIENCE_LOOKS):
            if waits.done() or postgres.shared().say("SELECT 1 FROM pg_locks WHERE NOT granted"):
                break
        assert not waits.done(), waits.exception() or "it did not wait"
        yield waits


# --- notices


def write_notice(conn: Connection, code: str, endpoint: str = "mot_cua") -> None:
    row: Any = SimpleNamespace(origin=endpoint, kind="dossier", **dict.fromkeys(("message_id", "id", "subject", "endpoint"), ""))
    telling.tell(conn, row, Notice(outcome="", code=code, vi="", en=""), AT)


def delivered(held: Delivery, *, waits: bool) -> Delivered:
    return Delivered(held=held, receipt=Receipt(), evidence=Evidence(), notice=make.DELIVERED, now=AT, waits=waits)


def read_on(ledger: Ledger, since: int = 0) -> list[fates.Told]:
    """Read as a sender that may speak for two endpoints does."""
    settled = ledger.settled_notices()
    with ledger.read() as conn:
        return list(fates.told(conn, ("mot_cua", "bo"), since=since, settled=settled, limit=10))


def test_a_sender_that_reads_on_from_a_cursor_misses_no_notice(ledger: Ledger, others: tuple[Another, Another]) -> None:
    slow, fast = others
    ledger._write(partial(write_notice, code="before"))
    slow.does(write_notice, "slow")
    fast.does(write_notice, "fast", endpoint="bo")
    fast.commits()

    first = read_on(ledger)
    slow.commits()
    second = read_on(ledger, first[-1].cursor)

    assert [each.code for each in (*first, *second)] == ["before", "slow", "fast"]


def test_a_notice_that_was_never_committed_keeps_nobody_waiting(ledger: Ledger, others: tuple[Another, Another]) -> None:
    dead, fast = others
    dead.does(write_notice, "dead")
    fast.does(write_notice, "fast")
    fast.commits()
    assert read_on(ledger) == []

    dead.dies()

    assert [each.code for each in read_on(ledger)] == ["fast"]


def test_notices_of_one_commit_are_shown_together_and_hinder_no_other(ledger: Ledger, others: tuple[Another, Another]) -> None:
    slow, fast = others
    for number in range(3):
        slow.does(write_notice, f"slow {number}")
        fast.does(write_notice, f"fast {number}")
    assert ledger.settled_notices() < 3
    slow.commits()
    fast.commits()

    codes = [each.code for each in read_on(ledger)]
    assert [code for code in codes if code.startswith("slow")] == ["slow 0", "slow 1", "slow 2"]
    assert len(codes) == 6


# --- dispatch


def test_two_dispatchers_at_once_do_not_exceed_what_an_endpoint_may_have_in_work(
    ledger: Ledger, others: tuple[Another, Another]
) -> None:
    for number in range(10):
        subject = f"national:{number}"
        ledger.record_received(make.acceptance(subject, body=subject.encode(), planned=(make.planned(subject),)))
    budgets = make.budgets(concurrency=1)
    one, two = others

    first = one.shares(dispatch_verbs.queue, Queueing(now=AT, budgets=budgets))
    assert two.shares(dispatch_verbs.queue, Queueing(now=AT, budgets=budgets)) == []
    one.commits()
    two.commits()

    assert len(first) == 4
    assert ledger.queue(AT, budgets) == []
    assert [row.state for row in all_deliveries(ledger)].count(State.QUEUED) == 4


def test_what_somebody_records_at_this_moment_does_not_lapse(ledger: Ledger, others: tuple[Another, Another]) -> None:
    ledger.record_received(make.acceptance(planned=(make.planned(),)))
    held = make.send_one(ledger)
    others[0].shares(delivery_verbs.record_delivered, delivered(held, waits=False), held.subject)

    assert ledger.lapse(AT + 10 * LEASE, make.parks_doubt) == []
    others[0].commits()

    assert state(ledger, held.id) is State.DELIVERED


def test_of_two_claims_at_once_one_finds_nothing(ledger: Ledger, others: tuple[Another, Another]) -> None:
    ledger.record_received(make.acceptance(planned=(make.planned(),)))
    due = make.queue_one(ledger)
    assert others[0].shares(delivery_verbs.claim, Claiming(due=due, now=AT, lease_seconds=LEASE)) is not None

    with meanwhile(partial(ledger.claim, due, AT, LEASE)) as second:
        others[0].commits()
        assert second.result(PATIENCE_SECONDS) is None


# --- breakers


def test_a_breaker_that_another_counts_on_is_left_as_it_is_and_not_waited_for(
    ledger: Ledger, others: tuple[Another, Another]
) -> None:
    ledger._write(partial(breakers.count_failure, endpoint="bo", now=AT))
    others[0].does(breakers.count_failure, "bo", AT)

    ledger._write(partial(breakers.count_failure, endpoint="bo", now=AT))
    ledger._write(partial(breakers.close, endpoint="bo"))
    others[0].commits()

    with ledger.read() as conn:
        assert conn.execute(select(endpoint_states.c.failures)).scalar_one() == 2


# --- one row that two change


def test_an_acknowledgement_that_comes_while_its_receipt_is_recorded_closes_the_delivery(
    ledger: Ledger, others: tuple[Another, Another]
) -> None:
    ledger.record_received(make.acceptance(planned=(make.planned(),)))
    held = make.send_one(ledger)
    others[0].shares(delivery_verbs.record_delivered, delivered(held, waits=True), held.subject)
    answer = make.acceptance("national:1", body=b"ack", endpoint="bo", correlation=held.native_id)

    with meanwhile(partial(ledger.record_received, answer)) as heard:
        others[0].commits()
        heard.result(PATIENCE_SECONDS)

    assert state(ledger, held.id) is State.ACKNOWLEDGED
    assert delivery(ledger, held.id).answered == ""


def test_what_two_learn_of_a_partner_at_once_is_kept_both(ledger: Ledger, others: tuple[Another, Another]) -> None:
    ledger.record_received(make.acceptance(planned=(make.planned(),)))
    others[0].does(chains.learn, "bo", "national:1", {"dossier": "H01-1"})

    with meanwhile(lambda: ledger._write(lambda conn: chains.learn(conn, "bo", "national:1", {"receipt": "7"}))) as learnt:
        others[0].commits()
        learnt.result(PATIENCE_SECONDS)

    with ledger.read() as conn:
        assert chains.held(conn, "bo", "national:1") == {"dossier": "H01-1", "receipt": "7"}


def test_of_two_catalogues_at_once_the_second_has_to_look_again(ledger: Ledger, others: tuple[Another, Another]) -> None:
    one, two = (make.acceptance("catalogue:bo", body=body, kind="catalogue", catalogues=0) for body in (b"1", b"2"))
    others[0].shares(intake_verbs.record_received, one, *one.subjects)

    with meanwhile(partial(ledger.record_received, two)) as second:
        others[0].commits()
        with pytest.raises(DossierMoved):
            second.result(PATIENCE_SECONDS)


def test_of_two_messages_with_one_identity_at_once_the_second_gets_the_answer_of_the_first(
    ledger: Ledger, others: tuple[Another, Another]
) -> None:
    one, two = (make.acceptance(body=b"same", identity="M-1") for _ in range(2))
    others[0].shares(intake_verbs.record_received, one, *one.subjects)

    with meanwhile(partial(ledger.record_received, two)) as second:
        others[0].commits()
        assert second.result(PATIENCE_SECONDS) == one.answer
    with ledger.read() as conn:
        assert conn.execute(select(messages.c.id, messages.c.repeats)).all() == [(one.message_id, 1)]


# --- deadlock


def test_two_that_wait_for_each_other_are_both_carried_out(ledger: Ledger, url: str) -> None:
    ledger._write(lambda conn: conn.execute(insert(journal_heads), [{"subject": s, "number": 0, "hash": ""} for s in "ab"]))
    both_hold_one = threading.Barrier(2)
    first_try = {"ab": True, "ba": True}

    def raise_both(conn: Connection, order: str) -> None:
        for subject in order:
            here = journal_heads.c.subject == subject
            conn.execute(update(journal_heads).where(here).values(number=journal_heads.c.number + 1))
            if first_try[order]:
                first_try[order] = False
                both_hold_one.wait(PATIENCE_SECONDS)

    another = Ledger(url)
    try:
        with ThreadPoolExecutor(2) as threads:
            ends = [
                threads.submit(each._write, partial(raise_both, order=order)) for each, order in ((ledger, "ab"), (another, "ba"))
            ]
            for end in ends:
                end.result(PATIENCE_SECONDS)
    finally:
        another.close()

    with ledger.read() as conn:
        assert conn.execute(select(journal_heads.c.number)).scalars().all() == [2, 2]


# --- what a session promises


def test_sessions_commit_to_the_disk_and_wait_for_nothing_for_ever(ledger: Ledger) -> None:
    names = ("synchronous_commit", "lock_timeout", "idle_in_transaction_session_timeout", "application_name")
    query = text(f"SELECT {', '.join(f'current_setting({name!r})' for name in (*names, 'statement_timeout'))}")

    written = ledger._write(lambda conn: conn.execute(query).one())
    with ledger.read() as conn:
        read = conn.execute(query).one()

    assert tuple(written) == ("on", "10s", "30s", "lienthong", "1min")
    assert tuple(read) == ("on", "10s", "5min", "lienthong", "0")
