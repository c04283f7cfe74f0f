"""Numbers that a gateway forgets by giving them are kept until the word is said, and not for ever."""

from __future__ import annotations

import pytest

from hub.gateway.kept import FORGET_SECONDS, REST_SECONDS, Kept, read, write


def test_a_number_stays_until_the_hub_has_said_its_word() -> None:
    kept = Kept()
    assert kept.open(write({"a": 10.0, "b": 10.0}), 20.0) == {"a": 10.0, "b": 10.0}

    kept.said("a")
    assert kept.open(write({"a": 10.0, "b": 10.0}), 30.0) == {"b": 10.0}
    # The same number may come again, later, as something else.
    kept.open("", 40.0)
    assert kept.open(write({"a": 50.0}), 50.0) == {"a": 50.0}


def test_a_number_that_nobody_fetches_is_forgotten_at_last() -> None:
    kept = Kept()
    cursor = write({"a": 0.0, "b": 0.0})
    rounds = [second * REST_SECONDS for second in range(1, 10)]
    assert max(rounds) > FORGET_SECONDS
    for now in rounds:
        kept.open(cursor, now)
        kept.fetching("b")

    # Nobody looked before the first round: from then on a number that is not fetched is counted out.
    assert kept.open(cursor, rounds[-1] + 1.0) == {"b": rounds[-1]}


def test_a_stop_over_a_weekend_forgets_nothing() -> None:
    cursor, monday = write({"a": 0.0}), 3 * 86_400.0

    # A new process, and one that could not look all that time.
    assert list(Kept().open(cursor, monday)) == ["a"]
    kept = Kept()
    kept.open(cursor, 10.0)
    assert list(kept.open(cursor, monday)) == ["a"]


@pytest.mark.parametrize("cursor", ["", "[]", "null", "{", '{"a": "b"}', '["a"]', "20260302080000", '{"a": null}'])
def test_a_cursor_that_is_none_keeps_nothing(cursor: str) -> None:
    assert read(cursor) == {}
