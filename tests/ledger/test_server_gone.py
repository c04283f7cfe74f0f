"""A PostgreSQL that is killed: callers are told, nothing that was acknowledged is lost, and all goes on when it is back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, select, text

from hub.errors import Unavailable
from hub.ledger.ledger import Ledger
from hub.ledger.tables import journal_heads
from tests.ledger.test_engine import writes
from tests.support import acceptances as make
from tests.support import postgres
from tests.support.looking import all_messages, broken_rows
from tests.support.postgres import Cluster

PATIENCE_SECONDS = 60.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A server whose commits are on the disk, and which may be killed."""
    postgres.require()
    made = Cluster(durable=True)
    yield made
    made.end()


@pytest.fixture
def url(cluster: Cluster) -> Iterator[str]:
    with cluster.database() as address:
        yield address


def names(ledger: Ledger) -> set[str]:
    with ledger.read() as conn:
        return set(conn.execute(select(journal_heads.c.subject)).scalars())


def test_a_verb_whose_server_is_killed_did_not_happen_and_the_next_one_works(cluster: Cluster, ledger: Ledger) -> None:
    assert ledger._write(writes("before")) == "before"
    assert names(ledger) == {"before"}

    def dies(conn: Connection) -> None:
        writes("lost")(conn)
        cluster.kill()
        writes("never said")(conn)

    with pytest.raises(Unavailable):
        ledger._write(dies)
    with pytest.raises(Unavailable):
        ledger._write(writes("while it is away"))
    with pytest.raises(Unavailable):
        names(ledger)

    cluster.start()

    assert ledger._write(writes("after")) == "after"
    assert names(ledger) == {"before", "after"}


def test_a_server_that_was_restarted_between_two_verbs_fails_one_caller_at_most(cluster: Cluster, ledger: Ledger) -> None:
    ledger._write(writes("before"))
    names(ledger)
    cluster.kill()
    cluster.start()

    for attempt in (lambda: ledger._write(writes("after")), lambda: names(ledger)):
        try:
            attempt()
        except Unavailable:
            attempt()

    assert names(ledger) == {"before", "after"}


def test_a_session_that_the_server_ends_gives_a_new_one(cluster: Cluster, ledger: Ledger) -> None:
    def ended(conn: Connection) -> None:
        writes("lost")(conn)
        cluster.say("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lienthong'")
        writes("never said")(conn)

    with pytest.raises(Unavailable):
        ledger._write(ended)

    assert ledger._write(writes("after")) == "after"
    assert names(ledger) == {"after"}


def test_a_reader_whose_session_was_closed_is_not_lent_again(ledger: Ledger) -> None:
    with pytest.raises(ZeroDivisionError), ledger.glance() as conn:
        conn.connection.driver_connection.close()  # type: ignore[union-attr]
        raise ZeroDivisionError

    with ledger.glance() as conn:
        assert conn.execute(text("SELECT 1")).scalar() == 1


def test_a_server_that_became_a_standby_is_left_for_another(ledger: Ledger) -> None:
    def demoted(conn: Connection) -> None:
        conn.execute(text("SET TRANSACTION READ ONLY"))
        writes("lost")(conn)

    with pytest.raises(Unavailable):
        ledger._write(demoted)

    assert ledger._writer._connection is None or ledger._writer._connection.invalidated
    assert ledger._write(writes("after")) == "after"


def test_what_was_acknowledged_before_a_kill_is_there_after_it(cluster: Cluster, ledger: Ledger) -> None:
    """Eight doors accept while the server dies; a sender that got no answer comes again, as the contract says."""
    acknowledged: list[str] = []
    enough = threading.Event()

    def door(lane: int) -> str:
        number = 0
        while True:
            given = make.acceptance(f"national:{lane}", body=make.new_id().encode(), planned=(make.planned(f"national:{lane}"),))
            try:
                ledger.record_received(given)
            except Unavailable:
                return given.message_id
            acknowledged.append(given.message_id)
            number += 1
            if number == 20:
                enough.set()

    with ThreadPoolExecutor(8) as doors:
        unanswered = [doors.submit(door, lane) for lane in range(8)]
        assert enough.wait(PATIENCE_SECONDS)
        cluster.kill()
        in_flight = {each.result(PATIENCE_SECONDS) for each in unanswered}
    cluster.start()

    kept = {row.id for row in all_messages(ledger)}
    assert set(acknowledged) <= kept
    assert kept - set(acknowledged) <= in_flight
    assert broken_rows(ledger) == []
