"""Doubts: a list of their own, the oldest first, with what may be done and how often the partner was asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hub import operations
from hub.edge.acts.act import perform
from hub.edge.acts.everything import ACTS
from hub.registers.doubts import Count, Doubts
from hub.rules.people import Person, Role
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import PARTNER, SENDER
from tests.support.night_shift import Shift, shift

LAN = Person(login="lan", roles=frozenset({Role.OPERATOR}))


@pytest.fixture(params=ENGINES)
def night(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shift]:
    with ledger_on(request.param) as address, shift(tmp_path, ledger=address) as opened:
        yield opened


def listed(night: Shift, person: Person = LAN, **asked: object) -> Doubts:
    found: Doubts = perform(night.hub, person, ACTS["doubts"], ACTS["doubts"].asked(**asked))
    return found


def doubt(night: Shift, number: int, dossier: str) -> None:
    night.faults[dossier] = "garble"
    night.send(number, dossier)
    night.clock.advance(10)


def test_doubts_are_listed_the_oldest_first_page_by_page(night: Shift) -> None:
    began = night.hub.now()
    for number in range(1, 4):
        doubt(night, number, f"H01-{number}")
    night.send(4, "H01-1")

    first = listed(night, limit=2)
    second = listed(night, limit=2, after=first.next)

    assert [each.subject for each in (*first.rows, *second.rows)] == [f"national:H01-{number}" for number in range(1, 4)]
    assert second.next == ""
    assert [each.since_at for each in first.rows] == [began, began + 10]
    assert (first.rows[0].followers, first.rows[0].policy, first.rows[0].attempts) == (1, "ask", 1)
    assert first.rows[0].verbs == ("ask", "settle --arrived", "settle --not-arrived")
    assert first.rows[0].asks_at is not None
    assert first.partners == (Count(endpoint=PARTNER, count=3, oldest_at=began),)


def test_how_long_nobody_knows_is_counted_from_the_attempt_and_not_from_the_last_question(night: Shift) -> None:
    began = night.hub.now()
    doubt(night, 1, "H01-1")
    night.clock.advance(1000)
    operations.ask(night.hub, night.ids()[0], actor="lan", why="gấp")

    (row,) = listed(night).rows

    assert row.since_at == began


def test_what_is_settled_leaves_the_list(night: Shift) -> None:
    doubt(night, 1, "H01-1")
    operations.settle(night.hub, night.ids()[0], arrived=True, actor="lan", why="gọi điện")

    assert listed(night) == Doubts(rows=(), next="", partners=())


def test_a_person_sees_the_doubts_of_what_they_work_on(tmp_path: Path) -> None:
    with shift(tmp_path) as night:
        doubt(night, 1, "H01-1")
        seen = [len(listed(night, replace(LAN, scope=frozenset({each}))).rows) for each in (PARTNER, SENDER, "elsewhere")]

        assert seen == [1, 1, 0]
        assert listed(night, endpoint="elsewhere").rows == ()
