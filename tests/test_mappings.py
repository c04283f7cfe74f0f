"""Code lists in the ledger: laid over the files, in force everywhere at once, taken back when the files have caught up."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select

from hub import operations
from hub.app import Hub
from hub.canonical.codes import CodeRow
from hub.code_book import LOOK_SECONDS, CodeBook
from hub.edge.acts import everything
from hub.edge.acts.act import perform
from hub.edge.cli.checks import codes as checked
from hub.errors import Forbidden, HubError, InvalidMessage, NotAllowed, Unavailable
from hub.ledger import code_verbs, journal
from hub.ledger.working_tables import code_lists
from hub.operations import mappings
from hub.registers import codes, failures, history
from hub.registers.codes import MappedRow
from hub.rules.lifecycle import State
from hub.rules.people import Person, Role
from tests.support import hub as hubs
from tests.support import looking
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import PARTNER
from tests.support.night_shift import UNMAPPED, Shift, shift

LIST = "template_procedures"
WHO = {"actor": "hoa", "why": "thủ tục mới"}
DAY = date(2026, 3, 2)


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


class Watch:
    """A clock for code books, turned by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def other_machine(night: Shift, watch: Watch) -> Hub:
    """Give the hub as another process has it, which has looked at the code lists already."""
    hub = replace(night.hub, codes=CodeBook(night.folder, night.hub.ledger, watch))
    hub.codes()
    return hub


def value(hub: Hub, code: str = UNMAPPED, day: date = DAY) -> str:
    row = hub.codes().find(LIST, code, day)
    return row.value if row else ""


# --- in force everywhere ---------------------------------------------------------------------------------------------


def test_a_code_cures_what_stands_still_for_it_and_says_which_groups(night: Shift) -> None:
    night.unmapped(1)
    night.send(2)
    with night.hub.ledger.read() as conn:
        (group,) = failures.failures(conn).parked

    done = mappings.set_code(night.hub, LIST, UNMAPPED, "TT-99", **WHO)

    (cure,) = done.cures
    assert (cure.code, cure.parked, cure.endpoints, cure.groups) == (UNMAPPED, 1, (PARTNER,), (group.cause.group,))
    operations.rebuild(night.hub, night.ids()[0], **WHO)
    night.carry()
    assert night.states() == [State.DELIVERED] * 2
    assert night.bodies()[0]["hoSo"]["thuTuc"]["ma"] == "TT-99"
    assert mappings.lists(night.hub).missing == ()


def test_a_rebuild_right_after_never_meets_the_old_list_on_another_machine(night: Shift) -> None:
    """Its clock stands still: by itself it would not look again."""
    watch = Watch()
    other = other_machine(night, watch)
    night.unmapped(1)
    mappings.set_code(night.hub, LIST, UNMAPPED, "TT-98", **WHO)
    mappings.set_code(night.hub, LIST, UNMAPPED, "TT-99", **WHO)
    operations.rebuild(night.hub, night.ids()[0], **WHO)

    hubs.carry_all(other)

    assert night.states() == [State.DELIVERED]
    assert night.bodies()[0]["hoSo"]["thuTuc"]["ma"] == "TT-99"


def test_a_new_message_for_which_a_code_was_just_added_is_not_parked(night: Shift) -> None:
    other = other_machine(night, Watch())
    mappings.set_code(night.hub, LIST, UNMAPPED, "TT-99", **WHO)

    night.hub = other
    night.unmapped(1)

    assert night.states() == [State.DELIVERED]


def test_every_process_follows_within_the_time_that_it_says(night: Shift) -> None:
    watch = Watch()
    other = other_machine(night, watch)
    mappings.set_code(night.hub, LIST, UNMAPPED, "TT-99", **WHO)
    before = value(other)

    watch.now += LOOK_SECONDS

    assert (before, value(other)) == ("", "TT-99")
    assert other.codes(fresh=True).find(LIST, UNMAPPED, DAY) is not None


class Counting:
    """A ledger that counts the looks, and may be away."""

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger
        self.looks = 0
        self.away = False

    @contextmanager
    def glance(self) -> Iterator[Any]:
        self.looks += 1
        if self.away:
            raise Unavailable("away", "không phản hồi")
        with self._ledger.glance() as conn:
            yield conn


def test_it_looks_at_the_ledger_once_in_a_while_and_not_for_each_message(desk: Shift) -> None:
    watch, ledger = Watch(), Counting(desk.hub.ledger)
    book = CodeBook(desk.folder, ledger, watch)  # type: ignore[arg-type]

    for _ in range(100):
        book()
    often = ledger.looks
    watch.now += LOOK_SECONDS
    book()

    assert (often, ledger.looks) == (1, 2)


def test_while_the_ledger_is_away_what_is_known_is_used_but_not_called_fresh(desk: Shift) -> None:
    mappings.set_code(desk.hub, LIST, UNMAPPED, "TT-99", **WHO)
    watch, ledger = Watch(), Counting(desk.hub.ledger)
    book = CodeBook(desk.folder, ledger, watch)  # type: ignore[arg-type]
    ledger.away = True
    with pytest.raises(Unavailable):
        book()
    ledger.away = False
    book()
    ledger.away = True
    watch.now += LOOK_SECONDS

    found = book().find(LIST, UNMAPPED, DAY)
    book()

    assert found is not None
    assert found.value == "TT-99"
    assert ledger.looks == 3, "one that fails is not repeated for each message"
    with pytest.raises(Unavailable):
        book(fresh=True)


def test_a_ledger_that_is_away_parks_no_delivery(desk: Shift) -> None:
    """That its code lists cannot be read says nothing about the delivery: its lease brings it back."""
    desk.unmapped(1)
    operations.rebuild(desk.hub, desk.ids()[0], **WHO)
    ledger = Counting(desk.hub.ledger)
    book = CodeBook(desk.folder, ledger, Watch())  # type: ignore[arg-type]
    book()
    ledger.away = True

    with pytest.raises(Unavailable):
        hubs.carry_all(replace(desk.hub, codes=book))

    assert desk.states() == [State.CLAIMED]


# --- laid over the files ---------------------------------------------------------------------------------------------


def test_a_row_stands_over_the_files_on_its_days_and_the_file_holds_on_the_others(night: Shift) -> None:
    mappings.set_code(
        night.hub, LIST, "1.000001", "TT-MOI", valid_from=date(2026, 3, 1), valid_to=date(2026, 4, 1), **WHO
    )

    days = [date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 31), date(2026, 4, 1)]
    night.hub.codes(fresh=True)
    assert [value(night.hub, "1.000001", day) for day in days] == ["TT-01", "TT-MOI", "TT-MOI", "TT-01"]


def test_a_row_that_is_taken_back_gives_the_file_its_word_again(night: Shift) -> None:
    mappings.set_code(night.hub, LIST, "1.000001", "TT-MOI", **WHO)
    night.hub.codes(fresh=True)
    over = value(night.hub, "1.000001")

    done = mappings.remove_code(night.hub, LIST, "1.000001", **WHO)
    night.hub.codes(fresh=True)

    assert (over, value(night.hub, "1.000001")) == ("TT-MOI", "TT-01")
    assert (done.row.value, done.now.value if done.now else "") == ("TT-MOI", "TT-01")
    with pytest.raises(NotAllowed, match="changed in the file"):
        mappings.remove_code(night.hub, LIST, "1.000001", **WHO)


def test_it_is_shown_where_each_row_comes_from(desk: Shift) -> None:
    mappings.set_code(desk.hub, LIST, "1.000001", "TT-MOI", valid_from=DAY, **WHO)
    mappings.set_code(desk.hub, LIST, UNMAPPED, "TT-99", name="Thủ tục mới", **WHO)

    listed = mappings.show(desk.hub, LIST)

    shown = [(row.code, row.value, row.origin, row.covered, row.changed_by) for row in listed.rows]
    assert shown == [
        ("1.000001", "TT-01", "file", True, ""),
        ("1.000001", "TT-MOI", "ledger", False, "hoa"),
        (UNMAPPED, "TT-99", "ledger", False, "hoa"),
    ]
    assert listed.used_by == (PARTNER, "mot_cua")
    assert [row.code for row in mappings.show(desk.hub, LIST, containing="mới").rows] == [UNMAPPED]
    assert mappings.show(desk.hub, LIST, limit=1).more
    (summary,) = (each for each in mappings.lists(desk.hub).lists if each.name == LIST)
    assert (summary.name, summary.file_rows, summary.ledger_rows, summary.changed_by) == (LIST, 1, 2, "hoa")


def rows(*given: tuple[str, str, str]) -> list[CodeRow]:
    return [
        CodeRow("1", value, "", date.fromisoformat(begin) if begin else None, date.fromisoformat(end) if end else None)
        for value, begin, end in given
    ]


@pytest.mark.parametrize(
    ("file", "ledger", "expected"),
    [
        ([("a", "", "")], [], [("a", "", "")]),
        ([("a", "", "")], [("b", "", "")], [("b", "", "")]),
        ([("a", "", "")], [("b", "2026-01-01", "")], [("a", "", "2026-01-01"), ("b", "2026-01-01", "")]),
        (
            [("a", "2020-01-01", "")],
            [("b", "2026-01-01", "2026-02-01")],
            [("a", "2020-01-01", "2026-01-01"), ("a", "2026-02-01", ""), ("b", "2026-01-01", "2026-02-01")],
        ),
        (
            [("a", "2020-01-01", "2021-01-01")],
            [("b", "2021-01-01", "")],
            [("a", "2020-01-01", "2021-01-01"), ("b", "2021-01-01", "")],
        ),
        (
            [("a", "2020-01-01", "2021-01-01")],
            [("b", "2019-01-01", "2020-06-01")],
            [("a", "2020-06-01", "2021-01-01"), ("b", "2019-01-01", "2020-06-01")],
        ),
    ],
)  # fmt: skip
def test_the_file_that_catches_up_says_the_same_and_contradicts_itself_nowhere(
    file: list[tuple[str, str, str]], ledger: list[tuple[str, str, str]], expected: list[tuple[str, str, str]]
) -> None:
    flat = list(codes.flattened(rows(*file), rows(*ledger)))

    assert flat == rows(*expected)
    merged = codes.merged({"x": rows(*file)}, {"x": rows(*ledger)})
    alone = codes.merged({"x": flat}, {})
    for day in (date(2019, 6, 1), date(2020, 3, 1), date(2021, 1, 1), date(2026, 1, 1), date(2026, 1, 31), date(2026, 2, 1)):
        first, second = merged.find("x", "1", day), alone.find("x", "1", day)
        assert (first.value if first else "") == (second.value if second else "")
    assert not any(codes.overlaps(one, other) for one in flat for other in flat if one is not other)


def test_a_list_that_only_the_ledger_has_serves(desk: Shift) -> None:
    (desk.folder / "codes" / f"{LIST}.csv").unlink()
    desk.send(1)
    assert desk.states() == [State.PARKED]

    mappings.set_code(desk.hub, LIST, "1.000001", "TT-77", **WHO)
    operations.rebuild(desk.hub, desk.ids()[0], **WHO)
    desk.carry()

    assert desk.bodies()[0]["hoSo"]["thuTuc"]["ma"] == "TT-77"


# --- what cannot be a row --------------------------------------------------------------------------------------------


def test_a_misspelt_list_is_refused_without_naming_secrets(desk: Shift) -> None:
    with pytest.raises(NotAllowed) as caught:
        mappings.set_code(desk.hub, "template_procedure", "1", "2", **WHO)

    assert LIST in caught.value.en
    assert "secret" not in caught.value.en + caught.value.vi


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"code": ""}, "code"),
        ({"code": "x" * 201}, "code"),
        ({"code": "a\x00"}, "code"),
        ({"code": " a"}, "code"),
        ({"value": "a\nb"}, "value"),
        ({"name": "\ud800"}, "name"),
        ({"valid_from": DAY, "valid_to": DAY}, "valid_to"),
    ],
)
def test_what_cannot_be_a_row_is_refused_with_its_field(desk: Shift, given: dict[str, Any], field: str) -> None:
    asked: dict[str, Any] = {"code": "1", "value": "2", **given}

    with pytest.raises(InvalidMessage) as caught:
        mappings.set_code(desk.hub, LIST, asked.pop("code"), asked.pop("value"), **asked, **WHO)

    assert [fault.path for fault in caught.value.faults] == [field]


def test_rows_of_the_ledger_never_contradict_each_other(night: Shift) -> None:
    mappings.set_code(night.hub, LIST, UNMAPPED, "A", valid_from=date(2026, 1, 1), valid_to=date(2026, 6, 1), **WHO)

    for begin, end in ((None, None), (None, date(2026, 1, 2)), (date(2026, 5, 31), None), (date(2026, 2, 1), date(2026, 3, 1))):
        with pytest.raises(NotAllowed, match="another row"):
            mappings.set_code(night.hub, LIST, UNMAPPED, "B", valid_from=begin, valid_to=end, **WHO)
    mappings.set_code(night.hub, LIST, UNMAPPED, "B", valid_from=date(2026, 6, 1), **WHO)
    mappings.set_code(night.hub, LIST, UNMAPPED, "C", valid_to=date(2026, 1, 1), **WHO)

    assert [row.value for row in mappings.show(night.hub, LIST, containing=UNMAPPED).rows] == ["C", "A", "B"]


# --- journal, two at once, kill -9 -----------------------------------------------------------------------------------


def test_each_change_stands_in_the_lists_own_journal(night: Shift) -> None:
    mappings.set_code(night.hub, LIST, UNMAPPED, "A", **WHO)
    done = mappings.set_code(night.hub, LIST, UNMAPPED, "B", **WHO)
    mappings.remove_code(night.hub, LIST, UNMAPPED, **WHO)

    with night.hub.ledger.read() as conn:
        told = [(row.event, row.actor, row.entry["value"]) for row in history.journal_of(conn, f"codes:{LIST}")]
    assert told == [("codes.set", "hoa", "A"), ("codes.set", "hoa", "B"), ("codes.removed", "hoa", "B")]
    assert done.before is not None
    assert done.before.value == "A"
    assert looking.broken_rows(night.hub.ledger) == []


def test_of_two_who_add_contradicting_rows_at_once_one_is_refused(night: Shift) -> None:
    other = hubs.open_hub(night.folder, night.clock)
    start = Barrier(2)

    def add(hub: Hub, begin: date | None) -> str:
        start.wait()
        try:
            return mappings.set_code(hub, LIST, UNMAPPED, "X", valid_from=begin, **WHO).row.value
        except HubError as error:
            return error.code

    try:
        with ThreadPoolExecutor(2) as pool:
            said = sorted(pool.map(add, (night.hub, other), (None, DAY)))
    finally:
        hubs.close(other)

    assert said == ["X", "not_allowed"]
    assert len(mappings.show(night.hub, LIST, containing=UNMAPPED).rows) == 1


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("touch", ["count_change", "_refuse_overlap", "append"])
def test_killed_in_the_middle_of_a_change_nothing_of_it_was_done(tmp_path: Path, engine: str, touch: str) -> None:
    with ledger_on(engine) as address, shift(tmp_path, ledger=address) as night:
        child = os.fork()
        if child == 0:
            try:
                hub = hubs.bootstrap.open_hub(hubs.bootstrap.load_settings(night.folder), clock=night.clock)
                _die_after(journal if touch == "append" else code_verbs, touch)
                mappings.set_code(hub, LIST, UNMAPPED, "X", **WHO)
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)

        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
        assert value(night.hub) == ""
        with night.hub.ledger.read() as conn:
            assert conn.execute(select(code_lists)).fetchall() == []
        mappings.set_code(night.hub, LIST, UNMAPPED, "X", **WHO)
        night.hub.codes(fresh=True)
        assert value(night.hub) == "X"


def _die_after(owner: Any, name: str) -> None:
    real = getattr(owner, name)

    def dies(*given: Any, **named: Any) -> None:
        real(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, dies)


# --- check, acts -----------------------------------------------------------------------------------------------------


def test_check_knows_the_ledgers_rows_and_those_that_the_file_has_caught_up_with(desk: Shift) -> None:
    settings = hubs.bootstrap.load_settings(desk.folder)
    mappings.set_code(desk.hub, LIST, UNMAPPED, "TT-99", name="Thủ tục mới", valid_from=date(2020, 1, 1), **WHO)
    before = [each.level for each in checked.look_at_ledger(settings, desk.hub)]

    desk.mend()

    assert before == ["ok"]
    after = list(checked.look_at_ledger(settings, desk.hub))
    assert [each.level for each in after] == ["ok", "warning"]
    assert UNMAPPED in after[1].en


def test_a_rules_list_may_be_in_the_ledger_alone(tmp_path: Path) -> None:
    to = 'place = { table = "places", path = "dossier.agency.code", to = { x = "bo" } }\nto = ["bo"]\n'
    place = f'[[route]]\nname = "by_place"\n{to}'
    hubs.configure(tmp_path, routes=place)
    hub = hubs.open_hub(tmp_path)
    try:
        settings = hubs.bootstrap.load_settings(tmp_path)
        before = [each.level for each in checked.look_at_ledger(settings, hub)]
        mappings.set_code(hub, "places", "H01", "x", **WHO)
        after = [each.level for each in checked.look_at_ledger(settings, hub)]
        assert mappings.used_by(hub, "places") == ("bo",)
    finally:
        hubs.close(hub)

    assert (before, after) == (["error"], ["ok"])


def act(hub: Hub, who: Person, verb: str, **asked: Any) -> Any:
    found = everything.ACTS[verb]
    return perform(hub, who, found, found.asked.model_validate(asked))


def test_the_acts_keep_to_roles_and_to_the_scope_of_who_uses_a_list(desk: Shift) -> None:
    desk.unmapped(1)
    asked = {"list_name": LIST, "code": UNMAPPED, "value": "TT-99", "valid_from": "2026-01-01", "valid_to": "", "why": "mới"}
    officer = Person(login="hoa", roles=frozenset({Role.OFFICER}))
    local = replace(officer, scope=frozenset({PARTNER}))
    viewer = Person(login="xem", roles=frozenset({Role.VIEWER}))
    for nobody in (viewer, local):
        with pytest.raises(Forbidden):
            act(desk.hub, nobody, "mapping set", **asked)

    done = act(desk.hub, officer, "mapping set", **asked)

    assert isinstance(done.row, MappedRow)
    assert done.row.valid_from == date(2026, 1, 1)
    assert act(desk.hub, viewer, "mapping show", list_name=LIST, code=UNMAPPED).rows[0].value == "TT-99"
    far = replace(viewer, scope=frozenset({"other"}))
    assert act(desk.hub, far, "mapping show").missing == ()
    assert len(act(desk.hub, viewer, "mapping show").missing) == 1
    act(desk.hub, officer, "mapping remove", list_name=LIST, code=UNMAPPED, valid_from="2026-01-01", why="đã có")
