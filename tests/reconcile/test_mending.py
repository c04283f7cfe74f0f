"""What was found is mended by ordinary replay: plans that are frozen first, in order, and once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub import operations
from hub.errors import NotAllowed
from hub.ledger.tables import deliveries
from hub.operations import replays
from hub.reconcile import mending
from hub.reconcile.mending import Mended, Wanted
from hub.registers.reconciliations import Run
from tests.support import hub as hubs
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import PARTNER
from tests.support.reconciled import House, house


@pytest.fixture(params=ENGINES)
def at(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[House]:
    with ledger_on(request.param) as ledger, house(tmp_path, ledger=ledger) as made:
        yield made


def mended(at: House, run: Run, **wanted: object) -> Mended:
    return mending.mend(at.hub, run.id, Wanted(**wanted), actor="lan", why="đối chiếu")  # type: ignore[arg-type]


def run_plans(at: House, done: Mended) -> None:
    for plan in filter(None, (done.release, done.rebuild)):
        operations.run_plan(at.hub, plan, actor="lan", why="đối chiếu")
    hubs.carry_all(at.hub)


def test_what_was_lost_is_written_anew_and_its_progress_is_not_repeated(at: House) -> None:
    at.send(1, "H01-1", "TIEPNHAN", steps=2)
    at.send(2, "H01-1", "XULY", steps=1)
    at.lose("H01-1")
    run = at.compare()

    done = mended(at, run)

    assert "H01-1" not in at.held(), "nothing is sent before the plan runs"
    run_plans(at, done)
    assert at.held()["H01-1"]["trangThai"] == "XULY"
    assert at.partner.account()["progress"] == {}
    assert at.compare().findings == 0


def test_what_was_not_applied_is_written_again_behind_what_is_there(at: House) -> None:
    at.send(1, "H01-1", "TIEPNHAN")
    at.send(2, "H01-1", "XULY")
    at.put("H01-1", trangThai="TIEPNHAN")
    done = mended(at, at.compare())

    at.send(3, "H01-1", "XONG")
    assert at.held()["H01-1"]["trangThai"] == "TIEPNHAN", "what comes later waits behind it"
    run_plans(at, done)

    assert at.held()["H01-1"]["trangThai"] == "XONG"
    assert at.compare().findings == 0


def test_a_finding_is_mended_once(at: House) -> None:
    at.send(1, "H01-1")
    at.lose("H01-1")
    run = at.compare()
    first = mended(at, run)

    with pytest.raises(NotAllowed):
        mended(at, run)

    assert (first.made, first.left) == (1, 0)
    with at.hub.ledger.read() as conn:
        assert len(conn.execute(deliveries.select().where(deliveries.c.endpoint == PARTNER)).fetchall()) == 2


def test_a_dossier_that_has_gone_on_since_is_left_alone(at: House) -> None:
    at.send(1, "H01-1")
    at.put("H01-1", trangThai="MOI")
    at.send(2, "H01-1", "XULY")
    at.lose("H01-1")
    run = at.compare()
    at.send(3, "H01-1", "XONG")

    done = mended(at, run)

    assert (done.made, done.left, done.release) == (0, 1, "")


def test_what_stands_still_is_released_by_the_plan(at: House) -> None:
    at.partner.faults.add("code", value="13", match="GuiHoSo")
    at.send(1, "H01-1")
    run = at.compare()

    done = mended(at, run)

    with at.hub.ledger.read():
        plan = replays.show_plan(at.hub, done.release)
    assert [each.subject for each in plan.items] == ["national:H01-1"]
    run_plans(at, done)
    assert at.compare().findings == 0


def test_what_only_the_partner_can_mend_makes_no_plan(at: House) -> None:
    at.put("H09-7", soHoSo="H09-7", trangThai="XULY", thuTuc={"ma": "TT-01"})
    run = at.compare()

    with pytest.raises(NotAllowed):
        mended(at, run)


def test_what_no_rule_sent_is_routed_and_sent_once_there_is_one(at: House) -> None:
    path = at.folder / "routes.toml"
    rules = path.read_text(encoding="utf-8")
    hubs.close(at.hub)
    path.write_text("", encoding="utf-8")
    at.hub = hubs.open_hub(at.folder, at.clock)
    at.send(1, "H01-1")
    hubs.close(at.hub)
    path.write_text(rules, encoding="utf-8")
    at.hub = hubs.open_hub(at.folder, at.clock)
    run = at.compare()

    assert at.found(run) == {"H01-1": ("missing", "no_route", "rebuild")}
    run_plans(at, mended(at, run))

    assert at.held()["H01-1"]["trangThai"] == "XULY"
    assert at.compare().findings == 0
