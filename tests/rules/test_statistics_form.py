"""Form II.06a: its sums agree on any traffic, and each dossier stands where an official would put it."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.canonical.base import VIETNAM
from hub.canonical.codes import CodeRow
from hub.errors import BadSettings, NotAllowed
from hub.rules.dossier_facts import Facts
from hub.rules.statistics import definitions, honesty, periods
from hub.rules.statistics.form import COUNTED, Numbers, Span, below, is_late, owner_of, placed
from hub.rules.working_days import calendar

MARCH = periods.period("2026-03")
SPAN = Span(begin=MARCH.begin, until=MARCH.end)
DAYS = calendar()
USUAL = definitions.rule(definitions.on("II.06a", date(2026, 3, 31)))


def at(day: int, hour: int = 9, month: int = 3) -> float:
    return datetime(2026, month, day, hour, tzinfo=VIETNAM).timestamp()


def became(rule: definitions.Rule = USUAL, legal: int | None = None, **facts: object) -> str | None:
    found = placed(Facts(**facts), legal, SPAN, rule, DAYS)  # type: ignore[arg-type]
    return found.became if found else None


def rule(**lines: str) -> definitions.Rule:
    own = [CodeRow(f"II.06a.{code}", value) for code, value in lines.items()]
    return definitions.rule(definitions.on("II.06a", date(2026, 3, 31), own))


MOMENTS = st.none() | st.floats(at(1, month=1), at(30, month=6)) | st.sampled_from([-1e12, 1e12, MARCH.begin, MARCH.end])
FACTS = st.builds(
    Facts,
    channel=st.sampled_from(["", "1", "2", "3", "9"]),
    **dict.fromkeys(
        ("received_at", "due_at", "first_due_at", "done_at", "returned_at", "closed_at", "asked_at", "answered_at"), MOMENTS
    ),
    supplements=st.integers(0, 3),
)
RULES = st.sampled_from(
    [
        USUAL,
        rule(late="day", early="moment"),
        rule(ends="returned", unmoved="as_told", without_due="late"),
        rule(ends="closed done", rounds="0", online="2 9"),
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(FACTS, max_size=30),
    RULES,
    st.none() | st.integers(0, 30),
    st.sampled_from(["2026-03", "2026-Q1", "2026", "2025-12"]),
)
def test_its_sums_agree_on_any_traffic(listed: list[Facts], how: definitions.Rule, legal: int | None, name: str) -> None:
    about = periods.period(name)
    span = Span(begin=about.begin, until=about.end)
    counts = dict.fromkeys(COUNTED, 0)
    seen = 0
    for facts in listed:
        if (found := placed(facts, legal, span, how, DAYS)) is not None:
            counts[found.came] += 1
            counts[found.became] += 1
            seen += 1
    numbers = Numbers(**counts)

    assert numbers.agrees and numbers.c3 == numbers.c7 + numbers.c11 == seen
    assert (numbers.c3, numbers.c7, numbers.c11) == (
        counts["c4"] + counts["c5"] + counts["c6"],
        counts["c8"] + counts["c9"] + counts["c10"],
        counts["c12"] + counts["c13"],
    )


@settings(max_examples=100, deadline=None)
@given(FACTS, RULES, st.none() | st.integers(0, 30))
def test_what_is_open_at_the_end_of_a_month_is_carried_into_the_next(
    facts: Facts, how: definitions.Rule, legal: int | None
) -> None:
    april = periods.period("2026-04")
    this = placed(facts, legal, SPAN, how, DAYS)
    following = placed(facts, legal, Span(begin=april.begin, until=april.end), how, DAYS)

    carried = this is not None and this.became in ("c12", "c13")
    assert carried == (following is not None and following.came == "c6")


@pytest.mark.parametrize(("channel", "column"), [("2", "c4"), ("1", "c5"), ("3", "c5"), ("", "c5"), ("qua mạng", "c5")])
def test_what_is_not_online_is_direct(channel: str, column: str) -> None:
    found = placed(Facts(received_at=at(2), channel=channel), None, SPAN, USUAL, DAYS)

    assert found is not None and found.came == column


@pytest.mark.parametrize(
    ("ended", "column"),
    [(at(8, 23), "c8"), (at(9, 8), "c9"), (at(9, 16), "c9"), (at(9, 18), "c10"), (at(10), "c10"), (at(2, month=4), "c13")],
)
def test_before_on_and_after_the_due_day(ended: float, column: str) -> None:
    assert became(received_at=at(2), due_at=at(9, 17), done_at=ended) == column


def test_a_due_date_without_time_is_the_whole_day_and_by_day_the_time_does_not_count() -> None:
    assert became(received_at=at(2), due_at=at(9, 0), done_at=at(9, 22)) == "c9"
    assert became(rule(late="day"), received_at=at(2), due_at=at(9, 11), done_at=at(9, 17)) == "c9"
    assert became(rule(early="moment"), received_at=at(2), due_at=at(9, 11), done_at=at(9, 10)) == "c8"


def test_done_counts_before_returned_and_returned_before_closed() -> None:
    told = {"received_at": at(2), "due_at": at(9, 17), "returned_at": at(12), "closed_at": at(3)}
    assert became(**told) == "c10"
    assert became(**told, done_at=at(9)) == "c9"
    assert became(rule(ends="closed done returned"), **told) == "c8"


def test_one_supplement_stops_the_clock_and_a_second_one_is_late() -> None:
    waiting = {"received_at": at(2), "due_at": at(9, 17), "first_due_at": at(9, 17), "supplements": 1, "asked_at": at(5)}
    assert became(**waiting) == "c12"
    assert became(**{**waiting, "asked_at": at(10)}) == "c13"
    # Three working days stood still (5th to 10th): so three later it is due, on the 12th.
    answered = waiting | {"answered_at": at(10)}
    assert [became(**answered, done_at=at(day)) for day in (11, 12, 13)] == ["c8", "c9", "c10"]
    assert became(rule(unmoved="as_told"), **answered, done_at=at(11)) == "c10"
    assert became(**{**answered, "supplements": 2}, done_at=at(6)) == "c10"


def test_a_due_date_that_moved_with_the_supplement_is_not_extended_again() -> None:
    told = {"received_at": at(2), "first_due_at": at(9, 17), "due_at": at(11, 17), "supplements": 1, "asked_at": at(5)}

    assert became(**told, answered_at=at(10), done_at=at(12)) == "c10"


def test_without_due_date_the_laws_working_days_count_from_the_day_of_reception() -> None:
    assert [became(None or USUAL, 5, received_at=at(2), done_at=at(day)) for day in (6, 9, 10)] == ["c8", "c9", "c10"]
    assert became(received_at=at(2), done_at=at(30)) == "c9"
    assert became(rule(without_due="late"), received_at=at(2)) == "c13"
    found = placed(Facts(received_at=at(2)), None, SPAN, USUAL, DAYS)
    assert found is not None and found.without_due


def test_what_was_never_received_or_had_ended_before_is_not_there() -> None:
    assert became(done_at=at(5)) is None
    assert became(received_at=at(2, month=4)) is None
    assert became(received_at=at(2, month=2), done_at=at(27, month=2)) is None
    assert became(received_at=at(27, month=2), done_at=at(2)) == "c9"


def test_a_moment_of_the_end_before_the_reception_is_the_reception() -> None:
    assert became(received_at=at(2), due_at=at(9), done_at=at(1, month=1)) == "c8"
    assert is_late(Facts(received_at=at(2), due_at=at(1)), None, SPAN, USUAL, DAYS)


@pytest.mark.parametrize(
    ("lines", "where"),
    [({"late": "never"}, "late"), ({"ends": "done gone"}, "ends"), ({"rounds": "-1"}, "rounds"), ({"rounds": "9999"}, "rounds")],
)
def test_a_wrong_line_of_a_definition_is_named(lines: dict[str, str], where: str) -> None:
    with pytest.raises(BadSettings, match=f"statistics/II.06a.{where}"):
        rule(**lines)


def test_definitions_have_days_and_another_line_is_another_name() -> None:
    before, after = (definitions.on("II.06a", day) for day in (date(2026, 6, 30), date(2026, 7, 1)))
    own = [CodeRow("II.06a.late", "day", valid_from=date(2026, 7, 1))]

    assert before.name.startswith("TT 01/2020/TT-VPCP #") and "224/2026" in after.name
    assert definitions.rule(before) == definitions.rule(after)
    assert definitions.on("II.06a", date(2026, 6, 30), own).name == before.name
    assert definitions.on("II.06a", date(2026, 7, 1), own).name != after.name
    assert "II.06a.early" in after.assumed


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("2026-12", date(2026, 12, 1), date(2026, 12, 31)),
        ("2026-q4", date(2026, 10, 1), date(2026, 12, 31)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2026", date(2026, 1, 1), date(2026, 12, 31)),
    ],
)
def test_periods_begin_and_end_at_midnight_in_vietnam(name: str, first: date, last: date) -> None:
    found = periods.period(name)

    assert (found.first, found.last) == (first, last)
    assert found.begin == datetime(first.year, first.month, first.day, tzinfo=VIETNAM).timestamp()
    assert found.end == (datetime(last.year, last.month, last.day, tzinfo=VIETNAM) + timedelta(days=1)).timestamp()
    assert periods.day_of(found.end - 1) == last


@pytest.mark.parametrize("name", ["", "2026-13", "1999", "2026-Q5", "2026-3", "tháng 3", "2026-03-02"])
def test_what_is_no_period_is_refused(name: str) -> None:
    with pytest.raises(NotAllowed):
        periods.period(name)


def test_agencies_lie_below_one_another_in_either_form_of_codes() -> None:
    assert [below(code, "H55") for code in ("H55", "H55.14", "000.00.14.H55", "H551", "H56.55", "")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    assert [owner_of(code) for code in ("H55.14", "000.00.14.H55", "", "12.34")] == ["H55", "H55", "", "12"]


def test_checks_of_one_dossier() -> None:
    good = Facts(received_at=at(2), due_at=at(9), first_due_at=at(9), flags=16, done_at=at(5), ended_at=at(5))
    assert honesty.found_in(good, SPAN) == []
    moved = replace(good, due_moves=1, due_moves_late=1, due_moved_at=at(12))
    assert honesty.found_in(moved, SPAN) == ["due_moved", "due_moved_late"]
    assert honesty.found_in(replace(moved, due_moved_at=at(12, month=4)), SPAN) == []
    assert honesty.found_in(replace(moved, due_moves_explained=1, due_moves_late=0), SPAN) == []
    assert honesty.found_in(replace(good, due_at=None, flags=0), SPAN) == ["no_result_file", "without_due"]
    assert honesty.found_in(replace(good, ended_at=at(1), done_at=at(1)), SPAN) == ["ended_before_received"]


def test_one_result_for_several_dossiers_names_all_of_them() -> None:
    checks = honesty.Checks()
    one = Facts(received_at=at(2), due_at=at(9), ended_at=at(5), result_mark="aa", agency_code="H55")
    for key, facts in (("a", one), ("b", replace(one, result_mark="bb")), ("c", one), ("d", one)):
        checks.add(key, "mot_cua", facts, SPAN)
    found = checks.found["result_shared"]

    assert (found.count, dict(found.pairs), [each[0] for each in found.examples]) == (3, {("mot_cua", "H55"): 3}, ["a", "c", "d"])
    assert asdict(found)["count"] == 3
