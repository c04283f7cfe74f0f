"""What each country takes: the table's reading, and each limit where it lies."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.canonical.border.message import AnswerResult, BorderAnswer, BorderDocument, BorderEvent, BorderMessage
from hub.canonical.border.phyto import PhytoItem
from hub.rules.border import judging
from hub.rules.border.capability import COLUMNS, Capability, lacking, read_capabilities
from tests.rules.border.border_samples import (
    TODAY,
    declaration,
    declared_item,
    item,
    line,
    origin,
    phyto,
    said_of_declaration,
    said_of_origin,
    said_of_phyto,
)

HEAD = ",".join(COLUMNS)


def rules(message: BorderMessage, **limits: object) -> list[str]:
    return [found.rule for found in lacking(message, Capability(country="ID", **limits))]  # type: ignore[arg-type]


def test_a_row_is_read_and_what_is_empty_is_taken_without_exception() -> None:
    table = read_capabilities(
        f"{HEAD}\nID,origin phyto,issued cancelled,given not_given,true,20,ascii,gateway,assumed\nTH,,,,,,,,\n"
    )

    assert table["ID"] == Capability(
        country="ID",
        documents=frozenset({BorderDocument.ORIGIN, BorderDocument.PHYTO}),
        events=frozenset({BorderEvent.ISSUED, BorderEvent.CANCELLED}),
        results=frozenset({AnswerResult.GIVEN, AnswerResult.NOT_GIVEN}),
        needs_fob=True,
        most_items=20,
        characters="ascii",
        transport="gateway",
        note="assumed",
    )
    assert table["TH"] == Capability(country="TH")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("ID,originn,,,,,,,", "row 2"),
        ("ID,,,,maybe,,,,", "row 2"),
        ("ID,,,,,many,,,", "row 2"),
        ("ID,,,,,,utf8,,", "row 2: characters"),
        ("ID,,,,,,,,\nID,,,,,,,,", "row 3: ID stands twice"),
        ("ID,origin", "row 2"),
    ],
)
def test_a_wrong_table_is_refused_with_its_row(rows: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_capabilities(f"{HEAD}\n{rows}\n")


def test_other_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="columns must be"):
        read_capabilities("country,documents\nID,origin\n")


@pytest.mark.parametrize("document", BorderDocument)
def test_a_document_goes_only_where_it_is_taken(document: BorderDocument) -> None:
    taken = frozenset({BorderDocument.ORIGIN})

    assert ("C01" in rules(said_of_origin(), documents=frozenset({document}))) == (document is not BorderDocument.ORIGIN)
    assert rules(said_of_origin(), documents=taken, events=frozenset({BorderEvent.CANCELLED})) == ["C02"]


@pytest.mark.parametrize("result", AnswerResult)
def test_a_result_is_said_only_to_whom_takes_it(result: AnswerResult) -> None:
    message = said_of_origin(event=BorderEvent.ANSWERED, origin=None, answer=BorderAnswer(result=result))

    assert ("C03" in rules(message, results=frozenset({AnswerResult.GIVEN}))) == (result is not AnswerResult.GIVEN)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 8), st.integers(0, 8))
def test_no_more_items_go_than_a_country_takes(number: int, most: int) -> None:
    goods = range(1, number + 1)
    lines = tuple(line(each) for each in goods)
    messages = (
        said_of_origin(origin(items=tuple(item(each) for each in goods))),
        said_of_declaration(declaration(items=tuple(declared_item(each) for each in goods))),
        # Lines are counted, however they are put together.
        said_of_phyto(phyto(items=(PhytoItem(lines=lines[:2]), PhytoItem(lines=lines[2:])))),
    )

    assert {("C04" in rules(message, most_items=most)) for message in messages} == {0 < most < number}


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20), st.sampled_from(["any", "latin", "ascii"]))
def test_texts_are_within_the_character_set(text: str, characters: str) -> None:
    message = said_of_origin(origin(items=(item(1, description=text),)))
    limit = {"any": 0x110000, "latin": 0x100, "ascii": 0x80}[characters]
    places = [found.path for found in lacking(message, Capability(country="ID", characters=characters))]

    assert ("origin.items.0.description" in places) == any(ord(each) >= limit for each in text)


def test_limits_count_for_what_goes_out_only() -> None:
    narrow = Capability(country="ID", documents=frozenset({BorderDocument.PHYTO}), needs_fob=True)

    assert [found.rule for found in judging.judge(said_of_origin(), TODAY, narrow, country="VN")] == ["C01"]
    assert judging.judge(said_of_origin(), TODAY, narrow, country="ID") == ()
