"""Where a trade dossier stands, as people see it: stage, versions with the names of what changed, joined dossiers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub import operations, retention
from hub.canonical.codes import Event, Stage
from hub.edge.cli import app
from hub.ledger.values import Acceptance
from hub.registers import alert_facts, finding, timeline
from hub.registers.found import Sought
from hub.registers.timeline import TimelinePage
from hub.registers.trade import Linked, TradeShown
from hub.rules.retention import DAY_SECONDS
from hub.rules.trade_lifecycle import Course
from tests.support.acceptances import acceptance, change
from tests.support.hub import SQLITE
from tests.support.looking import all_deliveries
from tests.support.trade_world import Window, opened

E = Event
FIRST, SECOND = "BNNPTNT09260000001", "BNNPTNT09260000002"


@pytest.fixture
def window(tmp_path: Path) -> Iterator[Window]:
    with opened(tmp_path / "config", SQLITE) as made:
        yield made


def page(window: Window, reference: str = FIRST) -> TimelinePage:
    with window.hub.ledger.read() as conn:
        return timeline.page(conn, reference, after="", limit=50, newest=False, scope=None)


def trade(window: Window, reference: str = FIRST) -> TradeShown:
    found = page(window, reference).trade
    assert found is not None
    return found


def test_versions_say_which_is_in_force_and_the_names_of_what_changed(window: Window) -> None:
    assert window.say(E.SUBMITTED, FIRST, seed=1)
    assert window.say(E.EDITED, FIRST, seed=2)
    window.tell(FIRST, E.RECEIVED, E.EDIT_ASKED)
    shown = trade(window)

    assert (shown.stage, shown.vi, shown.before) == ("edit_waiting", "Chờ trả lời đề nghị sửa hồ sơ", "received")
    assert [(each.number, each.en) for each in shown.versions] == [(1, "replaced"), (2, "in force"), (3, "waits for the answer")]
    first, second, _ = shown.versions
    assert first.changed == ()
    assert "ImporterAddress" in second.changed
    assert all(part.isidentifier() for name in second.changed for part in name.split(".")), "names, and no places in lists"


def test_a_request_of_another_shape_is_compared_by_what_it_says(window: Window) -> None:
    """An edit asked for after receipt is another document: what it leaves out stays as it was, and is no difference."""
    assert window.say(E.SUBMITTED, FIRST, seed=1)
    window.tell(FIRST, E.RECEIVED)
    assert window.say(E.EDIT_ASKED, FIRST, seed=2)
    changed = trade(window).versions[1].changed

    assert "ImporterAddress" in changed
    assert not any(name.startswith(("RequestEdit", "RegistrationProfile", "applicant")) for name in changed)


def test_no_value_of_a_dossier_is_among_what_is_shown(window: Window) -> None:
    """Names of fields only: what an edit changed may be an applicant's address."""
    assert window.say(E.SUBMITTED, FIRST, seed=1)
    assert window.say(E.EDITED, FIRST, seed=2)
    told = json.dumps([each.changed for each in trade(window).versions])

    assert "Thử Nghiệm" not in told
    assert "0000000000" not in told


def test_where_retention_has_deleted_a_content_nothing_is_compared(window: Window) -> None:
    window.tell(FIRST, E.SUBMITTED, E.EDITED)
    for each in all_deliveries(window.hub.ledger):  # what is still to be sent is never deleted
        operations.settle(window.hub, each.id, arrived=True, actor="an", why="đã giao tận tay")
    window.clock.advance(200 * DAY_SECONDS)
    retention.run(window.hub, days=100, proof_days=1000, actor="an", why="định kỳ")

    assert [(each.changed, each.kept) for each in trade(window).versions] == [((), True), ((), False)]


def test_dossiers_that_replace_each_other_are_shown_and_found_together(window: Window) -> None:
    window.tell(FIRST, E.SUBMITTED)
    assert window.say(E.SUBMITTED, SECOND, earlier=FIRST)

    assert trade(window, FIRST).replaced_by == Linked(key=f"vnsw:{SECOND}", known=True)
    assert trade(window, SECOND).replaces == Linked(key=f"vnsw:{FIRST}", known=True)
    assert "dossier.replaced" in [each.event for each in page(window, FIRST).entries]
    for number in (FIRST, SECOND):
        with window.hub.ledger.read() as conn:
            found = finding.find(conn, Sought(text=number), section="number")
        assert {hit.id for section in found.sections for hit in section.hits} == {f"vnsw:{FIRST}", f"vnsw:{SECOND}"}


def awaiting(number: int, due: float | None, procedure: str = "P1") -> Acceptance:
    """Accept a message whose answer is due at a moment."""
    key = f"vnsw:{number}"
    course = Course(stage=Stage.WAITING, answer_due=due, awaited="submitted" if due else "")
    return acceptance(key, b"%d" % number, endpoint="nsw", dossiers=(change(key, procedure=procedure, course=course),))


def test_answers_that_are_due_are_counted_by_origin_and_procedure(window: Window) -> None:
    now, day = window.hub.now(), 86_400.0
    for number, due, procedure in (
        (1, now - 5, "P1"),
        (2, now + day, "P1"),
        (3, now + day, "P2"),
        (4, None, "P1"),
        (5, now + 31 * day, "P1"),
    ):
        window.hub.ledger.record_received(awaiting(number, due, procedure))
    with window.hub.ledger.read() as conn:
        found = alert_facts.facts(conn, ("nsw",), now).awaited

    assert {(each.endpoint, each.procedure, each.count, each.due) for each in found} == {
        ("nsw", "P1", 2, now - 5),
        ("nsw", "P2", 1, now + day),
    }


def test_the_look_for_answers_is_a_range_of_an_index(window: Window) -> None:
    """It is done all the time, beside a million dossiers of which few await anything."""
    query = "SELECT origin FROM dossiers WHERE answer_due IS NOT NULL AND answer_due < 9 ORDER BY answer_due LIMIT 9"
    with window.hub.ledger.read() as conn:
        plan = " ".join(str(row) for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}"))

    assert "dossiers_by_answer_due" in plan
    assert "TEMP B-TREE" not in plan


def test_a_dossier_that_is_no_trade_dossier_has_no_stage(window: Window) -> None:
    window.tell(FIRST, E.SUBMITTED)
    with window.hub.ledger.read() as conn:
        assert timeline.trade.shown(conn, "national:H55-1") is None


def test_the_command_line_tells_stage_and_versions(window: Window, tmp_path: Path) -> None:
    window.tell(FIRST, E.SUBMITTED, E.RECEIVED, E.EDIT_ASKED, E.EDIT_REFUSED)
    assert window.say(E.SUBMITTED, SECOND, earlier=FIRST)
    done = CliRunner().invoke(app, ["--config", str(tmp_path / "config"), "timeline", FIRST], env={"COLUMNS": "200"})

    assert done.exit_code == 0, done.output
    assert "Giai đoạn của hồ sơ: Đã tiếp nhận" in done.output
    assert f"Đã được thay bằng hồ sơ vnsw:{SECOND}" in done.output
    assert "không được chấp nhận" in done.output
