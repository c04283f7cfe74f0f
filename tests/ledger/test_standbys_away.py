"""PostgreSQL whose synchronous standbys are all away: nobody waits for ever, and nothing counts that is on one disk only."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, select, text

from hub.errors import Unavailable
from hub.ledger import sessions
from hub.ledger.ledger import Ledger
from hub.ledger.tables import journal_heads
from tests.ledger.test_engine import writes
from tests.support import postgres
from tests.support.postgres import Cluster
from tests.support.rabbit import wait_until

PATIENCE_SECONDS = 60.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A server that can have standbys."""
    postgres.require()
    made = Cluster(durable=True, wal_level="replica", max_wal_senders="2")
    yield made
    made.end()


@pytest.fixture
def url(cluster: Cluster) -> Iterator[str]:
    with cluster.database() as address:
        yield address
        cluster.set(synchronous_standby_names="")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "COMMIT_SECONDS", 0.2)


def names(ledger: Ledger) -> set[str]:
    with ledger.read() as conn:
        return set(conn.execute(select(journal_heads.c.subject)).scalars())


def away(cluster: Cluster, ledger: Ledger) -> None:
    """Let the standby be away."""
    ledger._write(writes("before"))
    cluster.restart(synchronous_standby_names="nobody")
    # The session that the writer had is gone.
    refused(ledger, "never said")


def waiting(cluster: Cluster) -> list[int]:
    """Give the processes of the server that wait for a standby."""
    return [pid for (pid,) in cluster.say("SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'")]


def refused(ledger: Ledger, subject: str) -> str:
    """Write in vain; give what the caller is told."""
    with pytest.raises(Unavailable) as told:
        ledger._write(writes(subject))
    return told.value.en


def test_a_commit_that_no_standby_has_is_told_and_seen_by_nobody(cluster: Cluster, ledger: Ledger) -> None:
    away(cluster, ledger)

    said = refused(ledger, "waits")

    assert "CommitUnanswered" in said
    assert names(ledger) == {"before"}


def test_the_next_are_told_at_once_and_leave_no_session_behind(
    cluster: Cluster, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    away(cluster, ledger)
    leave_waiting(cluster, ledger)
    monkeypatch.setattr(sessions, "COMMIT_SECONDS", float("inf"))

    said = [refused(ledger, f"next {number}") for number in range(20)]

    assert all("EarlierUnanswered" in each for each in said)
    assert len(waiting(cluster)) == 1
    assert names(ledger) == {"before"}


def test_what_waited_is_there_when_a_standby_is_back(cluster: Cluster, ledger: Ledger) -> None:
    away(cluster, ledger)
    leave_waiting(cluster, ledger)

    cluster.set(synchronous_standby_names="")
    wait_until(lambda: not waiting(cluster))
    wait_until(lambda: writes_again(ledger))

    assert names(ledger) == {"before", "waits", "after"}


def test_a_wait_that_an_operator_cancels_is_no_success(
    cluster: Cluster, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server then says that the commit was done, with a warning beside it that it is on one disk only."""
    away(cluster, ledger)
    monkeypatch.setattr(sessions, "COMMIT_SECONDS", PATIENCE_SECONDS)

    with writing(ledger, "cancelled") as written:
        wait_until(lambda: bool(waiting(cluster)))
        cluster.say("SELECT pg_cancel_backend(%s)", waiting(cluster)[0])
        with pytest.raises(Unavailable, match="CommitUnsafe"):
            written.result(PATIENCE_SECONDS)

    assert "cancelled" in names(ledger)


def test_a_server_that_dies_while_a_commit_waits_is_left_for_the_next(cluster: Cluster, ledger: Ledger) -> None:
    away(cluster, ledger)
    leave_waiting(cluster, ledger)

    cluster.set(synchronous_standby_names="")
    cluster.kill()
    cluster.start()
    wait_until(lambda: writes_again(ledger))

    assert {"before", "after"} <= names(ledger)


def test_a_writer_that_connects_anew_has_its_limits_again(cluster: Cluster, ledger: Ledger) -> None:
    def asked(conn: Connection) -> str:
        return str(conn.execute(text("SHOW statement_timeout")).scalar())

    before = ledger._write(asked)
    with pytest.raises(Unavailable):
        ledger._write(lambda conn: conn.execute(text("SELECT pg_terminate_backend(pg_backend_pid())")))

    assert ledger._write(asked) == before != "0"


def test_a_commit_that_the_server_refuses_is_its_own_error(ledger: Ledger) -> None:
    def doubled(conn: Connection) -> None:
        conn.execute(text("CREATE TEMP TABLE once (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)"))
        conn.execute(text("INSERT INTO once VALUES (1), (1)"))

    with pytest.raises(Exception, match="duplicate key") as told:
        ledger._write(doubled)

    assert getattr(told.value, "orig", told.value).sqlstate == "23505"
    assert ledger._write(writes("after")) == "after"


@contextmanager
def writing(ledger: Ledger, subject: str) -> Iterator[Future[str]]:
    with ThreadPoolExecutor(1) as other:
        yield other.submit(ledger._write, writes(subject))


def leave_waiting(cluster: Cluster, ledger: Ledger) -> None:
    """Write in vain, so that a commit is left waiting."""
    refused(ledger, "waits")
    wait_until(lambda: bool(waiting(cluster)))


def writes_again(ledger: Ledger) -> bool:
    try:
        ledger._write(writes("after"))
    except Unavailable:
        return False
    return True
