"""What a partner was told whose place another took: its records are compared at the successor, where that has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hub import operations
from hub.ledger.tables import deliveries
from hub.operations import successions
from hub.reconcile import asking, comparing, dossiers, mending
from hub.registers.reconciliations import Run, Scope
from tests.support import hub as hubs
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import PARTNER
from tests.support.reconciled import House, house

NEW = "bo_moi"
WHO = {"actor": "lan", "why": "sáp nhập"}


@pytest.fixture(params=ENGINES)
def at(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """Both names are one system: so the successor has the records of the one before it."""
    with ledger_on(request.param) as ledger, house(tmp_path, ledger=ledger) as made:
        endpoints = made.folder / "endpoints"
        (endpoints / f"{NEW}.toml").write_text((endpoints / f"{PARTNER}.toml").read_text("utf-8"), "utf-8")
        again = hubs.open_hub(made.folder, made.clock)
        yield replace(made, hub=again)
        hubs.close(again)


def told(at: House, count: int = 5) -> None:
    for number in range(1, count + 1):
        at.send(number, f"H01-{number}", "TIEPNHAN")
        at.send(100 + number, f"H01-{number}", "XULY")


def succeed(at: House, *, keeps_data: bool = True) -> None:
    successions.succeed(at.hub, PARTNER, NEW, keeps_data=keeps_data, **WHO)
    at.hub.successors.forget()
    move(at)


def move(at: House) -> None:
    """Let chains be moved, as a process that dispatches does."""
    while successions.carry_on(at.hub):
        pass


def send(at: House, number: int, dossier: str, status: str) -> None:
    hubs.send(at.hub, number, dossier, status=status)
    move(at)
    hubs.carry_all(at.hub)


def compare(at: House, scope: Scope = Scope()) -> Run:  # noqa: B008
    return at.carry(dossiers.begin(at.hub, NEW, scope, **WHO))


def test_what_the_one_before_was_told_is_compared_at_the_successor(at: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "PAGE", 2)
    monkeypatch.setattr(comparing, "PAGE", 2)
    told(at)
    succeed(at)
    send(at, 7, "H01-5", "XONG")
    at.lose("H01-2")
    at.put("H01-3", trangThai="TIEPNHAN")
    at.put("H09-1", soHoSo="H09-1", trangThai="XULY", thuTuc={"ma": "TT-01"})

    run = compare(at)

    assert at.found(run) == {
        "H01-2": ("missing", "lost", "send_again"),
        "H01-3": ("stale", "not_applied", "send_again"),
        "H09-1": ("extra", "unknown", "tell_partner"),
    }
    assert (run.state, run.counted["same"], run.total) == ("done", 3, 6)


def test_where_the_successor_begins_anew_nothing_of_the_one_before_is_missing(at: House) -> None:
    told(at)
    succeed(at, keeps_data=False)
    at.lose("H01-2")

    assert compare(at).total == 0


def test_what_is_missing_there_is_sent_there(at: House) -> None:
    told(at, 2)
    succeed(at)
    at.lose("H01-2")
    run = compare(at)

    mended = mending.mend(at.hub, run.id, **WHO)

    assert (mended.made, mended.left) == (1, 0)
    (finding,) = at.findings(run)
    with at.hub.ledger.read() as conn:
        row = conn.execute(deliveries.select().where(deliveries.c.id == finding.mended_by)).one()
    assert (row.state, row.subject) == ("parked", finding.subject)
    move(at)
    at.clock.advance(1)
    operations.release(at.hub, finding.mended_by, actor="lan", why="theo kế hoạch")
    move(at)
    hubs.carry_all(at.hub)
    assert at.held()["H01-2"]["trangThai"] == "XULY"
    assert compare(at).findings == 0


def test_a_dossier_that_the_successor_was_told_meanwhile_is_left_alone(at: House) -> None:
    told(at, 2)
    succeed(at)
    at.lose("H01-2")
    run = compare(at)
    send(at, 9, "H01-2", "XONG")

    assert mending.mend(at.hub, run.id, **WHO).left == 1
