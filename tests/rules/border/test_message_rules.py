"""The rules on every message about a border document, on answers, and which of both directions a message has."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.canonical.border.message import (
    AnswerResult,
    BorderAnswer,
    BorderDocument,
    BorderEvent,
    BorderMessage,
    ItemAnswer,
    Tracking,
)
from hub.canonical.border.parts import Country
from hub.rules.border import judging, message_rules
from tests.rules.border.border_samples import (
    CERTIFICATE,
    NUMBER,
    TODAY,
    declaration,
    kilograms,
    origin,
    phyto,
    said_of_declaration,
    said_of_origin,
    said_of_phyto,
)


def broken(message: BorderMessage) -> list[tuple[str, str]]:
    return [(found.rule, found.path) for found in judging.judge(message, TODAY)]


def rules(message: BorderMessage) -> set[str]:
    return {rule for rule, _ in broken(message)}


def said(event: BorderEvent, document: BorderDocument = BorderDocument.ORIGIN, **values: Any) -> BorderMessage:
    given_values = {"event": event, "document": document, "number": NUMBER, "issuing_country": "VN", "importing_country": "ID"}
    return BorderMessage(**(given_values | values))


def answered(
    result: AnswerResult, *items: ItemAnswer, document: BorderDocument = BorderDocument.ORIGIN, **more: Any
) -> BorderMessage:
    answer = BorderAnswer(result=result, items=items, **({"declaration_number": "000111222"} | more))
    return said(BorderEvent.ANSWERED, document, answer=answer)


def given_item(number: int = 1, **more: Any) -> ItemAnswer:
    return ItemAnswer(number=number, result="given", **more)


def refused_item(number: int = 2, **more: Any) -> ItemAnswer:
    return ItemAnswer(number=number, result="not_given", **({"reason": "sai mã số"} | more))


BREAKS: dict[str, tuple[BorderMessage, str]] = {
    "G01": (said(BorderEvent.COPY_ASKED, number=" "), "number"),
    "G02": (said(BorderEvent.COPY_ASKED, issuing_country="Việt Nam"), "issuing_country"),
    "G03": (said_of_phyto(importing_country=""), "importing_country"),
    "G04": (said(BorderEvent.ISSUED), "origin"),
    "G05": (said_of_origin(origin(number="VN-ID 26/09/00018"), number=NUMBER), "origin.number"),
    "G06": (said_of_phyto(importing_country="MY"), "phyto.import_country.code"),
    "G07": (said(BorderEvent.ANSWERED), "answer"),
    "G08": (said_of_origin(supersedes=NUMBER), "supersedes"),
    "G09": (said_of_phyto(phyto(status="47")), "phyto.status"),
    "G10": (said(BorderEvent.CANCELLED), "reason"),
    "A01": (answered(AnswerResult.ACCEPTED), "answer.result"),
    "A02": (answered(AnswerResult.GIVEN, given_item(), given_item()), "answer.items.1"),
    "A03": (answered(AnswerResult.PARTLY_GIVEN, given_item(), reason="một dòng"), "answer.items"),
    "A04": (answered(AnswerResult.NOT_GIVEN), "answer.reason"),
    "A05": (answered(AnswerResult.GIVEN, given_item(used=kilograms(-1))), "answer.items.0.used"),
    "A06": (answered(AnswerResult.GIVEN, declaration_number=""), "answer.declaration_number"),
}


def test_every_rule_is_broken_below() -> None:
    told = (*message_rules.MESSAGE_RULES, *message_rules.ANSWER_RULES)

    assert list(BREAKS) == [rule.number for rule in told]


@pytest.mark.parametrize("number", BREAKS)
def test_one_change_breaks_one_rule_in_its_place(number: str) -> None:
    message, place = BREAKS[number]

    assert broken(message) == [(number, place)]


@pytest.mark.parametrize(
    "message",
    [
        said_of_origin(),
        said_of_phyto(),
        said_of_declaration(),
        said(BorderEvent.COPY_ASKED),
        said(BorderEvent.CANCELLED, superseded_by="VN-ID 26/09/00021"),
        said(BorderEvent.TRACKED, tracking=Tracking(hop="AS2")),
        answered(AnswerResult.AVAILABLE),
        answered(AnswerResult.GIVEN, given_item(used=kilograms("20010.5"))),
        answered(AnswerResult.PARTLY_GIVEN, given_item(), refused_item()),
        # Annex 7, box 4: "not given", and the refused item is marked.
        answered(AnswerResult.NOT_GIVEN, given_item(), refused_item()),
        answered(AnswerResult.REJECTED, document=BorderDocument.PHYTO, reason="không đạt"),
    ],
    ids=lambda message: f"{message.document}-{message.event}",
)
def test_what_keeps_the_rules_has_no_finding(message: BorderMessage) -> None:
    assert broken(message) == []


@pytest.mark.parametrize(
    ("event", "issuing", "out"),
    [
        (BorderEvent.ISSUED, "VN", True),
        (BorderEvent.CANCELLED, "VN", True),
        (BorderEvent.COPIED, "VN", True),
        (BorderEvent.ANSWERED, "VN", False),
        (BorderEvent.COPY_ASKED, "VN", False),
        (BorderEvent.TRACKED, "VN", False),
        (BorderEvent.ISSUED, "ID", False),
        (BorderEvent.ANSWERED, "ID", True),
        (BorderEvent.COPY_ASKED, "ID", True),
        (BorderEvent.TRACKED, "ID", False),
    ],
)
def test_a_message_goes_out_where_it_is_ours_to_say(event: BorderEvent, issuing: str, out: bool) -> None:
    assert judging.outgoing(said(event, issuing_country=issuing), "VN") is out


def test_what_refuses_becomes_faults_with_number_place_and_clause() -> None:
    found = judging.judge(said(BorderEvent.CANCELLED), TODAY)

    (fault,) = judging.faults(found)
    assert (fault.path, fault.code) == ("reason", "border_rule")
    assert fault.en == "G10: A cancellation says why, or names the new document (OCP Rule 29)"
    assert fault.vi.startswith("G10: Hủy chứng từ")
    assert judging.faults(judging.judge(said(BorderEvent.CANCELLED, issuing_country="ID"), TODAY)) == ()


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=120))
def test_a_number_is_anything_that_can_be_written_in_a_line(number: str) -> None:
    good = number == number.strip() and 0 < len(number) <= 100 and not any(ord(each) < 32 or ord(each) == 127 for each in number)

    assert ("G01" in rules(said(BorderEvent.COPY_ASKED, number=number))) == (not good)


CONTENTS: dict[BorderDocument, dict[str, Any]] = {
    BorderDocument.PHYTO: {"phyto": phyto()},
    BorderDocument.ORIGIN: {"origin": origin()},
    BorderDocument.DECLARATION: {"declaration": declaration()},
}


@pytest.mark.parametrize("document", BorderDocument)
@pytest.mark.parametrize(
    "carried", [frozenset(), *map(frozenset, [["phyto"], ["origin"], ["declaration"], ["phyto", "origin"]])], ids=sorted
)
@pytest.mark.parametrize("event", [BorderEvent.ISSUED, BorderEvent.COPIED, BorderEvent.CANCELLED])
def test_a_message_carries_the_document_that_it_is_about(
    document: BorderDocument, carried: frozenset[str], event: BorderEvent
) -> None:
    contents: dict[str, Any] = {}
    for each in CONTENTS.values():
        contents |= {name: value for name, value in each.items() if name in carried}
    optional = event is BorderEvent.CANCELLED and not carried

    found = rules(said(event, document, reason="vì", **contents))

    assert ("G04" in found) == (carried != {document.value} and not optional)


ITEMS = st.lists(
    st.builds(
        ItemAnswer,
        number=st.integers(1, 3),
        result=st.sampled_from(["given", "not_given"]),
        reason=st.sampled_from(["", "sai mã số"]),
        used=st.none() | st.decimals(min_value=-1, max_value=5, places=1).map(kilograms),
    ),
    max_size=4,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(AnswerResult), ITEMS, st.sampled_from(["", "R1"]))
def test_an_answer_is_borne_out_by_its_items_and_gives_its_reasons(
    result: AnswerResult, items: list[ItemAnswer], code: str
) -> None:
    results = {item.result for item in items}
    refused = [item for item in items if item.result == "not_given"]

    found = rules(answered(result, *items, reason_code=code))

    assert ("A02" in found) == (len({item.number for item in items}) < len(items))
    fits = {
        AnswerResult.PARTLY_GIVEN: results == {"given", "not_given"},
        AnswerResult.GIVEN: "not_given" not in results,
        AnswerResult.NOT_GIVEN: True,
    }.get(result, not items)
    assert ("A03" in found) == (not fits)
    refuses = result in (AnswerResult.NOT_GIVEN, AnswerResult.PARTLY_GIVEN, AnswerResult.REJECTED)
    explained = bool(code) or (bool(refused) and all(item.reason for item in refused))
    assert ("A04" in found) == (refuses and not explained)
    odd = [item for item in items if item.used is not None and (item.used.value < 0 or (item.used.value > 0 and item in refused))]
    assert ("A05" in found) == bool(odd)


def test_a_phytosanitary_certificates_country_is_the_messages() -> None:
    assert broken(said_of_phyto(phyto(export_country=Country(code="TH")))) == [("G05", "phyto.export_country.code")]
    assert said_of_phyto().subject == f"border:phyto:VN:{CERTIFICATE}"


def test_amounts_of_any_size_are_judged() -> None:
    huge = given_item(used=kilograms("999999999999999.999999999"))

    assert rules(answered(AnswerResult.GIVEN, huge)) == set()
    assert Decimal("999999999999999.999999999") == huge.used.value  # type: ignore[union-attr]
