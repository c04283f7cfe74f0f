"""The database is killed while the hub works: who was answered is served, nothing is sent twice, and nobody has to act."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hub import intake
from hub.app import Hub
from hub.contract import Answer
from hub.edge.workers import Workers
from hub.errors import Unavailable
from hub.rules.lifecycle import ENDED, State
from hub.simulation import SimulatorServer
from tests.support import hub as support
from tests.support import postgres
from tests.support.clock import Clock
from tests.support.commits import Commits
from tests.support.looking import all_deliveries, broken_rows, check_chains
from tests.support.partner import Partner
from tests.support.postgres import Cluster

#: How far the clock goes each time that the ledger has committed.
STEP_SECONDS = 5.0
DOORS = 4
EACH = 15
#: So many messages are answered before the server is killed.
BEFORE = 10


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A server whose commits are on the disk."""
    postgres.require()
    made = Cluster(durable=True)
    yield made
    made.end()


@pytest.fixture
def hub(cluster: Cluster, tmp_path: Path, clock: Clock, server: SimulatorServer) -> Iterator[Hub]:
    """A hub whose partner can be asked about every call."""
    at = support.At(url=server.url, services=support.ASKS)
    folder = support.configure(tmp_path, {support.PARTNER: at}, ledger=cluster.url(cluster.create()))
    opened = support.open_hub(folder, clock)
    yield opened
    support.close(opened)


def send_until_answered(hub: Hub, number: int) -> Answer:
    """Send as a sender does: what was not answered is sent again."""
    body = support.document(number, f"H01-{number % DOORS}")
    while True:
        try:
            return intake.receive(hub, support.request(body))
        except Unavailable:
            continue


def all_ended(hub: Hub, clock: Clock) -> bool:
    """Say whether everything arrived; until then time passes: leases run out, doubts are asked about, breakers close."""
    ended = all(State(row.state) in ENDED for row in all_deliveries(hub.ledger))
    if not ended:
        clock.advance(STEP_SECONDS)
    return ended


@pytest.mark.slow
def test_a_database_that_is_killed_costs_time_and_nothing_else(
    hub: Hub, cluster: Cluster, clock: Clock, partner: Partner
) -> None:
    commits = Commits(hub.ledger)
    workers = Workers(hub)
    workers.start()
    try:
        with ThreadPoolExecutor(DOORS) as doors:
            sent = [doors.submit(send_until_answered, hub, number) for number in range(1, DOORS * EACH + 1)]
            commits.wait_until(lambda: sum(each.done() for each in sent) >= BEFORE)
            cluster.kill()
            cluster.start()
            answers = [each.result() for each in sent]
        commits.wait_until(lambda: all_ended(hub, clock))
    finally:
        workers.stop()

    assert {answer.status for answer in answers} == {200}
    marks = [each.mark for each in partner.arrivals]
    assert sorted(marks) == sorted(f"#{number}" for number in range(1, DOORS * EACH + 1))
    check_chains(hub.ledger)
    assert broken_rows(hub.ledger) == []
