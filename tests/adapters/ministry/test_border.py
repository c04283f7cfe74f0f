"""Border documents in a ministry's JSON: both ways without loss, strictly read, and never a crash."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.ministry import ADAPTER
from adapters.ministry.border import EVENTS
from adapters.ministry.samples import border
from hub.canonical.base import VIETNAM
from hub.canonical.border.message import BorderDocument, BorderEvent, BorderMessage
from hub.canonical.border.origin import OriginCertificate
from hub.contract import Request, Writing
from hub.errors import InvalidMessage
from hub.rules.border import judging
from tests.rules.border.border_samples import said_of_declaration, said_of_origin, said_of_phyto

OPTIONS = ADAPTER.options()
MOMENT = datetime(2026, 3, 5, 10, 15, tzinfo=VIETNAM)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"), max_size=30)
AMOUNTS = st.decimals(min_value=Decimal("0.001"), max_value=Decimal(10**14), places=3)


def read_all(document: Any) -> BorderMessage:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    request = Request(endpoint="x", body=body, content_type="application/json", idempotency_key="k")
    opened = ADAPTER.open_request(request, OPTIONS)
    (message,) = ADAPTER.read_message(opened.document, opened, OPTIONS).messages
    assert isinstance(message, BorderMessage)
    return message


def read(**said: Any) -> BorderMessage:
    return read_all({"ChungTu": said})


def written(message: BorderMessage) -> dict[str, Any]:
    """Write a message as the ministry gets it."""
    (call,) = ADAPTER.plan(message, OPTIONS)
    writing = Writing(options=OPTIONS, codes={}, held={}, now=MOMENT, message_id="m-1")  # type: ignore[arg-type]
    outgoing = ADAPTER.write_message(message, call, writing)
    assert outgoing is not None
    body: dict[str, Any] = json.loads(outgoing.body, parse_float=str)
    assert (outgoing.service, body["MaThongDiep"]) == ("nhanChungTu", "m-1")
    return body["ChungTu"]


def faults(**said: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidMessage) as caught:
        read(**said)
    return [(fault.path, fault.code) for fault in caught.value.faults]


def issued(document: str = "origin", **more: Any) -> dict[str, Any]:
    content = border.invented(document, "ID", MOMENT, "", 17)
    return border.said("issued", document, content["number"], "VN", "ID", MOMENT, NoiDung=content) | more


@pytest.mark.parametrize("document", ["origin", "phyto"])
@pytest.mark.parametrize("country", ["ID", "TH", "MY", "LA"])
def test_what_the_ministry_invents_keeps_every_rule(document: str, country: str) -> None:
    content = border.invented(document, country, MOMENT, "", 3)
    message = read(**border.said("issued", document, content["number"], "VN", country, MOMENT, NoiDung=content))

    assert judging.judge(message, MOMENT.date()) == ()
    assert message.subject == f"border:{document}:VN:{content['number']}"
    assert message.sent_at == MOMENT


@pytest.mark.parametrize("message", [said_of_origin(), said_of_phyto(), said_of_declaration()], ids=lambda each: each.document)
def test_a_document_goes_both_ways_without_loss(message: BorderMessage) -> None:
    at = message.model_copy(update={"sent_at": MOMENT, "dossier": "vnsw:BNNPTNT11260000321", "supersedes": "VN-OLD"})
    said = written(at)
    told_only = {"TruyenNhan": said.pop("TruyenNhan")}

    assert told_only == {"TruyenNhan": {}}
    assert read(**said) == at


@settings(max_examples=80, deadline=None)
@given(TEXTS, TEXTS, AMOUNTS, st.booleans(), st.dates(), st.lists(TEXTS, max_size=3))
def test_texts_amounts_and_days_of_any_kind_go_both_ways(
    name: str, description: str, amount: Decimal, box: bool, day: Any, lines: list[str]
) -> None:
    sample = said_of_origin().origin
    assert sample is not None
    tree = sample.model_dump(mode="json")
    tree["consignor"] |= {"name": name, "lines": lines}
    tree["items"][0] |= {"description": description, "gross_weight": {"value": str(amount), "unit": "KGM"}}
    tree["indicators"] = {"accumulation": box}
    tree["declared"]["on"] = day.isoformat()
    message = said_of_origin(OriginCertificate.model_validate(tree), sent_at=MOMENT)
    said = written(message)
    del said["TruyenNhan"]

    assert read(**said) == message


def test_an_amount_keeps_its_digits() -> None:
    said = issued()
    said["NoiDung"]["items"][0]["gross_weight"] = {"value": "46.50", "unit": "KGM"}

    message = read(**said)

    assert message.origin is not None
    weight = message.origin.items[0].gross_weight
    assert weight is not None
    assert str(weight.value) == "46.50"
    assert b'"46.50"' in json.dumps(written(message)).encode()


def test_a_json_number_is_never_rounded() -> None:
    body = json.dumps({"ChungTu": issued()}).replace('"20010.5"', "20010.500000001").encode()

    message = read_all(body)

    assert message.origin is not None
    assert str(message.origin.items[0].gross_weight.value) == "20010.500000001"  # type: ignore[union-attr]


def test_shares_and_the_senders_own_number_are_kept_beside_the_document() -> None:
    message = read(**issued(MaThongDiep="m-17", TyLeKhongChuyenDoi={"2": 8.5}))

    assert message.native == {"MaThongDiep": "m-17", "deMinimisPercent.2": "8.5"}


@pytest.mark.parametrize("event", sorted(set(BorderEvent) - set(EVENTS)))
def test_where_a_document_is_on_its_way_is_not_a_ministrys_to_say(event: str) -> None:
    assert faults(**issued(SuKien=event)) == [("/ChungTu/SuKien", "bad_value")]


@pytest.mark.parametrize(("event", "lacks"), [("issued", "NoiDung"), ("copied", "NoiDung"), ("answered", "TraLoi")])
def test_an_event_brings_what_it_is_about(event: str, lacks: str) -> None:
    said = border.said(event, "origin", "VN-1", "VN", "ID", MOMENT)

    assert faults(**said) == [(f"/ChungTu/{lacks}", "missing")]


def test_numbers_and_texts_are_not_taken_for_each_other() -> None:
    said = issued()
    said["NoiDung"] |= {"issued_on": 1_772_668_800, "items": [{**said["NoiDung"]["items"][0], "number": "1", "hs_code": 8109092}]}

    assert faults(**said) == [
        ("/ChungTu/NoiDung/issued_on", "bad_type"),
        ("/ChungTu/NoiDung/items/0/number", "bad_type"),
        ("/ChungTu/NoiDung/items/0/hs_code", "bad_type"),
    ]


def test_no_fault_repeats_a_value() -> None:
    said = issued()
    said["NoiDung"]["consignor"]["name"] = {"Nguyễn Thử Nghiệm": "000000000000"}

    with pytest.raises(InvalidMessage) as caught:
        read(**said)

    assert "Nguyễn" not in " ".join(fault.vi + fault.en for fault in caught.value.faults)


#: Values of the wrong kind in every place of a document.
HOSTILE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["1e999", "\x00", "9" * 5000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
PLACES = ["ChungTu", *issued(), "TraLoi", "TyLeKhongChuyenDoi", "HeThong", "MaHoSo", "LyDo"]
CONTENT = sorted(issued()["NoiDung"])


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(PLACES), st.sampled_from(["", *CONTENT]), HOSTILE, st.sampled_from(BorderDocument))
def test_nothing_that_is_sent_makes_the_door_fail(place: str, inner: str, value: Any, document: BorderDocument) -> None:
    said = issued(Loai=document.value)
    if place == "NoiDung" and inner:
        said["NoiDung"][inner] = value
    else:
        said[place] = value
    tree = {"ChungTu": value if place == "ChungTu" else said}

    try:
        message = read_all(tree)
    except InvalidMessage as error:
        assert error.faults
    else:
        judging.judge(message, MOMENT.astimezone(UTC).date())
        assert read(**{name: part for name, part in written(message).items() if name != "TruyenNhan" and part}).subject
