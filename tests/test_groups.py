"""Failure groups as people care for them: one takes, the other is told who; of a note the journal has only the digest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import select

from hub import intake
from hub.canonical.digests import digest_of
from hub.edge.acts.act import perform
from hub.edge.acts.everything import ACTS
from hub.errors import Forbidden, NotAllowed
from hub.ledger.tables import journal
from hub.operations import groups
from hub.registers import failures, group_members
from hub.registers.causes import Failures
from hub.registers.group_members import GroupShown
from hub.rules.people import Person, Role
from tests.support import looking
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import PARTNER, SENDER, document, request
from tests.support.night_shift import Shift, shift

LAN = Person(login="lan", roles=frozenset({Role.OPERATOR}))
MINH = Person(login="minh", roles=frozenset({Role.OPERATOR}))


@pytest.fixture(params=ENGINES)
def night(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shift]:
    with ledger_on(request.param) as address, shift(tmp_path, ledger=address) as opened:
        yield opened


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Shift]:
    with shift(tmp_path) as opened:
        yield opened


def listed(night: Shift, **given: object) -> Failures:
    found: Failures = perform(night.hub, LAN, ACTS["failures"], ACTS["failures"].asked(**given))
    return found


def the_group(night: Shift) -> str:
    (group,) = listed(night).parked
    return group.name


def act(night: Shift, person: Person, verb: str, **asked: object) -> object:
    return perform(night.hub, person, ACTS[verb], ACTS[verb].asked(**asked))


def show(night: Shift, group: str, person: Person = LAN, **asked: object) -> GroupShown:
    found = act(night, person, "group show", group=group, **asked)
    assert isinstance(found, GroupShown)
    return found


# --- taking ----------------------------------------------------------------------------------------------------------


def test_who_takes_a_group_is_seen_by_all_and_the_second_is_told_who(night: Shift) -> None:
    night.unmapped(1)
    group = the_group(night)
    act(night, LAN, "group take", group=group)
    night.clock.advance(60)

    with pytest.raises(NotAllowed, match="lan has taken") as told:
        act(night, MINH, "group take", group=group)

    assert "lan xử lý từ 09:00 02/03/2026" in told.value.vi
    (seen,) = listed(night).parked
    assert (seen.taken_by, seen.taken_at) == ("lan", night.hub.now() - 60)


def test_of_two_who_take_at_once_one_wins(night: Shift) -> None:
    night.unmapped(1)
    group = the_group(night)
    barrier = Barrier(2)

    def take(person: Person) -> str:
        barrier.wait()
        try:
            act(night, person, "group take", group=group)
        except NotAllowed as error:
            return error.en.partition(" has taken")[0]
        return "mine"

    with ThreadPoolExecutor(2) as threads:
        said = list(threads.map(take, (LAN, MINH)))

    winner = listed(night).parked[0].taken_by
    assert sorted(said) == sorted(["mine", winner])
    assert looking.broken_rows(night.hub.ledger) == []


def test_taking_what_one_has_changes_nothing(one: Shift) -> None:
    one.unmapped(1)
    group = the_group(one)
    first = act(one, LAN, "group take", group=group)
    one.clock.advance(60)

    assert act(one, LAN, "group take", group=group) == first
    assert events(one, group) == ["group.taken"]


def test_a_group_is_left_by_who_has_it_or_by_naming_them(one: Shift) -> None:
    one.unmapped(1)
    group = the_group(one)
    act(one, LAN, "group take", group=group)
    with pytest.raises(NotAllowed, match="lan has taken"):
        act(one, MINH, "group leave", group=group)

    act(one, MINH, "group leave", group=group, of="lan", why="lan đã hết ca")

    assert listed(one).parked[0].taken_by == ""
    assert events(one, group) == ["group.taken", "group.left"]
    with pytest.raises(NotAllowed, match="nobody"):
        act(one, LAN, "group leave", group=group)


def events(night: Shift, group: str) -> list[str]:
    query = select(journal.c.event).where(journal.c.subject == f"group:{group}").order_by(journal.c.number)
    with night.hub.ledger.read() as conn:
        return list(conn.execute(query).scalars())


def test_only_who_works_on_the_endpoint_takes_its_groups(one: Shift) -> None:
    one.unmapped(1)
    group = the_group(one)
    elsewhere = replace(LAN, scope=frozenset({"somewhere"}))

    for verb, more in (("group take", {}), ("group leave", {}), ("group note", {"text": "x"})):
        with pytest.raises(Forbidden):
            act(one, elsewhere, verb, group=group, **more)


# --- notes -----------------------------------------------------------------------------------------------------------


def test_a_note_stands_and_the_journal_has_its_digest_only(night: Shift) -> None:
    night.unmapped(1)
    group = the_group(night)

    act(night, LAN, "group note", group=group, text="  đã gọi đối tác\x1b[31m lúc 9:30  ")

    shown = show(night, group)
    assert [(each.actor, each.text) for each in shown.notes] == [("lan", "đã gọi đối tác[31m lúc 9:30")]
    assert shown.group.notes == listed(night).parked[0].notes == 1
    with night.hub.ledger.read() as conn:
        (entry,) = conn.execute(select(journal.c.entry).where(journal.c.subject == f"group:{group}")).scalars()
    assert json.loads(entry)["note"] == digest_of(shown.notes[0].text.encode())
    assert "đối tác" not in entry


@pytest.mark.parametrize("text", ["", " \x00 ", "a" * (groups.LONGEST_NOTE + 1)])
def test_a_note_of_nothing_or_too_much_is_refused(one: Shift, text: str) -> None:
    one.unmapped(1)

    with pytest.raises(NotAllowed):
        groups.note(one.hub, the_group(one), text, actor="lan", why="ghi")


def test_what_was_noted_and_taken_is_known_after_the_last_of_the_group_has_gone(one: Shift) -> None:
    one.unmapped(1)
    group = the_group(one)
    act(one, LAN, "group take", group=group)
    act(one, LAN, "group note", group=group, text="bổ sung danh mục")
    one.mend()
    act(one, LAN, "rebuild", delivery=one.ids()[0], why="xong")
    one.carry()

    shown = show(one, group)

    assert (shown.group.count, shown.members, shown.verbs) == (0, (), ())
    assert (shown.group.taken_by, [each.text for each in shown.notes]) == ("lan", ["bổ sung danh mục"])


def test_nothing_is_known_of_a_group_that_never_was(one: Shift) -> None:
    for verb, more in (("group show", {}), ("group take", {}), ("group note", {"text": "x"})):
        with pytest.raises(NotAllowed, match="no failure group"):
            act(one, LAN, verb, group="0123456789", **more)


# --- members ---------------------------------------------------------------------------------------------------------


def test_members_come_page_by_page_the_longest_standing_first(night: Shift) -> None:
    for number in range(1, 6):
        night.unmapped(number, f"H01-{number}")
        night.clock.advance(10)
    night.send(6, "H01-1")
    group = the_group(night)
    pages, after = [], ""
    while True:
        shown = show(night, group, limit=2, after=after)
        pages.append([each.subject for each in shown.members])
        if not (after := shown.next):
            break

    assert pages == [["national:H01-1", "national:H01-2"], ["national:H01-3", "national:H01-4"], ["national:H01-5"]]
    first = show(night, group)
    assert (first.group.count, first.group.followers, first.members[0].followers) == (5, 1, 1)
    assert first.sample is not None and first.sample.id == first.members[0].id
    assert first.sample.canonical["dossier"]["code"] == "H01-1"
    assert "Nguyễn" not in repr(first)


def test_a_cursor_that_is_none_of_ours_is_refused(one: Shift) -> None:
    one.unmapped(1)

    for after in ("x", "bnVsbA", "WzEsMl0", "!!", "W1tbW1tb"):
        with pytest.raises(NotAllowed, match="no place"):
            show(one, the_group(one), after=after)


def test_verbs_are_those_that_are_possible_for_every_member(one: Shift) -> None:
    """Where an attempt of one may have arrived, the group is not dựng lại."""
    one.unmapped(1, "H01-1")
    one.unmapped(2, "H01-2")

    assert show(one, the_group(one)).verbs == ("release", "rebuild", "settle --arrived", "abandon")
    one.faults["H02-1"] = "garble"
    one.send(3, "H02-1")
    (doubt,) = listed(one).in_doubt
    assert show(one, doubt.name).verbs == ("ask", "settle --arrived", "settle --not-arrived")


def test_refusals_at_a_door_are_a_group_with_members_and_faults(one: Shift) -> None:
    for number in range(3):
        intake.receive(one.hub, request(document(number, status="LA")))
    (group,) = listed(one).refused

    shown = show(one, group.name, limit=2)

    assert (group.count, len(shown.members), bool(shown.next), shown.verbs) == (3, 2, True, ())
    assert shown.members[0].kind == "message" and shown.members[0].endpoint == SENDER
    assert shown.sample is not None and shown.sample.faults[0]["path"] == "/hoSo/trangThai"
    act(one, LAN, "group take", group=group.name)
    assert listed(one).refused[0].taken_by == "lan"


# --- growing or quiet, scope -----------------------------------------------------------------------------------------


def test_a_group_grows_stands_and_becomes_quiet(one: Shift) -> None:
    one.unmapped(1, "H01-1")
    one.clock.advance(3000)
    one.unmapped(2, "H01-2")
    seen = []
    for seconds in (0, 1000, 3000, 86400):
        one.clock.advance(seconds)
        (group,) = listed(one).parked
        seen.append((group.new_15m, group.new_1h, group.new_24h, group.trend))

    assert seen == [(1, 2, 2, "growing"), (0, 1, 2, "steady"), (0, 0, 2, "quiet"), (0, 0, 0, "quiet")]


def test_a_person_sees_the_groups_of_what_they_work_on_as_recipient_or_origin(one: Shift) -> None:
    one.unmapped(1)
    counts = []
    for scope in ({PARTNER}, {SENDER}):
        person = replace(LAN, scope=frozenset(scope))
        found = perform(one.hub, person, ACTS["failures"], ACTS["failures"].asked())
        shown = perform(one.hub, person, ACTS["group show"], ACTS["group show"].asked(group=the_group(one)))
        counts.append((len(found.parked), len(shown.members), shown.group.count))

    assert counts == [(1, 1, 1), (1, 1, 1)]
    stranger = replace(LAN, scope=frozenset({"elsewhere"}))
    assert perform(one.hub, stranger, ACTS["failures"], ACTS["failures"].asked()).parked == ()
    with pytest.raises(Forbidden):
        perform(one.hub, stranger, ACTS["group show"], ACTS["group show"].asked(group=the_group(one)))


def test_every_group_that_is_listed_can_be_shown(one: Shift) -> None:
    one.unmapped(1, "H01-1")
    one.faults["H01-2"] = "refuse"
    one.send(2, "H01-2")
    for by in failures.WHAT:
        for group in listed(one, by=by).parked:
            with one.hub.ledger.read() as conn:
                shown = group_members.show(
                    conn, group.name, after="", limit=10, scope=None, on_doubt=lambda *_: "park", now=one.hub.now()
                )
            assert (shown.by, shown.group) == (by, group)
