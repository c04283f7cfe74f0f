"""All synchronous standbys are away: nobody is answered, nothing is sent, and when one is back all goes on by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub import intake
from hub.app import Hub
from hub.edge.workers import Workers
from hub.errors import Unavailable
from hub.ledger import sessions
from hub.simulation import SimulatorServer
from tests.promises.test_database_gone import all_ended, send_until_answered
from tests.support import hub as support
from tests.support import postgres
from tests.support.clock import Clock
from tests.support.commits import Commits
from tests.support.looking import all_messages, broken_rows, check_chains
from tests.support.partner import Partner
from tests.support.postgres import Cluster
from tests.support.rabbit import wait_until

BEFORE, MEANWHILE = 3, 4


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A server that can have standbys."""
    postgres.require()
    made = Cluster(durable=True, wal_level="replica", max_wal_senders="2")
    yield made
    made.set(synchronous_standby_names="")
    made.end()


@pytest.fixture
def hub(cluster: Cluster, tmp_path: Path, clock: Clock, server: SimulatorServer) -> Iterator[Hub]:
    at = support.At(url=server.url, services=support.ASKS)
    folder = support.configure(tmp_path, {support.PARTNER: at}, ledger=cluster.url(cluster.create()))
    opened = support.open_hub(folder, clock)
    yield opened
    support.close(opened)


def refuse(hub: Hub, number: int) -> None:
    """Send in vain, a second time too, as senders do."""
    for _ in range(2):
        with pytest.raises(Unavailable):
            intake.receive(hub, support.request(support.document(number, f"H01-{number % 2}")))


@pytest.mark.slow
def test_standbys_that_are_away_cost_time_and_nothing_else(
    hub: Hub, cluster: Cluster, clock: Clock, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "COMMIT_SECONDS", 0.2)
    numbers = range(1, BEFORE + MEANWHILE + 1)
    commits = Commits(hub.ledger)
    workers = Workers(hub)
    workers.start()
    try:
        answers = [send_until_answered(hub, number) for number in numbers[:BEFORE]]
        commits.wait_until(lambda: all_ended(hub, clock))
        cluster.restart(synchronous_standby_names="nobody")
        for number in numbers[BEFORE:]:
            refuse(hub, number)
        wait_until(lambda: bool(cluster.say("SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'")))
        assert len(all_messages(hub.ledger)) == BEFORE
        assert len(partner.arrivals) == BEFORE

        cluster.set(synchronous_standby_names="")
        answers += [send_until_answered(hub, number) for number in numbers[BEFORE:]]
        commits.wait_until(lambda: all_ended(hub, clock))
    finally:
        workers.stop()

    assert [answer.status for answer in answers] == [200] * len(numbers)
    assert sorted(each.mark for each in partner.arrivals) == [f"#{number}" for number in numbers]
    assert len(all_messages(hub.ledger)) == len(numbers)
    check_chains(hub.ledger)
    assert broken_rows(hub.ledger) == []
