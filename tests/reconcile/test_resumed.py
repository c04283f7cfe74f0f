"""A run goes on where it was: killed after any of its commits, held by two at once, held up, and told rubbish."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub import operations
from hub.errors import NotAllowed
from hub.ledger.reconciliation_verbs import LEASE_SECONDS, UNANSWERED_LIMIT
from hub.reconcile import asking, comparing, dossiers, nightly
from hub.registers import alert_facts, reconciliations
from hub.registers.reconciliations import Run, Scope
from hub.rules.alert_conditions import judge
from hub.rules.alert_kinds import USUAL
from hub.rules.alerts import Book
from tests.support import dying_reconciler, looking
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import PARTNER
from tests.support.reconciled import House, house

PATIENCE_SECONDS = 60.0
DOSSIERS = [f"H01-{number}" for number in range(1, 8)]
FOUND = {
    "H01-2": ("missing", "lost", "send_again"),
    "H01-3": ("stale", "not_applied", "send_again"),
    "H01-6": ("missing", "lost", "send_again"),
    "H09-1": ("extra", "unknown", "tell_partner"),
}


@pytest.fixture
def at(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as made:
        yield made


def differing(at: House) -> Run:
    """Let the two sides differ in four dossiers, and begin to compare."""
    for number, dossier in enumerate(DOSSIERS, start=1):
        at.send(number, dossier, "TIEPNHAN")
        at.send(100 + number, dossier, "XULY")
    at.lose("H01-2")
    at.put("H01-3", trangThai="TIEPNHAN")
    at.lose("H01-6")
    at.put("H09-1", soHoSo="H09-1", trangThai="XULY", thuTuc={"ma": "TT-01"})
    return at.begin()


def check(at: House, run: Run) -> None:
    ended = at.run(run)
    findings = at.findings(ended)
    assert (ended.state, ended.findings, len(findings)) == ("done", 4, 4)
    assert at.found(ended) == FOUND
    assert [each.number for each in findings] == [1, 2, 3, 4]
    assert (ended.counted["same"], ended.seen) == (4, 7)
    assert {f"{each.kind}/{each.cause}": each.number for each in ended.groups} == {
        "missing/lost": 2,
        "stale/not_applied": 1,
        "extra/unknown": 1,
    }
    assert looking.broken_rows(at.hub.ledger) == []


class Nursery:
    """Children that carry a run on, one at a time."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.support.dying_reconciler"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, at: House, run: Run, last: int | None) -> int:
        given = {"folder": str(at.folder), "run": run.id, "last": last, "at": at.clock().isoformat()}
        said, heard = self._process.stdin, self._process.stdout
        assert said is not None
        assert heard is not None
        print(json.dumps(given), file=said, flush=True)
        return int(heard.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE_SECONDS)


@pytest.fixture
def nursery(monkeypatch: pytest.MonkeyPatch) -> Iterator[Nursery]:
    monkeypatch.setattr(asking, "PAGE", dying_reconciler.PAGE)
    monkeypatch.setattr(comparing, "PAGE", dying_reconciler.PAGE)
    made = Nursery()
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_one_that_is_killed_after_any_commit_goes_on_and_finds_each_once(
    tmp_path: Path, engine: str, nursery: Nursery
) -> None:
    with ledger_on(engine) as ledger, house(tmp_path / "whole", ledger=ledger) as at:
        run = differing(at)
        assert nursery.run(at, run, None) == 0
        check(at, run)
        touches = int((at.folder / "touches").read_text(encoding="utf-8"))
    assert touches >= 10

    for last in range(1, touches, 3):
        with ledger_on(engine) as ledger, house(tmp_path / str(last), ledger=ledger) as at:
            run = differing(at)
            assert nursery.run(at, run, last) == -signal.SIGKILL
            at.clock.advance(2 * LEASE_SECONDS)
            check(at, at.carry(run))


def test_of_two_at_once_one_holds_it(at: House) -> None:
    run = differing(at)

    first = dossiers.advance(at.hub, run.id, "first")
    second = dossiers.advance(at.hub, run.id, "second")

    assert (first.action, second.action) == ("on", "leave")
    check(at, at.carry(run, "first"))


def test_the_second_goes_on_when_the_first_is_dead(at: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "PAGE", 2)
    run = differing(at)
    dossiers.advance(at.hub, run.id, "first")

    at.clock.advance(2 * LEASE_SECONDS)

    check(at, at.carry(run, "second"))


def test_there_is_one_with_a_partner_at_a_time(at: House) -> None:
    at.begin()

    with pytest.raises(NotAllowed, match="lan"):
        at.begin(actor="minh")


def test_a_stopped_one_asks_nothing_and_goes_on_where_it_was(at: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "PAGE", 2)
    run = differing(at)
    dossiers.advance(at.hub, run.id, "here")
    stopped = dossiers.stop(at.hub, run.id, actor="lan", why="giờ cao điểm")
    assert dossiers.advance(at.hub, run.id, "here").action == "leave"
    assert (stopped.state, stopped.seen) == ("stopped", 2)

    dossiers.resume(at.hub, run.id, actor="lan", why="đã vắng")

    check(at, at.carry(run))


def test_rubbish_is_asked_for_again_and_then_is_a_finding(at: House) -> None:
    at.send(1, "H01-1")
    at.partner.faults.add("malformed", match="/TraCuuHoSo", times=3)

    run = at.compare()

    assert (run.state, at.found(run)) == ("done", {"H01-1": ("unanswered", "no_answer", "tell_partner")})
    assert at.findings(run)[0].about["error_code"]


def test_one_answer_that_cannot_be_read_is_no_finding(at: House) -> None:
    at.send(1, "H01-1")
    at.partner.faults.add("malformed", match="/TraCuuHoSo")

    assert at.compare().findings == 0


def test_rubbish_only_stops_it(at: House) -> None:
    for number in range(UNANSWERED_LIMIT + 5):
        at.send(number, f"H01-{number}")
    at.partner.faults.add("malformed", match="/TraCuuHoSo", times=1_000)

    run = at.compare()

    assert (run.state, run.findings) == ("stopped", UNANSWERED_LIMIT)
    assert run.note_vi and run.note_en


def test_a_partner_that_is_busy_is_waited_for(at: House) -> None:
    run = differing(at)
    at.partner.faults.add("status", value=503, match="/TraCuuHoSo", times=4)

    check(at, at.carry(run))

    assert at.waited >= 5.0


def test_a_partner_that_is_paused_is_not_asked(at: House) -> None:
    run = differing(at)
    operations.pause(at.hub, PARTNER, actor="lan", why="bảo trì")
    assert dossiers.advance(at.hub, run.id, "here").action == "wait"
    assert at.run(run).note_en == "the endpoint is paused"
    operations.resume(at.hub, PARTNER, actor="lan", why="xong")
    at.clock.advance(60)

    check(at, at.carry(run))


def test_in_no_minute_are_there_more_look_ups_than_the_rate(tmp_path: Path) -> None:
    with house(tmp_path, more="[outbound.reconcile]\nrate_per_minute = 30\nconcurrency = 4\n") as at:
        for number in range(1, 76):
            at.send(number, f"H01-{number}")
        began = at.clock().timestamp()
        run = at.compare()
        took = at.clock().timestamp() - began

    assert (run.counted["same"], run.calls) == (75, 75 + 31)
    assert took >= 60 * (75 + 31 - 30) / 30
    assert took <= 60 * (75 + 31 + 15) / 30


def test_the_rate_of_deliveries_is_shared(tmp_path: Path) -> None:
    with house(tmp_path, more="rate_per_minute = 20\n[outbound.reconcile]\nrate_per_minute = 0\n") as at:
        for number in range(1, 12):
            at.send(number, f"H01-{number}")
            at.clock.advance(10)
        began = at.clock().timestamp()
        run = at.compare()

    assert run.counted["same"] == 11
    assert at.clock().timestamp() - began >= 50, "at most half of what the partner takes"


def test_a_sample_has_exactly_so_many_and_the_same_for_the_same_seed(at: House) -> None:
    for number in range(1, 41):
        at.send(number, f"H01-{number}")

    runs = [at.compare(Scope(sample=7, seed=seed)) for seed in ("a", "a", "b")]

    assert [run.counted["same"] for run in runs] == [7, 7, 7]
    assert [run.calls for run in runs] == [7, 7, 7]


def test_only_those_that_were_named_or_are_open_are_compared(at: House) -> None:
    at.send(1, "H01-1")
    at.send(2, "H01-2", "XONG")
    at.send(3, "H01-2", "DATRA")

    named = at.compare(Scope(subjects=dossiers.subjects_of(at.hub, ["H01-2"])))
    still_open = at.compare(Scope(only_open=True))

    assert (named.counted["same"], still_open.counted["same"]) == (1, 1)
    with pytest.raises(NotAllowed):
        dossiers.subjects_of(at.hub, ["H77-1"])


def test_the_daily_one_begins_once_a_day_at_its_time(tmp_path: Path) -> None:
    with house(tmp_path, more='[outbound.reconcile]\nat = "09:30"\nrate_per_minute = 0\n') as at:
        at.send(1, "H01-1")
        before = nightly.begin_due(at.hub)
        at.clock.advance(3600)
        begun, again = nightly.begin_due(at.hub), nightly.begin_due(at.hub)
        ended = at.carry(begun[0])
        after = nightly.begin_due(at.hub)
        at.clock.advance(23.5 * 3600)
        tomorrow = nightly.begin_due(at.hub)

    assert (len(before), len(begun), len(again), len(after), len(tomorrow)) == (0, 1, 0, 0, 1)
    assert (ended.night, ended.state, ended.actor) == ("2026-03-02", "done", "hub")


def test_a_partner_that_cannot_be_asked_is_refused(at: House) -> None:
    with pytest.raises(NotAllowed):
        dossiers.begin(at.hub, PARTNER, actor="", why="x")
    with at.hub.ledger.read() as conn, pytest.raises(NotAllowed):
        reconciliations.find(conn, "00000000")


def test_what_the_last_whole_run_found_is_an_alert_until_the_next_one_finds_nothing(at: House) -> None:
    def alerts() -> list[tuple[str, int, str]]:
        with at.hub.ledger.read() as conn:
            seen = judge(Book(rules=USUAL), alert_facts.facts(conn, [PARTNER], at.hub.now()), at.hub.now())
        return [(each.about, each.level, each.page) for each in seen.conditions if each.kind == "reconciled"]

    for number in (1, 2):
        at.send(number, f"H01-{number}")
    at.lose("H01-1")
    run = at.compare()
    assert alerts() == [(PARTNER, 1, f"/reconciliations/{run.id}")]

    at.clock.advance(60)
    at.compare(Scope(subjects=dossiers.subjects_of(at.hub, ["H01-2"])))
    at.clock.advance(60)
    at.begin()
    assert alerts() == [(PARTNER, 1, f"/reconciliations/{run.id}")], "named dossiers, and a run under way, say nothing"
    at.carry(at.run(next(each for each in _runs(at) if each.state == "running")))
    at.put("H01-1", soHoSo="H01-1", trangThai="XULY", thuTuc={"ma": "TT-01"})
    at.clock.advance(60)
    at.compare()
    assert alerts() == []


def _runs(at: House) -> tuple[Run, ...]:
    with at.hub.ledger.read() as conn:
        return reconciliations.listing(conn)
