"""Levels by day, shares, weeks, what records say and how candidates are marked: pure, and afraid of no record."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.canonical.codes import CodeRow
from hub.rules import campaigns, pilot, procedure_facts, service_levels
from hub.rules.campaigns import NEEDS, Tick
from hub.rules.pilot import Figures

# --- levels ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "third", "fourth"),
    [
        (date(2018, 1, 1), "mức độ 3", "mức độ 4"),
        (date(2022, 8, 14), "mức độ 3", "mức độ 4"),
        (date(2022, 8, 15), "một phần", "toàn trình"),
        (date(2026, 6, 30), "một phần", "toàn trình"),
    ],
)
def test_levels_are_called_as_on_their_day(day: date, third: str, fourth: str) -> None:
    found = service_levels.on(day)

    assert (found[3].vi, found[4].vi, sorted(found)) == (third, fourth, [1, 2, 3, 4])


def test_what_replaces_the_names_of_2022_is_marked_as_assumed() -> None:
    assert {each.assumed for each in service_levels.on(date(2026, 7, 1)).values()} == {"yes"}


def test_every_level_has_one_row_on_every_day_and_names_only_known_needs() -> None:
    days = [each.valid_from for each in service_levels.SHIPPED if each.valid_from] + [date(2000, 1, 1)]
    for day in days:
        rows = [each.level for each in service_levels.SHIPPED if each.valid_on(day)]
        assert sorted(rows) == [1, 2, 3, 4]
    assert {need for each in service_levels.SHIPPED for need in each.needs} <= set(NEEDS)
    assert [each.level for each in service_levels.SHIPPED if "payment" in each.needs] == [4, 4, 4]


def test_a_row_of_the_code_list_takes_the_place_of_a_level_on_its_days() -> None:
    own = [CodeRow("4", "record test", "Trọn gói", date(2027, 1, 1), None), CodeRow("x", "record"), CodeRow("9", "record")]

    assert service_levels.on(date(2026, 12, 31), own)[4].vi == "toàn trình"
    found = service_levels.on(date(2027, 1, 1), own)
    assert (found[4].vi, found[4].needs, sorted(found)) == ("Trọn gói", ("record", "test"), [1, 2, 3, 4])


@pytest.mark.parametrize(
    ("part", "whole", "percent"),
    [(570, 1_895, 30.08), (127, 1_895, 6.7), (1_520, 1_625, 93.54), (1, 3, 33.33), (2, 3, 66.67), (1, 800, 0.13), (0, 0, 0.0)],
)
def test_shares_are_rounded_as_officials_round(part: int, whole: int, percent: float) -> None:
    assert service_levels.share(part, whole) == percent


# --- weeks -------------------------------------------------------------------------------------------------------


def test_weeks_begin_on_mondays_and_take_in_what_lies_outside_of_the_campaign() -> None:
    found = campaigns.weeks(date(2020, 6, 3), date(2020, 6, 10), [date(2020, 6, 5)], [date(2020, 5, 31), date(2020, 6, 22)])

    assert [week.monday for week in found] == [date(2020, 5, 25), *(date(2020, 6, day) for day in (1, 8, 15, 22))]
    assert [(week.planned, week.raised, week.planned_so_far, week.raised_so_far) for week in found] == [
        (0, 1, 0, 1), (1, 0, 1, 1), (0, 0, 1, 1), (0, 0, 1, 1), (0, 1, 1, 2),
    ]  # fmt: skip


_DAYS = st.lists(st.dates(date(2020, 1, 1), date(2021, 1, 1)))


@given(planned=_DAYS, raised=_DAYS)
def test_every_day_is_counted_in_one_week(planned: list[date], raised: list[date]) -> None:
    found = campaigns.weeks(date(2020, 6, 1), date(2020, 9, 1), planned, raised)

    assert (sum(week.planned for week in found), sum(week.raised for week in found)) == (len(planned), len(raised))
    assert (found[-1].planned_so_far, found[-1].raised_so_far) == (len(planned), len(raised))


# --- records -----------------------------------------------------------------------------------------------------

_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("9" * 500),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ("details", "agencies", "THANHPHANHOSO", "GIAYTO", "TENGIAYTO", "TENMAUDON", "CACHTHUCTHUCHIEN", "THOIGIAN",
             "THOIGIANGIAIQUYET", "DONVITINH", "PHILEPHI", "SOTIEN", "KENH", "TRINHTUTHUCHIEN", "TRINHTU", "TTHCLIENTHONG")
        ),
        inner,
        max_size=4,
    ),
    max_leaves=25,
)  # fmt: skip


@settings(max_examples=200)
@given(record=_ANYTHING, ticked=st.booleans())
def test_no_record_is_too_strange_to_be_read(record: Any, ticked: bool) -> None:
    facts = procedure_facts.read(record)
    ticks = {name: Tick(evidence="x", actor="lan", at=0.0) for name in NEEDS} if ticked else {}
    states = campaigns.needs(tuple(NEEDS), facts, None, ticks)

    assert "test" in campaigns.missing(states)
    assert facts.days is None or 0 < facts.days <= 10_000


@pytest.mark.parametrize(
    ("number", "unit", "days"),
    [("5", "ngày làm việc", 5.0), ("2,5", "Ngày", 2.5), ("4", "Giờ", 0.5), ("2", "tháng", 60.0), ("0", "ngày", None),
     ("", "ngày", None), ("ngay trong ngày", "", None), ("99999", "ngày", None), ("-1", "ngày", None)],
)  # fmt: skip
def test_days_are_read_as_they_are_written(number: str, unit: str, days: float | None) -> None:
    time = {"THOIGIANGIAIQUYET": number, "DONVITINH": unit}
    record = {"details": {"CACHTHUCTHUCHIEN": [{"KENH": "1", "THOIGIAN": [time]}]}}

    assert procedure_facts.read(record).days == days


@pytest.mark.parametrize(("amount", "fee"), [("0", False), ("0 đồng", False), ("", False), ("20.000", True), ("5000 VND", True)])
def test_a_fee_of_nothing_is_no_fee(amount: str, fee: bool) -> None:
    record = {"details": {"CACHTHUCTHUCHIEN": [{"THOIGIAN": [{"PHILEPHI": [{"SOTIEN": amount}]}]}]}}

    assert procedure_facts.read(record).fee is fee


def test_a_test_dossier_meets_its_need_and_says_which_it_was() -> None:
    tested = campaigns.Tested(dossier="national:T", endpoint="mot_cua", at=1.0)
    (state,) = campaigns.needs(("test",), None, tested, {})

    assert (state.state, state.dossier) == ("met", "national:T")


# --- candidates --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("volume", "worth"), [(0, 0.0), (1, 1 / 3), (5, 1.0), (9, 1 / 3), (0.5, 0.0), (100, 0.0)]
)
def test_a_volume_in_the_middle_is_worth_most(volume: float, worth: float) -> None:
    assert pilot.middling(volume, [1, 5, 9]) == pytest.approx(worth)


def test_marks_explain_the_whole_of_a_total() -> None:
    figures = Figures(changes=1, components=6, steps=None, agencies=4, days=30.0, per_month=5.0)
    given_marks = pilot.marks(pilot.criteria(date(2026, 1, 1)), figures, [1, 5, 9])

    assert [(mark.name, mark.figure, mark.points) for mark in given_marks] == [
        ("stable", 1, 22.5), ("components", 6, 5.0), ("steps", None, 0.0), ("agencies", 4, 0.0), ("days", 30.0, 5.0),
        ("volume", 5.0, 30.0),
    ]  # fmt: skip
    assert pilot.total(given_marks) == 62.5


def test_weights_and_limits_are_data_with_days() -> None:
    own = [CodeRow("stable", "50/2", "", date(2026, 2, 1), None), CodeRow("days", "rubbish"), CodeRow("nothing", "5")]
    before, after = (pilot.criteria(date(2026, month, 1), own) for month in (1, 2))

    assert [(each.weight, each.limit) for each in (before[0], after[0])] == [(30, 4), (50, 2)]
    assert before[1:] == after[1:] == pilot.SHIPPED[1:]
