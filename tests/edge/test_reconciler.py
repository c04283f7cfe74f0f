"""The reconciler carries out what was asked for and what is due, and gives back what it holds when it is told to stop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.edge.reconciler import Reconciler
from hub.registers import reconciliations
from tests.support.reconciled import House, house

PATIENCE_SECONDS = 60.0


@pytest.fixture
def at(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, more='[outbound.reconcile]\nat = "08:30"\nrate_per_minute = 0\n') as made:
        yield made


def finished(reconciler: Reconciler) -> None:
    """Let everything that was begun come to rest."""
    for thread in reconciler._threads.values():
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


def test_what_is_due_is_begun_and_carried_out(at: House) -> None:
    at.send(1, "H01-1")
    at.send(2, "H01-2")
    at.lose("H01-2")
    reconciler = Reconciler(at.hub)

    reconciler.look()
    finished(reconciler)

    with at.hub.ledger.read() as conn:
        (run,) = reconciliations.listing(conn)
    assert (run.state, run.night, run.findings, run.holder) == ("done", "2026-03-02", 1, "")


def test_two_of_them_carry_a_run_out_once(at: House) -> None:
    for number in range(1, 6):
        at.send(number, f"H01-{number}")
    at.lose("H01-3")
    run = at.begin()
    both = [Reconciler(at.hub), Reconciler(at.hub)]

    for each in both:
        each._looked_at = at.hub.now()
        each.look()
    for each in both:
        each._stop.set()
        finished(each)

    at.carry(run, "later")
    assert at.found(run) == {"H01-3": ("missing", "lost", "send_again")}
    assert at.run(run).counted["same"] == 4


def test_it_is_told_to_stop_and_gives_back_what_it_holds(at: House) -> None:
    at.send(1, "H01-1")
    reconciler = Reconciler(at.hub)
    reconciler.start()
    assert reconciler.alive()

    reconciler.stop()

    assert not reconciler.alive()
    with at.hub.ledger.read() as conn:
        assert all(each.holder == "" for each in reconciliations.listing(conn))
