"""Dry run: what a change would come to on real messages is told truly, and nothing is recorded, sent or given away."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from adapters.single_window.registry import GEN2
from hub import operations
from hub.canonical.codes import CodeRow
from hub.edge.acts import everything
from hub.edge.acts.act import perform
from hub.edge.plain import plain
from hub.errors import BadSettings, Forbidden, InvalidMessage, NotAllowed
from hub.ledger.tables import metadata
from hub.operations import dry_runs, edits, mappings
from hub.operations.dry_runs import Candidate, DryRun
from hub.registers import failures
from hub.rules.people import Person, Role
from tests.support import hub as hubs
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import PARTNER, SENDER, At
from tests.support.night_shift import UNMAPPED, Shift, shift

LIST = "template_procedures"
MENDED = Candidate(rows={LIST: [CodeRow(UNMAPPED, "TT-99", "Thủ tục mới")]})
WHO = {"actor": "lan", "why": "thử"}


@pytest.fixture(params=ENGINES)
def night(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shift]:
    """A hub whose partner lacks a procedure code, on each engine."""
    with ledger_on(request.param) as address, shift(tmp_path, ledger=address) as opened:
        yield opened


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Shift]:
    """The same, on SQLite: where the engine does not matter."""
    with shift(tmp_path) as opened:
        yield opened


def counted(done: DryRun) -> dict[str, int]:
    return {outcome: count for outcome, count in done.counts.items() if count}


def everything_in(night: Shift) -> dict[str, int]:
    """Count the rows of every table."""
    with night.hub.ledger.read() as conn:
        tables = metadata.tables.items()
        return {name: conn.execute(select(func.count()).select_from(table)).scalar_one() for name, table in tables}


def fill(night: Shift) -> None:
    """Two dossiers that went, two that stand still for a missing code."""
    for number in (1, 2):
        night.send(number, f"H01-{number}")
        night.clock.advance(60)
    for number in (3, 4):
        night.unmapped(number, f"H01-{number}")
        night.clock.advance(60)


# --- what would be different -----------------------------------------------------------------------------------------


def test_a_code_shows_whom_it_cures_and_changes_nobody_else(night: Shift) -> None:
    fill(night)

    done = dry_runs.run(night.hub, MENDED)

    assert counted(done) == {"cured": 2, "same": 2}
    assert (done.looked_at, done.stopped) == (4, "end")
    newest = done.samples[0]
    assert (newest.subject, newest.outcome, newest.recipients_after) == ("national:H01-4", "cured", (PARTNER,))
    (call,) = newest.calls
    assert call.before_where == f"codes/{LIST}/{UNMAPPED}"
    assert call.after_en == ""


def test_what_it_told_is_what_happens(night: Shift) -> None:
    fill(night)
    told = counted(dry_runs.run(night.hub, MENDED))

    mappings.set_code(night.hub, LIST, UNMAPPED, "TT-99", **WHO)
    for number in (3, 4):
        operations.rebuild(night.hub, night.ids(f"H01-{number}")[0], **WHO)
    night.carry()

    assert told["cured"] == sum(night.states(f"H01-{number}") == ["delivered"] for number in (3, 4))


def test_nothing_is_recorded_and_nothing_sent(night: Shift) -> None:
    fill(night)
    before, sent = everything_in(night), len(night.partner.arrivals)

    dry_runs.run(night.hub, MENDED)

    assert everything_in(night) == before
    assert len(night.partner.arrivals) == sent
    assert night.hub.codes(fresh=True).find(LIST, UNMAPPED, date(2026, 3, 2)) is None


def test_a_changed_code_shows_the_field_and_no_person(desk: Shift) -> None:
    fill(desk)
    candidate = Candidate(rows={LIST: [CodeRow("1.000001", "TT-MOI")]})

    done = dry_runs.run(desk.hub, candidate)

    assert counted(done) == {"differs": 2, "failing": 2}
    (change,) = done.samples[0].calls[0].changes
    assert (change.path, change.before, change.after) == ("/hoSo/thuTuc/ma", "TT-01", "TT-MOI")


def test_values_that_stand_in_no_code_list_are_hidden(desk: Shift) -> None:
    desk.send(1)
    path = desk.folder / "endpoints" / f"{PARTNER}.toml"
    text = path.read_text(encoding="utf-8").replace("[options]\n", '[options]\nunit = "Nguyễn Thử Nghiệm"\n')

    done = dry_runs.run(desk.hub, Candidate(files={f"endpoints/{PARTNER}.toml": text.encode()}))

    (change,) = done.samples[0].calls[0].changes
    assert (change.path, change.after, change.hidden) == ("/donVi", "***", True)


def test_a_file_of_codes_may_break_what_goes_today(desk: Shift) -> None:
    fill(desk)

    done = dry_runs.run(desk.hub, Candidate(files={f"codes/{LIST}.csv": b"code,value\n9.999999,TT-99\n"}))

    assert counted(done) == {"broken": 2, "cured": 2}
    assert [each.outcome for each in done.samples] == ["broken", "broken", "cured", "cured"]
    assert "1.000001" in done.samples[0].calls[0].after_en


def test_rows_of_the_ledger_stand_over_the_candidates_file(desk: Shift) -> None:
    """As they will when the file is there."""
    desk.send(1)
    mappings.set_code(desk.hub, LIST, "1.000001", "TT-LEDGER", **WHO)

    done = dry_runs.run(desk.hub, Candidate(files={f"codes/{LIST}.csv": b"code,value\n1.000001,TT-TEP\n"}))

    assert counted(done) == {"same": 1}


def test_routes_show_who_would_get_it(tmp_path: Path) -> None:
    hubs.configure(tmp_path, {"bo": At(), "so": At()}, routes=f'[[route]]\nname = "all"\nfrom = ["{SENDER}"]\nto = ["bo"]\n')
    hub = hubs.open_hub(tmp_path)
    try:
        hubs.send(hub, 1, "H01-1")
        routes = '[[route]]\nname = "one"\nprocedures = ["1.*"]\nto = ["so"]\n'
        moved = dry_runs.run(hub, Candidate(files={"routes.toml": routes.encode()}))
        none = dry_runs.run(hub, Candidate(files={"routes.toml": routes.replace("1.*", "2.*").encode()}))
    finally:
        hubs.close(hub)

    (sample,) = moved.samples
    assert (sample.outcome, sample.recipients_before, sample.recipients_after) == ("differs", ("bo",), ("so",))
    (lost,) = none.samples
    assert (lost.outcome, lost.recipients_after) == ("broken", ())
    assert lost.calls[-1].after_where == f"{SENDER}/1.000001"


def test_a_rule_for_what_no_rule_matched_cures_it(tmp_path: Path) -> None:
    hubs.configure(tmp_path, routes=f'[[route]]\nname = "x"\nfrom = ["{SENDER}"]\nprocedures = ["2.*"]\nto = ["bo"]\n')
    hub = hubs.open_hub(tmp_path)
    routes = f'[[route]]\nname = "x"\nfrom = ["{SENDER}"]\nto = ["bo"]\n'
    try:
        hubs.send(hub, 1, "H01-1")
        mended = dry_runs.run(hub, Candidate(files={"routes.toml": routes.encode()}))
        still = dry_runs.run(
            hub, Candidate(files={"routes.toml": routes.encode(), f"codes/{LIST}.csv": b"code,value\n"})
        )
    finally:
        hubs.close(hub)

    assert counted(mended) == {"cured": 1}
    assert counted(still) == {"failing": 1}


def test_a_registry_of_schemas_is_tried_without_touching_the_one_in_use(tmp_path: Path) -> None:
    """The Single Window's schemas ship with the adapter; ``registry`` names a folder that adds to them or replaces them."""
    folder = hubs.configure(tmp_path)
    (folder / "registry").mkdir()
    shipped = next(each for each in sorted((GEN2 / "registry").glob("*.toml")) if "like =" not in each.read_text("utf-8"))
    line = 'adapter = "single_window"\ntitle = "VNSW"\n[options]\nregistry = "registry"\n[outbound]\n'
    (folder / "endpoints" / "vnsw.toml").write_text(line, encoding="utf-8")
    hub = hubs.open_hub(folder)
    changed = re.sub(r'(?m)^title = .*$', 'title = "Thử"', shipped.read_text("utf-8"))
    try:
        with hub.configured({f"registry/{shipped.name}": changed.encode()}) as tried:
            titles = {each.title for each in tried.endpoints["vnsw"].options.book.procedures.values()}
        in_use = {each.title for each in hub.endpoints["vnsw"].options.book.procedures.values()}
        with pytest.raises(BadSettings) as caught, hub.configured({f"registry/{shipped.name}": b'title = "x"'}):
            pass
    finally:
        hubs.close(hub)

    assert ("Thử" in titles, "Thử" in in_use) == (True, False)
    assert shipped.name in caught.value.en
    assert list((folder / "registry").iterdir()) == []


# --- which messages --------------------------------------------------------------------------------------------------


def test_the_newest_come_first_and_no_more_than_were_asked_for(desk: Shift) -> None:
    fill(desk)

    done = dry_runs.run(desk.hub, MENDED, count=3)

    assert (done.looked_at, done.wanted, done.stopped) == (3, 3, "")
    assert [each.subject for each in done.samples] == ["national:H01-4", "national:H01-3"]


def test_windows_follow_each_other_without_gap_or_repeat(desk: Shift, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where many came in the same moment, as here."""
    for number in range(7):
        desk.send(number, f"H01-{number}")
    monkeypatch.setattr("hub.registers.real_messages.WINDOW", 2)

    done = dry_runs.run(desk.hub, Candidate(rows={LIST: [CodeRow("1.000001", "TT-MOI")]}))

    assert done.looked_at == 7
    assert len({each.message_id for each in done.samples}) == 7


def test_it_is_narrowed_to_a_sender_a_recipient_a_procedure_or_a_group(desk: Shift) -> None:
    fill(desk)
    with desk.hub.ledger.read() as conn:
        (group,) = failures.failures(conn).parked

    assert dry_runs.run(desk.hub, MENDED, endpoint=PARTNER).looked_at == 4
    assert dry_runs.run(desk.hub, MENDED, endpoint=SENDER).looked_at == 4
    assert dry_runs.run(desk.hub, MENDED, endpoint="other").looked_at == 0
    assert counted(dry_runs.run(desk.hub, MENDED, procedure=UNMAPPED)) == {"cured": 2}
    assert counted(dry_runs.run(desk.hub, MENDED, group=group.cause.group)) == {"cured": 2}
    with pytest.raises(NotAllowed):
        dry_runs.run(desk.hub, MENDED, group="0000000000")


def test_a_groups_corrected_content_is_what_is_tried(desk: Shift) -> None:
    desk.unmapped(1)
    (parked,) = desk.ids()
    proposed = edits.propose(desk.hub, parked, {"/dossier/procedure/code": "8.888888"}, **WHO)
    edits.approve(desk.hub, proposed.edit.id, actor="minh", why="thử")
    desk.carry()
    with desk.hub.ledger.read() as conn:
        (group,) = failures.failures(conn).parked

    done = dry_runs.run(desk.hub, Candidate(rows={LIST: [CodeRow("8.888888", "TT-88")]}), group=group.cause.group)

    assert counted(done) == {"cured": 1}


def test_it_stops_when_its_time_is_over_and_says_so(desk: Shift) -> None:
    fill(desk)

    done = dry_runs.run(desk.hub, MENDED, seconds=-1)

    assert (done.looked_at, done.stopped) == (0, "time")


# --- what cannot be tried --------------------------------------------------------------------------------------------


def test_without_a_change_there_is_nothing_to_try(desk: Shift) -> None:
    for nothing in (Candidate(), Candidate(rows={LIST: []})):
        with pytest.raises(NotAllowed, match="say what to try"):
            dry_runs.run(desk.hub, nothing)
    with pytest.raises(NotAllowed, match="1 to 2000"):
        dry_runs.run(desk.hub, MENDED, count=2001)
    with pytest.raises(InvalidMessage):
        dry_runs.run(desk.hub, Candidate(rows={LIST: [CodeRow("", "x")]}))


@pytest.mark.parametrize(
    "name",
    [
        "hub.toml", "keys/seal.pem", "trust/trust.toml", "../x.toml", "/etc/passwd", "", "codes/a.txt", "codes/a/b.csv",
        "endpoints/a.csv", ".git/x", "other.toml", "a/b/c/d/e/f",
    ],
)  # fmt: skip
def test_only_what_decides_about_messages_is_read(desk: Shift, name: str) -> None:
    with pytest.raises(BadSettings):
        dry_runs.run(desk.hub, Candidate(files={name: b""}))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("routes.toml", b"["),
        ("routes.toml", b"\xff\xfe"),
        ("routes.toml", b"a = " + b"[" * 5000),
        ("routes.toml", b'[[route]]\nname = "x"\nto = ["nobody"]\n'),
        ("codes/x.csv", b"\xff\xfe\x00"),
        ("codes/x.csv", b"code,value,name,valid_from\n1,2,3,yesterday\n"),
        ("codes/x.csv", b"kode,value\n1,2\n"),
        ("endpoints/bo.toml", b'adapter = "nobody"\ntitle = ""\n'),
        ("endpoints/bo.toml", b'adapter = "template"\ntitle = ""\n[options]\nunknown = 1\n'),
    ],
)
def test_a_file_that_cannot_be_used_is_named_without_the_machines_paths(desk: Shift, name: str, text: bytes) -> None:
    desk.send(1)

    with pytest.raises(BadSettings) as caught:
        dry_runs.run(desk.hub, Candidate(files={name: text}))

    assert "/tmp" not in caught.value.en + caught.value.vi


def test_secrets_are_not_read_for_who_writes_a_candidate(desk: Shift) -> None:
    """A reference stays a reference: else its value would stand in the bytes that are shown."""
    desk.send(1)
    text = 'adapter = "template"\ntitle = "x"\n[outbound]\n[options]\nurl = "http://x"\nunit = "file:keys/seal.pem"\n'

    with desk.hub.configured({f"endpoints/{PARTNER}.toml": text.encode()}) as tried:
        assert tried.endpoints[PARTNER].options.unit == "file:keys/seal.pem"


def test_a_folder_outside_of_the_configuration_is_not_read(desk: Shift, tmp_path: Path) -> None:
    for place in ("/etc", "../..", str(desk.folder.parent)):
        text = f'adapter = "single_window"\ntitle = "x"\n[options]\nregistry = "{place}"\n[outbound]\n'
        with pytest.raises(BadSettings, match="outside"):
            dry_runs.run(desk.hub, Candidate(files={"endpoints/vnsw.toml": text.encode()}))


# --- the act ---------------------------------------------------------------------------------------------------------


def act(night: Shift, who: Person, **asked: Any) -> DryRun:
    found = everything.ACTS["dry-run"]
    done: DryRun = perform(night.hub, who, found, found.asked.model_validate(asked))
    return done


def test_the_act_takes_rows_as_lines_and_one_file_and_keeps_to_the_scope(desk: Shift) -> None:
    fill(desk)
    officer = Person(login="hoa", roles=frozenset({Role.OFFICER}))
    far = Person(login="xa", roles=frozenset({Role.OFFICER}), scope=frozenset({"other"}))
    lines = [f"{LIST};{UNMAPPED};TT-99;Thủ tục mới;2020-01-01"]

    assert counted(act(desk, officer, codes=lines)) == {"cured": 2, "same": 2}
    file = (desk.folder / "codes" / f"{LIST}.csv").read_text(encoding="utf-8")
    assert counted(act(desk, officer, file=f"codes/{LIST}.csv", text=file)) == {"same": 2, "failing": 2}
    assert act(desk, far, codes=lines).looked_at == 0
    with pytest.raises(Forbidden):
        act(desk, far, file=f"endpoints/{PARTNER}.toml", text="x")
    with pytest.raises(Forbidden):
        act(desk, far, codes=lines, endpoint=PARTNER)
    with pytest.raises(Forbidden):
        act(desk, Person(login="xem", roles=frozenset({Role.VIEWER})), codes=lines)


def test_what_it_gives_is_json(desk: Shift) -> None:
    fill(desk)

    assert json.loads(json.dumps(plain(dry_runs.run(desk.hub, MENDED))))["counts"]["cured"] == 2
