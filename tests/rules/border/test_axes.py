"""The axes of a border document: whatever order events come in, and however often, they lead to the same place."""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.canonical.border.message import (
    HOPS,
    AnswerResult,
    BorderAnswer,
    BorderEvent,
    ItemAnswer,
    TechnicalState,
    Tracking,
)
from hub.canonical.border.parts import Measure
from hub.rules.border import axes
from hub.rules.border.axes import STATES, TECHNICAL_ORDER, Axes, Said, Standing, after

R, E, T = AnswerResult, BorderEvent, TechnicalState

_moments = st.integers(1, 6).map(float)
_items = st.builds(
    ItemAnswer,
    number=st.integers(0, 3),
    result=st.sampled_from(["given", "not_given"]),
    used=st.none()
    | st.builds(
        Measure, value=st.sampled_from([Decimal("1"), Decimal("1.0"), Decimal("7.25")]), unit=st.sampled_from(["KGM", ""])
    ),
    reason_code=st.sampled_from(["", "A"]),
)
_answers = st.builds(
    BorderAnswer,
    result=st.sampled_from(list(R)),
    declaration_number=st.sampled_from(["", "D1", "D2"]),
    declared_on=st.none() | st.just(date(2026, 3, 2)),
    items=st.lists(_items, max_size=3).map(tuple),
    reason_code=st.sampled_from(["", "B"]),
)
_tracked = st.builds(
    Tracking, technical=st.sampled_from(list(T)), hop=st.sampled_from(["", *HOPS]), code=st.sampled_from(["", "X", "Y"])
)


def _said(event: BorderEvent, **more: st.SearchStrategy[object]) -> st.SearchStrategy[Said]:
    return st.builds(Said, event=st.just(event), at=_moments, **more)


_events = st.one_of(
    _said(E.ISSUED),
    _said(E.COPIED),
    _said(E.COPY_ASKED),
    _said(E.CANCELLED, superseded_by=st.sampled_from(["", "N1", "N2"])),
    _said(E.ANSWERED, answer=_answers),
    _said(E.TRACKED, tracking=_tracked),
)


def fold(told: list[Said]) -> Axes:
    stands = Axes()
    for each in told:
        stands = after(stands, each)
    return stands


def seen(stands: Axes) -> tuple[object, ...]:
    """Give all that can be seen of them; quantities as they are written."""
    uses = {
        place: (use.result, str(use.used), use.unit, use.reason_code, use.declared_on, use.at)
        for place, use in stands.uses.items()
    }
    rest = tuple(getattr(stands, each.name) for each in fields(stands) if each.name != "uses")
    return (*rest, stands.hop, stands.result, stands.result_at, stands.state, uses)


@settings(max_examples=150, deadline=None)
@given(st.lists(_events, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_any_order_and_repetition_leads_to_the_same_axes(told: list[Said], draw: object) -> None:
    again = [*told, *told[: len(told) // 2]]
    draw.shuffle(again)  # type: ignore[attr-defined]
    assert seen(fold(again)) == seen(fold(told))


@settings(max_examples=150, deadline=None)
@given(st.lists(_events, min_size=1, max_size=8))
def test_no_axis_ever_goes_back(told: list[Said]) -> None:
    stands = Axes()
    for each in told:
        before, stands = stands, after(stands, each)
        assert TECHNICAL_ORDER[stands.technical] >= TECHNICAL_ORDER[before.technical]
        assert stands.hop >= before.hop
        assert before.hops.keys() <= stands.hops.keys()
        assert before.uses.keys() <= stands.uses.keys()
        assert list(Standing).index(stands.standing) >= list(Standing).index(before.standing)
        assert before.decided <= stands.decided
        assert stands.state in STATES


def answer(result: AnswerResult, at: float, declaration: str = "") -> Said:
    told = BorderAnswer(result=result, declaration_number=declaration)
    return Said(event=E.ANSWERED, at=at, answer=told)


ISSUED = Said(event=E.ISSUED, at=1.0)
GONE = Said(event=E.CANCELLED, at=3.0)
REPLACED = Said(event=E.CANCELLED, at=4.0, superseded_by="N1")


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ([], "awaited"),
        ([ISSUED], "issued"),
        ([answer(R.GIVEN, 2.0)], "given"),
        ([ISSUED, answer(R.NOT_RECEIVED, 2.0)], "not_received"),
        ([ISSUED, answer(R.AVAILABLE, 2.0), answer(R.NOT_RECEIVED, 3.0)], "available"),
        ([ISSUED, answer(R.GIVEN, 2.0), answer(R.AVAILABLE, 5.0)], "given"),
        # A refusal may be reconsidered; what was said before it, and comes after it, is only late.
        ([answer(R.NOT_GIVEN, 2.0), answer(R.GIVEN, 3.0)], "given"),
        ([answer(R.GIVEN, 3.0), answer(R.NOT_GIVEN, 2.0)], "given"),
        ([answer(R.GIVEN, 2.0), answer(R.NOT_GIVEN, 3.0)], "not_given"),
        # With several import declarations, what differs is one in part.
        ([answer(R.GIVEN, 2.0, "D1"), answer(R.NOT_GIVEN, 3.0, "D2")], "partly_given"),
        ([answer(R.GIVEN, 2.0, "D1"), answer(R.GIVEN, 3.0, "D2")], "given"),
        ([ISSUED, GONE, answer(R.GIVEN, 4.0)], "cancelled"),
        ([GONE, ISSUED], "cancelled"),
        ([GONE, REPLACED, GONE], "superseded"),
    ],
)
def test_the_business_axis_in_one_word(told: list[Said], state: str) -> None:
    assert fold(told).state == state


def test_no_axis_is_read_from_another() -> None:
    told = fold([ISSUED, answer(R.GIVEN, 2.0)])
    assert (told.hop, told.technical) == ("", T.UNKNOWN)
    way = Said(event=E.TRACKED, at=2.0, tracking=Tracking(technical=T.DELIVERED, hop="AS4"))
    assert (fold([ISSUED, way]).state, fold([way]).state) == ("issued", "awaited")


def used(item: int, value: str, unit: str, declaration: str, result: str = "given") -> Said:
    line = ItemAnswer(number=item, result=result, used=Measure(value=Decimal(value), unit=unit))  # type: ignore[arg-type]
    told = BorderAnswer(result=R.GIVEN, declaration_number=declaration, items=(line,))
    return Said(event=E.ANSWERED, at=2.0, answer=told)


CERTIFIED = {1: ((Decimal("100.5"), "KGM"), (Decimal("40"), "CT")), 2: ((Decimal("7"), "KGM"),)}


@pytest.mark.parametrize(
    ("told", "over", "other"),
    [
        ([used(1, "100.5", "KGM", "D1")], (), ()),
        ([used(1, "100.50", "KGM", "D1"), used(1, "0.000000001", "KGM", "D2")], (1,), ()),
        ([used(1, "100", "KGM", "D1"), used(1, "40", "CT", "D2")], (), ()),
        ([used(1, "41", "CT", "D1"), used(2, "8", "KGM", "D2")], (1, 2), ()),
        ([used(1, "999", "KGM", "D1", "not_given")], (), ()),
        ([used(1, "1", "TNE", "D1"), used(9, "1", "KGM", "D1")], (), (1, 9)),
    ],
)
def test_what_is_used_is_held_against_what_is_certified(told: list[Said], over: tuple[int, ...], other: tuple[int, ...]) -> None:
    uses = fold(told).uses.values()
    assert axes.over_used(CERTIFIED, uses) == over
    assert axes.in_other_unit(CERTIFIED, uses) == other


@pytest.mark.parametrize("number", [0, -1, 2**31, 10**30])
def test_numbers_that_no_line_has_are_passed_over(number: int) -> None:
    assert set(fold([used(number, "1", "KGM", "D1")]).uses) == {("D1", 0)}


def test_codes_of_partners_are_kept_short_and_clean() -> None:
    told = BorderAnswer(result=R.GIVEN, declaration_number="D\x00\n" + "x" * 500, reason_code="\ud800")
    (use,) = fold([Said(event=E.ANSWERED, at=1.0, answer=told)]).uses.values()
    assert use.declaration == "D" + "X" * 99 and use.reason_code == ""
